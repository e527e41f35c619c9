#include "step_runner.h"

#include <string.h>
#include <talloc.h>

#include "room.h"
#include "signals/watcher.h"
#include "state/crash_points.h"
#include "state/journal.h"
#include "state/role_search_path.h"
#include "state/table.h"
#include "sweep/sweep_step.h"
#include "tidemark/base/units.h"

/* One row for each kind: how it acts, whether a probe (or else the journal) tells that it has, and when it may. */
struct runner {
	bool (*act)(const struct tide_task *task, struct tide_err *err);
	bool probed;
	bool
	    in_window; /* it begins in the phase's time window only. A sweep asks by itself, and a hold is no work */
};

static const struct runner runners[] = {
	[TIDE_STEP_SQL] = { tide_step_sql, true, true },
	[TIDE_STEP_CONCURRENT] = { tide_step_concurrent, true, true },
	[TIDE_STEP_SWEEP] = { tide_step_sweep, false, false },
	[TIDE_STEP_WAIT] = { tide_step_wait, false, false },
};

/* The action is about the table by the name it has now. */
static bool
probe(const struct tide_task *task, enum tide_probe *answer, struct tide_err *err)
{
	void *mem;
	struct tide_rows *rows;
	const char *text;
	bool until_changed = (task->action->flags & TIDE_UNTIL_CHANGED) != 0, has = false, ok;
	bool asks = (runners[task->action->kind].probed || until_changed) && task->action->probe != NULL;

	if (!asks || until_changed || (task->action->flags & TIDE_TRACELESS) != 0) {
		ok = until_changed
			 ? tide_journal_unchanged(task->exe->session, task->phase, task->step, &has, err)
			 : tide_journal_has(task->exe->session, tide_task_event(task, "done"), task->phase,
			       task->step, &has, err);
		*answer = has ? TIDE_DONE : TIDE_TODO;
		if (!ok || has || !asks)
			return ok;
	}
	mem = talloc_new(task->exe);
	ok = (task->action->flags & TIDE_ROLE_SEARCH_PATH) != 0
		 ? tide_await_role_search_path(
		       task->exe->control, mem, task->action->probe, 0, NULL, &rows, err)
		 : tide_await_query(task->exe->control, mem, task->action->probe, 0, NULL, &rows, err);
	text = ok && tide_rows_count(rows) == 1 ? tide_rows_only_text(rows) : NULL;
	if (text == NULL)
		ok = ok && tide_fail(err, TIDE_UNEXPECTED, "the probe gave no answer");
	else
		*answer = strcmp(text, "done") == 0     ? TIDE_DONE
			  : strcmp(text, "broken") == 0 ? TIDE_BROKEN
							: TIDE_TODO;
	talloc_free(mem);
	return ok || tide_wrap(err, "probe of step '%s'", task->step);
}

bool
tide_task_probe(const struct tide_task *task, enum tide_probe *answer, struct tide_err *err)
{
	struct tide_task now = *task;
	void *mem = talloc_new(task->exe);
	bool ok = tide_table_follow(task->exe->session, mem, task->action, &now.action, err) &&
		  probe(&now, answer, err);

	talloc_free(mem);
	return ok;
}

/* Whether this run ever began this step: what it finds half-made is then its own. */
static bool
is_ours(const struct tide_task *task, bool *ours, struct tide_err *err)
{
	if (!tide_journal_has(
		task->exe->session, tide_task_event(task, "done"), task->phase, task->step, ours, err))
		return false;
	return *ours || tide_journal_has(task->exe->session, tide_task_event(task, "intent"), task->phase,
			    task->step, ours, err);
}

/*
 * An object with our name that this run did not create may be something else: it is not taken for ours. The
 * outcome that is journaled tells a later rollback whether there is anything of ours to undo
 * (tide_journal_untouched).
 */
static bool
already_done(const struct tide_task *task, struct tide_err *err)
{
	bool journaled, ours, back = task->back;

	if (!tide_journal_has(task->exe->session, tide_task_event(task, "done"), task->phase, task->step,
		&journaled, err) ||
	    !is_ours(task, &ours, err))
		return false;
	if (!ours && !task->back && (task->action->flags & TIDE_CREATES) != 0) {
		tide_fail(err, TIDE_PRECONDITION,
		    "step '%s' (%s): it already exists and was not created by this run", task->step,
		    task->action->title);
		return tide_hint(err, "another session changed the database; remove what it created, or "
				      "remove the phase from the plan");
	}
	tide_executor_event(task->exe, tide_task_event(task, "skip"), task->step, false, "already done: %s",
	    task->action->title);
	if (journaled)
		return true;
	return tide_journal_add(task->exe->session,
	    &(struct tide_entry){ .event = tide_task_event(task, "done"),
		.phase = task->phase,
		.step = task->step,
		.outcome = ours && !back ? "done" : TIDE_ALREADY_SO,
		.seconds = -1,
		.lock_wait = -1 },
	    NULL, err);
}

