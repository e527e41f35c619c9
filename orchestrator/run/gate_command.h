#ifndef TIDE_GATE_COMMAND_H
#define TIDE_GATE_COMMAND_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include "tidemark/base/err.h"
#include "tidemark/plans/plan.h"

/**
 * The command of one gate while somebody stands before it: run again and again, with the gate's interval in between, until it exits
 * with status 0. Freed with its talloc context, which kills what is running.
 */
struct tide_gate_command;

enum tide_gate_answer {
	TIDE_GATE_ANSWER_RUNS,   /* no answer yet */
	TIDE_GATE_ANSWER_CLOSED, /* the last one was no; it is run again when its interval has passed */
	TIDE_GATE_ANSWER_OPEN
};

/** run: 0 when it is not known. */
struct tide_gate_command *tide_gate_command_new(void *ctx, struct ev_loop *loop, const struct tide_plan *plan,
    const struct tide_phase *phase, int64_t run);
/** Starts it when it is due, and says how the last try ended. False + TIDE_HOOK: it has failed as often as the plan allows. */
bool tide_gate_command_ask(
    struct tide_gate_command *command, enum tide_gate_answer *answer, struct tide_err *err) TIDE_CHECKED;
/** Whether a try has ended that tide_gate_command_ask() has not told yet. Lives as long as the command. */
const bool *tide_gate_command_ended(const struct tide_gate_command *command);
/** Why it keeps the gate closed, for display. Belongs to ctx. */
char *tide_gate_command_text(void *ctx, const struct tide_gate_command *command);
/** Kills what is running and forgets it: it is run anew when it is asked again. */
void tide_gate_command_stop(struct tide_gate_command *command);

/**
 * One try, by whoever has no executor: waits until it has ended. *why: as tide_gate_command_text(). SIGINT and SIGTERM end it, and
 * are the error.
 */
bool tide_gate_command_once(void *ctx, struct ev_loop *loop, const struct tide_plan *plan,
    const struct tide_phase *phase, bool *open, char **why, struct tide_err *err) TIDE_CHECKED;

#endif
