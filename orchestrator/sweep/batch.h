#ifndef TIDE_BATCH_H
#define TIDE_BATCH_H

#include "sweep.h"

/**
 * What the statements of a batch have in common, whatever the order of the rows. Every batch checks the fence, the table's
 * storage and the trigger, does its work, and advances the checkpoint: one round trip, one transaction, so after any crash
 * the checkpoint is exactly what was done, and an executor that lost its lease does nothing.
 *
 * Parameters: $1 segment id, $2 fence; then those of the order.
 * Columns: changed, stayed, seen, differing, skipped, keys (JSON array or NULL), owned, same, guarded, marked, once,
 * unmatched, unmatched_key (text or NULL); then those of the order. No row of guard (owned, same and guarded NULL): the segment is gone.
 *
 * The expression is evaluated on the row that the UPDATE has locked, never on a value read before; the snapshot is
 * the statement's own. pg_relation_filenode is compared while our lock on the table keeps it from changing.
 */

/** `WITH guard AS (…), ok AS (…),`: a row of ok when everything is as it should be. */
char *tide_batch_guard(void *ctx, const struct tide_sweep_spec *spec, const struct tide_relation *relation);
/** Boolean over a filled row: it would be filled again. */
const char *tide_batch_again(const struct tide_sweep_spec *spec);

/** A row that has been filled and would be filled again: the statement fails with TIDE_BATCH_AGAIN, and with it everything it
 * did. Otherwise a resume, or the next pass, would repeat work. */
#define TIDE_BATCH_ONCE "CASE WHEN pg_catalog.bool_or(again) THEN tidemark.filled_again() ELSE 0 END AS once"
/** Of a sweep that writes: nothing is looked up for its own sake. */
#define TIDE_BATCH_NO_LOOKUP ", 0 AS unmatched, NULL::text AS unmatched_key"
/** Assignments of what a batch did, from one row `tally` to the segment `g`. Formatted with TIDE_SWEEP_KEYS. */
#define TIDE_BATCH_COUNTS                                                                                    \
	"changed = g.changed + tally.changed, stayed = g.stayed + tally.stayed, "                            \
	"differing = g.differing + tally.differing, skipped = tally.skipped, batches = g.batches + 1, "      \
	"unmatched = g.unmatched + tally.unmatched, "                                                        \
	"unmatched_key = coalesce(g.unmatched_key, tally.unmatched_key), "                                   \
	"keys = CASE WHEN tally.keys IS NULL OR pg_catalog.jsonb_array_length(g.keys) >= %d THEN g.keys "    \
	"ELSE coalesce(g.keys, '[]') || tally.keys::jsonb END"
/** The columns that every batch gives; FROM tally LEFT JOIN guard. */
#define TIDE_BATCH_ANSWER                                                                                    \
	"tally.changed, tally.stayed, tally.seen, tally.differing, tally.skipped, tally.keys, "              \
	"guard.owned, guard.same, guard.guarded, (SELECT pg_catalog.count(*) FROM mark) AS marked, "         \
	"tally.once, "                                                                                       \
	"tally.unmatched, tally.unmatched_key"

#endif
