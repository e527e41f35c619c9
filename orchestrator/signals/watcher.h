#ifndef TIDE_WATCHER_H
#define TIDE_WATCHER_H

#include <stdbool.h>

#include "executor/executor.h"

/**
 * The watcher: one connection, one tick a second. Each tick keeps the lease, brings back what has been requested of
 * the run, and reads what the throttle needs. Results are in exe->requests, exe->signals and exe->throttle.hold.
 */
bool tide_watcher_start(struct tide_executor *exe, struct tide_err *err) TIDE_CHECKED;
/** A tick now, or right after the one under way: after NOTIFY, or when progress should be seen at once. */
void tide_watcher_poke(struct tide_executor *exe);
/** Waits until what exe->signals says has been read after this call. */
bool tide_watcher_refresh(struct tide_executor *exe, struct tide_err *err) TIDE_CHECKED;

/** Sets exe->throttle.hold from what the last tick saw: when other work begins, another reason may count. */
void tide_watcher_judge(struct tide_executor *exe);

/** Whether a tick waits for the connection: its other users let the heartbeat go first. */
bool tide_watcher_due(const struct tide_executor *exe);
/** At the end of another user's statement on the watch connection: sends the tick that waited for it. */
void tide_watcher_yield(struct tide_executor *exe);

#endif
