/* Workers, a clock and batches that are all made up: what counts is how many rows are committed in which second. */
#include "sweep/allowance.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tidemark/base/units.h"

#define MOST_WORKERS 16
#define TICK (20 * TIDE_MS)

struct machine {
	int64_t limit;
	int workers;
	double row_us;    /* what a row costs, in a batch … */
	int64_t batch_us; /* … which costs this besides */
	int64_t paced;    /* rows that fit into a batch, by its duration */
	int64_t least;    /* rows of the smallest batch */
	double off;       /* the estimate may be wrong by this share */
	int64_t stall,
	    hold; /* every second the loop is away for so long; once, from 20 s on, nothing may be sent */
	int64_t seconds;
};

struct batch {
	int64_t sent, ends, commits, taken, changed;
};

struct ledger {
	int64_t *rows; /* committed in each millisecond */
	int64_t length, total;
};

static uint32_t
below(uint32_t *seed, uint32_t n)
{
	*seed = *seed * 1664525u + 1013904223u;
	return (*seed >> 8) % n;
}

static void
send(const struct machine *m, struct tide_allowance *a, struct batch *b, int64_t now, uint32_t *seed)
{
	int64_t rows = m->paced < a->share ? m->paced : a->share, took;

	if (rows < m->least)
		rows = m->least;
	if (!tide_allowance_allows(a, now, rows))
		return;
	tide_allowance_take(a, now, rows);
	b->taken = rows;
	b->changed = (int64_t)((double)rows * (1 + m->off * ((double)below(seed, 201) - 100) / 100));
	took = m->batch_us + (int64_t)((double)b->changed * m->row_us * (80 + below(seed, 41)) / 100);
	b->sent = now;
	b->ends = now + took;
	b->commits = now + took * below(seed, 101) / 100;
}

/* The loop is away: what ends meanwhile is seen later. */
static bool
away(const struct machine *m, int64_t t)
{
	return t % TIDE_SECOND < m->stall;
}

static void
work(const struct machine *m, struct ledger *out)
{
	int64_t start = 1234567 * TIDE_MS, end = start + m->seconds * TIDE_SECOND;
	struct batch batch[MOST_WORKERS] = { { 0 } };
	struct tide_allowance a;
	uint32_t seed = (uint32_t)(m->limit + m->workers);

	out->length = m->seconds * 1000;
	out->rows = calloc((size_t)out->length + 100000, sizeof(*out->rows));
	out->total = 0;
	tide_allowance_begin(&a, m->limit, m->workers, start);
	for (int64_t now = start; now < end; now += TIDE_MS / 4) {
		bool held = m->hold > 0 && now >= start + 20 * TIDE_SECOND &&
			    now < start + 20 * TIDE_SECOND + m->hold;

		if (away(m, now))
			continue;
		for (int i = 0; i < m->workers; i++) {
			struct batch *b = &batch[i];
			bool ended = b->sent != 0 && b->ends <= now;

			if (ended) {
				tide_allowance_settle(&a, now, b->taken, b->changed);
				out->rows[(b->commits - start) / TIDE_MS] += b->changed;
				out->total += b->changed;
				b->sent = 0;
			}
			/* Who has ended asks at once, the others when the timer comes. */
			if (b->sent == 0 && !held && (ended || (now - start) % TICK == 0))
				send(m, &a, b, now, &seed);
		}
	}
}

/* The most rows that were committed in any span of ten seconds. */
static int64_t
most(const struct ledger *l)
{
	int64_t span = TIDE_ALLOWANCE_SPAN * 1000, sum = 0, max = 0;

	for (int64_t i = 0; i < l->length; i++) {
		sum += l->rows[i] - (i >= span ? l->rows[i - span] : 0);
		max = sum > max ? sum : max;
	}
	return max;
}

