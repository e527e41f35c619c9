#include "locks/lock_acquire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <talloc.h>

#include "tidemark/base/units.h"

static char *
text_of(void *ctx, enum tide_lock_mode lock, int64_t total, int64_t deadlock_timeout)
{
	const struct tide_action action = { .lock = lock, .lock_table = "\"s\".\"it's\"" };
	const struct tide_lock_budget budget = { total, deadlock_timeout };

	return tide_lock_acquire_sql(ctx, &action, &budget);
}

static void
no_lock_asks_for_nothing(void **state)
{
	void *ctx = talloc_new(NULL);

	(void)state;
	assert_string_equal(text_of(ctx, TIDE_LOCK_NONE, TIDE_SECOND, TIDE_SECOND), "");
	talloc_free(ctx);
}

static void
table_mode_and_budget_are_passed_as_values(void **state)
{
	void *ctx = talloc_new(NULL);
	char *text = text_of(ctx, TIDE_SHARE_ROW_EXCLUSIVE, 200 * TIDE_MS, TIDE_SECOND);

	(void)state;
	assert_non_null(strstr(text, "set_config('tidemark.lock_table', '\"s\".\"it''s\"', true)"));
	assert_non_null(strstr(text, "set_config('tidemark.lock_mode', 'SHARE ROW EXCLUSIVE', true)"));
	assert_non_null(strstr(text, "set_config('tidemark.lock_budget', '200', true)"));
	assert_non_null(strstr(text, "set_config('tidemark.lock_holding', '200', true)"));
	talloc_free(ctx);
}

/* Whoever waits for us while we wait must not see a deadlock reported: our own request ends before. */
static void
while_it_holds_a_lock_it_waits_for_less_than_deadlock_timeout(void **state)
{
	void *ctx = talloc_new(NULL);
	char *text = text_of(ctx, TIDE_ACCESS_EXCLUSIVE, 5 * TIDE_SECOND, TIDE_SECOND);

	(void)state;
	assert_non_null(strstr(text, "set_config('tidemark.lock_budget', '5000', true)"));
	assert_non_null(strstr(text, "set_config('tidemark.lock_holding', '750', true)"));
	talloc_free(ctx);
}

/* lock_timeout = 0 would be no timeout at all. */
static void
no_time_is_ever_rounded_to_zero(void **state)
{
	void *ctx = talloc_new(NULL);
	char *text = text_of(ctx, TIDE_ACCESS_EXCLUSIVE, 1, 1);

	(void)state;
	assert_non_null(strstr(text, "set_config('tidemark.lock_budget', '1', true)"));
	assert_non_null(strstr(text, "set_config('tidemark.lock_holding', '1', true)"));
	talloc_free(ctx);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_lock_asks_for_nothing),
		cmocka_unit_test(table_mode_and_budget_are_passed_as_values),
		cmocka_unit_test(while_it_holds_a_lock_it_waits_for_less_than_deadlock_timeout),
		cmocka_unit_test(no_time_is_ever_rounded_to_zero),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
