#ifndef TIDE_GATE_H
#define TIDE_GATE_H

#include <stdbool.h>

#include "executor.h"
#include "tidemark/base/units.h"

/** A soak or a hold with more left than this ends the command (the run stays where it is) instead of keeping a process waiting. */
#define TIDE_WAIT_IN_PROCESS (60 * TIDE_SECOND)

/**
 * Waits until the gate of plan->phase[index] is open. A closed manual gate, or a soak with long to go, gives false
 * with TIDE_GATE; SQL conditions and time windows are asked again until they hold.
 */
bool tide_gate_pass(struct tide_executor *exe, long index, struct tide_err *err) TIDE_CHECKED;

/** The gate in words: "manual approval, 24h after the phase before, …"; NULL when there is none. Belongs to ctx. */
char *tide_gate_text(void *ctx, const struct tide_gate *gate);

#endif
