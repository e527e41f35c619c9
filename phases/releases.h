#ifndef TIDE_PHASES_RELEASES_H
#define TIDE_PHASES_RELEASES_H

#include "tidemark/phases/phase.h"

/** Puts on the last step which releases of the application may run once the phase is done, and why where that is not plain. */
void tide_releases_set(struct tide_steps *steps, const struct tide_phase_at *at);

#endif
