#ifndef TIDE_GATE_H
#define TIDE_GATE_H

#include <stdbool.h>

#include "executor/executor.h"

/**
 * Waits until the gate of plan->phase[index] is open. A closed manual gate, or a soak with long to go, returns false
 * with TIDE_GATE; SQL conditions and time windows are asked again until they hold.
 */
bool tide_gate_pass(struct tide_executor *exe, long index, struct tide_err *err) TIDE_CHECKED;

#endif
