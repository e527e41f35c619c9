#ifndef TIDE_STEP_RUNNER_H
#define TIDE_STEP_RUNNER_H

#include <stdbool.h>

#include "run/executor.h"
#include "signals/watcher.h"

/** One action of one step, on its way forward or back. */
struct tide_task {
	struct tide_executor *exe;
	long phase;       /* index */
	const char *step; /* name in the journal: "add-column", on the way back "add-column#1" */
	bool back;
	const struct tide_action *action;
};

/** Probe → act → probe, whatever the kind; nothing is done twice. Journals and reports. */
bool tide_task_run(const struct tide_task *task, struct tide_err *err) TIDE_CHECKED;

enum tide_probe { TIDE_TODO, TIDE_DONE, TIDE_BROKEN };
/** Asks the probe (or, without one, the journal). */
bool
tide_task_probe(const struct tide_task *task, enum tide_probe *answer, struct tide_err *err) TIDE_CHECKED;
/** "step.done", on the way back "undo.done". */
const char *tide_task_event(const struct tide_task *task, const char *what);

/** The kinds. Each acts once the probe has said todo. */
bool tide_step_sql(const struct tide_task *task, struct tide_err *err) TIDE_CHECKED;
bool tide_step_concurrent(const struct tide_task *task, struct tide_err *err) TIDE_CHECKED;
bool tide_step_wait(const struct tide_task *task, struct tide_err *err) TIDE_CHECKED;
bool tide_step_sweep(const struct tide_task *task, struct tide_err *err) TIDE_CHECKED;

/** Waits as long as an old transaction or a vacuum that will not give way holds the table; TIDE_LOCK when patience ends. */
bool tide_lock_look(const struct tide_task *task, int64_t patience_until, struct tide_err *err) TIDE_CHECKED;

/**
 * Samples, while one statement of the control connection runs, who blocks it; with may_cancel cancels it when too many
 * queue behind, or when somebody wants the executor to stop.
 */
struct tide_lock_watch;
struct tide_lock_watch *tide_lock_watch_start(struct tide_executor *exe, bool may_cancel);
/** What was seen last. Belongs to the watch; free the watch with talloc_free, which stops it. */
const struct tide_blockers *tide_lock_watch_seen(const struct tide_lock_watch *watch);
/** How many waited behind the statement when it was last looked at. */
int64_t tide_lock_watch_behind(const struct tide_lock_watch *watch);
bool tide_lock_watch_cancelled(const struct tide_lock_watch *watch);

/** How long to wait before the lock is asked for again, us. */
int64_t tide_lock_pause(int64_t tries);

/** Up to ten keys of rows for which `differing` is true, as text for a message. Belongs to ctx. */
char *tide_differing_keys(void *ctx, const struct tide_task *task, const char *differing);

#endif
