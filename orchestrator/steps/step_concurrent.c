/*
 * A statement that cannot run in a transaction: index builds and drops, validation, VACUUM. It has no lock_timeout, which would
 * cancel it late and leave an invalid index; instead it is watched, and what it waits for is reported. Intent is
 * written before and the outcome after; after a crash the probe decides.
 *
 * What yields (VACUUM, ANALYZE) is another matter: it can be cancelled at any moment and keeps what it has done. It asks for
 * its lock as the lock policy says, and is cancelled when a session waits for its lock or the throttle says so.
 */
#include "step_runner.h"

#include <ev.h>
#include <signal.h>
#include <string.h>
#include <talloc.h>

#include "room.h"
#include "vacuum_session.h"
#include "locks/lock_policy.h"
#include "signals/backend_watch.h"
#include "state/crash_points.h"
#include "state/journal.h"
#include "state/role_search_path.h"
#include "steps_sql.h"
#include "sweep/sweep_step.h"
#include "tidemark/base/units.h"

/* How long a cleanup may try to get its lock after a stop was asked for. */
#define CLEANUP_PATIENCE (5 * TIDE_SECOND)
/* How often a statement that does not yield is tried. */
#define TRIES 10

/* Reports now and then how far the server is, and cancels the statement when the run has to stop. */
struct build_watch {
	const struct tide_task *task;
	struct tide_backend_watch *backend;
	struct tide_lock_watch *locks;
	bool warned;
	bool paused; /* it is cancelled for a pause */
	int64_t told;
};

static bool
yields(const struct tide_task *task)
{
	return (task->action->flags & TIDE_YIELDS) != 0;
}

/* A VACUUM sent by a session is not cancelled for others, as an autovacuum is. */
static bool
must_yield(const struct build_watch *watch)
{
	const struct tide_task *task = watch->task;
	int64_t behind = tide_lock_watch_behind(watch->locks);
	struct tide_hold hold = tide_held_by_throttle(task);

	if (!yields(task))
		return false;
	if (hold.cause != TIDE_CAUSE_NONE)
		tide_executor_event(
		    task->exe, "concurrent.yield", task->step, true, "stopped for now: %s", hold.text);
	else if (behind > 0)
		tide_executor_event(task->exe, "concurrent.yield", task->step, true,
		    behind == 1 ? "stopped for now: %lld session waits for its lock"
				: "stopped for now: %lld sessions wait for its lock",
		    (long long)behind);
	else
		return false;
	return true;
}

/* A VACUUM or ANALYZE that leaves a table out only warns: that must not be lost. */
static void
warned(void *ctx, const char *severity, const char *sqlstate, const char *message)
{
	const struct build_watch *watch = ctx;

	(void)severity;
	(void)sqlstate;
	tide_executor_event(watch->task->exe, "server.warning", watch->task->step, true, "%s", message);
}

static const char *
target(void *ctx, void *mem)
{
	const struct build_watch *watch = ctx;

	return tide_backend_watch_control(watch->task->exe, mem);
}

/*
 * Every ten seconds: the watch ticks more often only so that it cancels in time, and each report is a line of
 * the log.
 */
static void
progressed(void *ctx, const struct tide_rows *rows)
{
	struct build_watch *watch = ctx;
	struct tide_executor *exe = watch->task->exe;
	const struct tide_blockers *seen = tide_lock_watch_seen(watch->locks);
	char *who = NULL;

	if (tide_now_us() - watch->told < 10 * TIDE_SECOND)
		return;
	watch->told = tide_now_us();
	if (seen->count > 0)
		who = tide_blockers_text(watch->locks, seen);
	if (tide_rows_count(rows) > 0)
		tide_executor_event(exe, "concurrent.progress", watch->task->step, false, "%s: %.0f %%%s%s",
		    tide_rows_text(rows, 0, tide_rows_column(rows, "work")),
		    tide_rows_real(rows, 0, tide_rows_column(rows, "share")),
		    who != NULL ? ", waits for " : "", who != NULL ? who : "");
	else if (who != NULL)
		tide_executor_event(
		    exe, "concurrent.progress", watch->task->step, false, "waits for %s", who);
}

