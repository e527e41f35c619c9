/*
 * A transactional step: sent as one text, so that no failure of ours can leave its transaction open with a lock
 * held: the server needs nothing more from us to end it.
 */
#include "step_runner.h"

#include <string.h>
#include <talloc.h>

#include "locks/lock_policy.h"
#include "signals/watcher.h"
#include "state/crash_points.h"
#include "state/journal.h"
#include "locks/lock_acquire.h"
#include "state/role_search_path.h"
#include "state/table.h"
#include "tidemark/base/sqltext.h"
#include "tidemark/base/units.h"

/* Our own SQLSTATE for a fence that has moved on. */
#define LEASE_LOST "TM001"

/*
 * A statement under a strong lock changes catalog rows: it takes milliseconds. locks/acquire.sql may look for a good moment
 * for up to two seconds before it asks.
 */
#define HOLD_MS (TIDE_HOLD_SECONDS * 1000)
#define HOUR_MS 3600000

/* `between` is what comes before each statement: "" for none. */
static char *
statements(void *ctx, const struct tide_action *action, const char *between)
{
	char *text = talloc_strdup(ctx, "");

	for (size_t i = 0; i < action->act_count; i++)
		text = talloc_asprintf_append(text, "%s%s;\n", between, action->act[i]);
	return text;
}

/*
 * Asked at the start, so that nothing is done in vain, and again, held until the commit, at the end: in between the
 * row stays free for heartbeats and for whoever must take over.
 */
static char *
fence(void *ctx, const struct tide_executor *exe, const char *lock)
{
	return talloc_asprintf(ctx,
	    "DO $fence$ BEGIN PERFORM FROM tidemark.run WHERE id = %lld "
	    "AND fence = %lld%s; IF NOT FOUND THEN "
	    "RAISE EXCEPTION 'the lease is lost' USING ERRCODE = '" LEASE_LOST "'; END IF; END $fence$;\n",
	    (long long)exe->session->run, (long long)exe->session->fence, lock);
}

#define NAME_OF_TABLE                                                                                        \
	"SELECT format('%%I.%%I', n.nspname, c.relname) AS name FROM pg_catalog.pg_class c JOIN "            \
	"pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = %lld"

/* Statements of the plan's author may rename the table: then the run's row says so, and nobody else has renamed it. */
static char *
own_sql_begins(void *ctx, const struct tide_executor *exe)
{
	return talloc_asprintf(ctx,
	    "SELECT set_config('tidemark.table', (" NAME_OF_TABLE
	    "), true);\n" TIDE_SET_ROLE_SEARCH_PATH("true") ";\n",
	    (long long)exe->session->table_oid);
}

static char *
own_sql_ends(void *ctx, const struct tide_executor *exe)
{
	return talloc_asprintf(ctx,
	    "RESET ROLE;\n" TIDE_SET_PINNED_PATH ";\n"
	    "UPDATE tidemark.run r SET relation = t.name FROM (" NAME_OF_TABLE ") t "
	    "WHERE r.id = %lld AND r.fence = %lld AND t.name <> current_setting('tidemark.table');\n",
	    (long long)exe->session->table_oid, (long long)exe->session->run, (long long)exe->session->fence);
}

/* What a statement may wait and last. Said before each of the author's, who cannot lift it for the next one. */
static char *
limits(void *ctx, const struct tide_task *task)
{
	int64_t lock_timeout = task->exe->plan->limits.lock_timeout / TIDE_MS;

	/* To wait for the lock is not yet to hold it: that time comes on top. */
	return tide_sqlf(ctx, "SET LOCAL lock_timeout = %l;\nSET LOCAL statement_timeout = %l;\n",
	    (long long)lock_timeout,
	    tide_action_strongest(task->action) >= TIDE_SHARE ? (long long)lock_timeout + HOLD_MS
							      : (long long)HOUR_MS);
}

/*
 * When an action takes over the triggers of another plan, the run of that plan says so, from the same
 * transaction.
 */
static char *
tell_taken_over(void *ctx, const struct tide_task *task)
{
	const char *plan = task->action->takes_over;

	if (plan == NULL)
		return talloc_strdup(ctx, "");
	return tide_sqlf(ctx,
	    "WITH r AS (UPDATE tidemark.run SET reason = %L, updated = clock_timestamp() WHERE id = (SELECT "
	    "max(id) FROM tidemark.run WHERE plan = %L AND state = 'complete') RETURNING id, reason) "
	    "INSERT INTO tidemark.journal (run, event, outcome) SELECT id, 'run.taken_over', reason FROM "
	    "r;\n",
	    talloc_asprintf(ctx, "plan '%s' has taken over: %s", task->exe->plan->name, task->action->title),
	    plan);
}

