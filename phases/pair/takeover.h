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
/**
 * The last run of another plan that was to keep the column of this drop_column in step until its drop, and does not: it was rolled
 * back, or its triggers are gone. NULL: there is none. at->cat must not be NULL.
 */
const struct tide_other_run *tide_lost_keeper(const struct tide_phase_at *at);
/** The run of another plan whose drop_column is of a column that this plan, all of it done, keeps in step; NULL: there is none. */
const struct tide_other_run *
tide_taken_by(void *ctx, const struct tide_plan *plan, const struct tide_catalog *cat, const char **column);
/** Whether the phase, or one before it, takes over what `first` does with the column, or has ended it. */
bool tide_is_taken_over(const struct tide_phase_at *at, const char *first, const char *column);

#endif
