#ifndef TIDE_PHASES_TAKEOVER_H
#define TIDE_PHASES_TAKEOVER_H

#include "tidemark/phases/phase.h"

/**
 * A plan may end at its switch, and the old column be dropped by another plan, a month later. The triggers belong to the first
 * plan until then. The second one takes them over: its drop_column is compiled as if it stood at the end of the first plan, with
 * the same checks, the same comparison before the drop, the same names.
 */

/**
 * Where the phase really stands: at the end of a complete plan of the table that keeps the column in step and has switched;
 * else `at` itself. What is made belongs to ctx.
 */
struct tide_phase_at tide_taken_over(void *ctx, const struct tide_phase_at *at);
/** Whether the phase, or one before it, takes over what `first` does with the column, or has ended it. */
bool tide_is_taken_over(const struct tide_phase_at *at, const char *first, const char *column);

#endif
