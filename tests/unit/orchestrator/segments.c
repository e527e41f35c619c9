#include "executor_fixture.h"

#include <string.h>

#include "sweep/sweep.h"

#define PASS "SELECT coalesce(max((detail->>'pass')::integer), 1)"
#define SHARE "earlier_changed"
#define LEAVES "pg_partition_tree"
#define STALE "bool_or(filenode IS DISTINCT FROM"
#define BEGUN "bool_or(detail->>'mark'"
#define CREATE "INSERT INTO tidemark.segment (run, fence, sweep"
#define LOAD "SELECT id, relation, first, stop, next"

static const char leaf_columns[] =
    "oid name filenode pages heap indexes indexed rows index_bytes fillfactor mark";
static const char share_columns[] = "phase what total done pass repeats floor seen changed stayed differing "
				    "placed earlier_seen earlier_changed earlier_stayed";
static const char segment_columns[] = "id relation first stop next skipped_range done changed stayed "
				      "rows_seen differing keys key unmatched unmatched_key";

#define ONE_LEAF                                                                                             \
	{                                                                                                    \
		LEAVES, leaf_columns, "16384|public.t|16384|100|t|1|f|1000|8192|100|9/7/8", NULL, 0          \
	}
#define NO_SHARE                                                                                             \
	{                                                                                                    \
		SHARE, share_columns, NULL, NULL, 0                                                          \
	}

struct sweep_fixture {
	struct tide_sweep *sweep;
	struct tide_relation relation;
	struct tide_sweep_spec spec;
	struct tide_action action;
	struct tide_task task;
};

static struct tide_sweep *
make_sweep(struct fixture *f, struct sweep_fixture *s)
{
	struct tide_sweep *sweep = talloc_zero(f->exe, struct tide_sweep);

	*s = (struct sweep_fixture){ .sweep = sweep };
	s->spec = (struct tide_sweep_spec){ .write = true, .columns = "b", .what = "t.a to b" };
	s->relation = (struct tide_relation){ .oid = 16384, .pages = 100, .name = "public.t", .heap = true };
	s->task = (struct tide_task){ .exe = f->exe, .step = "backfill", .action = &s->action };
	sweep->exe = f->exe;
	sweep->task = &s->task;
	sweep->spec = &s->spec;
	sweep->name = "0/backfill/1/0";
	sweep->pass = 1;
	sweep->key = talloc_zero_array(sweep, char *, TIDE_SWEEP_KEYS);
	return sweep;
}

static struct tide_segment *
add_segment(struct tide_sweep *sweep, struct tide_relation *relation, int64_t first, int64_t stop)
{
	struct tide_segment *s = talloc_zero(sweep, struct tide_segment);

	s->id = 20 + (int64_t)sweep->segment_count;
	s->relation = relation;
	s->first = first;
	s->stop = stop;
	tide_cursor_begin(&s->cursor, first);
	sweep->segment = talloc_realloc(
	    sweep, sweep->segment, struct tide_segment *, (unsigned)(sweep->segment_count + 1));
	sweep->segment[sweep->segment_count++] = s;
	return s;
}

static const struct answer nothing[] = { { NULL } };

static void
segments_are_claimed_in_order_and_once(void **state)
{
	struct fixture *f = *state;
	struct sweep_fixture s;
	struct tide_sweep *sweep;

	make_executor(f, nothing);
	sweep = make_sweep(f, &s);
	add_segment(sweep, &s.relation, 0, 50)->done = true;
	add_segment(sweep, &s.relation, 50, 100);
	assert_ptr_equal(tide_segments_claim(sweep), sweep->segment[1]);
	assert_null(tide_segments_claim(sweep));
	assert_false(tide_segments_finished(sweep));
	sweep->segment[1]->done = true;
	assert_true(tide_segments_finished(sweep));
}

/* First what was never visited; a skipped range only when it has rested. */
static void
a_skipped_range_comes_last_and_rested(void **state)
{
	struct fixture *f = *state;
	struct sweep_fixture s;
	struct tide_sweep *sweep;
	struct tide_segment *range;

	make_executor(f, nothing);
	sweep = make_sweep(f, &s);
	range = add_segment(sweep, &s.relation, 0, 4);
	range->skipped_range = true;
	add_segment(sweep, &s.relation, 4, 100);
	assert_ptr_equal(tide_segments_claim(sweep), sweep->segment[1]);
	range->not_before = tide_now_us() + TIDE_SECOND;
	assert_null(tide_segments_claim(sweep));
	range->not_before = 0;
	assert_ptr_equal(tide_segments_claim(sweep), range);
}

