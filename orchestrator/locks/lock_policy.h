#ifndef TIDE_LOCK_POLICY_H
#define TIDE_LOCK_POLICY_H

#include "blockers.h"
#include "executor/task.h"

/** Waits as long as an old transaction or a vacuum that will not yield holds the table; TIDE_LOCK when patience ends. */
bool tide_lock_look(const struct tide_task *task, int64_t patience_until, struct tide_err *err) TIDE_CHECKED;

/**
 * Samples, while one statement of the control connection runs, who blocks it; with may_cancel cancels it when too many
 * queue behind, or when the executor is asked to stop.
 */
struct tide_lock_watch;
struct tide_lock_watch *tide_lock_watch_start(struct tide_executor *exe, bool may_cancel);
/** What was seen last. Belongs to the watch; free the watch with talloc_free, which stops it. */
const struct tide_blockers *tide_lock_watch_seen(const struct tide_lock_watch *watch);
/** How many sessions waited for the backend of the statement at the last look. */
int64_t tide_lock_watch_behind(const struct tide_lock_watch *watch);
bool tide_lock_watch_cancelled(const struct tide_lock_watch *watch);

/** How long to wait before the lock is asked for again, us. */
int64_t tide_lock_pause(int64_t tries);

#endif