static const struct machine machines[] = {
	/* The case of the report: 20,000 rows/s asked for, 15 ms a batch, a table that is done in ten seconds. */
	{ .limit = 20000, .workers = 1, .row_us = 12, .batch_us = 600, .paced = 1200, .seconds = 10 },
	{ .limit = 20000,
	    .workers = 1,
	    .row_us = 15,
	    .batch_us = 600,
	    .paced = 1000,
	    .off = 0.2,
	    .seconds = 60 },
	{ .limit = 20000,
	    .workers = 4,
	    .row_us = 40,
	    .batch_us = 900,
	    .paced = 350,
	    .off = 0.2,
	    .seconds = 60 },
	{ .limit = 50000, .workers = 16, .row_us = 60, .batch_us = 900, .paced = 300, .seconds = 60 },
	{ .limit = 20000,
	    .workers = 1,
	    .row_us = 12,
	    .batch_us = 600,
	    .paced = 1200,
	    .stall = 60 * TIDE_MS,
	    .seconds = 60 },
	{ .limit = 500, .workers = 2, .row_us = 12, .batch_us = 600, .paced = 1200, .seconds = 120 },
	/* A block has forty rows, and in eight stripes one of them five. */
	{ .limit = 100,
	    .workers = 1,
	    .row_us = 12,
	    .batch_us = 600,
	    .paced = 1200,
	    .least = 5,
	    .seconds = 300 },
	{ .limit = 7, .workers = 1, .row_us = 12, .batch_us = 600, .paced = 1200, .seconds = 300 },
	{ .limit = 1, .workers = 2, .row_us = 12, .batch_us = 600, .paced = 1200, .seconds = 600 },
	{ .limit = 1000000, .workers = 2, .row_us = 0.5, .batch_us = 300, .paced = 65536, .seconds = 30 },
};

static void
a_limit_is_met_and_no_ten_seconds_have_more_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++) {
		const struct machine *m = &machines[i];
		struct ledger l;
		int64_t asked = m->limit * m->seconds;

		work(m, &l);
		print_message("limit %lld, %d workers: %.1f %% of it, at most %lld in ten seconds\n",
		    (long long)m->limit, m->workers, 100.0 * (double)l.total / (double)asked,
		    (long long)most(&l));
		assert_true(l.total * 100 >= asked * 95);
		assert_true(most(&l) <= m->limit * TIDE_ALLOWANCE_SPAN);
		free(l.rows);
	}
}

static void
time_in_which_nothing_was_sent_is_not_made_up_for(void **state)
{
	const struct machine m = { .limit = 20000,
		.workers = 2,
		.row_us = 12,
		.batch_us = 600,
		.paced = 1200,
		.hold = 15 * TIDE_SECOND,
		.seconds = 60 };
	struct ledger l;
	int64_t first = 0;

	(void)state;
	work(&m, &l);
	assert_true(l.total * 100 >= m.limit * (m.seconds - 15) * 95);
	assert_true(most(&l) <= m.limit * TIDE_ALLOWANCE_SPAN);
	for (int64_t i = 35000; i < 36000; i++)
		first += l.rows[i];
	assert_in_range(first, m.limit * 9 / 10, m.limit * 12 / 10);
	free(l.rows);
}

static void
a_slow_machine_is_not_held_up(void **state)
{
	const struct machine m = {
		.limit = 20000, .workers = 1, .row_us = 100, .batch_us = 600, .paced = 150, .seconds = 30
	};
	struct ledger l;

	(void)state;
	work(&m, &l);
	/* 150 rows in 15.6 ms, seen within a quarter of a millisecond. */
	assert_true(l.total >= 9300 * m.seconds);
	free(l.rows);
}

static void
work_is_even_within_a_second(void **state)
{
	const struct machine m = {
		.limit = 20000, .workers = 1, .row_us = 12, .batch_us = 600, .paced = 1200, .seconds = 30
	};
	struct ledger l;

	(void)state;
	work(&m, &l);
	for (int64_t second = 1; second < 29; second++) {
		int64_t rows = 0;

		for (int64_t i = second * 1000; i < second * 1000 + 1000; i++)
			rows += l.rows[i];
		assert_in_range(rows, m.limit * 85 / 100, m.limit * 115 / 100);
	}
	free(l.rows);
}

static void
a_batch_that_failed_is_given_back(void **state)
{
	struct tide_allowance a;
	int64_t now = TIDE_SECOND;

	(void)state;
	tide_allowance_begin(&a, 100, 1, now);
	now += TIDE_SECOND;
	assert_true(tide_allowance_allows(&a, now, 50));
	tide_allowance_take(&a, now, 50);
	assert_false(tide_allowance_allows(&a, now, 1));
	tide_allowance_settle(&a, now, 50, 0);
	assert_true(tide_allowance_allows(&a, now, 50));
}

static void
a_batch_too_large_for_ten_seconds_is_sent_when_nothing_else_counts(void **state)
{
	struct tide_allowance a;
	int64_t now = TIDE_SECOND;

	(void)state;
	tide_allowance_begin(&a, 2, 1, now);
	now += TIDE_SECOND;
	assert_true(tide_allowance_allows(&a, now, 200));
	tide_allowance_take(&a, now, 200);
	tide_allowance_settle(&a, now, 200, 200);
	assert_false(tide_allowance_allows(&a, now + 60 * TIDE_SECOND, 1));
	assert_true(tide_allowance_allows(&a, now + 101 * TIDE_SECOND, 1));
}

