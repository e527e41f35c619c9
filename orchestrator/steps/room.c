#include "room.h"

#include "tidemark/base/units.h"

struct tide_hold
tide_held_by_throttle(const struct tide_task *task)
{
	return task->action->touch == TIDE_TOUCH_VACUUM ? task->exe->throttle.hold : (struct tide_hold){ 0 };
}

struct tide_hold
tide_held_by_window(const struct tide_task *task)
{
	const struct tide_executor *exe = task->exe;

	if (task->back || tide_executor_window(exe) == NULL || exe->signals.window_open)
		return (struct tide_hold){ 0 };
	return (struct tide_hold){ TIDE_CAUSE_WINDOW, tide_executor_closed_window(exe) };
}

bool
tide_room_wait(const struct tide_task *task, tide_held *held, bool *waited, struct tide_err *err)
{
	struct tide_executor *exe = task->exe;
	struct tide_hold hold = held(task);
	bool any = hold.cause != TIDE_CAUSE_NONE;

	if (waited != NULL)
		*waited = any;
	if (any)
		tide_executor_event(exe, "throttle.start", task->step, true, "throttled: %s", hold.text);
	/* Asked again: the text may be the watcher's, which has looked again meanwhile. */
	for (hold = held(task); hold.cause != TIDE_CAUSE_NONE; hold = held(task)) {
		tide_executor_set_wait_reason(exe, "%s", hold.text);
		tide_executor_sleep(exe, TIDE_SECOND / 4);
		if (!tide_executor_check(exe, err) ||
		    (hold.cause == TIDE_CAUSE_WINDOW && !tide_executor_within_hours(exe, err)))
			return false;
	}
	if (any) {
		tide_executor_event(exe, "throttle.end", task->step, false, "continuing");
		tide_executor_set_wait_reason(exe, NULL);
	}
	return true;
}
