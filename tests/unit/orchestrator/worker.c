#include "sweep_fixture.h"

#include <string.h>

#include "locks/lock_waits.h"
#include "sweep/pilot.h"

#define PREPARE "prepare batch: "
#define PREPARE_VISIT "prepare skipped_range: "
#define BATCH "execute batch"
#define JOIN "-- The sessions with the pids $3"
#define WAL "set_config('wal_compression'"
#define VISIT "execute skipped_range"
#define SKIP "continues at block $5"

static const char answer_columns[] =
    "changed stayed seen differing skipped unmatched keys unmatched_key owned same guarded";

/* What a worker says before its first batch. */
#define BEGINS                                                                                               \
	{ "SET lock_timeout", NULL, NULL, NULL, 0 }, { WAL, NULL, NULL, NULL, 0 },                           \
	    { "set_config('search_path'", NULL, NULL, NULL, 0 }, { JOIN, "pid", "1", NULL, 0 },              \
	{                                                                                                    \
		"DEALLOCATE ALL", NULL, NULL, NULL, 0                                                        \
	}
#define PREPARED                                                                                             \
	{ PREPARE, NULL, NULL, NULL, 0 },                                                                    \
	{                                                                                                    \
		PREPARE_VISIT, NULL, NULL, NULL, 0                                                           \
	}

/* A sweep of one relation that fills t.b, 32 blocks a batch. */
static struct tide_sweep *
make_sweep(struct fixture *f, struct sweep_fixture *s)
{
	static const struct tide_stripe_facts facts = { .pages = 64, .rows = 640, .fillfactor = 100 };
	struct tide_sweep *sweep = new_sweep(f, s);

	s->spec.set = "b = 1";
	s->spec.residual = "b IS NULL";
	s->spec.key = "'1'::jsonb";
	s->relation.filenode = 16384;
	s->relation.pages = 64;
	s->relation.rows = 640;
	s->relation.order = &tide_heap_order;
	tide_stripes_begin(&s->relation.stripes, &facts, 1);
	sweep->shared_buffers = (f->exe)->server.shared_buffers;
	sweep->horizon_age = -1;
	sweep->block_rows = 10;
	sweep->pilot = tide_pilot_start(sweep, &f->plan.limits, s->relation.pages, true);
	tide_allowance_begin(&sweep->allowance, 0, 1, tide_now_us());
	tide_horizon_begin(&sweep->horizon);
	tide_pace_begin(&sweep->moving, TIDE_SECOND, 32 * TIDE_PARTS, 32 * TIDE_PARTS);
	tide_pace_begin(&sweep->staying, TIDE_SECOND, 32 * TIDE_PARTS, 32 * TIDE_PARTS);
	tide_pace_begin(&sweep->keys, TIDE_SECOND, 100, 100);
	return sweep;
}

/* Kicks and turns until the workers rest. */
static void
work(struct tide_sweep *sweep)
{
	tide_workers_kick(sweep);
	while (sweep->busy > 0)
		tide_executor_turn(sweep->exe);
}

static struct tide_sweep *
begin_sweep(struct fixture *f, struct sweep_fixture *s, const struct answer *table)
{
	struct tide_sweep *sweep;

	begin(f, table);
	sweep = make_sweep(f, s);
	add_segment(s, 21, 0, 64);
	assert_true(tide_workers_open(sweep, &f->err));
	return sweep;
}

static void
end_sweep(struct tide_sweep *sweep)
{
	tide_lock_waits_end(sweep->waits);
	talloc_free(sweep);
}

static void
a_segment_is_prepared_once_and_done_batch_by_batch(void **state)
{
	struct fixture *f = *state;
	struct sweep_fixture s;
	static const struct answer table[] = {
		BEGINS,
		PREPARED,
		{ BATCH, answer_columns, "300|200|300|0|0|0|~|~|t|t|t", NULL, 0 },
		{ NULL },
	};
	struct tide_sweep *sweep = begin_sweep(f, &s, table);

	work(sweep);
	assert_true(sweep->segment[0]->done);
	assert_false(sweep->failed);
	assert_int_equal(sweep->changed, 600);
	assert_int_equal(sweep->stayed, 400);
	assert_sent(f, PREPARE, NULL, 1);
	assert_sent(f, BATCH, NULL, 2);
	assert_sent(f, BATCH, "[21, 7, (0,0), (32,0), 32, 0, 0]", 1);
	assert_sent(f, BATCH, "[21, 7, (32,0), (64,0), 64, 0, 0]", 1);
	end_sweep(sweep);
}

