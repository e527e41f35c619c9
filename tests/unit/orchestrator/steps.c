#include "executor_fixture.h"

#include <string.h>

#include "signals/watcher.h"
#include "steps/step_runner.h"

#define FOLLOW "o.oid IS NOT DISTINCT FROM c.oid"
#define MOVE "-- Moves run $1"
#define HAS "SELECT EXISTS (SELECT FROM tidemark.journal"
#define ADD "INSERT INTO tidemark.journal (run, event"
#define PROBE "SELECT probe"
#define ACT "ALTER TABLE act"
#define HOLDERS "-- Transactions that hold, for longer than $3 seconds"

/* What the table is called: as ever. */
#define SAME_NAME                                                                                            \
	{                                                                                                    \
		FOLLOW, "schema name printed printed_before has_name has_it_now recorded",                   \
		    "public|t|public.t|public.t|t|~|public.t", NULL, 0                                       \
	}

static struct tide_task
task_of(struct tide_executor *exe, const struct tide_action *action)
{
	return (struct tide_task){ .exe = exe, .phase = 0, .step = "add-column", .action = action };
}

static char *act[] = { "ALTER TABLE act" };

/* A transaction without a lock on the table. */
static struct tide_action
sql_action(void)
{
	return (struct tide_action){ .kind = TIDE_STEP_SQL,
		.title = "add the column",
		.probe = "SELECT probe",
		.act = act,
		.act_count = 1,
		.repair = "DROP leftover" };
}

/* Runs the step above on a server that answers so. */
static bool
run_sql(struct fixture *f, const struct answer *table, unsigned flags)
{
	struct tide_executor *exe = begin(f, table);
	struct tide_action action = sql_action();
	const struct tide_task task = task_of(exe, &action);

	action.flags = flags;
	return tide_task_run(&task, &f->err);
}

static void
what_is_done_already_is_journaled_and_not_repeated(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = {
		SAME_NAME,
		{ HAS, "has", "f", NULL, 0 },
		{ PROBE, "probe", "done", NULL, 0 },
		{ ADD, "seq", "5", NULL, 0 },
		{ NULL },
	};

	assert_true(run_sql(f, table, 0));
	assert_sent(f, ACT, NULL, 0);
	assert_sent(f, ADD, "step.done, 0, add-column", 1);
	assert_has(f->told, "step.skip: already done: add the column");
}

static void
what_somebody_else_made_is_refused(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = {
		SAME_NAME,
		{ HAS, "has", "f", NULL, 0 },
		{ PROBE, "probe", "done", NULL, 0 },
		{ NULL },
	};

	assert_false(run_sql(f, table, TIDE_CREATES));
	assert_int_equal(f->err.code, TIDE_PRECONDITION);
	assert_has(f->err.message, "it already exists and was not created by this run");
	assert_sent(f, ADD, NULL, 0);
}

/* Probe, act, probe: one transaction under the fence, which journals itself. */
static void
what_is_to_do_is_done_and_looked_at_again(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = {
		SAME_NAME,
		{ PROBE, "probe", "todo", NULL, 1 },
		{ PROBE, "probe", "done", NULL, 0 },
		{ ACT, "lock_wait seconds", "0.1|0.2", NULL, 0 },
		{ NULL },
	};

	assert_true(run_sql(f, table, 0));
	assert_sent(f, PROBE, NULL, 2);
	assert_sent(f, "WHERE id = 1 AND fence = 7 FOR SHARE", NULL, 1);
	assert_has(f->told, "step.done: add the column");
}

static void
a_step_that_is_undone_at_once_is_told(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = {
		SAME_NAME,
		{ PROBE, "probe", "todo", NULL, 0 },
		{ ACT, "lock_wait seconds", "0.1|0.2", NULL, 0 },
		{ NULL },
	};

	assert_false(run_sql(f, table, 0));
	assert_int_equal(f->err.code, TIDE_UNEXPECTED);
	assert_has(f->err.message, "its probe does not find it done");
	assert_has(f->err.hint, "event trigger");
}

