#ifndef TIDE_THROTTLE_H
#define TIDE_THROTTLE_H

#include "executor/executor.h"

/**
 * Why work must stop now; no cause: it may continue. Pure. Each limit is entered when it is reached and left at 80 % of it:
 * over[], of TIDE_GAUGES, keeps which ones are. What cannot be read counts as reached. The text belongs to ctx.
 */
struct tide_hold tide_throttle_judge(void *ctx, const struct tide_limits *limits,
    const struct tide_signals *signals, bool file_exists, bool over[TIDE_GAUGES]);

/**
 * The limits that concern work which only reads. It makes next to no WAL, so what follows the WAL does not lag because of it.
 * Pure; borrows the texts.
 */
struct tide_limits tide_throttle_of_reader(const struct tide_limits *limits);

#endif
