#ifndef TIDE_EXTEND_H
#define TIDE_EXTEND_H

#include "executor/executor.h"
#include "state/run.h"

/**
 * A plan file that has got phases at its end since the run began. exe->plan is the longer one; run->known is how many phases the run
 * has. The check, against what the phases before them leave, changes nothing; they are taken over into the run under the lease.
 */
bool tide_extend_check(struct tide_executor *exe, struct tide_err *err) TIDE_CHECKED;
bool
tide_extend_run(struct tide_executor *exe, const struct tide_run_row *run, struct tide_err *err) TIDE_CHECKED;

#endif
