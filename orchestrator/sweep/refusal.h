#ifndef TIDE_REFUSAL_H
#define TIDE_REFUSAL_H

#include "sweep.h"

/** What the server can have against a batch, by SQLSTATE. */
enum tide_refusal {
	TIDE_REFUSAL_OTHER,   /* it cannot continue */
	TIDE_REFUSAL_YIELDED, /* it met a lock and did not wait for it: try again */
	TIDE_REFUSAL_NAMES, /* the statement was made for another table than the one that has the name now */
	TIDE_REFUSAL_ROW,   /* a row cannot be computed, or its new version is refused */
	TIDE_REFUSAL_REPEATED, /* rows that have been filled would be filled again */
};

enum tide_refusal tide_refusal_of(const struct tide_err *err);

/**
 * The errors that end a sweep, for the rows of `span`. `found`: the answer to the order's find_sql, or NULL.
 */
void tide_refusal_row(const struct tide_sweep *sweep, const struct tide_segment *segment,
    const struct tide_span *span, const struct tide_rows *found, struct tide_err *err);
void tide_refusal_repeated(const struct tide_sweep *sweep, const struct tide_segment *segment,
    const struct tide_span *span, struct tide_err *err);
/** The trigger that keeps the rows in step is not what it was. */
void tide_refusal_trigger(
    const struct tide_sweep *sweep, const struct tide_segment *segment, struct tide_err *err);

#endif
