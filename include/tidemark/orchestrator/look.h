#ifndef TIDE_LOOK_H
#define TIDE_LOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tidemark/base/err.h"
#include "tidemark/orchestrator/words.h"
#include "tidemark/plans/plan.h"

/**
 * What `ensure` decides by. One SELECT answers for several plans, over a connection whose session is not pinned, and it decides what may be
 * done with each of them by itself.
 */

/** The latest run of a plan. */
struct tide_look_run {
	char *plan;
	enum tide_run_state state; /* as it is stored */
	enum tide_direction direction;
	enum tide_wanted wanted;
	char *wanted_by, *reason; /* or NULL */
	int code;                 /* exit status of the attempt that failed last; 0 none */
	char *owner;              /* of the lease, or NULL */
	bool live;                /* … who is alive */
	char *plan_text;          /* when the hash that was asked with is another one; else NULL */
	int64_t back_to;          /* of a rollback: the last phase that stays done; -1 none */
	int64_t ahead;            /* index of the first phase that is not done; -1 none */
	bool begun;               /* it: what it waits for is the end of its hold */
	bool approved;            /* its gate */
	char *until; /* end of the soak or hold that it waits for, neither over nor waived; or NULL */
};

struct tide_look {
	int64_t version; /* of the state; 0 none that can be read */
	struct tide_look_run *run;
	size_t count;
};

/** What to ask for: a plan, and the hash that it should have; "" none. */
struct tide_look_plan {
	const char *name, *hash;
};

#define TIDE_LOOK_VALUES 4
/** The statement, for one row of one text, and its parameters, which belong to ctx. */
const char *tide_look_sql(
    void *ctx, const struct tide_look_plan *plan, size_t count, const char *value[TIDE_LOOK_VALUES]);
/** Reads its answer. A schema that is not to be trusted, or is newer than this program, is TIDE_PRECONDITION. Belongs to ctx. */
bool tide_look_read(void *ctx, const char *answer, struct tide_look *out, struct tide_err *err) TIDE_CHECKED;
/** NULL: it has no run. */
const struct tide_look_run *tide_look_find(const struct tide_look *look, const char *plan);

/** What is asked of a plan, beside its run. */
struct tide_ensure {
	const struct tide_plan *plan; /* with the phases that the run has, or more at its end */
	bool changed; /* … or another plan altogether, which only an executor can tell in words */
	long last;    /* index of the phase that is to be done */
	const struct tide_look_run *run; /* NULL: none */
	const char *missing;             /* a plan that it requires and that is not complete; or NULL */
	bool waited;                     /* it was another executor's before */
};

enum tide_verdict_kind {
	TIDE_VERDICT_DONE,
	TIDE_VERDICT_LEAVE, /* a person has to do something, or time has to pass */
	TIDE_VERDICT_WAIT,  /* another executor works on it */
	TIDE_VERDICT_ASK, /* its gate is a query, a window or a command: to be asked first (tide_run_gate_open) */
	TIDE_VERDICT_RUN
};
struct tide_verdict {
	enum tide_verdict_kind kind;
	enum tide_code code; /* LEAVE: what `run --exit-code` would end with */
	const char *text;    /* LEAVE: why; WAIT: for whom. Belongs to ctx */
};

/** Pure. A run that stands still for a person is left alone, and so is one that failed. */
struct tide_verdict tide_ensure_judge(void *ctx, const struct tide_ensure *ensure);

#endif
