#ifndef TIDE_ORDER_H
#define TIDE_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cursor.h"

struct tide_pace;
struct tide_relation;
struct tide_rows;
struct tide_segment;
struct tide_sweep;
struct tide_sweep_spec;

#define TIDE_ORDER_PARAMETERS 6

/** What a batch did. */
struct tide_batch {
	struct tide_span span;
	int64_t took; /* us */
	bool waited;  /* for a lock: `took` says nothing about how much a batch can do */
	int64_t changed, stayed;
	bool found; /* there were rows to change */
};

/**
 * The order in which the rows of a relation are visited: one table of functions for blocks, one for keys. What a span counts is the
 * order's business; that of a batch which takes a single one cannot be halved.
 */
struct tide_order {
	const char *settings; /* SQL, for a session before its statements are prepared */
	int64_t rows_each;    /* rows that one of what a span counts can have */
	bool
	    comes_back; /* a segment begins again at its end for rows that were locked: there are no skipped ranges */
	/** A batch; one over rows that were locked before, which takes what is not locked and says how much was (write sweeps only).
	 * See batch.h. */
	char *(*batch_sql)(
	    void *ctx, const struct tide_sweep_spec *spec, const struct tide_relation *relation);
	char *(*skipped_range_sql)(
	    void *ctx, const struct tide_sweep_spec *spec, const struct tide_relation *relation);
	/** Moves a segment past a span whose rows are locked, and records them as a skipped range. One row: its id as `skipped_range`, or NULL when an
	 * open skipped range covers them; then what advance() reads. */
	char *(*skip_sql)(
	    void *ctx, const struct tide_sweep_spec *spec, const struct tide_relation *relation);
	/** A read that keeps no checkpoint. Columns: seen, differing, keys, unmatched, unmatched_key; then what advance() reads. */
	char *(*read_sql)(
	    void *ctx, const struct tide_sweep_spec *spec, const struct tide_relation *relation);
	size_t (*read_parameters)(
	    void *ctx, const struct tide_segment *segment, const struct tide_span *span, const char **out);
	/** What the next batch takes, at most `most` (0: no limit). */
	void (*aim)(
	    struct tide_sweep *sweep, struct tide_segment *segment, int64_t most, struct tide_span *out);
	/** Rows that a batch may change at most, as far as can be said. */
	int64_t (*rows)(
	    const struct tide_sweep *sweep, const struct tide_segment *segment, const struct tide_span *span);
	/** Parameters after the segment's id and the fence; how many. */
	size_t (*batch_parameters)(
	    void *ctx, const struct tide_segment *segment, const struct tide_span *span, const char **out);
	size_t (*skip_parameters)(
	    void *ctx, const struct tide_segment *segment, const struct tide_span *span, const char **out);
	struct tide_pace *(*pace)(struct tide_sweep *sweep, const struct tide_segment *segment);
	/** How long a span took, before the segment advances. */
	void (*learn)(struct tide_sweep *sweep, struct tide_segment *segment, const struct tide_batch *batch);
	/** More of the segment lies after this batch. */
	bool (*more)(
	    const struct tide_segment *segment, const struct tide_span *span, const struct tide_rows *rows);
	/** The span is done, or was recorded as a skipped range. rows: the answer to the statement of a
	 * batch, or of a skip. */
	void (*advance)(struct tide_sweep *sweep, struct tide_segment *segment,
	    const struct tide_batch *batch, const struct tide_rows *rows);
	/** For display: where the rows of a span are. */
	char *(*place)(void *ctx, const struct tide_segment *segment, const struct tide_span *span);
	/** Asks for what look() must know; NULL: nothing. */
	char *(*find_sql)(void *ctx, const struct tide_segment *segment);
	/** A query for display that shows the row, or block, of a span of one. rows: the answer to find_sql. NULL: it has gone. */
	char *(*look)(void *ctx, const struct tide_segment *segment, const struct tide_span *span,
	    const struct tide_rows *rows);
};

extern const struct tide_order tide_heap_order, tide_key_order;
/** Of sweeps that delete: by blocks, and in the order of an index that need not be unique. */
extern const struct tide_order tide_heap_deletes, tide_index_deletes;

#endif