/* Asked once more; then the segment continues after the rows, which become a range of their own. */
static void
rows_that_stay_locked_are_skipped_and_visited_later(void **state)
{
	struct fixture *f = *state;
	struct sweep_fixture s;
	static const struct answer table[] = {
		BEGINS,
		PREPARED,
		{ BATCH, NULL, NULL, "55P03", 2 },
		{ BATCH, answer_columns, "0|0|0|0|0|0|~|~|t|t|t", NULL, 0 },
		{ SKIP, "skipped_range", "99", NULL, 0 },
		{ VISIT, answer_columns, "5|5|5|0|0|0|~|~|t|t|t", NULL, 0 },
		{ NULL },
	};
	struct tide_sweep *sweep = begin_sweep(f, &s, table);

	work(sweep);
	assert_int_equal(sweep->segment_count, 2);
	assert_true(sweep->segment[0]->done);
	assert_true(sweep->segment[1]->skipped_range);
	assert_int_equal(sweep->segment[1]->id, 99);
	assert_sent(f, SKIP, NULL, 1);
	assert_sent(f, VISIT, NULL, 0);
	/* It rests for 50 ms. */
	tide_executor_sleep(f->exe, 60 * TIDE_MS);
	for (int i = 0; i < 4 && !tide_segments_finished(sweep); i++)
		work(sweep);
	assert_true(tide_segments_finished(sweep));
	/* As many batches as the range takes, all of them on its own row of tidemark.segment. */
	assert_sent(f, VISIT, "[99, 7, ", (size_t)(sweep->changed / 5));
	assert_true(sweep->changed > 0);
	end_sweep(sweep);
}

static void
a_range_that_is_still_locked_rests_again(void **state)
{
	struct fixture *f = *state;
	struct sweep_fixture s;
	static const struct answer table[] = {
		BEGINS,
		PREPARED,
		{ VISIT, answer_columns, "1|1|1|0|3|0|~|~|t|t|t", NULL, 0 },
		{ NULL },
	};
	struct tide_sweep *sweep;

	begin(f, table);
	sweep = make_sweep(f, &s);
	add_segment(&s, 99, 0, 4)->skipped_range = true;
	assert_true(tide_workers_open(sweep, &f->err));
	work(sweep);
	assert_false(sweep->segment[0]->done);
	assert_int_equal(sweep->segment[0]->visits, 1);
	assert_int_equal(sweep->skipped, 3);
	assert_true(sweep->segment[0]->not_before > tide_now_us());
	assert_sent(f, VISIT, NULL, 1);
	end_sweep(sweep);
}

static void
a_fence_that_moved_loses_the_lease(void **state)
{
	struct fixture *f = *state;
	struct sweep_fixture s;
	static const struct answer table[] = {
		BEGINS,
		PREPARED,
		{ BATCH, answer_columns, "0|0|0|0|0|0|~|~|f|t|t", NULL, 0 },
		{ NULL },
	};
	struct tide_sweep *sweep = begin_sweep(f, &s, table);

	work(sweep);
	assert_true(f->exe->session->lost);
	assert_true(sweep->holding);
	assert_false(sweep->segment[0]->done);
	assert_sent(f, BATCH, NULL, 1);
	end_sweep(sweep);
}

static void
other_storage_makes_the_sweep_look_again(void **state)
{
	struct fixture *f = *state;
	struct sweep_fixture s;
	static const struct answer table[] = {
		BEGINS,
		PREPARED,
		{ BATCH, answer_columns, "0|0|0|0|0|0|~|~|t|f|t", NULL, 0 },
		{ NULL },
	};
	struct tide_sweep *sweep = begin_sweep(f, &s, table);

	work(sweep);
	assert_true(sweep->rewritten);
	assert_false(sweep->failed);
	assert_int_equal(sweep->wrong.code, TIDE_OK);
	assert_false(sweep->segment[0]->claimed);
	end_sweep(sweep);
}