/* For a drop after a comparison: a session that held the lock before us may have changed the triggers since. */
static char *
assert_rests_on(void *ctx, const struct tide_task *task)
{
	const char *step = task->action->rests_on;

	if (step == NULL)
		return talloc_strdup(ctx, "");
	return talloc_asprintf(ctx,
	    "DO $rests$ BEGIN IF NOT (%s) THEN RAISE EXCEPTION 'the triggers of this plan, or the partitions of the "
	    "table, were changed since its rows were compared' USING ERRCODE = "
	    "'object_not_in_prerequisite_state', HINT = 'nothing was dropped. Run again: rows that may have been "
	    "written without the triggers are compared once more'; END IF; END $rests$;\n",
	    tide_journal_unchanged_sql(ctx, task->exe->session, task->phase, step));
}

static char *
transaction(void *ctx, const struct tide_task *task)
{
	const struct tide_action *action = task->action;
	const struct tide_executor *exe = task->exe;
	const struct tide_lock_budget budget = { exe->plan->limits.lock_timeout,
		exe->server.deadlock_timeout };
	int64_t lock_timeout = exe->plan->limits.lock_timeout / TIDE_MS;
	bool role_search_path = (action->flags & TIDE_ROLE_SEARCH_PATH) != 0;
	char *lock = tide_lock_acquire_sql(ctx, action, &budget);
	/* Under the author's search_path no statement of ours may use an operator: there the limits are set once, before. */
	const char *remaining = lock[0] != '\0' ? tide_lock_remaining_sql() : "";
	char *act = statements(ctx, action, "");
	char *text = talloc_asprintf(ctx, "BEGIN;\n%s", limits(ctx, task));

	if (exe->server.may_lower_deadlock_timeout)
		text = talloc_asprintf_append(text, "SET LOCAL deadlock_timeout = %lld;\n",
		    (long long)(lock_timeout / 4 > 0 ? lock_timeout / 4 : 1));
	text = talloc_asprintf_append(text,
	    "%sSELECT set_config('tidemark.begun', clock_timestamp()::text, true);\n", fence(ctx, exe, ""));
	text = talloc_asprintf_append(text, "%s%s", lock, tide_table_assert_sql(ctx, exe->session, action));
	if (action->guards != NULL)
		text = talloc_asprintf_append(text, "%s;\n", tide_action_guard(ctx, action, exe->plan->name));
	text = talloc_strdup_append(text, assert_rests_on(ctx, task));
	text = talloc_asprintf_append(text,
	    "SELECT set_config('tidemark.locked', clock_timestamp()::text, true);\n%s%s%s%s%s%s%s;\n"
	    "COMMIT;\nSELECT lock_wait, seconds FROM tidemark.journal WHERE run = %lld "
	    "ORDER BY seq DESC LIMIT 1",
	    remaining, role_search_path ? own_sql_begins(ctx, exe) : "",
	    statements(ctx, action, role_search_path ? limits(ctx, task) : remaining),
	    role_search_path ? own_sql_ends(ctx, exe) : "", tell_taken_over(ctx, task),
	    fence(ctx, exe, " FOR SHARE"),
	    tide_journal_sql(ctx, exe->session,
		&(struct tide_entry){ .event = tide_task_event(task, "done"),
		    .phase = task->phase,
		    .step = task->step,
		    .sql = act,
		    .outcome = "done" }),
	    (long long)exe->session->run);
	return text;
}

/* An action that asks for no lock of its own has not waited for one. */
static void
tell_wait(const struct tide_task *task, int64_t us)
{
	if (task->action->lock != TIDE_LOCK_NONE)
		tide_executor_sample(task->exe, TIDE_SAMPLE_LOCK_WAIT, NULL, us);
}

static bool
is_lock_failure(const struct tide_err *err)
{
	return strcmp(err->sqlstate, "55P03") == 0 || strcmp(err->sqlstate, "40P01") == 0;
}

/* What was asked for, in words. A phase `sql` that declares no lock asks for the locks of its statements all the same. */
static char *
lock_text(void *ctx, const struct tide_action *action)
{
	if (action->lock == TIDE_LOCK_NONE || action->lock_table == NULL)
		return talloc_strdup(ctx, "a lock that its statements ask for");
	return talloc_asprintf(ctx, "the %s lock on %s", tide_lock_name(action->lock), action->lock_table);
}

