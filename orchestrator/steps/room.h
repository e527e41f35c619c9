#ifndef TIDE_ROOM_H
#define TIDE_ROOM_H

#include "executor/task.h"

/** Steps that are no sweep are held back before they begin, for as long as this has a cause. The text lives until the next turn of the loop. */
typedef struct tide_hold tide_held(const struct tide_task *task);

/** A vacuum writes, as a sweep does: it waits for all that the throttle looks at. */
tide_held tide_held_by_throttle;
/** What is left of a phase that was begun waits for the phase's time window; a rollback does not. */
tide_held tide_held_by_window;

/** Waits while `held` has a cause, with requests served in between, and tells it. *waited (may be NULL): it had one. */
bool tide_room_wait(
    const struct tide_task *task, tide_held *held, bool *waited, struct tide_err *err) TIDE_CHECKED;

#endif