/* What loses nothing is cancelled at once. An index build loses its work: the first Ctrl-C only asks. */
static bool
must_cancel(struct build_watch *watch)
{
	struct tide_executor *exe = watch->task->exe;
	const struct tide_requests *w = &exe->requests;
	struct tide_err ignored = { 0 };

	if (!tide_executor_halted(exe, &ignored)) {
		watch->paused = w->pause && (watch->task->action->flags & TIDE_RESTARTABLE) != 0;
		return watch->paused || must_yield(watch);
	}
	if ((watch->task->action->flags & TIDE_RESTARTABLE) != 0 || w->signo != SIGINT || w->signals > 1)
		return true;
	if (!watch->warned)
		tide_executor_event(exe, "concurrent.wait", watch->task->step, true,
		    "still running: %s. Cancelled, it would have to start from the beginning: press Ctrl-C "
		    "once more to cancel it",
		    watch->task->action->title);
	watch->warned = true;
	return false;
}

static bool
on_tick(void *ctx)
{
	struct build_watch *watch = ctx;
	struct tide_executor *exe = watch->task->exe;

	if (!tide_conn_alive(exe->watch)) {
		/* It could not be watched or cancelled any more: begin again on new connections; the probe
		 * decides. */
		tide_conn_close(exe->control);
		return false;
	}
	if (tide_backend_watch_cancelled(watch->backend) || !must_cancel(watch))
		return true;
	tide_backend_watch_cancel(watch->backend);
	return false;
}

static const struct tide_backend_watch_ops build_ops = {
	.sql = tide_sql_steps_builds,
	.target = target,
	.tick = on_tick,
	.answer = progressed,
};

static bool
send(const struct tide_task *task, struct tide_err *err)
{
	struct tide_conn *conn = task->exe->control;
	bool role_search_path = (task->action->flags & TIDE_ROLE_SEARCH_PATH) != 0;
	bool ok = (!role_search_path ||
		      tide_await_exec(conn, NULL, TIDE_SET_ROLE_SEARCH_PATH("false"), NULL, err)) &&
		  (!yields(task) || tide_vacuum_session_set(task, err)) &&
		  tide_await_exec(conn, NULL, task->action->act[0], NULL, err);

	if (yields(task))
		ok = tide_vacuum_session_reset(task->exe, ok, err);
	return role_search_path ? tide_reset_session(conn, ok, err) : ok;
}

/** How one try has ended. */
enum ending {
	FINISHED,
	FAILED,  /* for good */
	RETRY,   /* it may succeed when it is tried again */
	RESUMED, /* it was cancelled for a pause, which is over */
};

/** Whether we have cancelled the statement, and whether for a pause. */
struct cancelled {
	bool at_all, for_pause;
};

static bool
send_watched(const struct tide_task *task, struct cancelled *cancelled, struct tide_err *err)
{
	struct tide_executor *exe = task->exe;
	struct build_watch *watch = talloc_zero(exe, struct build_watch);
	bool ok;

	watch->task = task;
	watch->told = tide_now_us();
	watch->locks = tide_lock_watch_start(exe, false);
	watch->backend = tide_backend_watch_start(exe, &build_ops, watch, TIDE_SECOND / 10, TIDE_SECOND / 10);
	tide_conn_on_notice(exe->control, warned, watch);
	ok = send(task, err);
	tide_conn_on_notice(exe->control, NULL, NULL);
	*cancelled = (struct cancelled){ tide_backend_watch_cancelled(watch->backend), watch->paused };
	/* The build watch first: its callbacks read what the lock watch has seen. */
	talloc_free(watch->backend);
	talloc_free(watch->locks);
	talloc_free(watch);
	return ok;
}

/* For a few seconds only: it waits for old snapshots, and after a second Ctrl-C the program should end. */
static bool
drop_leftover(const struct tide_task *task, struct tide_err *err)
{
	struct tide_conn *conn = task->exe->control;
	struct tide_err ignored = { 0 };
	bool ok = tide_await_exec(conn, NULL, "SET statement_timeout = '5s'", NULL, err) &&
		  tide_await_exec(conn, NULL, task->action->repair, NULL, err);

	if (tide_conn_alive(conn) &&
	    !tide_await_exec(conn, NULL, "SET statement_timeout = 0", NULL, &ignored) && ok) {
		*err = ignored;
		ok = false;
	}
	return ok;
}

