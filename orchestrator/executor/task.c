#include "task.h"

#include <string.h>

#include "tidemark/base/units.h"

const char *
tide_task_event(const struct tide_task *task, const char *what)
{
	static const char *const names[][3] = {
		{ "done", "step.done", "undo.done" },
		{ "intent", "step.intent", "undo.intent" },
		{ "skip", "step.skip", "undo.skip" },
		{ "start", "step.start", "undo.start" },
		{ "failed", "step.failed", "undo.failed" },
	};

	for (size_t i = 0; i < TIDE_COUNT(names); i++)
		if (strcmp(names[i][0], what) == 0)
			return names[i][task->back ? 2 : 1];
	return what;
}