static void
a_range_that_is_added_keeps_the_key_of_its_segment(void **state)
{
	struct fixture *f = *state;
	struct sweep_fixture s;
	struct tide_sweep *sweep;
	struct tide_segment *from;

	make_executor(f, nothing);
	sweep = make_sweep(f, &s);
	from = add_segment(sweep, &s.relation, 0, 100);
	from->key = talloc_strdup(from, "{7}");
	tide_segments_add_skipped_range(sweep, from, 99, 8, 12);
	assert_int_equal(sweep->segment_count, 2);
	assert_int_equal(sweep->segment[1]->id, 99);
	assert_int_equal(sweep->segment[1]->cursor.next, 8);
	assert_int_equal(sweep->segment[1]->stop, 12);
	assert_string_equal(sweep->segment[1]->key, "{7}");
	assert_true(sweep->segment[1]->not_before > tide_now_us());
}

static void
the_longest_segment_at_work_is_split_once(void **state)
{
	struct fixture *f = *state;
	struct sweep_fixture s;
	struct tide_sweep *sweep;
	struct tide_segment *part, *victim = NULL;

	make_executor(f, nothing);
	sweep = make_sweep(f, &s);
	add_segment(sweep, &s.relation, 0, 1000)->claimed = true;
	add_segment(sweep, &s.relation, 1000, 9000)->claimed = true;
	part = tide_segments_steal(sweep, &victim);
	assert_non_null(part);
	assert_ptr_equal(victim, sweep->segment[1]);
	assert_true(victim->parted);
	assert_int_equal(victim->stop, part->first);
	assert_int_equal(part->stop, 9000);
	assert_int_equal(part->id, 0);
	assert_true(part->claimed);
	/* The database does not know of the first split yet: the other one is next, and then nobody. */
	part = tide_segments_steal(sweep, &victim);
	assert_true(part == NULL || victim == sweep->segment[0]);
}

static void
what_nobody_works_on_is_not_split(void **state)
{
	struct fixture *f = *state;
	struct sweep_fixture s;
	struct tide_sweep *sweep;
	struct tide_segment *victim = NULL;

	make_executor(f, nothing);
	sweep = make_sweep(f, &s);
	add_segment(sweep, &s.relation, 0, 9000);
	assert_null(tide_segments_steal(sweep, &victim));
	assert_int_equal(sweep->segment[0]->stop, 9000);
}

static void
at_stake_is_what_is_left_with_its_indexes(void **state)
{
	struct fixture *f = *state;
	struct sweep_fixture s;
	struct tide_sweep *sweep;

	make_executor(f, nothing);
	sweep = make_sweep(f, &s);
	s.relation.index_bytes = 100 * 1000;
	add_segment(sweep, &s.relation, 0, 40)->done = true;
	add_segment(sweep, &s.relation, 40, 100)->cursor.next = 90;
	assert_int_equal(tide_segments_at_stake(sweep), 10 * (8192 + 1000));
}

static void
a_relation_that_was_not_begun_gets_its_segments(void **state)
{
	struct fixture *f = *state;
	struct sweep_fixture s;
	static const struct answer table[] = {
		{ PASS, "pass", "1", NULL, 0 },
		NO_SHARE,
		ONE_LEAF,
		{ STALE, "rewritten reordered", "f|f", NULL, 0 },
		{ BEGUN, "has before", "f|f", NULL, 0 },
		{ CREATE, "one", "1", NULL, 0 },
		{ LOAD, segment_columns,
		    "21|16384|0|64|32|f|f|10|5|20|1|[\"k1\"]|~|2|u1\n22|16384|64|100|64|f|f|0|0|0|0|~|~|0|~",
		    NULL, 0 },
		{ NULL },
	};
	struct tide_sweep *sweep;

	begin(f, table);
	sweep = make_sweep(f, &s);
	assert_true(tide_segments_open(sweep, &f->err));
	assert_int_equal(sweep->segment_count, 2);
	assert_int_equal(sweep->segment[0]->cursor.next, 32);
	assert_int_equal(sweep->blocks_total, 100);
	assert_int_equal((int64_t)sweep->blocks_done, 32);
	assert_int_equal(sweep->changed, 10);
	assert_int_equal(sweep->stayed, 5);
	assert_int_equal(sweep->differing, 1);
	assert_int_equal(sweep->key_count, 1);
	assert_string_equal(sweep->key[0], "k1");
	assert_int_equal(sweep->unmatched, 2);
	assert_sent(f, CREATE, "[1, 7, 0/backfill/1/0, 1, 16384, 16384, 100, 64, 0, public.t, NULL, ", 1);
}

