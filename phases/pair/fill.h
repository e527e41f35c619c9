#ifndef TIDE_PHASES_FILL_H
#define TIDE_PHASES_FILL_H

#include "pair.h"
#include "triggers_and_rules.h"
#include "tidemark/phases/step.h"

/**
 * Makes `action` the sweep that fills the new columns of a dual write from the old ones, under its mirror trigger.
 * other_triggers: the word of its backfill, or NULL.
 */
struct tide_sweep_spec *tide_dual_fill(struct tide_steps *steps, const struct tide_dual *dual,
    struct tide_action *action, char *title, const char *other_triggers);
/** What such a sweep writes. Belongs to ctx. */
struct tide_filled tide_dual_filled(void *ctx, const struct tide_dual *dual);

#endif
