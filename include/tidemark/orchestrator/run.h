#ifndef TIDE_RUN_H
#define TIDE_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "tidemark/postgres/conn.h"
#include "tidemark/base/err.h"
#include "tidemark/orchestrator/observer.h"
#include "tidemark/plans/plan.h"
#include "tidemark/orchestrator/words.h"

struct ev_loop;
struct tide_hooks;

enum tide_if_locked { TIDE_IF_LOCKED_FAIL, TIDE_IF_LOCKED_WAIT, TIDE_IF_LOCKED_SKIP };

/** Who does it and how far. Texts may be NULL. */
struct tide_run_options {
	const char *to; /* stop after this phase (run) or go back to the end of this phase (rollback) */
	int64_t budget; /* us; stop cleanly after this long; 0 = none */
	enum tide_if_locked if_locked;
	bool again; /* starts again after a complete rollback */
	bool now;   /* advance: waive what is left of a soak or a hold */
	bool wait;  /* for a time window to open; else the attempt ends with BUDGET at the next safe point */
	/* for whom nobody waits: a closed gate, a hold or a pause ends the attempt, however short it is */
	bool unattended;
	const char *reason, *by, *ticket, *note;
	bool yes;                 /* rollback: accept the stated loss */
	bool accept_loss;         /* rollback: leave as it is what rows forbid rolling back */
	struct tide_hooks *hooks; /* may refuse a step; NULL none */
};

/** How it ended, beside the error: what the CLI prints last. Texts belong to the caller's ctx. */
struct tide_outcome {
	/* OK complete; GATE, PAUSED, BUDGET, INTERRUPTED, TERMINATED; PENDING (stopped at --to) */
	enum tide_code stop;
	enum tide_run_state state; /* of the run row; TIDE_RUN_NONE: not said */
	int64_t run;               /* its number; 0: there is none yet */
	const char *phase;         /* where it is */
	const char *reason;        /* why it is there */
	bool live;                 /* another executor works on it */
	bool shut_out;             /* BUDGET: not the time budget has ended it, but the time window */
	bool held;                 /* it had the lease: a failure is the run's, and in its row */
	const char *next;          /* the command to type next, or NULL: see next.h */
};

/**
 * Continues with `plan` from where its run is (creating state and run as needed) to the next gate, the end, or what options say.
 * Blocks, running the loop. Interrupts: SIGINT and SIGTERM are handled inside.
 */
bool tide_run_forward(void *ctx, struct ev_loop *loop, const struct tide_dsn *dsn,
    const struct tide_plan *plan, const struct tide_run_options *options,
    const struct tide_observer *observer, struct tide_outcome *outcome, struct tide_err *err) TIDE_CHECKED;
/** Asks the query of a gate and its time window, or the one that is set for the run of the plan, whoever has approved what. */
bool tide_run_gate_open(struct tide_conn *conn, const char *plan, const struct tide_gate *gate, bool *open,
    struct tide_err *err) TIDE_CHECKED;
/** Opens the gate the run waits at (or its soak or hold, with now). Does not continue by itself. */
bool tide_run_advance(void *ctx, struct ev_loop *loop, const struct tide_dsn *dsn,
    const struct tide_plan *plan, const struct tide_run_options *options,
    const struct tide_observer *observer, struct tide_outcome *outcome, struct tide_err *err) TIDE_CHECKED;
bool tide_run_back(void *ctx, struct ev_loop *loop, const struct tide_dsn *dsn, const struct tide_plan *plan,
    const struct tide_run_options *options, const struct tide_observer *observer,
    struct tide_outcome *outcome, struct tide_err *err) TIDE_CHECKED;

#endif