/* One try. *retry: the lock was not granted. */
static bool
attempt(const struct tide_task *task, void *mem, bool *retry, struct tide_err *err)
{
	struct tide_executor *exe = task->exe;
	struct tide_lock_watch *watch = tide_lock_watch_start(exe, true);
	struct tide_err ignored = { 0 };
	struct tide_rows *rows = NULL;
	struct tide_event event = { .name = tide_task_event(task, "done"),
		.phase = exe->report.phase,
		.step = task->step,
		.message = task->action->title };
	int64_t begun = tide_now_us(), waited;
	bool ok;

	*retry = false;
	ok = tide_await_exec(exe->control, mem, transaction(mem, task), &rows, err);
	if (!ok) {
		*retry = is_lock_failure(err) ||
			 (tide_lock_watch_cancelled(watch) && strcmp(err->sqlstate, "57014") == 0);
		if (tide_conn_alive(exe->control) &&
		    !tide_await_exec(exe->control, mem, "ROLLBACK", NULL, &ignored))
			*err = ignored;
	}
	if (*retry) {
		const char *who = tide_blockers_text(mem, tide_lock_watch_seen(watch));

		/* The time in which acquire.sql looked for a good moment was no wait for a lock. */
		waited = tide_now_us() - begun;
		tell_wait(
		    task, waited < exe->plan->limits.lock_timeout ? waited : exe->plan->limits.lock_timeout);
		tide_executor_sample(exe, TIDE_SAMPLE_RETRY, err->sqlstate, 1);
		tide_executor_event(exe, "lock.retry", task->step, true, "%s was not granted%s%s",
		    lock_text(mem, task->action), who[0] != '\0' ? ", blocked by " : "", who);
		tide_hint(
		    err, "blocked by %s", who[0] != '\0' ? who : "a session that has released it meanwhile");
	} else if (ok) {
		event.lock_wait = (int64_t)(tide_rows_real(rows, 0, tide_rows_column(rows, "lock_wait")) *
					    (double)TIDE_SECOND);
		event.duration = (int64_t)(tide_rows_real(rows, 0, tide_rows_column(rows, "seconds")) *
					   (double)TIDE_SECOND);
		tell_wait(task, event.lock_wait);
		tide_executor_tell(exe, &event);
	}
	talloc_free(watch);
	return (task->action->flags & TIDE_ROLE_SEARCH_PATH) != 0 ? tide_reset_session(exe->control, ok, err)
								  : ok;
}

static bool
give_up(const struct tide_task *task, int64_t tries, struct tide_err *err)
{
	char hint[sizeof(err->hint)], *what = lock_text(task->exe, task->action);

	memcpy(hint, err->hint, sizeof(hint));
	tide_fail(err, TIDE_LOCK, "step '%s': %s was not granted in %lld tries", task->step, what,
	    (long long)tries);
	talloc_free(what);
	return tide_hint(err, "%s; run again when it is gone, or when the load is lower", hint);
}

/* What the server refuses is no defect of ours. */
static bool
grade(struct tide_err *err)
{
	if (err->code == TIDE_UNEXPECTED && err->sqlstate[0] != '\0')
		err->code = TIDE_PRECONDITION;
	return false;
}

/* Why the statement failed. */
static bool
explain(const struct tide_task *task, struct tide_err *err)
{
	if (strcmp(err->sqlstate, LEASE_LOST) == 0)
		return tide_session_lose(task->exe->session, err);
	if (strcmp(err->sqlstate, "23514") == 0)
		err->code = TIDE_DIFFERENCES;
	grade(err);
	if (strcmp(err->sqlstate, "57014") == 0 && (task->action->flags & TIDE_ROLE_SEARCH_PATH) != 0 &&
	    tide_action_strongest(task->action) >= TIDE_SHARE)
		tide_hint(err,
		    "its statements block writers and are therefore cancelled after %d seconds; nothing was "
		    "changed. `tidemark lint --db` names the statement and what to use instead",
		    TIDE_HOLD_SECONDS);
	return tide_wrap(err, "step '%s' (%s)", task->step, task->action->title);
}

bool
tide_step_sql(const struct tide_task *task, struct tide_err *err)
{
	struct tide_executor *exe = task->exe;
	int64_t limit = exe->plan->limits.lock_attempts;
	int64_t patience = tide_now_us() + limit * 6 * TIDE_SECOND;

	for (int64_t tries = 0; tries < limit; tries++) {
		bool done = false, retry = false, ok;
		void *mem;

		/*
		 * A retry begins with the probe, never with the statement that failed: others may have done it meanwhile. Without a
		 * probe the journal would answer for an earlier run of the step.
		 */
		if (!tide_lock_look(task, patience, err) ||
		    (tries > 0 && task->action->probe != NULL && !tide_task_prepare(task, &done, err)))
			return grade(err);
		mem = talloc_new(exe);
		ok = done || attempt(task, mem, &retry, err);
		talloc_free(mem);
		if (ok) {
			tide_executor_set_wait_reason(exe, NULL);
			return true;
		}
		if (!retry)
			return explain(task, err);
		if (tries + 1 == limit)
			return give_up(task, limit, err);
		tide_executor_sleep(exe, tide_lock_pause(tries));
		if (!tide_executor_check(exe, err))
			return false;
	}
	return tide_fail(err, TIDE_LOCK, "step '%s': no try is allowed (limits.lock_attempts)", task->step);
}
