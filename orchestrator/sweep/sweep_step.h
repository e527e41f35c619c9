#ifndef TIDE_SWEEP_STEP_H
#define TIDE_SWEEP_STEP_H

#include "executor/task.h"

/** Sweeps over the table of task->action->sweep, from where its checkpoints are. */
bool tide_step_sweep(const struct tide_task *task, struct tide_err *err) TIDE_CHECKED;

/** Up to ten keys of rows for which `differing` is true, as text for a message. Belongs to ctx. */
char *tide_differing_keys(void *ctx, const struct tide_task *task, const char *differing);

#endif
