#include "sweep/stripes.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static const struct tide_stripe_facts five_indexes = {
	.pages = 60000, .rows = 2000000, .indexes = 5, .fillfactor = 100
};

/* A machine: what one row costs to look at once, to change in its page, and more when it moves, us. */
struct machine {
	double look, stay, move;
	double growth; /* share of rows that must move whatever the order */
	bool stuck;    /* a transaction holds back the horizon: nothing is pruned, every row moves */
};

static void
work(struct tide_stripes *s, const struct machine *m, int groups)
{
	for (int i = 0; i < groups; i++) {
		int count = tide_stripes_next(s);
		double rows = 4000, share = m->stuck ? 1 : fmin(1, m->growth + 1.28 / count);
		double us = rows * (m->look * count + m->stay + m->move * share);

		tide_stripes_learn(s, count, (int64_t)us, (int64_t)rows, (int64_t)(rows * share));
	}
}

static int
settled(const struct tide_stripe_facts *facts, const struct machine *m)
{
	struct tide_stripes s;

	tide_stripes_begin(&s, facts, 0);
	work(&s, m, 400);
	return 1 << s.best;
}

static void
many_indexes_get_many_stripes(void **state)
{
	const struct machine machine = { .look = 0.08, .stay = 4, .move = 12, .growth = 0.12 };

	(void)state;
	assert_in_range(settled(&five_indexes, &machine), 16, 32);
}

static void
looking_that_is_dear_gets_few(void **state)
{
	const struct machine machine = { .look = 1.5, .stay = 4, .move = 3, .growth = 0.12 };

	(void)state;
	assert_in_range(settled(&five_indexes, &machine), 1, 4);
}

static void
a_held_horizon_ends_in_one_plain_pass_and_back(void **state)
{
	struct machine machine = { .look = 0.08, .stay = 4, .move = 12, .growth = 0.12 };
	struct tide_stripes s;

	(void)state;
	tide_stripes_begin(&s, &five_indexes, 0);
	work(&s, &machine, 50);
	machine.stuck = true;
	work(&s, &machine, 50);
	assert_true(s.stuck);
	for (int i = 0, striped = 0; i < 100; i++) {
		striped += tide_stripes_next(&s) > 1;
		assert_true(striped <= i / 10 + 1);
	}
	machine.stuck = false;
	work(&s, &machine, 40);
	assert_false(s.stuck);
	assert_in_range(tide_stripes_next(&s), 8, 32);
}

static void
an_index_on_the_column_makes_stripes_useless(void **state)
{
	struct tide_stripe_facts facts = five_indexes;
	struct tide_stripes s;

	(void)state;
	facts.indexed = true;
	tide_stripes_begin(&s, &facts, 0);
	for (int i = 0; i < 50; i++)
		assert_int_equal(tide_stripes_next(&s), 1);
}

static void
room_in_the_pages_needs_fewer(void **state)
{
	struct tide_stripe_facts facts = five_indexes;
	struct tide_stripes s;

	(void)state;
	tide_stripes_begin(&s, &facts, 0);
	assert_int_equal(tide_stripes_next(&s), 16);
	facts.fillfactor = 70;
	tide_stripes_begin(&s, &facts, 0);
	assert_in_range(tide_stripes_next(&s), 2, 8);
}

static void
a_page_with_few_rows_is_not_read_for_nothing(void **state)
{
	const struct machine machine = { .look = 0.01, .stay = 4, .move = 30, .growth = 0.12 };
	struct tide_stripe_facts facts = five_indexes;
	struct tide_stripes s;

	(void)state;
	facts.pages = 2000000 / 5;
	tide_stripes_begin(&s, &facts, 0);
	for (int i = 0; i < 300; i++) {
		assert_in_range(tide_stripes_next(&s), 1, 4);
		work(&s, &machine, 1);
	}
}

static void
a_pinned_number_stays(void **state)
{
	const struct machine machine = { .look = 3, .stay = 4, .move = 3, .growth = 0.12 };
	struct tide_stripes s;

	(void)state;
	tide_stripes_begin(&s, &five_indexes, 32);
	work(&s, &machine, 100);
	assert_int_equal(tide_stripes_next(&s), 32);
}

static void
groups_without_work_teach_nothing(void **state)
{
	struct tide_stripes s;

	(void)state;
	tide_stripes_begin(&s, &five_indexes, 0);
	tide_stripes_learn(&s, 16, 1000000, 3, 3);
	assert_true(s.cost[s.best] == 0);
}

static void
a_page_rests_between_its_stripes(void **state)
{
	(void)state;
	assert_int_equal(tide_stripes_group(64, 15000, 60000), 64 * 5);
	assert_int_equal(tide_stripes_group(64, 100000, 60000), 64 * 4);
	assert_int_equal(tide_stripes_group(64, 1000, 60000), 64 * 61);
	assert_int_equal(tide_stripes_group(4, 0, 60000), 128);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_indexes_get_many_stripes),
		cmocka_unit_test(looking_that_is_dear_gets_few),
		cmocka_unit_test(a_held_horizon_ends_in_one_plain_pass_and_back),
		cmocka_unit_test(an_index_on_the_column_makes_stripes_useless),
		cmocka_unit_test(room_in_the_pages_needs_fewer),
		cmocka_unit_test(a_page_with_few_rows_is_not_read_for_nothing),
		cmocka_unit_test(a_pinned_number_stays),
		cmocka_unit_test(groups_without_work_teach_nothing),
		cmocka_unit_test(a_page_rests_between_its_stripes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
