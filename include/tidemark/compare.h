#ifndef TIDE_COMPARE_H
#define TIDE_COMPARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tidemark/conn.h"
#include "tidemark/err.h"
#include "tidemark/observer.h"
#include "tidemark/step.h"

/** Result of a read-only comparison. keys: the first `count` differing rows as JSON text. */
struct tide_differences {
	int64_t rows_seen, differing;
	char **key;
	size_t count;
	bool interrupted;
};

/**
 * Reads the whole table in windows of blocks with short snapshots, read-only and without the lease, and counts rows for which
 * spec->residual is true. Awaits. `table` is quoted and qualified.
 */
bool tide_compare(void *ctx, struct ev_loop *loop, struct tide_conn *conn, const char *table,
    const struct tide_sweep_spec *spec, const struct tide_observer *observer, struct tide_differences *out,
    struct tide_err *err) TIDE_CHECKED;

#endif