static void
a_leftover_of_ours_is_removed_first(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = {
		SAME_NAME,
		{ PROBE, "probe", "broken", NULL, 1 },
		{ PROBE, "probe", "todo", NULL, 1 },
		{ PROBE, "probe", "done", NULL, 0 },
		{ HAS, "has", "f", NULL, 1 },
		{ HAS, "has", "t", NULL, 0 },
		{ "DROP leftover", NULL, NULL, NULL, 0 },
		{ ACT, "lock_wait seconds", "0.1|0.2", NULL, 0 },
		{ ADD, "seq", "5", NULL, 0 },
		{ NULL },
	};

	assert_true(run_sql(f, table, 0));
	assert_sent(f, "DROP leftover", "[]", 1);
	assert_sent(f, HAS, "step.intent", 1);
	assert_sent(f, ADD, "step.repair", 1);
}

static void
a_leftover_of_somebody_else_stays(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = {
		SAME_NAME,
		{ PROBE, "probe", "broken", NULL, 0 },
		{ HAS, "has", "f", NULL, 0 },
		{ NULL },
	};

	assert_false(run_sql(f, table, 0));
	assert_int_equal(f->err.code, TIDE_PRECONDITION);
	assert_has(f->err.message, "an incomplete object exists that this run did not create");
	assert_sent(f, "DROP leftover", NULL, 0);
}

static void
a_leftover_that_comes_back_ends_the_step(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = {
		SAME_NAME,
		{ PROBE, "probe", "broken", NULL, 0 },
		{ HAS, "has", "t", NULL, 0 },
		{ "DROP leftover", NULL, NULL, NULL, 0 },
		{ ADD, "seq", "5", NULL, 0 },
		{ NULL },
	};

	assert_false(run_sql(f, table, 0));
	assert_has(f->err.message, "is still incomplete after its cleanup");
	assert_sent(f, "DROP leftover", "[]", 3);
}

static void
a_moved_fence_inside_the_transaction_is_a_lost_lease(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = {
		SAME_NAME,
		{ PROBE, "probe", "todo", NULL, 0 },
		{ ACT, NULL, NULL, "TM001", 0 },
		{ "ROLLBACK", NULL, NULL, NULL, 0 },
		{ NULL },
	};

	assert_false(run_sql(f, table, 0));
	assert_int_equal(f->err.code, TIDE_LEASE);
	assert_true(f->exe->session->lost);
	assert_sent(f, "ROLLBACK", NULL, 1);
}

/* A retry begins with the probe. */
static void
a_lock_that_is_not_granted_is_asked_for_again(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = {
		SAME_NAME,
		{ PROBE, "probe", "todo", NULL, 2 },
		{ PROBE, "probe", "done", NULL, 0 },
		{ ACT, NULL, NULL, "55P03", 1 },
		{ ACT, "lock_wait seconds", "0.1|0.2", NULL, 0 },
		{ "ROLLBACK", NULL, NULL, NULL, 0 },
		{ NULL },
	};

	assert_true(run_sql(f, table, 0));
	assert_has(f->told, "lock.retry: a lock that its statements ask for was not granted");
	assert_sent(f, ACT, NULL, 2);
	assert_sent(f, PROBE, NULL, 3);
}

/* Our transaction was rolled back: what stands there now is not of this run, and a rollback must leave it. */
static void
what_others_did_between_two_tries_is_journaled_as_found(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = {
		SAME_NAME,
		{ PROBE, "probe", "todo", NULL, 1 },
		{ PROBE, "probe", "done", NULL, 0 },
		{ HAS, "has", "f", NULL, 0 },
		{ ACT, NULL, NULL, "55P03", 0 },
		{ "ROLLBACK", NULL, NULL, NULL, 0 },
		{ ADD, "seq", "5", NULL, 0 },
		{ NULL },
	};
	struct tide_executor *exe = begin(f, table);
	struct tide_action action = sql_action();
	const struct tide_task task = task_of(exe, &action);

	assert_true(tide_task_run(&task, &f->err));
	assert_sent(f, ACT, NULL, 1);
	assert_sent(f, ADD, "step.done, 0, add-column, NULL, already satisfied", 1);
	action.flags = TIDE_CREATES;
	assert_false(tide_step_sql(&task, &f->err));
	assert_has(f->err.message, "it already exists and was not created by this run");
}