static void
a_trigger_that_is_gone_is_what_is_wrong(void **state)
{
	struct fixture *f = *state;
	struct sweep_fixture s;
	static const struct answer table[] = {
		BEGINS,
		PREPARED,
		{ BATCH, answer_columns, "0|0|0|0|0|0|~|~|t|t|f", NULL, 0 },
		{ NULL },
	};
	struct tide_sweep *sweep = begin_sweep(f, &s, table);

	work(sweep);
	assert_true(sweep->rewritten);
	assert_int_equal(sweep->wrong.code, TIDE_PRECONDITION);
	assert_has(sweep->wrong.message, "the trigger that keeps t.a to b in step is disabled");
	end_sweep(sweep);
}

/* Half as much each time, until the row is alone in its block. */
static void
a_row_that_fails_is_closed_in_on(void **state)
{
	struct fixture *f = *state;
	struct sweep_fixture s;
	static const struct answer table[] = {
		BEGINS,
		PREPARED,
		{ BATCH, NULL, NULL, "22012", 0 },
		{ NULL },
	};
	struct tide_sweep *sweep = begin_sweep(f, &s, table);

	work(sweep);
	assert_true(sweep->failed);
	assert_int_equal(sweep->err.code, TIDE_PRECONDITION);
	assert_has(sweep->err.message, "t.a to b: a row in block 0 of public.t");
	assert_has(sweep->err.hint, "SELECT * FROM public.t WHERE ctid >= '(0,0)' AND ctid < '(1,0)'");
	assert_sent(f, BATCH, "(0,0), (32,0)", 1);
	assert_sent(f, BATCH, "(0,0), (16,0)", 1);
	assert_sent(f, BATCH, "(0,0), (1,0)", 1);
	assert_sent(f, BATCH, NULL, 6);
	end_sweep(sweep);
}

static void
rows_that_would_be_filled_again_end_the_sweep(void **state)
{
	struct fixture *f = *state;
	struct sweep_fixture s;
	static const struct answer table[] = {
		BEGINS,
		PREPARED,
		{ BATCH, NULL, NULL, TIDE_BATCH_AGAIN, 0 },
		{ NULL },
	};
	struct tide_sweep *sweep = begin_sweep(f, &s, table);

	work(sweep);
	assert_true(sweep->failed);
	assert_has(sweep->err.message, "rows that have been filled would be filled again");
	assert_sent(f, BATCH, NULL, 1);
	end_sweep(sweep);
}

static void
a_lock_while_preparing_gives_the_segment_back(void **state)
{
	struct fixture *f = *state;
	struct sweep_fixture s;
	static const struct answer table[] = { BEGINS, { PREPARE, NULL, NULL, "55P03", 0 }, { NULL } };
	struct tide_sweep *sweep = begin_sweep(f, &s, table);

	work(sweep);
	assert_false(sweep->failed);
	assert_false(sweep->segment[0]->claimed);
	assert_true(sweep->segment[0]->not_before > tide_now_us());
	end_sweep(sweep);
}

static void
a_table_that_is_missing_while_preparing_is_looked_for(void **state)
{
	struct fixture *f = *state;
	struct sweep_fixture s;
	static const struct answer table[] = { BEGINS, { PREPARE, NULL, NULL, "42P01", 0 }, { NULL } };
	struct tide_sweep *sweep = begin_sweep(f, &s, table);

	work(sweep);
	assert_false(sweep->failed);
	assert_true(sweep->rewritten);
	assert_string_equal(sweep->wrong.sqlstate, "42P01");
	end_sweep(sweep);
}

static void
an_error_of_another_kind_is_kept_as_it_is(void **state)
{
	struct fixture *f = *state;
	struct sweep_fixture s;
	static const struct answer table[] = {
		BEGINS,
		PREPARED,
		{ BATCH, NULL, NULL, "53100", 0 },
		{ NULL },
	};
	struct tide_sweep *sweep = begin_sweep(f, &s, table);

	work(sweep);
	assert_true(sweep->failed);
	assert_string_equal(sweep->err.sqlstate, "53100");
	assert_sent(f, BATCH, NULL, 1);
	end_sweep(sweep);
}

