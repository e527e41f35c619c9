#ifndef TIDE_PHASES_MAINTAIN_H
#define TIDE_PHASES_MAINTAIN_H

#include "tidemark/phases/phase.h"

#include "pair.h"

/** What a table needs after a sweep. Both are statements that yield to everybody; neither has an undo. */

/** Adds the step `vacuum`: dead row versions go, and every column's statistics are made again. */
void tide_maintain_vacuum(struct tide_steps *steps, const struct tide_phase_at *at);
/**
 * Adds the step `statistics`: an ANALYZE of the new columns. With `unless_present` it is left out where the planner has
 * some already; otherwise what is there is from before and is made again.
 */
void tide_maintain_statistics(struct tide_steps *steps, const struct tide_phase_at *at,
    const struct tide_dual *dual, bool unless_present);

#endif
