#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tidemark/base/err.h"

static void
a_failure_clears_what_was_there(void **state)
{
	struct tide_err err = { .code = TIDE_LOCK, .sqlstate = "55P03", .where = "a:1:2", .hint = "old" };

	(void)state;
	assert_false(tide_fail(&err, TIDE_PLAN, "phase %d is %s", 3, "wrong"));
	assert_int_equal(err.code, TIDE_PLAN);
	assert_string_equal(err.message, "phase 3 is wrong");
	assert_string_equal(err.sqlstate, "");
	assert_string_equal(err.where, "");
	assert_string_equal(err.hint, "");
}

static void
a_wrap_puts_context_in_front_and_keeps_the_rest(void **state)
{
	struct tide_err err = { 0 };

	(void)state;
	tide_fail(&err, TIDE_LOCK, "timed out");
	memcpy(err.sqlstate, "55P03", sizeof(err.sqlstate));
	assert_false(tide_hint(&err, "wait for pid %d", 7));
	assert_false(tide_wrap(&err, "step '%s'", "x"));
	assert_string_equal(err.message, "step 'x': timed out");
	assert_string_equal(err.hint, "wait for pid 7");
	assert_string_equal(err.sqlstate, "55P03");
	assert_int_equal(err.code, TIDE_LOCK);
}

static void
the_old_message_may_be_an_argument(void **state)
{
	struct tide_err err = { 0 };

	(void)state;
	tide_fail(&err, TIDE_PLAN, "one");
	tide_fail(&err, TIDE_PLAN, "two after %s", err.message);
	assert_string_equal(err.message, "two after one");
	tide_wrap(&err, "seen %s", err.message);
	assert_string_equal(err.message, "seen two after one: two after one");
}

static void
a_long_message_is_cut_between_characters(void **state)
{
	struct tide_err err = { 0 };
	char text[1500];
	size_t length;

	(void)state;
	for (size_t i = 0; i + 3 <= 1400; i += 3)
		memcpy(text + i, "\xe2\x82\xac", 4); /* the euro sign: three bytes */
	tide_fail(&err, TIDE_PLAN, "%s", text);
	length = strlen(err.message);
	assert_int_equal(length, 1023);
	tide_fail(&err, TIDE_PLAN, "x%s", text);
	assert_int_equal(strlen(err.message), 1 + 1020);
	tide_wrap(&err, "ab");
	assert_int_equal(strlen(err.message), 5 + 1017);
	assert_memory_equal(err.message, "ab: x\xe2\x82\xac", 8);
}

static void
a_context_longer_than_the_room_wins(void **state)
{
	struct tide_err err = { 0 };
	char text[2000];

	(void)state;
	memset(text, 'c', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	tide_fail(&err, TIDE_PLAN, "lost");
	tide_wrap(&err, "%s", text);
	assert_int_equal(strlen(err.message), sizeof(err.message) - 1);
	tide_hint(&err, "%s", text);
	assert_int_equal(strlen(err.hint), sizeof(err.hint) - 1);
}

static void
nobody_listening_is_no_crash(void **state)
{
	(void)state;
	assert_false(tide_fail(NULL, TIDE_PLAN, "x"));
	assert_false(tide_wrap(NULL, "x"));
	assert_false(tide_hint(NULL, "x"));
}

static void
every_code_has_its_own_name(void **state)
{
	static const enum tide_code codes[] = { TIDE_OK, TIDE_UNEXPECTED, TIDE_USAGE, TIDE_PLAN,
		TIDE_PRECONDITION, TIDE_DIFFERENCES, TIDE_UNREACHABLE, TIDE_LOCK, TIDE_LEASE, TIDE_PENDING,
		TIDE_GATE, TIDE_PAUSED, TIDE_BUDGET, TIDE_NOT_RUNNABLE, TIDE_NO_COMMAND, TIDE_INTERRUPTED,
		TIDE_TERMINATED };
	size_t count = sizeof(codes) / sizeof(codes[0]);

	(void)state;
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(tide_code_name(codes[i]), tide_code_name(codes[j]));
	assert_string_equal(tide_code_name(TIDE_LOCK), "lock");
	assert_string_equal(tide_code_name((enum tide_code)77), "unexpected");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_failure_clears_what_was_there),
		cmocka_unit_test(a_wrap_puts_context_in_front_and_keeps_the_rest),
		cmocka_unit_test(the_old_message_may_be_an_argument),
		cmocka_unit_test(a_long_message_is_cut_between_characters),
		cmocka_unit_test(a_context_longer_than_the_room_wins),
		cmocka_unit_test(nobody_listening_is_no_crash),
		cmocka_unit_test(every_code_has_its_own_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
