#ifndef TIDE_PHASES_OURS_H
#define TIDE_PHASES_OURS_H

#include "build/build.h"

/** What the tool has made itself. Names that merely look like its own are the user's, and are checked like any other. */

/** Whether the constraint is a proof that a phase of this plan makes: other plans' are not, they depend on their columns. */
bool tide_is_own_proof(const struct tide_plan *plan, const char *name);

#endif