static void
a_resume_makes_no_segments_and_continues_in_its_pass(void **state)
{
	struct fixture *f = *state;
	struct sweep_fixture s;
	static const struct answer table[] = {
		{ PASS, "pass", "3", NULL, 0 },
		NO_SHARE,
		ONE_LEAF,
		{ STALE, "rewritten reordered", "f|f", NULL, 0 },
		{ BEGUN, "has before", "t|t", NULL, 0 },
		{ LOAD, segment_columns, "21|16384|0|100|32|f|f|10|5|20|0|~|~|0|~", NULL, 0 },
		{ NULL },
	};
	struct tide_sweep *sweep;

	begin(f, table);
	sweep = make_sweep(f, &s);
	assert_true(tide_segments_open(sweep, &f->err));
	assert_int_equal(sweep->pass, 3);
	assert_sent(f, CREATE, NULL, 0);
	assert_sent(f, LOAD, "[1, 0/backfill/1/0, 3]", 1);
}

static void
a_table_that_was_rewritten_begins_again(void **state)
{
	struct fixture *f = *state;
	struct sweep_fixture s;
	static const struct answer table[] = {
		{ PASS, "pass", "1", NULL, 0 },
		NO_SHARE,
		ONE_LEAF,
		{ STALE, "rewritten reordered", "t|f", NULL, 0 },
		{ BEGUN, "has before", "t|t", NULL, 0 },
		{ CREATE, "one", "1", NULL, 0 },
		{ LOAD, segment_columns, "21|16384|0|100|0|f|f|0|0|0|0|~|~|0|~", NULL, 0 },
		{ NULL },
	};
	struct tide_sweep *sweep;

	begin(f, table);
	sweep = make_sweep(f, &s);
	assert_true(tide_segments_open(sweep, &f->err));
	assert_sent(f, CREATE, NULL, 1);
	assert_has(f->told, "sweep.restart: public.t has been rewritten");
}

/* Only where what is found counts while they are the same. */
static void
a_relation_whose_triggers_were_changed_is_begun_again(void **state)
{
	struct fixture *f = *state;
	struct sweep_fixture s;
	static const struct answer table[] = {
		{ PASS, "pass", "1", NULL, 0 },
		NO_SHARE,
		ONE_LEAF,
		{ STALE, "rewritten reordered", "f|f", NULL, 0 },
		{ BEGUN, "has before", "f|t", NULL, 0 },
		{ CREATE, "one", "1", NULL, 0 },
		{ LOAD, segment_columns, "21|16384|0|100|0|f|f|0|0|0|0|~|~|0|~", NULL, 0 },
		{ NULL },
	};
	struct tide_sweep *sweep;

	begin(f, table);
	sweep = make_sweep(f, &s);
	s.action.flags = TIDE_UNTIL_CHANGED;
	assert_true(tide_segments_open(sweep, &f->err));
	assert_string_equal(sweep->relation[0]->mark, "9/7/8");
	assert_sent(f, BEGUN, "[1, 0/backfill/1/0, 16384, 1, 9/7/8]", 1);
	assert_sent(f, CREATE, NULL, 1);
	assert_has(f->told, "sweep.restart: the triggers on public.t were changed");
}

/* To look again and find nothing different means that what was found wrong is wrong. */
static void
a_restart_that_finds_nothing_different_fails(void **state)
{
	struct fixture *f = *state;
	struct sweep_fixture s;
	static const struct answer table[] = {
		NO_SHARE,
		ONE_LEAF,
		{ STALE, "rewritten reordered", "f|f", NULL, 0 },
		{ NULL },
	};
	struct tide_sweep *sweep;

	begin(f, table);
	sweep = make_sweep(f, &s);
	assert_false(tide_segments_restart(sweep, &f->err));
	assert_has(f->err.message, "the storage of public.t is not the one of its catalog entry");
	tide_fail(&sweep->wrong, TIDE_PRECONDITION, "the trigger is gone");
	assert_false(tide_segments_restart(sweep, &f->err));
	assert_string_equal(f->err.message, "the trigger is gone");
}