/* Without a probe the journal would answer, which has the row of an earlier run of the step. */
static void
a_cleanup_is_tried_again_though_an_earlier_one_is_in_the_journal(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = {
		SAME_NAME,
		{ HAS, "has", "t", NULL, 0 },
		{ ACT, NULL, NULL, "55P03", 1 },
		{ ACT, "lock_wait seconds", "0.1|0.2", NULL, 0 },
		{ "ROLLBACK", NULL, NULL, NULL, 0 },
		{ NULL },
	};
	struct tide_executor *exe = begin(f, table);
	struct tide_action action = sql_action();
	const struct tide_task task = task_of(exe, &action);

	action.probe = NULL;
	assert_true(tide_step_sql(&task, &f->err));
	assert_sent(f, ACT, NULL, 2);
}

static size_t
count_parts(const char *text, const char *part)
{
	size_t count = 0;

	for (const char *at = text; (at = strstr(at, part)) != NULL; at++)
		count++;
	return count;
}

static void
an_error_names_its_step_once(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = {
		SAME_NAME,
		{ PROBE, "probe", "todo", NULL, 0 },
		{ HOLDERS, NULL, NULL, "53200", 0 },
		{ ADD, "seq", "5", NULL, 0 },
		{ ACT, NULL, NULL, ANSWER_ENDS, 0 },
		{ NULL },
	};
	struct tide_executor *exe = begin(f, table);
	struct tide_action action = sql_action();
	const struct tide_task task = task_of(exe, &action);

	action.lock = TIDE_ACCESS_EXCLUSIVE;
	action.lock_table = (char[]){ "public.t" };
	assert_false(tide_step_sql(&task, &f->err));
	assert_int_equal(f->err.code, TIDE_PRECONDITION);
	assert_int_equal(count_parts(f->err.message, "step 'add-column' (add the column): "), 1);
	action.kind = TIDE_STEP_CONCURRENT;
	assert_false(tide_step_concurrent(&task, &f->err));
	assert_int_equal(f->err.code, TIDE_UNREACHABLE);
	assert_int_equal(count_parts(f->err.message, "step 'add-column' (add the column): "), 1);
}

/* Pauses whenever the statement has been sent once more, and resumes as soon as the run is paused. */
struct pauser {
	struct fixture *f;
	struct ev_timer timer;
	size_t pauses;
};

static void
pause_the_next(struct ev_loop *loop, struct ev_timer *timer, int events)
{
	struct pauser *pauser = timer->data;

	(void)loop;
	(void)events;
	if (answering_count(&pauser->f->server, ACT, NULL) <= pauser->pauses)
		return;
	pauser->pauses++;
	tide_requests_want(&pauser->f->exe->requests, pauser->f->exe, TIDE_WANT_PAUSE, "ann");
}

static void
resume_at_once(void *ctx, const struct tide_event *event)
{
	struct fixture *f = ctx;

	tell(f, event);
	if (strcmp(event->name, "run.paused") == 0)
		tide_requests_want(&f->exe->requests, f->exe, TIDE_WANT_RUN, NULL);
}

static void
pauses_use_up_none_of_the_tries(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = {
		SAME_NAME,
		{ PROBE, "probe", "todo", NULL, 0 },
		{ "pg_stat_progress", "work share", NULL, NULL, 0 },
		{ MOVE, "state", "running", NULL, 0 },
		{ ADD, "seq", "5", NULL, 0 },
		{ ACT, NULL, NULL, ANSWER_HANGS, 12 },
		{ ACT, NULL, NULL, NULL, 0 },
		{ NULL },
	};
	struct pauser pauser = { .f = f };
	struct tide_executor *exe;
	struct tide_action action = sql_action();
	struct tide_task task;

	f->observer.event = resume_at_once;
	exe = begin(f, table);
	task = task_of(exe, &action);
	action.kind = TIDE_STEP_CONCURRENT;
	action.flags = TIDE_RESTARTABLE;
	ev_timer_init(&pauser.timer, pause_the_next, 0.01, 0.01);
	pauser.timer.data = &pauser;
	ev_timer_start(f->loop, &pauser.timer);
	assert_true(tide_step_concurrent(&task, &f->err));
	ev_timer_stop(f->loop, &pauser.timer);
	assert_sent(f, ACT, NULL, 13);
	assert_int_equal(count_parts(f->told, "run.paused: "), 12);
	assert_null(strstr(f->told, "concurrent.retry"));
}

