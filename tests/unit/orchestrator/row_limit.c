/* What batches of a purge with a limit may take, several at once: never more together than is left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sweep/row_limit.h"

struct scene {
	struct tide_sweep_spec spec;
	struct tide_sweep sweep;
	struct tide_relation relation;
	struct tide_segment segment;
};

static void
begin(struct scene *s, const struct tide_order *order, int64_t limit, int64_t deleted, int64_t reserved)
{
	*s = (struct scene){ .spec = { .write = true, .deletes = true, .limit = limit } };
	s->sweep = (struct tide_sweep){ .spec = &s->spec,
		.earlier_changed = deleted / 2,
		.changed = deleted - deleted / 2,
		.reserved = reserved,
		.shared_buffers = 100000,
		.worker_count = 1 };
	s->relation = (struct tide_relation){ .order = order, .pages = 1024 };
	s->segment = (struct tide_segment){ .relation = &s->relation, .stop = 1024 };
	tide_allowance_begin(&s->sweep.allowance, 0, 1, 0);
	tide_stripes_begin(&s->relation.stripes,
	    &(struct tide_stripe_facts){ .pages = 1024, .rows = 10240, .fillfactor = 100 }, 1);
	tide_pace_begin(&s->sweep.moving, TIDE_PARTS, 64 * TIDE_PARTS, 64 * TIDE_PARTS);
	tide_pace_begin(&s->sweep.staying, TIDE_PARTS, 64 * TIDE_PARTS, 64 * TIDE_PARTS);
	tide_pace_begin(&s->sweep.keys, TIDE_PARTS, 100, 100);
}

static void
without_a_limit_the_order_alone_decides(void **state)
{
	struct scene s;
	struct tide_span span;

	(void)state;
	begin(&s, &tide_heap_deletes, 0, 5000, 0);
	assert_true(tide_row_limit_aim(&s.sweep, &s.segment, 0, &span));
	assert_int_equal(span.to - span.from, 64);
	assert_int_equal(span.rows, 0);
	assert_false(tide_sweep_limit_reached(&s.sweep));
}

static void
rows_in_the_order_of_an_index_are_counted_one_by_one(void **state)
{
	static const struct {
		int64_t limit, deleted, reserved, narrow, takes; /* takes -1: nothing */
	} rows[] = {
		{ 1000, 0, 0, 0, 100 },
		{ 1000, 950, 0, 0, 50 },
		{ 1000, 900, 60, 0, 40 },
		{ 1000, 900, 100, 0, -1 },
		{ 1000, 1000, 0, 0, -1 },
		{ 1000, 999, 0, 7, 1 },
		{ 1000, 0, 0, 7, 7 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct scene s;
		struct tide_span span;

		begin(&s, &tide_index_deletes, rows[i].limit, rows[i].deleted, rows[i].reserved);
		assert_int_equal(
		    tide_row_limit_aim(&s.sweep, &s.segment, rows[i].narrow, &span), rows[i].takes >= 0);
		assert_int_equal(tide_sweep_limit_reached(&s.sweep), rows[i].deleted >= rows[i].limit);
		if (rows[i].takes < 0)
			continue;
		assert_int_equal(span.to, rows[i].takes);
		assert_int_equal(span.rows, rows[i].takes);
	}
}

/* A block may have 291 rows: as many blocks as surely have room, and in the last one not more than is left. */
static void
blocks_are_taken_only_as_far_as_all_their_rows_are_allowed(void **state)
{
	static const struct {
		int64_t limit, deleted, reserved, blocks, rows;
	} rows[] = {
		{ 1000000, 0, 0, 64, 64 * 291 },
		{ 1000, 0, 0, 3, 3 * 291 },
		{ 1000, 800, 0, 1, 200 },
		{ 1000, 0, 900, 1, 100 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct scene s;
		struct tide_span span;

		begin(&s, &tide_heap_deletes, rows[i].limit, rows[i].deleted, rows[i].reserved);
		assert_true(tide_row_limit_aim(&s.sweep, &s.segment, 0, &span));
		assert_int_equal(span.to - span.from, rows[i].blocks);
		assert_int_equal(span.rows, rows[i].rows);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_limit_the_order_alone_decides),
		cmocka_unit_test(rows_in_the_order_of_an_index_are_counted_one_by_one),
		cmocka_unit_test(blocks_are_taken_only_as_far_as_all_their_rows_are_allowed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