static void
a_table_that_is_gone_ends_the_sweep(void **state)
{
	struct fixture *f = *state;
	struct sweep_fixture s;
	static const struct answer table[] = {
		{ PASS, "pass", "1", NULL, 0 },
		NO_SHARE,
		{ LEAVES, leaf_columns, "16384|public.t|16384|100|t|1|f|1000|8192|100|9/7/8", NULL, 1 },
		{ LEAVES, leaf_columns, NULL, NULL, 0 },
		{ STALE, "rewritten reordered", "f|f", NULL, 0 },
		{ BEGUN, "has before", "t|t", NULL, 0 },
		{ LOAD, segment_columns, NULL, NULL, 0 },
		{ NULL },
	};
	struct tide_sweep *sweep;

	begin(f, table);
	sweep = make_sweep(f, &s);
	assert_true(tide_segments_open(sweep, &f->err));
	assert_false(tide_segments_restart(sweep, &f->err));
	assert_string_equal(f->err.message, "public.t is gone");
}

static void
a_sweep_without_a_trigger_repeats_until_nothing_changed(void **state)
{
	struct fixture *f = *state;
	struct sweep_fixture s;
	static const struct answer table[] = {
		NO_SHARE,
		ONE_LEAF,
		{ BEGUN, "has before", "t|t", NULL, 1 },
		{ BEGUN, "has before", "f|f", NULL, 1 },
		{ BEGUN, "has before", "t|t", NULL, 0 },
		{ CREATE, "one", "1", NULL, 0 },
		{ LOAD, segment_columns, "21|16384|0|100|100|f|t|9|9|9|0|~|~|0|~", NULL, 1 },
		{ LOAD, segment_columns, "22|16384|0|100|100|f|t|0|0|9|0|~|~|0|~", NULL, 0 },
		{ NULL },
	};
	struct tide_sweep *sweep;
	bool more;

	begin(f, table);
	sweep = make_sweep(f, &s);
	s.spec.repeats = true;
	assert_true(tide_segments_more(sweep, &more, &f->err));
	assert_true(more);
	assert_int_equal(sweep->pass, 2);
	assert_has(f->told, "sweep.pass: pass 1 changed 9 rows");
	assert_true(tide_segments_more(sweep, &more, &f->err));
	assert_false(more);
	assert_int_equal(sweep->pass, 2);
}

static void
the_fifth_pass_is_the_last(void **state)
{
	struct fixture *f = *state;
	struct sweep_fixture s;
	static const struct answer table[] = {
		NO_SHARE,
		ONE_LEAF,
		{ BEGUN, "has before", "t|t", NULL, 0 },
		{ LOAD, segment_columns, "21|16384|0|100|100|f|t|9|9|9|0|~|~|0|~", NULL, 0 },
		{ NULL },
	};
	struct tide_sweep *sweep;
	bool more;

	begin(f, table);
	sweep = make_sweep(f, &s);
	s.spec.repeats = true;
	sweep->pass = 5;
	assert_true(tide_segments_more(sweep, &more, &f->err));
	assert_false(more);
	assert_has(f->told, "sweep.unsettled: pass 5 still changed 9 rows");
}

static void
a_failed_sweep_is_forgotten_under_the_fence(void **state)
{
	struct fixture *f = *state;
	struct sweep_fixture s;
	static const struct answer table[] = {
		{ "'sweep.failed'", "one", "1", NULL, 1 },
		{ "'sweep.failed'", "one", NULL, NULL, 0 },
		{ NULL },
	};
	struct tide_sweep *sweep;

	begin(f, table);
	sweep = make_sweep(f, &s);
	assert_true(tide_segments_forget(sweep, &f->err));
	assert_sent(f, "DELETE FROM tidemark.segment", "[1, 7, 0/backfill/1/0, 0, backfill]", 1);
	assert_false(tide_segments_forget(sweep, &f->err));
	assert_int_equal(f->err.code, TIDE_LEASE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(segments_are_claimed_in_order_and_once),
		TEST(a_skipped_range_comes_last_and_rested),
		TEST(a_range_that_is_added_keeps_the_key_of_its_segment),
		TEST(the_longest_segment_at_work_is_split_once),
		TEST(what_nobody_works_on_is_not_split),
		TEST(at_stake_is_what_is_left_with_its_indexes),
		TEST(a_relation_that_was_not_begun_gets_its_segments),
		TEST(a_resume_makes_no_segments_and_continues_in_its_pass),
		TEST(a_table_that_was_rewritten_begins_again),
		TEST(a_relation_whose_triggers_were_changed_is_begun_again),
		TEST(a_restart_that_finds_nothing_different_fails),
		TEST(a_table_that_is_gone_ends_the_sweep),
		TEST(a_sweep_without_a_trigger_repeats_until_nothing_changed),
		TEST(the_fifth_pass_is_the_last),
		TEST(a_failed_sweep_is_forgotten_under_the_fence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
