#include "state/application_name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <talloc.h>

#include "tidemark/base/names.h"

static void
a_short_plan_keeps_its_name(void **state)
{
	void *ctx = talloc_new(NULL);

	(void)state;
	assert_string_equal(tide_application_name(ctx, "rename", "backfill"), "tidemark/rename/backfill");
	talloc_free(ctx);
}

static void
a_session_without_the_lease_is_not_taken_for_one_with_it(void **state)
{
	void *ctx = talloc_new(NULL);
	static const char *const plans[] = { "rename",
		"a-very-long-name-of-a-plan-that-goes-on-and-on-and-on" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		char *prefix = tide_application_prefix(ctx, plans[i]);
		char *waiting = tide_application_name_waiting(ctx, plans[i]);

		assert_int_not_equal(strncmp(waiting, prefix, strlen(prefix)), 0);
		assert_int_equal(strncmp(waiting, prefix, strlen(prefix) - 1), 0);
	}
	talloc_free(ctx);
}

static void
two_long_plans_never_share_a_prefix(void **state)
{
	void *ctx = talloc_new(NULL);
	const char *one = "a-very-long-name-of-a-plan-that-goes-on-and-on-one";
	const char *two = "a-very-long-name-of-a-plan-that-goes-on-and-on-two";

	(void)state;
	assert_string_not_equal(tide_application_prefix(ctx, one), tide_application_prefix(ctx, two));
	talloc_free(ctx);
}

static void
no_name_is_longer_than_the_server_keeps_and_its_prefix_survives(void **state)
{
	void *ctx = talloc_new(NULL);
	const char *plan = "a-very-long-name-of-a-plan-that-goes-on-and-on-and-on-and-on";
	char *name = tide_application_name(ctx, plan, "a-phase-with-quite-a-long-name-too");
	char *prefix = tide_application_prefix(ctx, plan);

	(void)state;
	assert_true(strlen(name) <= TIDE_NAME_MAX);
	assert_int_equal(strncmp(name, prefix, strlen(prefix)), 0);
	talloc_free(ctx);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_short_plan_keeps_its_name),
		cmocka_unit_test(a_session_without_the_lease_is_not_taken_for_one_with_it),
		cmocka_unit_test(two_long_plans_never_share_a_prefix),
		cmocka_unit_test(no_name_is_longer_than_the_server_keeps_and_its_prefix_survives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
