/*
 * The statement of one batch. It checks the fence, the table's storage and the trigger, does its work, and advances the
 * checkpoint: one round trip, one transaction, so after any crash the checkpoint is exactly what was done, and an
 * executor that lost its lease does nothing.
 *
 * Parameters: $1 segment id, $2 fence, $3 first tid, $4 tid behind the last, $5 the block before which all will be done,
 * $6 mask and $7 stripe (cursor.h).
 * Columns: changed, stayed, seen, differing, skipped, keys (JSON array or NULL), owned, same, guarded. No row of guard
 * (all three NULL): the segment is gone.
 *
 * The expression is evaluated on the row that the UPDATE has locked, never on a value read before; the snapshot is
 * the statement's own. pg_relation_filenode is compared while our lock on the table keeps it from changing.
 */
#include "sweep.h"

#include <jansson.h>
#include <talloc.h>

#include "tidemark/sqltext.h"

#define RANGE "tidemark_row.ctid >= $3::tid AND tidemark_row.ctid < $4::tid"
/* The low byte of the line pointer: tidsend gives four bytes of block and two of line pointer, and no cast to text. */
#define STRIPE "(pg_catalog.get_byte(pg_catalog.tidsend(tidemark_row.ctid), 5) & $6::integer) = $7::integer"

static char *
guard(void *ctx, const struct tide_sweep_spec *spec, const struct tide_relation *relation)
{
	char *trigger = spec->trigger == NULL ? talloc_strdup(ctx, "true")
					      : tide_sqlf(ctx,
						    "EXISTS (SELECT FROM pg_catalog.pg_trigger t WHERE "
						    "t.tgrelid = %l AND t.tgname = %L AND t.tgenabled = 'A' "
						    "AND t.tgfoid = (SELECT p.oid FROM pg_catalog.pg_proc p "
						    "WHERE p.oid = to_regprocedure(%L)))",
						    (long long)relation->oid, spec->trigger, spec->function);

	return tide_sqlf(ctx,
	    "WITH guard AS (SELECT s.id, s.fence = $2::bigint AS owned, "
	    "s.filenode IS NOT DISTINCT FROM pg_catalog.pg_relation_filenode(%l) AS same, %s AS guarded "
	    "FROM tidemark.segment s WHERE s.id = $1::bigint FOR UPDATE), "
	    "ok AS (SELECT id FROM guard WHERE owned AND same AND guarded),\n",
	    (long long)relation->oid, trigger);
}

/* What a batch did, from one row `tally`; `finished` says whether the segment's blocks are really done with. */
static char *
mark(void *ctx, const char *finished)
{
	return tide_sqlf(ctx,
	    ",\nmark AS (UPDATE tidemark.segment g SET next = CASE WHEN %s THEN $5::bigint ELSE g.next END, "
	    "done = %s AND $5::bigint >= g.stop, changed = g.changed + tally.changed, stayed = g.stayed + "
	    "tally.stayed, "
	    "rows_seen = g.rows_seen + tally.seen, differing = g.differing + tally.differing, skipped = "
	    "tally.skipped, "
	    "keys = CASE WHEN tally.keys IS NULL OR jsonb_array_length(g.keys) >= %d THEN g.keys "
	    "ELSE coalesce(g.keys, '[]') || tally.keys::jsonb END, "
	    "batches = g.batches + 1 FROM tally, ok WHERE g.id = ok.id RETURNING 1)\n"
	    "SELECT tally.changed, tally.stayed, tally.seen, tally.differing, tally.skipped, tally.keys, "
	    "guard.owned, "
	    "guard.same, guard.guarded, (SELECT count(*) FROM mark), tally.once FROM tally LEFT JOIN guard "
	    "ON true",
	    finished, finished, TIDE_SWEEP_KEYS);
}

/* A row that has been filled and would be filled again: the statement fails, by a cast that cannot be done, and with it
 * everything it did. Otherwise a resume, or the next pass, would repeat work. */
#define AGAIN "CAST(CASE WHEN bool_or(again) THEN %L ELSE '0' END AS integer) AS once"

static const char *
again(const struct tide_sweep_spec *spec)
{
	return spec->again != NULL ? spec->again : "false";
}

static char *
write_sql(void *ctx, const struct tide_sweep_spec *spec, const struct tide_relation *relation)
{
	return tide_sqlf(ctx,
	    "%swork AS (UPDATE ONLY %s AS tidemark_row SET %s WHERE " RANGE " AND " STRIPE
	    " AND (%s) AND EXISTS (SELECT FROM ok) "
	    "RETURNING " RANGE " AS stayed, (%s) AS again),\n"
	    "tally AS (SELECT count(*) AS changed, count(*) FILTER (WHERE stayed) AS stayed, count(*) AS "
	    "seen, "
	    "0 AS differing, 0 AS skipped, NULL::text AS keys, " AGAIN " FROM work)%s",
	    guard(ctx, spec, relation), relation->name, spec->set, spec->residual, again(spec),
	    TIDE_BATCH_AGAIN, mark(ctx, "true"));
}

