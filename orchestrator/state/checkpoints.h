#ifndef TIDE_CHECKPOINTS_H
#define TIDE_CHECKPOINTS_H

#include "measure.h"
#include "tidemark/postgres/conn.h"

/**
 * How far the sweep is that a run has begun and not finished: read from its segments and the journal, whoever works on it or
 * nobody.
 */
struct tide_checkpoints {
	const char *phase, *what;
	struct tide_extent extent;                /* total 0: there is no such sweep, or nothing to sweep */
	int64_t seen, changed, stayed, differing; /* rows of the current pass */
	int64_t placed; /* rows changed of which it can be said whether they stayed in their page */
	int64_t earlier_seen, earlier_changed, earlier_stayed; /* rows of what was begun again since */
};

/** Awaits. Texts belong to ctx. */
bool tide_checkpoints_read(void *ctx, struct tide_conn *conn, int64_t run, struct tide_checkpoints *out,
    struct tide_err *err) TIDE_CHECKED;

#endif
