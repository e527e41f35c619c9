#ifndef TIDE_PHASES_FILL_H
#define TIDE_PHASES_FILL_H

#include "pair.h"
#include "tidemark/step.h"

/** Makes `action` the sweep that fills the new columns of a dual write from the old ones, under its mirror trigger. */
struct tide_sweep_spec *tide_dual_fill(
    struct tide_steps *steps, const struct tide_dual *dual, struct tide_action *action, char *title);

#endif