static void
a_throttle_lets_nothing_be_sent(void **state)
{
	struct fixture *f = *state;
	struct sweep_fixture s;
	static const struct answer table[] = { BEGINS, { NULL } };
	struct tide_sweep *sweep = begin_sweep(f, &s, table);

	f->exe->throttle.hold.cause = TIDE_CAUSE_REPLICA_LAG;
	work(sweep);
	assert_false(sweep->segment[0]->claimed);
	f->exe->throttle.hold.cause = TIDE_CAUSE_NONE;
	sweep->holding = true;
	work(sweep);
	assert_false(sweep->segment[0]->claimed);
	assert_sent(f, "DEALLOCATE ALL", NULL, 0);
	end_sweep(sweep);
}

/* The second worker has nothing of its own: it takes half of what the first one has before it, and the database learns of it. */
static void
a_worker_without_work_takes_half_of_a_segment(void **state)
{
	struct fixture *f = *state;
	struct sweep_fixture s;
	static const struct answer table[] = {
		BEGINS,
		PREPARED,
		{ BATCH, answer_columns, "1|1|1|0|0|0|~|~|t|t|t", NULL, 0 },
		{ "INSERT INTO tidemark.segment", "id", "22", NULL, 0 },
		{ NULL },
	};
	struct tide_sweep *sweep;
	int64_t last = 0;

	f->plan.limits.workers = 2;
	begin(f, table);
	sweep = make_sweep(f, &s);
	add_segment(&s, 21, 0, 6400);
	s.relation.pages = 6400;
	assert_true(tide_workers_open(sweep, &f->err));
	work(sweep);
	assert_true(tide_segments_finished(sweep));
	assert_true(sweep->segment_count > 1);
	assert_int_equal(sweep->segment[1]->id, 22);
	assert_true(sweep->segment[0]->stop <= sweep->segment[1]->first);
	/* What was taken may be taken from again, on a slow machine: one of the segments has the end. */
	for (size_t i = 0; i < sweep->segment_count; i++)
		last = sweep->segment[i]->stop > last ? sweep->segment[i]->stop : last;
	assert_int_equal(last, 6400);
	assert_false(sweep->segment[0]->parted);
	end_sweep(sweep);
}

static void
one_connection_too_many_means_fewer_workers(void **state)
{
	struct fixture *f = *state;
	struct sweep_fixture s;
	static const struct answer table[] = {
		{ "SET lock_timeout", NULL, NULL, NULL, 1 },
		{ "SET lock_timeout", NULL, NULL, "53300", 0 },
		{ WAL, NULL, NULL, NULL, 0 },
		{ "set_config('search_path'", NULL, NULL, NULL, 0 },
		{ JOIN, "pid", "1", NULL, 0 },
		{ NULL },
	};
	struct tide_sweep *sweep;

	f->plan.limits.workers = 3;
	begin(f, table);
	sweep = make_sweep(f, &s);
	assert_true(tide_workers_open(sweep, &f->err));
	assert_int_equal(sweep->worker_count, 1);
	assert_has(f->told, "sweep.workers: continuing with 1 of 3 workers");
	assert_int_equal(f->err.code, TIDE_OK);
	end_sweep(sweep);
}

static void
set_workers(struct tide_sweep *sweep, const char *number)
{
	char *settings =
	    talloc_asprintf(sweep, "[{\"key\":\"workers\",\"value\":\"%s\",\"by\":\"ann\"}]", number);

	tide_executor_steer(sweep->exe, settings);
	tide_sweep_steer(sweep);
	talloc_free(settings);
}

