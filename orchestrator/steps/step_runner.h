#ifndef TIDE_STEP_RUNNER_H
#define TIDE_STEP_RUNNER_H

#include <stdbool.h>

#include "executor/task.h"

/** Probe → act → probe, whatever the kind; nothing is done twice. Journals and reports. */
bool tide_task_run(const struct tide_task *task, struct tide_err *err) TIDE_CHECKED;

enum tide_probe { TIDE_TODO, TIDE_DONE, TIDE_BROKEN };
/** Asks the probe (or, without one, the journal). */
bool
tide_task_probe(const struct tide_task *task, enum tide_probe *answer, struct tide_err *err) TIDE_CHECKED;
/**
 * Probes, and removes what an interrupted attempt of ours has left. *done: there is nothing to do, and the journal says so. What has
 * neither a probe nor a row in the journal is to be done.
 */
bool tide_task_prepare(const struct tide_task *task, bool *done, struct tide_err *err) TIDE_CHECKED;
/** The kinds. Each acts once the probe has said todo. */
bool tide_step_sql(const struct tide_task *task, struct tide_err *err) TIDE_CHECKED;
bool tide_step_concurrent(const struct tide_task *task, struct tide_err *err) TIDE_CHECKED;
bool tide_step_wait(const struct tide_task *task, struct tide_err *err) TIDE_CHECKED;

#endif
