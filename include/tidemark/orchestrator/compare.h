#ifndef TIDE_COMPARE_H
#define TIDE_COMPARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tidemark/postgres/conn.h"
#include "tidemark/base/err.h"
#include "tidemark/orchestrator/observer.h"
#include "tidemark/phases/step.h"
#include "tidemark/plans/plan.h"

/** Result of a read-only comparison. key: `count` of the differing rows as JSON text, at most ten. */
struct tide_differences {
	int64_t rows_seen, differing;
	int64_t unmatched;   /* rows whose lookup finds nothing; -1: the plan has no lookup */
	char *unmatched_key; /* of one of them, as JSON text; NULL */
	char **key;
	size_t count;
	enum tide_code
	    stopped; /* INTERRUPTED or TERMINATED: by a signal, before all rows were read; OK: it was not */
};

struct tide_comparison {
	struct ev_loop *loop;
	struct tide_conn *conn; /* open; reads as well */
	const struct tide_dsn
	    *dsn; /* for the other readers; NULL: `conn` reads alone, with its settings as they are */
	const char *application_name;     /* of the other readers */
	const struct tide_limits *limits; /* NULL: one connection reads all the time */
	const char *plan;                 /* for display; may be NULL */
	const char *table;                /* quoted, qualified */
	const struct tide_sweep_spec *spec;
	const struct tide_observer *observer; /* may be NULL */
};

/**
 * Reads the whole table in windows of blocks with short snapshots, read-only and without the lease, and counts rows for which
 * spec->residual is true. Awaits. SIGINT and SIGTERM end it at once: `conn` is closed then, and *out is what was read until then.
 */
bool tide_compare(void *ctx, const struct tide_comparison *what, struct tide_differences *out,
    struct tide_err *err) TIDE_CHECKED;

#endif