/* Its segment is another one's, and it rests with its connection. */
static void
a_worker_that_is_one_too_many_rests(void **state)
{
	struct fixture *f = *state;
	struct sweep_fixture s;
	static const struct answer table[] = {
		BEGINS,
		PREPARED,
		{ BATCH, answer_columns, "1|1|1|0|0|0|~|~|t|t|t", NULL, 0 },
		{ NULL },
	};
	struct tide_sweep *sweep;

	f->plan.limits.workers = 2;
	begin(f, table);
	sweep = make_sweep(f, &s);
	add_segment(&s, 21, 0, 64);
	add_segment(&s, 22, 0, 64);
	assert_true(tide_workers_open(sweep, &f->err));
	tide_workers_kick(sweep);
	assert_int_equal(sweep->busy, 2);
	set_workers(sweep, "1");
	assert_int_equal(tide_workers_active(sweep), 1);
	while (sweep->busy == 2)
		tide_executor_turn(sweep->exe);
	work(sweep);
	assert_true(tide_segments_finished(sweep));
	assert_int_equal(sweep->worker_count, 2);
	/* The second one has prepared at most: whatever was sent as a batch is the first one's. */
	assert_sent(f, BATCH, NULL, 4);
	set_workers(sweep, "9");
	assert_int_equal(tide_workers_active(sweep), 2);
	end_sweep(sweep);
}

/* One for each call, so that a request is served in between; a refusal is said once, and holds until something else is set. */
static void
more_workers_are_opened_on_demand(void **state)
{
	struct fixture *f = *state;
	struct sweep_fixture s;
	static const struct answer table[] = {
		{ "SET lock_timeout", NULL, NULL, NULL, 2 },
		{ "SET lock_timeout", NULL, NULL, "53300", 1 },
		{ "SET lock_timeout", NULL, NULL, NULL, 0 },
		{ WAL, NULL, NULL, NULL, 0 },
		{ JOIN, "pid", "1", NULL, 0 },
		{ "set_config('search_path'", NULL, NULL, NULL, 0 },
		{ NULL },
	};
	struct tide_sweep *sweep = begin_sweep(f, &s, table);

	tide_workers_more(sweep);
	assert_int_equal(sweep->worker_count, 1);
	set_workers(sweep, "4");
	tide_workers_more(sweep);
	assert_int_equal(sweep->worker_count, 2);
	for (int i = 0; i < 3; i++)
		tide_workers_more(sweep);
	assert_int_equal(sweep->worker_count, 2);
	assert_has(f->told, "sweep.workers: continuing with 2 of 4 workers: ");
	assert_sent(f, "SET lock_timeout", NULL, 3);
	set_workers(sweep, "3");
	tide_workers_more(sweep);
	tide_workers_more(sweep);
	assert_int_equal(sweep->worker_count, 3);
	/* Each of them is known to whoever takes the run over. */
	assert_sent(f, JOIN, NULL, 3);
	end_sweep(sweep);
}

static void
without_a_single_worker_the_sweep_fails(void **state)
{
	struct fixture *f = *state;
	struct sweep_fixture s;
	static const struct answer table[] = { { "SET lock_timeout", NULL, NULL, "53300", 0 }, { NULL } };
	struct tide_sweep *sweep;

	begin(f, table);
	sweep = make_sweep(f, &s);
	assert_false(tide_workers_open(sweep, &f->err));
	assert_has(f->err.message, "sweep worker 1: ");
	end_sweep(sweep);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_segment_is_prepared_once_and_done_batch_by_batch),
		TEST(rows_that_stay_locked_are_skipped_and_visited_later),
		TEST(a_range_that_is_still_locked_rests_again),
		TEST(a_fence_that_moved_loses_the_lease),
		TEST(other_storage_makes_the_sweep_look_again),
		TEST(a_trigger_that_is_gone_is_what_is_wrong),
		TEST(a_row_that_fails_is_closed_in_on),
		TEST(rows_that_would_be_filled_again_end_the_sweep),
		TEST(a_lock_while_preparing_gives_the_segment_back),
		TEST(a_table_that_is_missing_while_preparing_is_looked_for),
		TEST(an_error_of_another_kind_is_kept_as_it_is),
		TEST(a_throttle_lets_nothing_be_sent),
		TEST(a_worker_without_work_takes_half_of_a_segment),
		TEST(one_connection_too_many_means_fewer_workers),
		TEST(a_worker_that_is_one_too_many_rests),
		TEST(more_workers_are_opened_on_demand),
		TEST(without_a_single_worker_the_sweep_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