/* What a failed build or validation leaves must not hurt the application: an invalid unique index keeps rejecting rows. */
static void
tidy(const struct tide_task *task)
{
	struct tide_err ignored = { 0 };
	struct tide_action cleanup = *task->action;
	struct tide_task sub = *task;
	enum tide_probe answer;

	if (task->action->repair != NULL && tide_task_probe(task, &answer, &ignored) &&
	    answer == TIDE_BROKEN && !drop_leftover(task, &ignored))
		tide_executor_event(task->exe, "cleanup.failed", task->step, true, "%s: %s",
		    task->action->repair, ignored.message);
	if (task->action->cleanup == NULL)
		return;
	cleanup.kind = TIDE_STEP_SQL;
	cleanup.act = &cleanup.cleanup;
	cleanup.act_count = 1;
	cleanup.probe = NULL;
	cleanup.lock = TIDE_ACCESS_EXCLUSIVE;
	cleanup.title = talloc_asprintf(task->exe, "undo what '%s' needed", task->step);
	sub.action = &cleanup;
	sub.step = talloc_asprintf(task->exe, "%s.cleanup", task->step);
	/* Whatever ended the step ends this as well, but not before it had a chance: a check that stays rejects writes. */
	task->exe->grace = tide_now_us() + CLEANUP_PATIENCE;
	if (!tide_step_sql(&sub, &ignored))
		tide_executor_event(task->exe, "cleanup.failed", task->step, true, "%s: %s",
		    task->action->cleanup, ignored.message);
	task->exe->grace = 0;
}

static bool
final_failure(const struct tide_task *task, struct tide_err *err)
{
	bool differs = (task->action->flags & TIDE_PROVES) != 0 && strcmp(err->sqlstate, "23514") == 0;
	bool duplicate = strcmp(err->sqlstate, "23505") == 0;
	char *keys = NULL;

	/* First: the check rejects the application's writes for as long as it is there, and to find the keys is a read of the table. */
	if (tide_conn_alive(task->exe->control))
		tidy(task);
	if (differs && task->action->differing != NULL)
		keys = tide_differing_keys(task->exe, task, task->action->differing);
	if (differs)
		err->code = TIDE_DIFFERENCES;
	else if (duplicate || (err->code == TIDE_UNEXPECTED && err->sqlstate[0] != '\0'))
		err->code = TIDE_PRECONDITION;
	tide_wrap(err, "step '%s' (%s)", task->step, task->action->title);
	if (keys != NULL && keys[0] != '\0')
		tide_hint(err, "rows that differ: %s", keys);
	talloc_free(keys);
	return false;
}

static bool
transient(const struct tide_err *err)
{
	static const char *const states[] = { "40P01", "55P03", "57014" };

	for (size_t i = 0; i < TIDE_COUNT(states); i++)
		if (strcmp(err->sqlstate, states[i]) == 0)
			return true;
	return false;
}

static bool
write_down(
    const struct tide_task *task, const char *what, const char *outcome, double seconds, struct tide_err *err)
{
	return tide_journal_add(task->exe->session,
	    &(struct tide_entry){ .event = tide_task_event(task, what),
		.phase = task->phase,
		.step = task->step,
		.sql = task->action->act[0],
		.outcome = outcome,
		.seconds = seconds,
		.lock_wait = -1 },
	    NULL, err);
}

/* The statement is done: tells it, and writes it down. */
static enum ending
finish(const struct tide_task *task, int64_t took, struct tide_err *err)
{
	struct tide_executor *exe = task->exe;
	struct tide_event event = { .name = tide_task_event(task, "done"),
		.phase = exe->report.phase,
		.step = task->step,
		.message = task->action->title,
		.duration = took,
		.lock_wait = -1 };

	tide_crash_point("concurrent.done");
	tide_executor_tell(exe, &event);
	return write_down(task, "done", "done", (double)took / (double)TIDE_SECOND, err) ? FINISHED : FAILED;
}