static void
after_the_last_try_the_step_gives_up(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = {
		SAME_NAME,
		{ PROBE, "probe", "todo", NULL, 0 },
		{ ACT, NULL, NULL, "40P01", 0 },
		{ "ROLLBACK", NULL, NULL, NULL, 0 },
		{ NULL },
	};

	f->plan.limits.lock_attempts = 2;
	assert_false(run_sql(f, table, 0));
	assert_int_equal(f->err.code, TIDE_LOCK);
	assert_has(f->err.message, "was not granted in 2 tries");
	assert_has(f->err.hint, "run again when it is gone");
	assert_sent(f, ACT, NULL, 2);
}

static void
rows_that_break_a_check_are_differences(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = {
		SAME_NAME,
		{ PROBE, "probe", "todo", NULL, 0 },
		{ ACT, NULL, NULL, "23514", 0 },
		{ "ROLLBACK", NULL, NULL, NULL, 0 },
		{ NULL },
	};

	assert_false(run_sql(f, table, 0));
	assert_int_equal(f->err.code, TIDE_DIFFERENCES);
	assert_has(f->err.message, "step 'add-column' (add the column): ");
}

static void
a_table_that_was_dropped_is_said(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = {
		{ FOLLOW, "schema name printed printed_before has_name has_it_now recorded", NULL, NULL, 0 },
		{ NULL },
	};

	assert_false(run_sql(f, table, 0));
	assert_int_equal(f->err.code, TIDE_PRECONDITION);
	assert_string_equal(f->err.message, "table public.t of the run of 'p' was dropped");
}

/* The clock is read four times outside the window, and then within it. */
#define CLOCK                                                                                                \
	{ "AS minute", "day minute opens", "3|60|2026-01-07 10:00 UTC", NULL, 4 },                           \
	{                                                                                                    \
		"AS minute", "day minute opens", "3|630|", NULL, 0                                           \
	}

static struct tide_executor *
begin_in_window(struct fixture *f, const struct answer *table)
{
	struct tide_executor *exe;

	f->phase[0].gate.window = "10:00-11:00 UTC";
	exe = begin(f, table);
	assert_true(tide_watcher_start(exe, &f->err));
	assert_false(exe->signals.window_open);
	return exe;
}

/* The phase was begun, so that its gate is not asked again; and the step is probed once more after hours of waiting. */
static void
a_step_begins_within_the_window_of_its_phase(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = {
		TICKS,
		CLOCK,
		SAME_NAME,
		{ PROBE, "probe", "todo", NULL, 2 },
		{ PROBE, "probe", "done", NULL, 0 },
		{ ACT, "lock_wait seconds", "0.1|0.2", NULL, 0 },
		{ NULL },
	};
	struct tide_executor *exe = begin_in_window(f, table);
	const struct tide_action action = sql_action();
	const struct tide_task task = task_of(exe, &action);

	f->options.wait = true;
	assert_true(tide_task_run(&task, &f->err));
	assert_true(exe->signals.window_open);
	assert_has(f->told, "throttle.start: throttled: outside the time window of this phase");
	assert_true(strstr(f->told, "throttle.end: ") < strstr(f->told, "step.start: "));
	assert_sent(f, PROBE, NULL, 3);
	assert_sent(f, ACT, NULL, 1);
}

/* Unless it was asked to wait: nothing of the step is done, and the attempt says when the window opens. */
static void
a_closed_window_ends_the_attempt(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = {
		TICKS,
		{ "AS minute", "day minute opens", "3|60|2026-01-07 10:00 UTC", NULL, 0 },
		SAME_NAME,
		{ PROBE, "probe", "todo", NULL, 0 },
		{ NULL },
	};
	struct tide_executor *exe = begin_in_window(f, table);
	const struct tide_action action = sql_action();
	const struct tide_task task = task_of(exe, &action);

	assert_false(tide_task_run(&task, &f->err));
	assert_int_equal(f->err.code, TIDE_BUDGET);
	assert_string_equal(
	    f->err.message, "outside the time window of this phase; it opens at 2026-01-07 10:00 UTC");
	assert_true(tide_executor_shut_out(exe));
	assert_sent(f, ACT, NULL, 0);
}

