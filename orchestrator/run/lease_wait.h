#ifndef TIDE_LEASE_WAIT_H
#define TIDE_LEASE_WAIT_H

#include "executor/executor.h"

/** Takes the lease, waiting or failing as options->if_locked says, and ends what an earlier executor of this run left running. */
bool tide_lease_wait(struct tide_executor *exe, struct tide_err *err) TIDE_CHECKED;

#endif
