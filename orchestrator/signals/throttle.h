#ifndef TIDE_THROTTLE_H
#define TIDE_THROTTLE_H

#include "signal.h"

/** The states of all signals, in the order of tide_signal_table. */
struct tide_signal_states {
	void *of[TIDE_SIGNAL_COUNT];
};

/** Belongs to ctx. */
struct tide_signal_states *tide_signal_states_new(void *ctx);

/**
 * Why the current work must stop now, by the plan's limits; no cause: it may continue. Work that only reads makes next to no WAL: what
 * follows the WAL does not lag because of it, and does not count. The text belongs to ctx.
 */
struct tide_hold
tide_throttle_judge(void *ctx, const struct tide_executor *exe, struct tide_signal_states *states);

#endif