/* Nor for what is done already: the steps after it may be a hold, which passes at any hour. */
static void
what_is_no_work_waits_for_no_window(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = {
		TICKS,
		CLOCK,
		SAME_NAME,
		{ PROBE, "probe", "done", NULL, 1 },
		{ PROBE, "probe", "todo", NULL, 1 },
		{ PROBE, "probe", "done", NULL, 0 },
		{ HAS, "has", "t", NULL, 0 },
		{ ACT, "lock_wait seconds", "0.1|0.2", NULL, 0 },
		{ NULL },
	};
	struct tide_executor *exe = begin_in_window(f, table);
	const struct tide_action action = sql_action();
	struct tide_task task = task_of(exe, &action);

	assert_true(tide_task_run(&task, &f->err));
	assert_sent(f, ACT, NULL, 0);
	/* Nor does a rollback. */
	task.back = true;
	assert_true(tide_task_run(&task, &f->err));
	assert_sent(f, ACT, NULL, 1);
	assert_null(strstr(f->told, "throttle.start"));
}

#define HOLD "WITH begun AS"

static const char hold_columns[] = "seconds_left until waived";

static struct tide_action
wait_action(void)
{
	return (struct tide_action){ .kind = TIDE_STEP_WAIT, .title = "hold", .wait_us = TIDE_SECOND };
}

static bool
run_wait(struct fixture *f, const struct answer *table)
{
	struct tide_executor *exe = begin(f, table);
	const struct tide_action action = wait_action();
	const struct tide_task task = task_of(exe, &action);

	return tide_step_wait(&task, &f->err);
}

static void
a_hold_is_waited_for_and_journaled(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = {
		{ HOLD, hold_columns, "0.05|2030-01-01T00:00:00Z|f", NULL, 1 },
		{ HOLD, hold_columns, "0|2030-01-01T00:00:00Z|f", NULL, 0 },
		{ MOVE, "state", "waiting", NULL, 0 },
		{ ADD, "seq", "5", NULL, 0 },
		{ NULL },
	};

	assert_true(run_wait(f, table));
	assert_has(f->told, "wait.start: hold, until 2030-01-01T00:00:00Z");
	assert_sent(f, ADD, "step.done, 0, add-column, NULL, waited", 1);
	assert_sent(f, MOVE, ", running, ", 1);
}

static void
a_waived_hold_is_journaled_as_one(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = {
		{ HOLD, hold_columns, "0|2030-01-01T00:00:00Z|t", NULL, 0 },
		{ ADD, "seq", "5", NULL, 0 },
		{ NULL },
	};

	assert_true(run_wait(f, table));
	assert_sent(f, ADD, "add-column, NULL, waived", 1);
}

static void
a_long_hold_ends_the_command(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = {
		{ HOLD, hold_columns, "86400|2030-01-01T00:00:00Z|f", NULL, 0 },
		{ NULL },
	};

	assert_false(run_wait(f, table));
	assert_int_equal(f->err.code, TIDE_GATE);
	assert_string_equal(f->err.message, "hold until 2030-01-01T00:00:00Z");
	assert_sent(f, ADD, NULL, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_done_already_is_journaled_and_not_repeated),
		TEST(what_somebody_else_made_is_refused),
		TEST(what_is_to_do_is_done_and_looked_at_again),
		TEST(a_step_that_is_undone_at_once_is_told),
		TEST(a_leftover_of_ours_is_removed_first),
		TEST(a_leftover_of_somebody_else_stays),
		TEST(a_leftover_that_comes_back_ends_the_step),
		TEST(a_moved_fence_inside_the_transaction_is_a_lost_lease),
		TEST(a_lock_that_is_not_granted_is_asked_for_again),
		TEST(what_others_did_between_two_tries_is_journaled_as_found),
		TEST(a_cleanup_is_tried_again_though_an_earlier_one_is_in_the_journal),
		TEST(an_error_names_its_step_once),
		TEST(pauses_use_up_none_of_the_tries),
		TEST(after_the_last_try_the_step_gives_up),
		TEST(rows_that_break_a_check_are_differences),
		TEST(a_table_that_was_dropped_is_said),
		TEST(a_step_begins_within_the_window_of_its_phase),
		TEST(a_closed_window_ends_the_attempt),
		TEST(what_is_no_work_waits_for_no_window),
		TEST(a_hold_is_waited_for_and_journaled),
		TEST(a_waived_hold_is_journaled_as_one),
		TEST(a_long_hold_ends_the_command),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
