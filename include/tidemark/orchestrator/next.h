#ifndef TIDE_NEXT_H
#define TIDE_NEXT_H

#include <stdbool.h>

#include "tidemark/orchestrator/words.h"

struct tide_run_status;

/** All that the next command depends on. */
struct tide_standing {
	enum tide_run_state state; /* as it is shown; TIDE_RUN_NONE: there is no run */
	enum tide_direction direction;
	enum tide_wanted wanted;
	bool live;           /* an executor works on it */
	bool needs_approval; /* ahead is a gate that a person opens, and nobody has */
	bool in_hold;        /* the phase ahead has begun: what it waits for is the end of its hold */
	const char *until;   /* end of the soak or hold that it waits for, not over and not waived; or NULL */
	bool away;           /* the run belongs to another database, or its table is gone */
	bool adoptable;      /* … and tidemark adopt makes it ours */
	bool recurring;      /* complete, the plan may run again */
	bool longer;         /* the plan file has more phases at its end than the run */
};

enum tide_next tide_next_of(const struct tide_standing *standing);
/**
 * The command to type next, as a shell takes it: what else is worth knowing follows as a comment. `as` is how the plan is named.
 * NULL: nothing
 * is left to do, or nothing can be done. Belongs to ctx.
 */
char *tide_next_command(void *ctx, const struct tide_standing *standing, const char *as);

/** The state of a run that was read for display. Borrows the text. */
struct tide_standing tide_standing_of(const struct tide_run_status *status);

#endif
