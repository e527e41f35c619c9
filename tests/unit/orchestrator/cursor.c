#include "sweep/cursor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#define BLOCKS 1000
#define ROWS 7

/* Stands for hashtid: any fixed function of the row's place. */
static int
hash(int64_t block, int row)
{
	uint64_t x = (uint64_t)block * 2654435761U + (uint64_t)row * 40503U;

	return (int)((x ^ (x >> 7)) & 1023);
}

/* Which rows were taken, and how often. */
static void
take(const struct tide_span *span, int taken[BLOCKS][ROWS])
{
	for (int64_t b = span->from; b < span->to; b++)
		for (int r = 0; r < ROWS; r++)
			if ((hash(b, r) & span->mask) == span->stripe)
				taken[b][r]++;
}

/* A whole segment; returns the number of batches. The lengths of windows and groups vary from call to call. */
static int
sweep(struct tide_cursor *c, int64_t stop, int stripes, int taken[BLOCKS][ROWS], int most)
{
	static const int64_t window[] = { 1, 7, 64, 13, 200 };
	struct tide_span span;
	int batches = 0;

	while (c->next < stop && batches < most) {
		if (c->group == 0)
			tide_cursor_group(c, stop, 150 + batches % 60, stripes);
		assert_true(c->group <= stop);
		tide_cursor_span(c, window[batches % 5], &span);
		assert_true(span.from < span.to && span.to <= c->group && span.from >= c->next);
		assert_true(span.to - span.from <= window[batches % 5]);
		take(&span, taken);
		tide_cursor_advance(c, span.to, true);
		batches++;
	}
	return batches;
}

static void
check_every_row(int taken[BLOCKS][ROWS], int64_t from, int64_t to)
{
	for (int64_t b = 0; b < BLOCKS; b++)
		for (int r = 0; r < ROWS; r++)
			assert_true(b >= from && b < to ? taken[b][r] > 0 : taken[b][r] == 0);
}

static void
assert_same(double a, double b)
{
	assert_true(a - b < 1e-6 && b - a < 1e-6);
}

static void
every_row_of_a_segment_is_taken(void **state)
{
	(void)state;
	for (int stripes = 1; stripes <= 32; stripes *= 2) {
		static int taken[BLOCKS][ROWS];
		struct tide_cursor c;

		memset(taken, 0, sizeof(taken));
		tide_cursor_begin(&c, 17);
		sweep(&c, 903, stripes, taken, INT32_MAX);
		assert_int_equal(c.next, 903);
		assert_int_equal(c.group, 0);
		check_every_row(taken, 17, 903);
	}
}

/* Only `next` survives a crash; windows, groups and stripes may be different afterwards. */
static void
a_resume_at_any_batch_loses_nothing(void **state)
{
	(void)state;
	for (int crash = 0; crash < 400; crash++) {
		static int taken[BLOCKS][ROWS];
		struct tide_cursor c;
		int64_t next;

		memset(taken, 0, sizeof(taken));
		tide_cursor_begin(&c, 0);
		sweep(&c, BLOCKS, 1 << crash % 6, taken, crash);
		next = c.next;
		for (int64_t b = 0; b < next; b++)
			for (int r = 0; r < ROWS; r++)
				assert_true(taken[b][r] > 0);
		tide_cursor_begin(&c, next);
		sweep(&c, BLOCKS, 1 << (crash + 3) % 6, taken, INT32_MAX);
		check_every_row(taken, 0, BLOCKS);
	}
}

static void
a_stripe_visits_all_windows_before_the_next_stripe_begins(void **state)
{
	struct tide_cursor c;
	struct tide_span span;

	(void)state;
	tide_cursor_begin(&c, 0);
	tide_cursor_group(&c, 4096, 128, 4);
	assert_int_equal(c.group, 128);
	for (int stripe = 0; stripe < 4; stripe++)
		for (int window = 0; window < 4; window++) {
			tide_cursor_span(&c, 32, &span);
			assert_int_equal(span.from, 32 * window);
			assert_int_equal(span.to, 32 * window + 32);
			assert_int_equal(span.mask, stripe == 3 ? 0 : 3);
			assert_int_equal(span.stripe, stripe == 3 ? 0 : stripe);
			assert_int_equal(c.next, stripe == 3 ? span.from : 0);
			tide_cursor_advance(&c, span.to, true);
		}
	assert_int_equal(c.next, 128);
	assert_int_equal(c.group, 0);
}

