#ifndef TIDE_CANONICAL_H
#define TIDE_CANONICAL_H

#include "tidemark/plans/plan.h"

#include "growing_text.h"

/** Appends one value in the only way it can be written: as one line of TOML, keys sorted and quoted. */
void tide_canonical_put(struct tide_text *out, const struct tide_toml *node);

#endif
