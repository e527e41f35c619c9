#ifndef TIDE_HORIZON_HOLDER_H
#define TIDE_HORIZON_HOLDER_H

#include "executor/executor.h"

/**
 * Keeps, from the row of state/horizon.sql (none: nobody), who holds the xmin horizon and for how long:
 * exe->signals.horizon and horizon_age. What has no start of its own (a standby, a slot) is as old as its xmin has
 * been seen to stay the same.
 */
void tide_horizon_holder_read(struct tide_executor *exe, const struct tide_rows *rows);

#endif
