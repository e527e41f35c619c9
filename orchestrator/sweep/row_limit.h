#ifndef TIDE_ROW_LIMIT_H
#define TIDE_ROW_LIMIT_H

#include "sweep.h"

/**
 * What the next batch of a segment takes: at most `narrow` of what its order counts (0: no limit). With a limit of rows, what all
 * batches under way may delete together is never more than what is left of it, so that the last one cannot exceed it. False: others
 * have reserved the rest.
 */
bool tide_row_limit_aim(
    struct tide_sweep *sweep, struct tide_segment *segment, int64_t narrow, struct tide_span *out);

#endif
