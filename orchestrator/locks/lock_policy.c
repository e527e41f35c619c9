/*
 * How a lock on a busy table is asked for: look first, wait briefly, release it, say who holds it, come back later.
 * A request that waits makes every later request wait, so no single one lasts longer than limits.lock_timeout.
 */
#include "lock_policy.h"

#include <stdlib.h>
#include <string.h>
#include <talloc.h>

#include "locks_sql.h"
#include "signals/backend_watch.h"
#include "tidemark/base/units.h"

struct tide_lock_watch {
	struct tide_executor *exe;
	struct tide_backend_watch *backend;
	struct tide_blockers seen;
	int64_t behind;
	bool may_cancel;
};

static void
cancel(struct tide_lock_watch *watch)
{
	if (watch->may_cancel)
		tide_backend_watch_cancel(watch->backend);
}

static const char *
target(void *ctx, void *mem)
{
	const struct tide_lock_watch *watch = ctx;

	return tide_backend_watch_control(watch->exe, mem);
}

static void
sampled(void *ctx, const struct tide_rows *rows)
{
	struct tide_lock_watch *watch = ctx;
	struct tide_blockers now;

	tide_blockers_read(watch, rows, &now);
	watch->behind = now.behind;
	if (now.count == 0) {
		talloc_free(now.item);
		return;
	}
	talloc_free(watch->seen.item);
	watch->seen = now;
	if (now.behind > watch->exe->plan->limits.lock_queue)
		cancel(watch);
}

/* A stop was requested: a transaction leaves nothing. */
static bool
unless_halted(void *ctx)
{
	struct tide_lock_watch *watch = ctx;
	struct tide_err ignored = { 0 };

	if (!tide_conn_alive(watch->exe->watch))
		return false;
	if (!tide_executor_halted(watch->exe, &ignored))
		return true;
	cancel(watch);
	return false;
}

static const struct tide_backend_watch_ops blockers_ops = {
	.sql = tide_sql_locks_blockers,
	.target = target,
	.tick = unless_halted,
	.answer = sampled,
};

static int
stop(struct tide_lock_watch *watch)
{
	talloc_free(watch->backend);
	return 0;
}

struct tide_lock_watch *
tide_lock_watch_start(struct tide_executor *exe, bool may_cancel)
{
	struct tide_lock_watch *watch = talloc_zero(exe, struct tide_lock_watch);

	watch->exe = exe;
	watch->may_cancel = may_cancel;
	/* Often while a queue may form behind our request. For a build, which only reports, now and then
	 * is enough. */
	watch->backend = tide_backend_watch_start(
	    exe, &blockers_ops, watch, 40 * TIDE_MS, may_cancel ? 40 * TIDE_MS : TIDE_SECOND / 4);
	talloc_set_destructor(watch, stop);
	return watch;
}

const struct tide_blockers *
tide_lock_watch_seen(const struct tide_lock_watch *watch)
{
	return &watch->seen;
}

int64_t
tide_lock_watch_behind(const struct tide_lock_watch *watch)
{
	return watch->behind;
}

/* Grows from a quarter of a second to ten, half of it random, so that two tools do not retry at the same moments. */
int64_t
tide_lock_pause(int64_t tries)
{
	int64_t base = TIDE_SECOND / 4;

	for (int64_t i = 0; i < tries && base < 10 * TIDE_SECOND; i++)
		base = base * 3 / 2;
	if (base > 10 * TIDE_SECOND)
		base = 10 * TIDE_SECOND;
	return base / 2 + (int64_t)arc4random_uniform((uint32_t)(base / 2) + 1);
}

bool
tide_lock_watch_cancelled(const struct tide_lock_watch *watch)
{
	return tide_backend_watch_cancelled(watch->backend);
}

/*
 * A transaction younger than two lock_timeouts may well end while our request waits; behind an older one it
 * would wait in vain.
 */
static bool
holders(const struct tide_task *task, void *mem, struct tide_blockers *out, struct tide_err *err)
{
	static const char *const pg_names[] = {
		[TIDE_ACCESS_SHARE] = "AccessShareLock",
		[TIDE_ROW_SHARE] = "RowShareLock",
		[TIDE_ROW_EXCLUSIVE] = "RowExclusiveLock",
		[TIDE_SHARE_UPDATE_EXCLUSIVE] = "ShareUpdateExclusiveLock",
		[TIDE_SHARE] = "ShareLock",
		[TIDE_SHARE_ROW_EXCLUSIVE] = "ShareRowExclusiveLock",
		[TIDE_EXCLUSIVE] = "ExclusiveLock",
		[TIDE_ACCESS_EXCLUSIVE] = "AccessExclusiveLock",
	};
	struct tide_executor *exe = task->exe;
	double old = 2.0 * (double)exe->plan->limits.lock_timeout / (double)TIDE_SECOND;
	struct tide_rows *rows;

	if (!tide_await_query(exe->control, mem, tide_sql_locks_holders,
		TIDE_ARGS(task->action->lock_table, pg_names[task->action->lock],
		    talloc_asprintf(mem, "%.3f", old),
		    talloc_asprintf(mem, "{%d,%d}", tide_conn_backend_pid(exe->control),
			tide_conn_backend_pid(exe->watch)),
		    exe->server.may_lower_deadlock_timeout ? "true" : "false"),
		&rows, err))
		return false;
	tide_blockers_read(mem, rows, out);
	return true;
}

/*
 * A request that waits stops every session that asks after it. Behind an old transaction it would wait in
 * vain: it is not made, and nobody waits because of us, however long this takes.
 */
bool
tide_lock_look(const struct tide_task *task, int64_t patience_until, struct tide_err *err)
{
	struct tide_executor *exe = task->exe;
	bool told = false;

	if (task->action->lock == TIDE_LOCK_NONE || task->action->lock_table == NULL)
		return true;
	for (;;) {
		void *mem = talloc_new(exe);
		struct tide_blockers blockers;
		char *who;

		if (!holders(task, mem, &blockers, err)) {
			talloc_free(mem);
			return tide_wrap(err, "step '%s' (%s)", task->step, task->action->title);
		}
		if (blockers.count == 0) {
			talloc_free(mem);
			return true;
		}
		who = tide_blockers_text(mem, &blockers);
		if (tide_now_us() > patience_until) {
			tide_fail(err, TIDE_LOCK, "step '%s' needs the %s lock on %s, blocked by %s",
			    task->step, tide_lock_name(task->action->lock), task->action->lock_table, who);
			tide_hint(err, "end that transaction or wait for it, then run again; nothing is "
				       "blocked meanwhile");
			talloc_free(mem);
			return false;
		}
		if (!told)
			tide_executor_event(
			    exe, "lock.wait", task->step, true, "not asking for the lock yet: %s", who);
		told = true;
		tide_executor_set_wait_reason(
		    exe, "waiting for a lock on %s: %s", task->action->lock_table, who);
		talloc_free(mem);
		tide_executor_sleep(exe, TIDE_SECOND / 4);
		if (!tide_executor_check(exe, err))
			return false;
	}
}