char *
tide_batch_found(void *ctx, const struct tide_sweep_spec *spec, const char *relation)
{
	return tide_sqlf(ctx,
	    "count(*) AS seen, count(*) FILTER (WHERE %s) AS differing, "
	    "to_json((array_agg((%s)::text) FILTER (WHERE %s))[1:%d])::text AS keys "
	    "FROM ONLY %s AS tidemark_row",
	    spec->residual, spec->key != NULL ? spec->key : "tidemark_row.ctid", spec->residual,
	    TIDE_SWEEP_KEYS, relation);
}

void
tide_batch_keys(char **key, size_t *count, const char *text)
{
	json_t *keys = text != NULL ? json_loads(text, 0, NULL) : NULL;
	size_t i;
	json_t *item;

	json_array_foreach(keys, i, item) if (*count < TIDE_SWEEP_KEYS && json_is_string(item))
	    key[(*count)++] = talloc_strdup(key, json_string_value(item));
	json_decref(keys);
}

static char *
read_sql(void *ctx, const struct tide_sweep_spec *spec, const struct tide_relation *relation)
{
	return tide_sqlf(ctx,
	    "%stally AS (SELECT 0 AS changed, 0 AS stayed, 0 AS skipped, 0 AS once, %s WHERE " RANGE
	    " AND " STRIPE " AND EXISTS (SELECT FROM ok))%s",
	    guard(ctx, spec, relation), tide_batch_found(ctx, spec, relation->name), mark(ctx, "true"));
}

char *
tide_batch_sql(void *ctx, const struct tide_sweep_spec *spec, const struct tide_relation *relation)
{
	return spec->write ? write_sql(ctx, spec, relation) : read_sql(ctx, spec, relation);
}

char *
tide_batch_hole_sql(void *ctx, const struct tide_sweep_spec *spec, const struct tide_relation *relation)
{
	return tide_sqlf(ctx,
	    "%sfound AS (SELECT count(*) AS all_rows FROM ONLY %s AS tidemark_row WHERE " RANGE " AND " STRIPE
	    " AND (%s)),\n"
	    "work AS (UPDATE ONLY %s AS tidemark_row SET %s WHERE tidemark_row.ctid = ANY (ARRAY(SELECT "
	    "tidemark_row.ctid "
	    "FROM ONLY %s AS tidemark_row WHERE " RANGE " AND (%s) AND EXISTS (SELECT FROM ok) "
	    "FOR NO KEY UPDATE SKIP LOCKED)) AND (%s) RETURNING " RANGE " AS stayed, (%s) AS again),\n"
	    "tally AS (SELECT count(*) AS changed, count(*) FILTER (WHERE stayed) AS stayed, count(*) AS "
	    "seen, "
	    "0 AS differing, (SELECT all_rows FROM found) - count(*) AS skipped, NULL::text AS keys, " AGAIN
	    " FROM work)%s",
	    guard(ctx, spec, relation), relation->name, spec->residual, relation->name, spec->set,
	    relation->name, spec->residual, spec->residual, again(spec), TIDE_BATCH_AGAIN,
	    mark(ctx, "tally.skipped = 0"));
}

char *
tide_batch_split_sql(void *ctx)
{
	return talloc_strdup(ctx,
	    "WITH whole AS (UPDATE tidemark.segment SET stop = $3::bigint, done = next >= $3::bigint "
	    "WHERE id = $1::bigint AND fence = $2::bigint RETURNING run, sweep, pass, relation, filenode, "
	    "fence) "
	    "INSERT INTO tidemark.segment (run, sweep, pass, relation, filenode, fence, first, stop, next) "
	    "SELECT run, sweep, pass, relation, filenode, fence, $3::bigint, $4::bigint, $3::bigint "
	    "FROM whole RETURNING id");
}

char *
tide_batch_dig_sql(void *ctx)
{
	return talloc_strdup(ctx,
	    "WITH moved AS (UPDATE tidemark.segment SET next = $5::bigint, done = $5::bigint >= stop "
	    "WHERE id = $1::bigint AND fence = $2::bigint RETURNING run, sweep, pass, relation, filenode, "
	    "fence), "
	    "hole AS (INSERT INTO tidemark.segment (run, sweep, pass, relation, filenode, fence, first, "
	    "stop, "
	    "next, hole) "
	    "SELECT run, sweep, pass, relation, filenode, fence, $3::bigint, $4::bigint, $3::bigint, true "
	    "FROM moved m WHERE NOT EXISTS (SELECT FROM tidemark.segment s WHERE s.run = m.run AND s.sweep = "
	    "m.sweep AND s.pass = m.pass AND s.relation = m.relation AND s.hole AND NOT s.done AND s.id <> "
	    "$1::bigint AND s.next <= $3::bigint AND s.stop >= $4::bigint) RETURNING id) "
	    "SELECT (SELECT id FROM hole) FROM moved");
}
