#include "state/measure.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sweep/cursor.h"
#include "tidemark/base/units.h"

/* A part of a table, as the row of tidemark.segment has it. */
struct row {
	int64_t first, stop, next;
	bool hole;
};

/* A sweep as the database has it, and the share that was seen last. */
struct table {
	struct row row[64];
	size_t count;
	int pass;
	bool repeats, finished;
	double floor, seen;
};

/* As state/segments.sql has it: what holes there are is known to be left from `finished` alone. */
static struct tide_extent
extent_of(const struct table *t)
{
	struct tide_extent extent = {
		.pass = t->pass, .repeats = t->repeats, .floor = t->floor, .finished = t->finished
	};

	for (size_t i = 0; i < t->count; i++) {
		if (t->row[i].hole)
			continue;
		extent.total += t->row[i].stop - t->row[i].first;
		extent.done += t->row[i].next - t->row[i].first;
	}
	return extent;
}

/* Looks at it: never less than before, and 1 only at the end. */
static double
look(struct table *t)
{
	struct tide_extent extent = extent_of(t);
	double share = tide_extent_share(&extent);

	assert_true(share >= t->seen);
	assert_true(t->finished ? share == 1 : share < 1);
	t->seen = share;
	return share;
}

static void
add(struct table *t, int64_t first, int64_t stop)
{
	t->row[t->count++] = (struct row){ .first = first, .stop = stop, .next = first };
}

static void
assert_share(struct table *t, double share)
{
	double now = look(t);

	assert_true(now > share - 1e-9 && now < share + 1e-9);
}

static void
it_is_the_blocks_that_are_done_of_all_relations(void **state)
{
	struct table t = { .pass = 1 };

	(void)state;
	assert_share(&t, 0);
	add(&t, 0, 100);
	add(&t, 0, 300);
	assert_share(&t, 0);
	t.row[0].next = 100;
	assert_share(&t, 0.25);
	t.row[1].next = 150;
	assert_share(&t, 0.625);
}

static void
a_crash_in_a_group_of_stripes_takes_nothing_back(void **state)
{
	struct table t = { .pass = 1 };
	struct tide_cursor c;
	struct tide_span span;
	int crashes = 0;

	(void)state;
	add(&t, 0, 512);
	tide_cursor_begin(&c, 0);
	for (int batches = 0; c.next < 512; batches++) {
		assert_true(batches < 10000);
		if (c.group == 0)
			tide_cursor_group(&c, 512, 64, 4);
		tide_cursor_span(&c, 16, &span);
		tide_cursor_advance(&c, span.to, true);
		t.row[0].next = c.next;
		look(&t);
		/* The last batch of its process: the next one has the checkpoint, and begins the group again. */
		if (batches % 21 == 20) {
			tide_cursor_begin(&c, t.row[0].next);
			crashes++;
			look(&t);
		}
	}
	assert_true(crashes > 3);
	assert_share(&t, 0.999);
}

static void
a_segment_that_is_split_has_the_blocks_of_the_whole(void **state)
{
	struct table t = { .pass = 1 };
	struct tide_cursor c, other;
	int64_t stop = 1000;

	(void)state;
	add(&t, 0, 1000);
	tide_cursor_begin(&c, 0);
	c.next = c.at = t.row[0].next = 300;
	assert_share(&t, 0.3);
	assert_true(tide_cursor_split(&c, &stop, 300, &other));
	t.row[0].stop = stop;
	add(&t, other.next, 1000);
	assert_share(&t, 0.3);
	t.row[1].next = 1000;
	look(&t);
	t.row[0].next = stop;
	assert_share(&t, 0.999);
}

static void
rows_that_are_locked_keep_it_below_one(void **state)
{
	struct table t = { .pass = 1 };

	(void)state;
	add(&t, 0, 100);
	t.row[0].next = 50;
	assert_share(&t, 0.5);
	/* Passed over, and a hole of its own. */
	t.row[0].next = 60;
	t.row[t.count++] = (struct row){ .first = 50, .stop = 60, .next = 50, .hole = true };
	assert_share(&t, 0.6);
	t.row[0].next = 100;
	assert_share(&t, 0.999);
	t.row[1].next = 60;
	assert_share(&t, 0.999);
	t.finished = true;
	assert_share(&t, 1);
}

static void
the_floor_keeps_what_had_been_reached_where_work_begins_anew(void **state)
{
	struct table t = { .pass = 1 };

	(void)state;
	add(&t, 0, 100);
	t.row[0].next = 80;
	/* The table was rewritten, and is longer now. */
	t.floor = look(&t);
	t.row[0] = (struct row){ .stop = 200 };
	assert_share(&t, 0.8);
	t.row[0].next = 150;
	assert_share(&t, 0.8);
	t.row[0].next = 180;
	assert_share(&t, 0.9);
	/* A partition was attached. */
	t.floor = look(&t);
	add(&t, 0, 1000);
	assert_share(&t, 0.9);
	t.row[0].next = 200;
	t.row[1].next = 1000;
	t.finished = true;
	assert_share(&t, 1);
}

