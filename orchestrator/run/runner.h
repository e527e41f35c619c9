#ifndef TIDE_RUNNER_H
#define TIDE_RUNNER_H

#include "executor/executor.h"

/** One attempt of a verb on one connected executor; the caller connects again when the server was lost. */
typedef bool tide_attempt(struct tide_executor *exe, struct tide_outcome *outcome, struct tide_err *err);

/** Runs `attempt`, again after a lost connection, and turns clean stops into the outcome. Frees exe. */
bool tide_runner_drive(void *ctx, struct tide_executor *exe, tide_attempt *attempt,
    struct tide_outcome *outcome, struct tide_err *err) TIDE_CHECKED;

/** What to type next, by what the database says of the run now; NULL: nothing, or it cannot be read. Belongs to ctx. */
char *tide_runner_next(struct tide_executor *exe, void *ctx);
/** Sets the hint to "intro: " and the next command. Returns false. */
bool tide_runner_hint_next(struct tide_executor *exe, const char *intro, struct tide_err *err);
/** The error that the run was rolled back, and how to start again. Returns false. */
bool tide_runner_rolled_back(struct tide_executor *exe, struct tide_err *err);

/** States of all phases by index. Belongs to ctx. */
bool tide_runner_states(struct tide_executor *exe, void *ctx, const enum tide_phase_state **out,
    struct tide_err *err) TIDE_CHECKED;

/** Makes plan->phase[index] the one running: events, application_name. */
bool tide_runner_enter(struct tide_executor *exe, long index, struct tide_err *err) TIDE_CHECKED;

/** Index of the phase that an option names; false + TIDE_USAGE when the plan has no such phase. */
bool tide_runner_find(
    const struct tide_plan *plan, const char *name, long *index, struct tide_err *err) TIDE_CHECKED;

#endif
