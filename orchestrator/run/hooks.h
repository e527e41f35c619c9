#ifndef TIDE_RUN_HOOKS_H
#define TIDE_RUN_HOOKS_H

#include "executor/executor.h"
#include "tidemark/orchestrator/hooks.h"

/**
 * Calls the hook `before-…` of this name and waits for it, with the loop running. Without such a hook: true. What it refuses, or what
 * takes it too long, is TIDE_HOOK. `what`: what would begin, "phase switch". step may be NULL.
 */
bool tide_hooks_ask(struct tide_executor *exe, const char *name, const char *step, const char *what,
    struct tide_err *err) TIDE_CHECKED;

#endif
