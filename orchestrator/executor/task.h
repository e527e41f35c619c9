#ifndef TIDE_TASK_H
#define TIDE_TASK_H

#include "executor.h"

/** One action of one step, running forward or in a rollback. */
struct tide_task {
	struct tide_executor *exe;
	long phase;       /* index */
	const char *step; /* name in the journal: "add-column", in a rollback "add-column#1" */
	bool back;
	const struct tide_action *action;
};

/** "step.done", in a rollback "undo.done". */
const char *tide_task_event(const struct tide_task *task, const char *what);

#endif
