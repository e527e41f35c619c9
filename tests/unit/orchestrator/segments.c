#include "sweep_fixture.h"

#include <string.h>

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

#define SAME_STORAGE                                                                                         \
	{                                                                                                    \
		STALE, "rewritten reordered", "f|f", NULL, 0                                                 \
	}
/* What is asked when a sweep is opened whose last pass was this one. */
#define OPENS(pass) { PASS, "pass", pass, NULL, 0 }, NO_SHARE, ONE_LEAF

/* A sweep of a table of 100 blocks, on a server that answers so; NULL: without one. */
static struct tide_sweep *
begin_sweep(struct fixture *f, struct sweep_fixture *s, const struct answer *table)
{
	static const struct answer nothing[] = { { NULL } };
	struct tide_sweep *sweep;

	if (table != NULL)
		begin(f, table);
	else
		make_executor(f, nothing);
	sweep = new_sweep(f, s);
	s->relation.pages = 100;
	return sweep;
}

static void
segments_are_claimed_in_order_and_once(void **state)
{
	struct fixture *f = *state;
	struct sweep_fixture s;
	struct tide_sweep *sweep = begin_sweep(f, &s, NULL);
	add_segment(&s, 20, 0, 50)->done = true;
	add_segment(&s, 21, 50, 100);
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

	sweep = begin_sweep(f, &s, NULL);
	range = add_segment(&s, 20, 0, 4);
	range->skipped_range = true;
	add_segment(&s, 21, 4, 100);
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

	sweep = begin_sweep(f, &s, NULL);
	from = add_segment(&s, 20, 0, 100);
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

	sweep = begin_sweep(f, &s, NULL);
	add_segment(&s, 20, 0, 1000)->claimed = true;
	add_segment(&s, 21, 1000, 9000)->claimed = true;
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

	sweep = begin_sweep(f, &s, NULL);
	add_segment(&s, 20, 0, 9000);
	assert_null(tide_segments_steal(sweep, &victim));
	assert_int_equal(sweep->segment[0]->stop, 9000);
}

static void
at_stake_is_what_is_left_with_its_indexes(void **state)
{
	struct fixture *f = *state;
	struct sweep_fixture s;
	struct tide_sweep *sweep = begin_sweep(f, &s, NULL);
	s.relation.index_bytes = 100 * 1000;
	add_segment(&s, 20, 0, 40)->done = true;
	add_segment(&s, 21, 40, 100)->cursor.next = 90;
	assert_int_equal(tide_segments_at_stake(sweep), 10 * (8192 + 1000));
}

static void
a_relation_that_was_not_begun_gets_its_segments(void **state)
{
	struct fixture *f = *state;
	struct sweep_fixture s;
	static const struct answer table[] = {
		OPENS("1"),
		SAME_STORAGE,
		{ BEGUN, "has before", "f|f", NULL, 0 },
		{ CREATE, "one", "1", NULL, 0 },
		{ LOAD, segment_columns,
		    "21|16384|0|64|32|f|f|10|5|20|1|[\"k1\"]|~|2|u1\n22|16384|64|100|64|f|f|0|0|0|0|~|~|0|~",
		    NULL, 0 },
		{ NULL },
	};
	struct tide_sweep *sweep = begin_sweep(f, &s, table);
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
		OPENS("3"),
		SAME_STORAGE,
		{ BEGUN, "has before", "t|t", NULL, 0 },
		{ LOAD, segment_columns, "21|16384|0|100|32|f|f|10|5|20|0|~|~|0|~", NULL, 0 },
		{ NULL },
	};
	struct tide_sweep *sweep = begin_sweep(f, &s, table);
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
		OPENS("1"),
		{ STALE, "rewritten reordered", "t|f", NULL, 0 },
		{ BEGUN, "has before", "t|t", NULL, 0 },
		{ CREATE, "one", "1", NULL, 0 },
		{ LOAD, segment_columns, "21|16384|0|100|0|f|f|0|0|0|0|~|~|0|~", NULL, 0 },
		{ NULL },
	};
	struct tide_sweep *sweep = begin_sweep(f, &s, table);
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
		OPENS("1"),
		SAME_STORAGE,
		{ BEGUN, "has before", "f|t", NULL, 0 },
		{ CREATE, "one", "1", NULL, 0 },
		{ LOAD, segment_columns, "21|16384|0|100|0|f|f|0|0|0|0|~|~|0|~", NULL, 0 },
		{ NULL },
	};
	struct tide_sweep *sweep = begin_sweep(f, &s, table);
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
		SAME_STORAGE,
		{ NULL },
	};
	struct tide_sweep *sweep = begin_sweep(f, &s, table);
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
		SAME_STORAGE,
		{ BEGUN, "has before", "t|t", NULL, 0 },
		{ LOAD, segment_columns, NULL, NULL, 0 },
		{ NULL },
	};
	struct tide_sweep *sweep = begin_sweep(f, &s, table);
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

	sweep = begin_sweep(f, &s, table);
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

	sweep = begin_sweep(f, &s, table);
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
	struct tide_sweep *sweep = begin_sweep(f, &s, table);
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