static void
each_pass_is_half_of_what_is_left(void **state)
{
	struct table t = { .pass = 1, .repeats = true };
	const double ends[] = { 0.5, 0.75, 0.875, 0.9375, 0.96875 };

	(void)state;
	add(&t, 0, 100);
	t.row[0].next = 50;
	assert_share(&t, 0.25);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		t.row[0].next = 100;
		assert_share(&t, ends[i]);
		t.floor = t.seen;
		t.pass++;
		t.row[0].next = 0;
		assert_share(&t, ends[i]);
	}
	t.finished = true;
	assert_share(&t, 1);
}

static void
in_key_order_more_rows_than_were_promised_are_no_more_than_all(void **state)
{
	struct table t = { .pass = 1 };

	(void)state;
	add(&t, 0, 10);
	t.row[0].next = 9;
	assert_share(&t, 0.9);
	t.row[0].next = 10;
	assert_share(&t, 0.999);
	t.row[0].next = 11;
	assert_share(&t, 0.999);
}

#define START (100 * TIDE_SECOND)

static void
the_rate_is_that_of_the_last_seconds(void **state)
{
	struct tide_speed speed = { 0 };
	double rows = 0, blocks = 0;

	(void)state;
	tide_speed_look(&speed, START, 0, 0, false);
	assert_int_equal(tide_speed_eta(&speed, 100, false), -1);
	/* A minute at 10 blocks a second … */
	for (int i = 1; i <= 60; i++)
		tide_speed_look(&speed, START + i * TIDE_SECOND, rows += 1000, blocks += 10, false);
	assert_true(speed.rows_per_second > 990 && speed.rows_per_second < 1010);
	assert_true(tide_speed_eta(&speed, 100, false) > 9 * TIDE_SECOND);
	assert_true(tide_speed_eta(&speed, 100, false) < 11 * TIDE_SECOND);
	/* … and a quarter of one at 100: the first minute is forgotten. */
	for (int i = 61; i <= 75; i++)
		tide_speed_look(&speed, START + i * TIDE_SECOND, rows += 10000, blocks += 100, false);
	assert_true(tide_speed_eta(&speed, 100, false) < 1100 * TIDE_MS);
}

static void
nobody_says_how_long_it_takes_while_it_is_held_back(void **state)
{
	struct tide_speed speed = { 0 };

	(void)state;
	tide_speed_look(&speed, START, 0, 0, false);
	tide_speed_look(&speed, START + TIDE_SECOND, 1000, 10, false);
	assert_int_equal(tide_speed_eta(&speed, 100, false), 10 * TIDE_SECOND);
	assert_int_equal(tide_speed_eta(&speed, 100, true), -1);
	/* An hour in which nothing may be sent does not make it slower. */
	for (int i = 1; i <= 3600; i++)
		tide_speed_look(&speed, START + (1 + i) * TIDE_SECOND, 1000, 10, true);
	tide_speed_look(&speed, START + 3602 * TIDE_SECOND, 2000, 20, false);
	assert_int_equal(tide_speed_eta(&speed, 100, false), 10 * TIDE_SECOND);
}

static void
work_that_stands_still_has_no_end_in_sight(void **state)
{
	struct tide_speed speed = { 0 };

	(void)state;
	tide_speed_look(&speed, START, 0, 0, false);
	tide_speed_look(&speed, START + TIDE_SECOND, 1000, 10, false);
	for (int i = 2; i < 600; i++)
		tide_speed_look(&speed, START + i * TIDE_SECOND, 1000, 10, false);
	assert_int_equal(tide_speed_eta(&speed, 100, false), -1);
	/* Nothing is left but rows that others hold locked. */
	assert_int_equal(tide_speed_eta(&(struct tide_speed){ .blocks_per_second = 10 }, 0, false), -1);
}

static void
what_begins_again_is_no_negative_rate(void **state)
{
	struct tide_speed speed = { 0 };

	(void)state;
	tide_speed_look(&speed, START, 0, 0, false);
	tide_speed_look(&speed, START + TIDE_SECOND, 1000, 10, false);
	tide_speed_look(&speed, START + 2 * TIDE_SECOND, 1000, 0, false);
	assert_true(speed.blocks_per_second > 9 && speed.blocks_per_second < 11);
	tide_speed_look(&speed, START + 3 * TIDE_SECOND, 2000, 10, false);
	assert_int_equal(tide_speed_eta(&speed, 100, false), 10 * TIDE_SECOND);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_the_blocks_that_are_done_of_all_relations),
		cmocka_unit_test(a_crash_in_a_group_of_stripes_takes_nothing_back),
		cmocka_unit_test(a_segment_that_is_split_has_the_blocks_of_the_whole),
		cmocka_unit_test(rows_that_are_locked_keep_it_below_one),
		cmocka_unit_test(the_floor_keeps_what_had_been_reached_where_work_begins_anew),
		cmocka_unit_test(each_pass_is_half_of_what_is_left),
		cmocka_unit_test(in_key_order_more_rows_than_were_promised_are_no_more_than_all),
		cmocka_unit_test(the_rate_is_that_of_the_last_seconds),
		cmocka_unit_test(nobody_says_how_long_it_takes_while_it_is_held_back),
		cmocka_unit_test(work_that_stands_still_has_no_end_in_sight),
		cmocka_unit_test(what_begins_again_is_no_negative_rate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