static void
a_low_limit_takes_less_than_a_block_at_once(void **state)
{
	struct tide_allowance a;

	(void)state;
	tide_allowance_begin(&a, 20000, 1, 0);
	assert_int_equal(tide_allowance_stripes(&a, 291, 291, 1), 1);
	assert_int_equal(tide_allowance_stripes(&a, 291, 291, 16), 16);
	tide_allowance_begin(&a, 100, 1, 0);
	assert_int_equal(tide_allowance_stripes(&a, 40, 40, 1), 1);
	assert_int_equal(tide_allowance_stripes(&a, 200, 200, 1), 4);
	/* A stripe has rows, or the group would be taken for one that was done before. */
	tide_allowance_begin(&a, 1, 1, 0);
	assert_int_equal(tide_allowance_stripes(&a, 291, 40, 1), 16);
	assert_int_equal(tide_allowance_stripes(&a, 291, 0.5, 1), 1);
	assert_int_equal(tide_allowance_stripes(&a, 291, 291, 1), 128);
	tide_allowance_begin(&a, 0, 1, 0);
	assert_int_equal(tide_allowance_stripes(&a, 291, 291, 2), 2);
}

static void
without_a_limit_everything_is_allowed(void **state)
{
	struct tide_allowance a;

	(void)state;
	tide_allowance_begin(&a, 0, 4, 5);
	tide_allowance_take(&a, 6, 1000000);
	assert_true(tide_allowance_allows(&a, 7, 1000000));
	tide_allowance_settle(&a, 8, 1000000, 5);
	assert_true(tide_allowance_allows(&a, 9, 1000000));
}

/* What was done before is not held against a lower limit, and nothing is owed at a higher one. */
static void
another_limit_counts_from_now_on(void **state)
{
	struct tide_allowance a;
	int64_t now = TIDE_SECOND;

	(void)state;
	tide_allowance_begin(&a, 1000, 1, now);
	now += TIDE_SECOND;
	tide_allowance_take(&a, now, 9000);
	tide_allowance_settle(&a, now, 9000, 9000);
	assert_false(tide_allowance_allows(&a, now + TIDE_SECOND, 10));
	tide_allowance_change(&a, 100, 2, now);
	assert_int_equal(a.share, 2);
	assert_true(tide_allowance_allows(&a, now, 10));
	tide_allowance_take(&a, now, 10);
	assert_false(tide_allowance_allows(&a, now + 99 * TIDE_MS, 10));
	assert_true(tide_allowance_allows(&a, now + 100 * TIDE_MS, 10));
	/* The same again is no other one. */
	tide_allowance_change(&a, 100, 4, now);
	assert_int_equal(a.share, 1);
	assert_false(tide_allowance_allows(&a, now + 99 * TIDE_MS, 10));
	tide_allowance_change(&a, 0, 2, now);
	assert_true(tide_allowance_allows(&a, now, 1000000));
}

static void
a_batch_that_was_sent_without_a_limit_counts_for_the_one_that_comes(void **state)
{
	struct tide_allowance a;
	int64_t now = TIDE_SECOND;

	(void)state;
	tide_allowance_begin(&a, 0, 1, now);
	tide_allowance_take(&a, now, 600);
	tide_allowance_change(&a, 100, 1, now);
	assert_true(tide_allowance_allows(&a, now, 100));
	assert_false(tide_allowance_allows(&a, now, 400));
	tide_allowance_settle(&a, now, 600, 500);
	assert_int_equal(a.under_way, 0);
	assert_true(tide_allowance_allows(&a, now, 400));
	assert_false(tide_allowance_allows(&a, now, 500));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_limit_is_met_and_no_ten_seconds_have_more_rows),
		cmocka_unit_test(time_in_which_nothing_was_sent_is_not_made_up_for),
		cmocka_unit_test(a_slow_machine_is_not_held_up),
		cmocka_unit_test(work_is_even_within_a_second),
		cmocka_unit_test(another_limit_counts_from_now_on),
		cmocka_unit_test(a_batch_that_was_sent_without_a_limit_counts_for_the_one_that_comes),
		cmocka_unit_test(a_batch_that_failed_is_given_back),
		cmocka_unit_test(a_batch_too_large_for_ten_seconds_is_sent_when_nothing_else_counts),
		cmocka_unit_test(a_low_limit_takes_less_than_a_block_at_once),
		cmocka_unit_test(without_a_limit_everything_is_allowed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
