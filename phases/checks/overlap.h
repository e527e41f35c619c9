#ifndef TIDE_PHASES_OVERLAP_H
#define TIDE_PHASES_OVERLAP_H

#include "build/build.h"
#include "pair/pair.h"

/**
 * Two changes that share a column. Their triggers would fire one after the other, in an order that only their names decide:
 * writes would be lost, or rejected. So a column that an unfinished run of another plan keeps in step, holds or has added is
 * refused: when the plan is checked, when a phase is compiled, and again under the table's lock.
 */

/** Findings about columns of at->phase that another plan, or an earlier dual_write of the same plan, still uses. */
void tide_check_overlap(const struct tide_phase_at *at, struct tide_findings *out);

/** Has the action refused when a trigger of another plan keeps one of these columns in step. */
void
tide_overlap_guard(struct tide_steps *steps, struct tide_action *action, const struct tide_names *columns);

#endif