/* An invalid index and the like: removed only when this run made it. */
static bool
repair(const struct tide_task *task, struct tide_err *err)
{
	struct tide_err failed = { 0 };
	bool ours;

	if (!is_ours(task, &ours, err))
		return false;
	if (!ours || task->action->repair == NULL) {
		tide_fail(err, TIDE_PRECONDITION,
		    "step '%s' (%s): an incomplete object exists that this run did not create", task->step,
		    task->action->title);
		return tide_hint(err, "find out who made it; if nobody needs it, drop it and run again");
	}
	tide_executor_event(task->exe, "step.repair", task->step, true,
	    "removing what an interrupted attempt of this run left: %s", task->action->repair);
	if (!tide_await_exec(task->exe->control, NULL, task->action->repair, NULL, &failed)) {
		*err = failed;
		return tide_wrap(err, "removing what an interrupted attempt left");
	}
	return tide_journal_add(task->exe->session,
	    &(struct tide_entry){ .event = "step.repair",
		.phase = task->phase,
		.step = task->step,
		.sql = task->action->repair,
		.outcome = "done",
		.seconds = -1,
		.lock_wait = -1 },
	    NULL, err);
}

/* Always false. */
static bool
hint_undone(const struct tide_task *task, struct tide_err *err)
{
	return tide_hint(err,
	    "something undoes it at once, such as an event trigger or another tool: find and stop it, then "
	    "run again. What was done and when: tidemark history %s --verbose",
	    task->exe->plan->name);
}

static bool
act(const struct tide_task *task, struct tide_err *err)
{
	enum tide_probe answer;

	tide_executor_event(
	    task->exe, tide_task_event(task, "start"), task->step, false, "%s", task->action->title);
	tide_crash_point("step.before_act");
	if (!runners[task->action->kind].act(task, err))
		return false;
	tide_crash_point("step.after_act");
	if (!tide_task_probe(task, &answer, err))
		return false;
	if (answer == TIDE_DONE)
		return true;
	tide_fail(err, TIDE_UNEXPECTED, "step '%s' ran without an error, but its probe does not find it done",
	    task->step);
	return hint_undone(task, err);
}

bool
tide_task_prepare(const struct tide_task *task, bool *done, struct tide_err *err)
{
	enum tide_probe answer;

	for (int round = 0; round < 3; round++) {
		if (!tide_executor_check(task->exe, err))
			return false;
		tide_crash_point("step.before_probe");
		if (!tide_task_probe(task, &answer, err))
			return false;
		*done = answer == TIDE_DONE;
		if (answer == TIDE_DONE)
			return already_done(task, err);
		if (answer == TIDE_TODO)
			return true;
		if (!repair(task, err))
			return false;
	}
	tide_fail(err, TIDE_UNEXPECTED, "step '%s' is still incomplete after its cleanup", task->step);
	return hint_undone(task, err);
}

/* The gate has asked for the window before the first step; it may be long ago, or another executor's. */
static bool
await_window(const struct tide_task *task, bool *waited, struct tide_err *err)
{
	struct tide_executor *exe = task->exe;

	*waited = false;
	if (!runners[task->action->kind].in_window || task->back || tide_executor_window(exe) == NULL)
		return true;
	return tide_watcher_refresh(exe, err) && tide_room_wait(task, tide_held_by_window, waited, err);
}

static bool
run_once(const struct tide_task *task, struct tide_err *err)
{
	bool done, waited;

	/* Hours may have passed: then it is probed again. */
	do {
		if (!tide_task_prepare(task, &done, err))
			return false;
		if (done)
			return true;
		if (!await_window(task, &waited, err))
			return false;
	} while (waited);
	return act(task, err);
}

/*
 * When the statement arrived, its name meant another relation or none: the table may have been renamed in
 * between.
 */
static bool
missed_table(const struct tide_err *err)
{
	return strcmp(err->sqlstate, TIDE_TABLE_RENAMED) == 0 || strcmp(err->sqlstate, "42P01") == 0 ||
	       strcmp(err->sqlstate, "42809") == 0;
}

bool
tide_task_run(const struct tide_task *task, struct tide_err *err)
{
	const struct tide_action *last = NULL;
	void *mem = talloc_new(task->exe);
	bool ok = false;

	for (int tries = 0; tries < 5 && !ok; tries++) {
		struct tide_task now = *task;
		struct tide_err failed = { 0 };

		if (!tide_table_follow(task->exe->session, mem, task->action, &now.action, &failed)) {
			*err = failed;
			break;
		}
		/* The same name as at the last try: a rename was not the cause. */
		if (last != NULL && last->table != NULL && strcmp(last->table, now.action->table) == 0)
			break;
		last = now.action;
		*err = failed;
		ok = run_once(&now, err);
		if (!ok && !missed_table(err))
			break;
	}
	talloc_free(mem);
	return ok;
}
