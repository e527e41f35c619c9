#include "sweep/horizon.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define SECOND INT64_C(1000000)
#define GIGABYTE (INT64_C(1) << 30)

static struct tide_horizon
collapsed(void)
{
	struct tide_horizon h;

	tide_horizon_begin(&h);
	h.limit = 60 * SECOND;
	for (int i = 0; i < 20; i++)
		tide_horizon_learn(&h, 100, 0);
	return h;
}

static void
nothing_is_waited_for_while_rows_stay(void **state)
{
	struct tide_horizon h;

	(void)state;
	tide_horizon_begin(&h);
	h.limit = 60 * SECOND;
	assert_int_equal(tide_horizon_look(&h, 1, 900 * SECOND, 2 * SECOND, GIGABYTE), TIDE_HORIZON_SAME);
	tide_horizon_learn(&h, 100, 90);
	assert_int_equal(tide_horizon_look(&h, 2, 900 * SECOND, 2 * SECOND, GIGABYTE), TIDE_HORIZON_SAME);
	assert_false(tide_horizon_holds(&h));
}

static void
nothing_is_waited_for_when_nobody_holds_the_horizon(void **state)
{
	struct tide_horizon h = collapsed();

	(void)state;
	assert_int_equal(tide_horizon_look(&h, 1, -1, 2 * SECOND, GIGABYTE), TIDE_HORIZON_SAME);
	assert_int_equal(tide_horizon_look(&h, 1, SECOND, 2 * SECOND, GIGABYTE), TIDE_HORIZON_SAME);
}

static void
a_holder_is_waited_for_and_then_it_goes_on(void **state)
{
	struct tide_horizon h = collapsed();

	(void)state;
	assert_int_equal(tide_horizon_look(&h, 10, 3 * SECOND, 2 * SECOND, GIGABYTE), TIDE_HORIZON_HOLD);
	assert_true(tide_horizon_holds(&h));
	assert_int_equal(
	    tide_horizon_look(&h, 5 * SECOND, 8 * SECOND, 2 * SECOND, GIGABYTE), TIDE_HORIZON_SAME);
	assert_int_equal(tide_horizon_look(&h, 6 * SECOND, 0, 2 * SECOND, GIGABYTE), TIDE_HORIZON_RELEASE);
	assert_false(tide_horizon_holds(&h));
	/* What was measured before says nothing about the time after. */
	assert_int_equal(
	    tide_horizon_look(&h, 7 * SECOND, 9 * SECOND, 2 * SECOND, GIGABYTE), TIDE_HORIZON_SAME);
}

static void
all_waits_together_are_limited(void **state)
{
	struct tide_horizon h = collapsed();
	int64_t now = 1;

	(void)state;
	for (int i = 0; i < 2; i++) {
		for (int j = 0; j < 20; j++)
			tide_horizon_learn(&h, 100, 0);
		assert_int_equal(
		    tide_horizon_look(&h, now, 3 * SECOND, 2 * SECOND, GIGABYTE), TIDE_HORIZON_HOLD);
		now += 25 * SECOND;
		assert_int_equal(tide_horizon_look(&h, now, 0, 2 * SECOND, GIGABYTE), TIDE_HORIZON_RELEASE);
	}
	for (int j = 0; j < 20; j++)
		tide_horizon_learn(&h, 100, 0);
	assert_int_equal(tide_horizon_look(&h, now, 3 * SECOND, 2 * SECOND, GIGABYTE), TIDE_HORIZON_HOLD);
	now += 11 * SECOND;
	assert_int_equal(tide_horizon_look(&h, now, 9 * SECOND, 2 * SECOND, GIGABYTE), TIDE_HORIZON_PROCEED);
	assert_false(tide_horizon_holds(&h));
	assert_int_equal(tide_horizon_look(&h, now + 1, 9 * SECOND, 2 * SECOND, GIGABYTE), TIDE_HORIZON_SAME);
}

static void
proceed_says_so_once_and_never_waits(void **state)
{
	struct tide_horizon h = collapsed();

	(void)state;
	h.proceed = true;
	assert_int_equal(tide_horizon_look(&h, 1, 3 * SECOND, 2 * SECOND, GIGABYTE), TIDE_HORIZON_PROCEED);
	assert_int_equal(tide_horizon_look(&h, 2, 3 * SECOND, 2 * SECOND, GIGABYTE), TIDE_HORIZON_SAME);
	assert_false(tide_horizon_holds(&h));
}

static void
a_small_table_waits_only_when_the_plan_says_so(void **state)
{
	struct tide_horizon h = collapsed();

	(void)state;
	assert_int_equal(tide_horizon_look(&h, 1, 3 * SECOND, 2 * SECOND, 1000), TIDE_HORIZON_SAME);
	h.asked = true;
	assert_int_equal(tide_horizon_look(&h, 1, 3 * SECOND, 2 * SECOND, 1000), TIDE_HORIZON_HOLD);
}

static void
another_limit_ends_the_wait_or_lets_it_wait_again(void **state)
{
	struct tide_horizon h = collapsed();

	(void)state;
	assert_int_equal(tide_horizon_look(&h, 1, 3 * SECOND, 2 * SECOND, GIGABYTE), TIDE_HORIZON_HOLD);
	tide_horizon_allow(&h, 0);
	assert_int_equal(
	    tide_horizon_look(&h, SECOND, 4 * SECOND, 2 * SECOND, GIGABYTE), TIDE_HORIZON_PROCEED);
	tide_horizon_allow(&h, 90 * SECOND);
	assert_int_equal(
	    tide_horizon_look(&h, 2 * SECOND, 5 * SECOND, 2 * SECOND, GIGABYTE), TIDE_HORIZON_HOLD);
	/* What the plan says of waiting at all stays. */
	h.proceed = true;
	assert_int_equal(
	    tide_horizon_look(&h, 3 * SECOND, 6 * SECOND, 2 * SECOND, GIGABYTE), TIDE_HORIZON_PROCEED);
	tide_horizon_allow(&h, 900 * SECOND);
	assert_int_equal(
	    tide_horizon_look(&h, 4 * SECOND, 7 * SECOND, 2 * SECOND, GIGABYTE), TIDE_HORIZON_SAME);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_waited_for_while_rows_stay),
		cmocka_unit_test(nothing_is_waited_for_when_nobody_holds_the_horizon),
		cmocka_unit_test(a_holder_is_waited_for_and_then_it_goes_on),
		cmocka_unit_test(all_waits_together_are_limited),
		cmocka_unit_test(proceed_says_so_once_and_never_waits),
		cmocka_unit_test(another_limit_ends_the_wait_or_lets_it_wait_again),
		cmocka_unit_test(a_small_table_waits_only_when_the_plan_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
