#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tidemark/base/histogram.h"

static void
an_empty_one_answers_zero(void **state)
{
	struct tide_histogram h = { 0 };

	(void)state;
	assert_int_equal(tide_histogram_quantile(&h, 0.5), 0);
	assert_int_equal(tide_histogram_quantile(&h, 1), 0);
}

static void
small_values_are_exact(void **state)
{
	struct tide_histogram h = { 0 };

	(void)state;
	for (int64_t us = 1; us <= 10; us++)
		tide_histogram_add(&h, us);
	assert_int_equal(tide_histogram_quantile(&h, 0.5), 5);
	assert_int_equal(tide_histogram_quantile(&h, 0.9), 9);
	assert_int_equal(tide_histogram_quantile(&h, 0.91), 10);
	assert_int_equal(tide_histogram_quantile(&h, 1), 10);
	assert_int_equal(tide_histogram_quantile(&h, 0.0001), 1);
	assert_int_equal(h.count, 10);
	assert_int_equal(h.sum, 55);
	assert_int_equal(h.max, 10);
}

/* A second, larger value keeps `max` from hiding a wrong edge. */
static void
no_value_is_off_by_more_than_a_sixteenth(void **state)
{
	(void)state;
	for (int64_t us = 0; us < INT64_C(1) << 42; us += us / 13 + 1) {
		struct tide_histogram h = { 0 };
		int64_t q;

		tide_histogram_add(&h, us);
		tide_histogram_add(&h, INT64_C(1) << 50);
		q = tide_histogram_quantile(&h, 0.5);
		assert_true(q >= us);
		assert_true((double)(q - us) <= 0.0625 * (double)us);
	}
}

static void
powers_of_two_start_a_bucket(void **state)
{
	(void)state;
	for (int shift = 5; shift < 42; shift++) {
		struct tide_histogram h = { 0 };

		tide_histogram_add(&h, (INT64_C(1) << shift) - 1);
		tide_histogram_add(&h, INT64_C(1) << shift);
		assert_int_equal(tide_histogram_quantile(&h, 0.5), (INT64_C(1) << shift) - 1);
	}
}

static void
never_above_the_largest_seen(void **state)
{
	struct tide_histogram h = { 0 };

	(void)state;
	tide_histogram_add(&h, 1000);
	assert_int_equal(tide_histogram_quantile(&h, 0.99), 1000);
}

static void
impossible_values_are_kept_at_the_ends(void **state)
{
	struct tide_histogram h = { 0 };

	(void)state;
	tide_histogram_add(&h, -5);
	assert_int_equal(tide_histogram_quantile(&h, 1), 0);
	tide_histogram_add(&h, INT64_MAX);
	tide_histogram_add(&h, INT64_MAX);
	assert_int_equal(h.sum, INT64_MAX);
	assert_int_equal(tide_histogram_quantile(&h, 1), INT64_MAX);
	assert_int_equal(h.bucket[TIDE_HISTOGRAM_BUCKETS - 1], 2);
}

static void
what_is_below_a_power_of_two_is_counted_exactly(void **state)
{
	struct tide_histogram h = { 0 };

	(void)state;
	for (int shift = 0; shift < 40; shift++) {
		tide_histogram_add(&h, (INT64_C(1) << shift) - 1);
		tide_histogram_add(&h, INT64_C(1) << shift);
	}
	for (int shift = 0; shift < 40; shift++)
		assert_int_equal(tide_histogram_below(&h, INT64_C(1) << shift), 2 * shift + 1);
	assert_int_equal(tide_histogram_below(&h, 0), 0);
	assert_int_equal(tide_histogram_below(&h, -1), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_one_answers_zero),
		cmocka_unit_test(small_values_are_exact),
		cmocka_unit_test(no_value_is_off_by_more_than_a_sixteenth),
		cmocka_unit_test(powers_of_two_start_a_bucket),
		cmocka_unit_test(never_above_the_largest_seen),
		cmocka_unit_test(what_is_below_a_power_of_two_is_counted_exactly),
		cmocka_unit_test(impossible_values_are_kept_at_the_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