static enum ending
once(const struct tide_task *task, struct tide_err *err)
{
	struct tide_executor *exe = task->exe;
	int64_t begun = tide_now_us(), took;
	struct cancelled cancelled = { 0 };
	struct tide_err failed = { 0 };
	bool ok;

	if (!write_down(task, "intent", NULL, -1, err))
		return FAILED;
	tide_crash_point("concurrent.sent");
	ok = send_watched(task, &cancelled, err);
	took = tide_now_us() - begun;
	if (ok)
		return finish(task, took, err);
	if (!tide_conn_alive(exe->control) || err->code == TIDE_UNREACHABLE)
		return FAILED;
	if (!write_down(task, "failed", err->message, (double)took / (double)TIDE_SECOND, &failed)) {
		*err = failed;
		return FAILED;
	}
	if (!cancelled.at_all)
		return transient(err) ? RETRY : FAILED;
	/* A pause is served here; after it the statement begins again. Any other request to stop ends the run. */
	if (!tide_executor_check(exe, err))
		return FAILED;
	return cancelled.for_pause ? RESUMED : RETRY;
}

/* Waits for the moment at which a statement that yields would not have to do so at once. */
static bool
wait_for_room(const struct tide_task *task, int64_t patience, struct tide_err *err)
{
	/* Counted from then: neither the work before it yielded nor the throttle has used it up. */
	if (!tide_room_wait(task, tide_held_by_throttle, NULL, err) ||
	    !tide_lock_look(task, tide_now_us() + patience, err))
		return false;
	tide_executor_set_wait_reason(task->exe, NULL);
	return true;
}

static bool
give_up(const struct tide_task *task, int64_t tries, struct tide_err *err)
{
	struct tide_err last = *err;

	tide_fail(err, TIDE_LOCK, "step '%s' had to yield, or got no lock on %s, in %lld tries", task->step,
	    task->action->lock_table, (long long)tries);
	return tide_hint(err, "the last time: %s; run again when the load is lower", last.message);
}

/* Says why it is tried again, and rests before. What yielded has its reason in the log already: must_yield(). */
static void
rest(const struct tide_task *task, int64_t tries, const struct tide_err *err)
{
	bool patient = yields(task);

	if (!patient || strcmp(err->sqlstate, "57014") != 0)
		tide_executor_event(task->exe, "concurrent.retry", task->step, true,
		    "%s; trying again from its probe", err->message);
	tide_executor_sample(task->exe, TIDE_SAMPLE_RETRY, err->sqlstate, 1);
	tide_executor_sleep(task->exe, patient ? tide_lock_pause(tries) : TIDE_SECOND);
}

/* Ends the step: when the run has to stop, that is why. */
static bool
stop(const struct tide_task *task, struct tide_err *err)
{
	struct tide_err why = { 0 };

	if (!tide_executor_halted(task->exe, &why))
		return final_failure(task, err);
	/* An invalid unique index would keep rejecting rows of the application until the next run. */
	if (!task->exe->session->lost && tide_conn_alive(task->exe->control))
		tidy(task);
	*err = why;
	return false;
}

/* A pause says nothing about whether the statement can succeed: it uses up no try. */
bool
tide_step_concurrent(const struct tide_task *task, struct tide_err *err)
{
	struct tide_err ignored = { 0 };
	bool patient = yields(task), done = false;
	int64_t limit = patient ? task->exe->plan->limits.lock_attempts : TRIES;

	for (int64_t tries = 0; !done;) {
		enum ending ending;

		if (patient && !wait_for_room(task, limit * 6 * TIDE_SECOND, err))
			return false;
		ending = once(task, err);
		if (ending == FINISHED)
			return true;
		if (ending == FAILED)
			return stop(task, err);
		if (ending == RETRY && ++tries >= limit)
			return patient ? give_up(task, limit, err) : stop(task, err);
		if (ending == RETRY)
			rest(task, tries - 1, err);
		if (!tide_task_prepare(task, &done, err))
			return tide_executor_halted(task->exe, &ignored) ? stop(task, err) : false;
	}
	return true;
}
