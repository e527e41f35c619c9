/* The statements of batches in the order of blocks. $3 first tid, $4 tid after the last, $5 the block before which all will
 * be done, $6 mask and $7 stripe (cursor.h). */
#include "batch.h"

#include <jansson.h>
#include <talloc.h>

#include "keyset.h"
#include "sweep_sql.h"
#include "tidemark/base/sqltext.h"

#define RANGE "tidemark_row.ctid >= $3::tid AND tidemark_row.ctid < $4::tid"
/* The low byte of the line pointer: tidsend gives four bytes of block and two of line pointer, and no cast to text. */
#define STRIPE "(pg_catalog.get_byte(pg_catalog.tidsend(tidemark_row.ctid), 5) & $6::integer) = $7::integer"

char *
tide_batch_guard(void *ctx, const struct tide_sweep_spec *spec, const struct tide_relation *relation)
{
	char *trigger = spec->trigger == NULL ? talloc_strdup(ctx, "true")
					      : tide_sqlf(ctx,
						    "EXISTS (SELECT FROM pg_catalog.pg_trigger t WHERE "
						    "t.tgrelid = %l AND t.tgname = %L AND t.tgenabled = 'A' "
						    "AND t.tgfoid = (SELECT p.oid FROM pg_catalog.pg_proc p "
						    "WHERE p.oid = pg_catalog.to_regprocedure(%L)))",
						    (long long)relation->oid, spec->trigger, spec->function);

	/* The statement names the table and has locked what that name meant: `same` is false when that was
	 * another table. */
	return tide_sqlf(ctx,
	    "WITH guard AS (SELECT s.id, s.key, s.key_stop, s.skipped, s.fence = $2::bigint AS owned, "
	    "s.filenode IS NOT DISTINCT FROM pg_catalog.pg_relation_filenode(%l) "
	    "AND pg_catalog.to_regclass(%L)::oid = %l::oid%s AS same, %s AS guarded "
	    "FROM tidemark.segment s WHERE s.id = $1::bigint FOR UPDATE), "
	    "ok AS (SELECT id FROM guard WHERE owned AND same AND guarded),\n",
	    (long long)relation->oid, relation->name, (long long)relation->oid,
	    relation->keyset == NULL ? ""
				     : tide_sqlf(ctx, " AND %s", tide_keyset_stands(ctx, relation->keyset)),
	    trigger);
}

/* What a batch did, from one row `tally`; `finished` says whether the segment's blocks are really done with. */
static char *
mark(void *ctx, const char *finished)
{
	return tide_sqlf(ctx,
	    ",\nmark AS (UPDATE tidemark.segment g SET next = CASE WHEN %s THEN $5::bigint ELSE g.next END, "
	    "done = %s AND $5::bigint >= g.stop, rows_seen = g.rows_seen + tally.seen, " TIDE_BATCH_COUNTS
	    " FROM tally, ok WHERE g.id = ok.id RETURNING 1)\n"
	    "SELECT " TIDE_BATCH_ANSWER " FROM tally LEFT JOIN guard ON true",
	    finished, finished, TIDE_SWEEP_KEYS);
}

const char *
tide_batch_again(const struct tide_sweep_spec *spec)
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
	    "tally AS (SELECT pg_catalog.count(*) AS changed, "
	    "pg_catalog.count(*) FILTER (WHERE stayed) AS stayed, pg_catalog.count(*) AS "
	    "seen, "
	    "0 AS differing, 0 AS skipped, NULL::text AS keys, " TIDE_BATCH_ONCE TIDE_BATCH_NO_LOOKUP
	    " FROM work)%s",
	    tide_batch_guard(ctx, spec, relation), relation->name, spec->set, spec->residual,
	    tide_batch_again(spec), mark(ctx, "true"));
}

char *
tide_batch_found(void *ctx, const struct tide_sweep_spec *spec, const char *relation)
{
	const char *key = spec->key != NULL ? spec->key : "tidemark_row.ctid";
	char *unmatched = talloc_strdup(ctx, TIDE_BATCH_NO_LOOKUP);

	if (spec->unmatched != NULL)
		unmatched = tide_sqlf(ctx,
		    ", pg_catalog.count(*) FILTER (WHERE %s) AS unmatched, "
		    "pg_catalog.min((%s)::text) FILTER (WHERE %s) AS "
		    "unmatched_key",
		    spec->unmatched, key, spec->unmatched);
	return tide_sqlf(ctx,
	    "pg_catalog.count(*) AS seen, pg_catalog.count(*) FILTER (WHERE %s) AS differing, "
	    "pg_catalog.to_json((pg_catalog.array_agg((%s)::text) FILTER (WHERE %s))[1:%d])::text AS keys%s "
	    "FROM ONLY %s AS tidemark_row",
	    spec->residual, key, spec->residual, TIDE_SWEEP_KEYS, unmatched, relation);
}

void
tide_batch_keys(char **key, size_t *count, const char *text)
{
	json_t *keys = text != NULL ? json_loads(text, 0, NULL) : NULL;
	size_t i;
	json_t *item;

	json_array_foreach (keys, i, item)
		if (*count < TIDE_SWEEP_KEYS && json_is_string(item))
			key[(*count)++] = talloc_strdup(key, json_string_value(item));
	json_decref(keys);
}

static char *
read_sql(void *ctx, const struct tide_sweep_spec *spec, const struct tide_relation *relation)
{
	return tide_sqlf(ctx,
	    "%stally AS (SELECT 0 AS changed, 0 AS stayed, 0 AS skipped, 0 AS once, %s WHERE " RANGE
	    " AND " STRIPE " AND EXISTS (SELECT FROM ok))%s",
	    tide_batch_guard(ctx, spec, relation), tide_batch_found(ctx, spec, relation->name),
	    mark(ctx, "true"));
}

