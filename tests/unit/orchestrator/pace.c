#include "sweep/pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

/* A server on which a block costs `cost` us. */
static int64_t
settle(struct tide_pace *pace, int64_t cost, int batches)
{
	for (int i = 0; i < batches; i++) {
		int64_t blocks = tide_pace_amount(pace);

		tide_pace_learn(pace, blocks, blocks * cost);
	}
	return tide_pace_amount(pace) * cost;
}

static void
the_first_batch_is_small(void **state)
{
	struct tide_pace pace;

	(void)state;
	tide_pace_begin(&pace, 15000, 4, 2048);
	assert_in_range(tide_pace_amount(&pace), 1, 8);
	assert_int_equal(tide_pace_p90(&pace), 0);
}

static void
batches_grow_to_the_target_and_stay_there(void **state)
{
	struct tide_pace pace;

	(void)state;
	tide_pace_begin(&pace, 15000, 4, 2048);
	assert_in_range(settle(&pace, 300, 40), 12000, 17000);
	assert_in_range(settle(&pace, 300, 200), 12000, 17000);
}

static void
no_batch_grows_by_more_than_half(void **state)
{
	struct tide_pace pace;
	int64_t before;

	(void)state;
	tide_pace_begin(&pace, 15000, 4, 2048);
	for (int i = 0; i < 30; i++) {
		before = tide_pace_amount(&pace);
		tide_pace_learn(&pace, before, before);
		assert_true(tide_pace_amount(&pace) <= before + before / 2 + 1);
	}
}

static void
an_overrun_cuts_at_once(void **state)
{
	struct tide_pace pace;
	int64_t before;

	(void)state;
	tide_pace_begin(&pace, 15000, 4, 2048);
	settle(&pace, 300, 60);
	before = tide_pace_amount(&pace);
	tide_pace_learn(&pace, before, 150000);
	assert_in_range(tide_pace_amount(&pace), 1, before / 5);
}

/* A batch can only take whole blocks, of which one may be most of what fits. */
static void
an_amount_that_is_rounded_down_still_grows(void **state)
{
	struct tide_pace pace;

	(void)state;
	for (int64_t first = 32; first < 128; first++) {
		tide_pace_begin(&pace, 15000, first, 65536);
		for (int i = 0; i < 40; i++) {
			int64_t blocks = tide_pace_amount(&pace) / 32;

			blocks = blocks > 0 ? blocks : 1;
			tide_pace_learn(&pace, blocks * 32, 500 + blocks * 1000);
		}
		assert_in_range(tide_pace_amount(&pace) / 32, 12, 15);
	}
}

static void
some_slow_batches_do_not_shrink_it_again_and_again(void **state)
{
	struct tide_pace pace;
	int64_t blocks;

	(void)state;
	tide_pace_begin(&pace, 15000, 4, 2048);
	settle(&pace, 300, 60);
	for (int i = 0; i < 60; i++) {
		blocks = tide_pace_amount(&pace);
		tide_pace_learn(&pace, blocks, blocks * (i % 4 == 0 ? 500 : 300));
		assert_in_range(tide_pace_amount(&pace), 29, 51);
	}
	assert_in_range(settle(&pace, 300, 20), 12000, 17000);
}

static void
a_lock_halves_what_is_held(void **state)
{
	struct tide_pace pace;
	int64_t before;

	(void)state;
	tide_pace_begin(&pace, 15000, 4, 2048);
	settle(&pace, 300, 60);
	before = tide_pace_amount(&pace);
	tide_pace_yield(&pace);
	assert_in_range(tide_pace_amount(&pace), before / 2 - 1, before / 2 + 1);
}

static void
one_block_is_the_least_however_slow_it_is(void **state)
{
	struct tide_pace pace;

	(void)state;
	tide_pace_begin(&pace, 15000, 4, 2048);
	settle(&pace, 900000, 20);
	assert_int_equal(tide_pace_amount(&pace), 1);
}

static void
the_p90_leaves_out_the_slowest_tenth(void **state)
{
	struct tide_pace pace;

	(void)state;
	tide_pace_begin(&pace, 15000, 4, 2048);
	for (int i = 1; i <= 10; i++)
		tide_pace_learn(&pace, 1, i * 100);
	assert_int_equal(tide_pace_p90(&pace), 900);
}

/* Before anything has been measured, the first batch stays as it is. */
static void
another_target_counts_for_the_next_batch(void **state)
{
	struct tide_pace pace;
	int64_t before;

	(void)state;
	tide_pace_begin(&pace, 15000, 4, 2048);
	tide_pace_aim(&pace, 30000);
	assert_int_equal(tide_pace_amount(&pace), 4);
	settle(&pace, 300, 60);
	before = tide_pace_amount(&pace);
	tide_pace_aim(&pace, 3000);
	assert_in_range(tide_pace_amount(&pace), before / 12, before / 8);
	before = tide_pace_amount(&pace);
	tide_pace_aim(&pace, 60000);
	assert_int_equal(tide_pace_amount(&pace), before);
	settle(&pace, 300, 20);
	assert_in_range(tide_pace_amount(&pace), 180, 220);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_batch_is_small),
		cmocka_unit_test(batches_grow_to_the_target_and_stay_there),
		cmocka_unit_test(no_batch_grows_by_more_than_half),
		cmocka_unit_test(an_overrun_cuts_at_once),
		cmocka_unit_test(an_amount_that_is_rounded_down_still_grows),
		cmocka_unit_test(some_slow_batches_do_not_shrink_it_again_and_again),
		cmocka_unit_test(a_lock_halves_what_is_held),
		cmocka_unit_test(one_block_is_the_least_however_slow_it_is),
		cmocka_unit_test(another_target_counts_for_the_next_batch),
		cmocka_unit_test(the_p90_leaves_out_the_slowest_tenth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