static void
windows_and_groups_are_of_equal_length(void **state)
{
	struct tide_cursor c;
	struct tide_span span;

	(void)state;
	tide_cursor_begin(&c, 0);
	tide_cursor_group(&c, 130, 128, 1);
	assert_int_equal(c.group, 65);
	tide_cursor_span(&c, 64, &span);
	assert_int_equal(span.to, 33);
}

static void
a_group_that_was_done_before_is_read_twice_at_most(void **state)
{
	struct tide_cursor c;
	struct tide_span span;
	int batches = 0;

	(void)state;
	tide_cursor_begin(&c, 0);
	tide_cursor_group(&c, 128, 128, 32);
	while (c.next < 128) {
		tide_cursor_span(&c, 128, &span);
		tide_cursor_advance(&c, span.to, false);
		batches++;
	}
	assert_int_equal(batches, 2);
}

/* Workers that take from each other all the time, each with a batch under way. */
static void
splitting_loses_nothing(void **state)
{
	struct {
		struct tide_cursor c;
		int64_t stop;
	} part[64];

	(void)state;
	for (int seed = 0; seed < 300; seed++) {
		static int taken[BLOCKS][ROWS];
		int parts = 1, stripes = 1 << seed % 6;
		double done = 0;

		memset(taken, 0, sizeof(taken));
		tide_cursor_begin(&part[0].c, 0);
		part[0].stop = BLOCKS;
		for (int i = 0, rest = 0; rest < parts; i = (i + 1) % parts) {
			struct tide_cursor *c = &part[i].c;
			struct tide_span span;
			double before = (double)c->next + tide_cursor_part(c);
			int64_t stop = part[i].stop;

			rest = c->next >= stop ? rest + 1 : 0;
			if (rest > 0)
				continue;
			if (c->group == 0)
				tide_cursor_group(c, stop, 300 + seed, stripes);
			tide_cursor_span(c, 20 + (seed + i) % 50, &span);
			take(&span, taken);
			if (parts < 64 && tide_cursor_split(c, &part[i].stop, span.to, &part[parts].c)) {
				const struct tide_cursor *other = &part[parts].c;

				assert_true(part[i].stop >= span.to && part[i].stop == other->next);
				/* No progress is lost or made by it. */
				assert_same(
				    before, (double)c->next + tide_cursor_part(c) + tide_cursor_part(other));
				before = (double)c->next + tide_cursor_part(c);
				part[parts++].stop = stop;
			}
			tide_cursor_advance(c, span.to, true);
			done += (double)c->next + tide_cursor_part(c) - before;
		}
		assert_true(parts > 1);
		assert_same(done, BLOCKS);
		check_every_row(taken, 0, BLOCKS);
	}
}

static void
progress_never_goes_back(void **state)
{
	struct tide_cursor c;
	struct tide_span span;
	double before = 0;

	(void)state;
	tide_cursor_begin(&c, 0);
	while (c.next < BLOCKS) {
		double now;

		if (c.group == 0)
			tide_cursor_group(&c, BLOCKS, 100, 16);
		tide_cursor_span(&c, 30, &span);
		tide_cursor_advance(&c, span.to, true);
		now = (double)c.next + tide_cursor_part(&c);
		assert_true(now > before - 1e-9);
		before = now;
	}
	assert_true(before > BLOCKS - 1e-6 && before < BLOCKS + 1e-6);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_of_a_segment_is_taken),
		cmocka_unit_test(a_resume_at_any_batch_loses_nothing),
		cmocka_unit_test(a_stripe_visits_all_windows_before_the_next_stripe_begins),
		cmocka_unit_test(windows_and_groups_are_of_equal_length),
		cmocka_unit_test(a_group_that_was_done_before_is_read_twice_at_most),
		cmocka_unit_test(splitting_loses_nothing),
		cmocka_unit_test(progress_never_goes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