char *
tide_batch_sql(void *ctx, const struct tide_sweep_spec *spec, const struct tide_relation *relation)
{
	return spec->write ? write_sql(ctx, spec, relation) : read_sql(ctx, spec, relation);
}

/* Skipped is what could not be locked, or has moved meanwhile. Not what was locked and not updated: a trigger of the
 * application may forbid that, and would forever. */
char *
tide_batch_skipped_range_sql(
    void *ctx, const struct tide_sweep_spec *spec, const struct tide_relation *relation)
{
	return tide_sqlf(ctx,
	    "%sfound AS (SELECT tidemark_row.ctid AS tid FROM ONLY %s AS tidemark_row WHERE " RANGE
	    " AND " STRIPE " AND (%s)),\n"
	    "free AS MATERIALIZED (SELECT tidemark_row.ctid AS tid FROM ONLY %s AS tidemark_row WHERE " RANGE
	    " AND (%s) AND EXISTS (SELECT FROM ok) FOR NO KEY UPDATE SKIP LOCKED),\n"
	    "work AS (UPDATE ONLY %s AS tidemark_row SET %s WHERE tidemark_row.ctid = ANY (ARRAY(SELECT tid "
	    "FROM free)) AND (%s) RETURNING " RANGE " AS stayed, (%s) AS again),\n"
	    "tally AS (SELECT pg_catalog.count(*) AS changed, "
	    "pg_catalog.count(*) FILTER (WHERE stayed) AS stayed, pg_catalog.count(*) AS "
	    "seen, "
	    "0 AS differing, (SELECT pg_catalog.count(*) FROM found "
	    "WHERE NOT EXISTS (SELECT FROM free WHERE free.tid = "
	    "found.tid)) AS skipped, NULL::text AS "
	    "keys, " TIDE_BATCH_ONCE TIDE_BATCH_NO_LOOKUP " FROM work)%s",
	    tide_batch_guard(ctx, spec, relation), relation->name, spec->residual, relation->name,
	    spec->residual, relation->name, spec->set, spec->residual, tide_batch_again(spec),
	    mark(ctx, "tally.skipped = 0"));
}

/*
 * Found first, and then deleted by their places: a trigger of the application may keep a row, which is counted and left, and a limit
 * cuts between two rows of a block. What is found and locked by others makes the batch yield, as an UPDATE does.
 */
char *
tide_batch_delete_sql(void *ctx, const struct tide_sweep_spec *spec, const struct tide_relation *relation)
{
	return tide_sqlf(ctx,
	    "%sfound AS MATERIALIZED (SELECT tidemark_row.ctid AS tid FROM ONLY %s AS tidemark_row WHERE " RANGE
	    " AND " STRIPE " AND (%s) AND EXISTS (SELECT FROM ok) LIMIT $8::bigint),\n"
	    "work AS (DELETE FROM ONLY %s AS tidemark_row WHERE tidemark_row.ctid = ANY (ARRAY(SELECT tid "
	    "FROM found)) AND (%s) RETURNING 1),\n"
	    "tally AS (SELECT pg_catalog.count(*) AS changed, 0 AS stayed, pg_catalog.count(*) AS seen, "
	    "0 AS differing, 0 AS skipped, NULL::text AS keys, 0 AS once, "
	    "(SELECT pg_catalog.count(*) FROM found) - pg_catalog.count(*) AS unmatched, NULL::text AS "
	    "unmatched_key FROM work)%s",
	    tide_batch_guard(ctx, spec, relation), relation->name, spec->residual, relation->name,
	    spec->residual, mark(ctx, "true"));
}

/* A limit that was reached ends the sweep: what is left of the range is not waited for. */
char *
tide_batch_delete_skipped_range_sql(
    void *ctx, const struct tide_sweep_spec *spec, const struct tide_relation *relation)
{
	return tide_sqlf(ctx,
	    "%sfound AS MATERIALIZED (SELECT tidemark_row.ctid AS tid FROM ONLY %s AS tidemark_row WHERE " RANGE
	    " AND " STRIPE " AND (%s) AND EXISTS (SELECT FROM ok) LIMIT $8::bigint),\n"
	    "free AS MATERIALIZED (SELECT tidemark_row.ctid AS tid FROM ONLY %s AS tidemark_row WHERE "
	    "tidemark_row.ctid = ANY (ARRAY(SELECT tid FROM found)) AND (%s) FOR UPDATE SKIP LOCKED),\n"
	    "work AS (DELETE FROM ONLY %s AS tidemark_row WHERE tidemark_row.ctid = ANY (ARRAY(SELECT tid "
	    "FROM free)) AND (%s) RETURNING 1),\n"
	    "tally AS (SELECT pg_catalog.count(*) AS changed, 0 AS stayed, pg_catalog.count(*) AS seen, "
	    "0 AS differing, (SELECT pg_catalog.count(*) FROM found WHERE NOT EXISTS (SELECT FROM free WHERE "
	    "free.tid = found.tid)) AS skipped, NULL::text AS keys, 0 AS once, "
	    "(SELECT pg_catalog.count(*) FROM free) - pg_catalog.count(*) AS unmatched, NULL::text AS "
	    "unmatched_key FROM work)%s",
	    tide_batch_guard(ctx, spec, relation), relation->name, spec->residual, relation->name,
	    spec->residual, relation->name, spec->residual, mark(ctx, "tally.skipped = 0"));
}

char *
tide_batch_skip_sql(void *ctx, const struct tide_sweep_spec *spec, const struct tide_relation *relation)
{
	(void)spec;
	(void)relation;
	return talloc_strdup(ctx, tide_sql_sweep_skip);
}
