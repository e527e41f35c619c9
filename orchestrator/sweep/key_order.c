/*
 * By the keys of a unique index (keyset.h), for tables whose rows cannot be found by blocks. A span counts rows.
 *
 * A relation is one segment. Its row holds the last key that is done, and the statement reads it there, so no key is ever
 * taken apart here. One statement finds the next rows in the order of the index, works on them by their keys, and writes
 * the last key of all of them, changed or not. `next` follows, scaled to the table's blocks: with it progress is counted as
 * for the other tables.
 *
 * A row whose key changes while we wait for it is left alone: the trigger has filled it; where there is none, the next pass
 * finds it.
 */
#include "batch.h"

#include <talloc.h>

#include "keyset.h"
#include "tidemark/base/sqltext.h"

/* Rows of a skipped range that are visited at once. */
#define HOLE_ROWS 256

#define FROM "(SELECT guard.key FROM guard)"
#define STOP "(SELECT guard.key_stop FROM guard)"
#define LIMIT "$3::bigint + 1"

/*
 * `page`: the rows before the end of the segment, with their number; one more than wanted, to know whether that is all.
 * `span`: those of the batch. `edge`: what the checkpoint becomes, whether more rows follow, and how many rows were passed.
 */
static char *
span_sql(void *ctx, const struct tide_relation *relation, const char *more)
{
	const struct tide_keyset *ks = relation->keyset;

	return tide_sqlf(ctx,
	    "page AS MATERIALIZED (SELECT n.*, pg_catalog.row_number() OVER (ORDER BY %s) AS ord "
	    "FROM (%s) AS n "
	    "WHERE " STOP " IS NULL OR %s),\n"
	    "span AS (SELECT * FROM page WHERE ord <= $3::bigint),\n"
	    "edge AS (SELECT (SELECT %s FROM span WHERE ord = (SELECT pg_catalog.max(ord) "
	    "FROM span)) AS key, "
	    "(SELECT pg_catalog.count(*) FROM page) > $3::bigint AS more, (SELECT pg_catalog.count(*) "
	    "FROM span) AS passed),\n",
	    tide_keyset_by(ctx, ks, "n"),
	    tide_keyset_next(ctx, ks, relation->name, more, FROM, LIMIT, "EXISTS (SELECT FROM ok)"),
	    tide_keyset_until(ctx, ks, "n", STOP), tide_keyset_text(ctx, ks, "span"));
}

/* How far the segment is: rows passed of those that the statistics promise, in blocks. */
#define NEXT                                                                                                 \
	"CASE WHEN edge.more THEN greatest(g.next, least(g.stop - 1, g.stop * (g.rows_seen + edge.passed) "  \
	"/ "                                                                                                 \
	"$4::bigint)) ELSE g.stop END"

static char *
mark(void *ctx, const char *finished)
{
	return tide_sqlf(ctx,
	    ",\nmark AS (UPDATE tidemark.segment g SET key = CASE WHEN %s "
	    "THEN coalesce(edge.key, g.key) ELSE "
	    "g.key END, "
	    "next = CASE WHEN %s THEN " NEXT " ELSE g.next END, done = %s AND NOT edge.more, rows_seen = "
	    "g.rows_seen + tally.seen, " TIDE_BATCH_COUNTS
	    " FROM tally, edge, ok WHERE g.id = ok.id RETURNING g.next, g.key)\n"
	    "SELECT " TIDE_BATCH_ANSWER
	    ", (SELECT next FROM mark) AS next_place, edge.more, (SELECT key::text FROM mark) AS last_key "
	    "FROM tally CROSS JOIN edge LEFT JOIN guard ON true",
	    finished, finished, finished, TIDE_SWEEP_KEYS);
}

/* By their keys: where the rows are not in a heap, a tid need not be a place. */
static char *
delete_rows(
    void *ctx, const struct tide_sweep_spec *spec, const struct tide_relation *relation, const char *of)
{
	return tide_sqlf(ctx,
	    "work AS (DELETE FROM ONLY %s AS tidemark_row USING %s WHERE %s AND (%s) AND EXISTS (SELECT FROM "
	    "ok) RETURNING NULL::boolean AS stayed, false AS again),\n",
	    relation->name, of, tide_keyset_same(ctx, relation->keyset, of), spec->residual);
}

/* Of a heap it can be said whether the new version is in the old one's block; elsewhere a tid need not be a place. */
#define BLOCK "pg_catalog.substr(pg_catalog.tidsend(tidemark_row.ctid), 1, 4)"

static char *
work(void *ctx, const struct tide_sweep_spec *spec, const struct tide_relation *relation, const char *of)
{
	if (spec->deletes)
		return delete_rows(ctx, spec, relation, of);
	return tide_sqlf(ctx,
	    "work AS (UPDATE ONLY %s AS tidemark_row SET %s FROM %s WHERE %s "
	    "AND (%s) AND EXISTS (SELECT FROM "
	    "ok) "
	    "RETURNING %s AS stayed, (%s) AS again),\n",
	    relation->name, spec->set, of, tide_keyset_same(ctx, relation->keyset, of), spec->residual,
	    relation->heap ? tide_sqlf(ctx, BLOCK " = %s.block", of) : "NULL::boolean",
	    tide_batch_again(spec));
}

static const char *
block_of(const struct tide_relation *relation)
{
	return relation->heap ? ", " BLOCK " AS block" : "";
}

static char *
write_sql(void *ctx, const struct tide_sweep_spec *spec, const struct tide_relation *relation)
{
	return tide_sqlf(ctx,
	    "%s%s%stally AS (SELECT pg_catalog.count(*) AS changed, "
	    "pg_catalog.count(*) FILTER (WHERE stayed) AS stayed, "
	    "(SELECT passed FROM edge) AS seen, 0 AS differing, 0 AS skipped, NULL::text AS "
	    "keys, " TIDE_BATCH_ONCE TIDE_BATCH_NO_LOOKUP " FROM work)%s",
	    tide_batch_guard(ctx, spec, relation), span_sql(ctx, relation, block_of(relation)),
	    work(ctx, spec, relation, "span"), mark(ctx, "true"));
}

static char *
read_sql(void *ctx, const struct tide_sweep_spec *spec, const struct tide_relation *relation)
{
	char *more = tide_keyset_differing(ctx, relation->keyset, spec->residual, spec->unmatched, spec->key);

	return tide_sqlf(ctx,
	    "%s%stally AS (SELECT 0 AS changed, 0 AS stayed, pg_catalog.count(*) AS seen, "
	    "pg_catalog.count(*) FILTER (WHERE "
	    "differs) "
	    "AS differing, 0 AS skipped, pg_catalog.to_json((pg_catalog.array_agg(name "
	    "ORDER BY ord) FILTER (WHERE "
	    "differs))[1:%d])::text AS keys, 0 AS once, " TIDE_KEYSET_UNMATCHED " FROM span)%s",
	    tide_batch_guard(ctx, spec, relation), span_sql(ctx, relation, more), TIDE_SWEEP_KEYS,
	    mark(ctx, "true"));
}

static char *
batch_sql(void *ctx, const struct tide_sweep_spec *spec, const struct tide_relation *relation)
{
	return spec->write ? write_sql(ctx, spec, relation) : read_sql(ctx, spec, relation);
}

/*
 * The checkpoint moves only when no row was left locked: a range is visited as a whole, and rows that are
 * filled are not counted again, since the residual no longer holds for them.
 */
static char *
skipped_range_sql(void *ctx, const struct tide_sweep_spec *spec, const struct tide_relation *relation)
{
	return tide_sqlf(ctx,
	    "%s%sfound AS (SELECT pg_catalog.count(*) AS all_rows "
	    "FROM span, ONLY %s AS tidemark_row WHERE %s AND "
	    "(%s)),\n"
	    "free AS MATERIALIZED (SELECT span.* FROM span, ONLY %s AS tidemark_row "
	    "WHERE %s AND (%s) AND EXISTS "
	    "(SELECT FROM ok) %s OF tidemark_row SKIP LOCKED),\n"
	    "%stally AS (SELECT pg_catalog.count(*) AS changed, "
	    "pg_catalog.count(*) FILTER (WHERE stayed) AS stayed, pg_catalog.count(*) AS "
	    "seen, "
	    "0 AS differing, (SELECT all_rows FROM found) - (SELECT pg_catalog.count(*) "
	    "FROM free) AS skipped, "
	    "NULL::text AS "
	    "keys, " TIDE_BATCH_ONCE TIDE_BATCH_NO_LOOKUP " FROM work)%s",
	    tide_batch_guard(ctx, spec, relation), span_sql(ctx, relation, block_of(relation)),
	    relation->name, tide_keyset_same(ctx, relation->keyset, "span"), spec->residual, relation->name,
	    tide_keyset_same(ctx, relation->keyset, "span"), spec->residual,
	    spec->deletes ? "FOR UPDATE" : "FOR NO KEY UPDATE", work(ctx, spec, relation, "free"),
	    mark(ctx, "tally.skipped = 0"));
}

/* The skipped range is the span as this statement sees it, and the segment continues after it. */
static char *
skip_sql(void *ctx, const struct tide_sweep_spec *spec, const struct tide_relation *relation)
{
	(void)spec;
	return tide_sqlf(ctx,
	    "WITH guard AS (SELECT * FROM tidemark.segment WHERE id = $1::bigint AND fence = $2::bigint FOR "
	    "UPDATE), ok AS (SELECT id FROM guard),\n"
	    "%smoved AS (UPDATE tidemark.segment g SET key = coalesce(edge.key, g.key), next = " NEXT
	    ", done = NOT edge.more, rows_seen = g.rows_seen + edge.passed FROM edge, ok "
	    "WHERE g.id = ok.id RETURNING g.next, g.key),\n"
	    "skipped_range AS (INSERT INTO tidemark.segment (run, sweep, pass, "
	    "relation, filenode, key_order, fence, "
	    "first, "
	    "stop, next, skipped_range, key, key_stop) "
	    "SELECT guard.run, guard.sweep, guard.pass, guard.relation, "
	    "guard.filenode, guard.key_order, guard.fence, 0, guard.stop, 0, true, guard.key, edge.key "
	    "FROM guard, edge WHERE edge.key IS NOT NULL RETURNING id)\n"
	    "SELECT (SELECT id FROM skipped_range) AS skipped_range, moved.next AS next_place, "
	    "edge.more, moved.key::text AS "
	    "last_key "
	    "FROM moved, edge",
	    span_sql(ctx, relation, ""));
}

/* $1 the last key that was read, $2 rows to read, $3 rows that the statistics promise, $4 of which are read, $5 blocks. */
static char *
reader_sql(void *ctx, const struct tide_sweep_spec *spec, const struct tide_relation *relation)
{
	const struct tide_keyset *ks = relation->keyset;
	char *more = tide_keyset_differing(ctx, ks, spec->residual, spec->unmatched, spec->key);

	return tide_sqlf(ctx,
	    "WITH span AS MATERIALIZED (SELECT n.*, pg_catalog.row_number() OVER (ORDER BY %s) AS ord "
	    "FROM (%s) AS n), edge AS (SELECT pg_catalog.count(*) AS seen, pg_catalog.count(*) >= $2::bigint AS "
	    "more FROM span) "
	    "SELECT edge.seen, edge.more, CASE WHEN edge.more THEN least($5::bigint - 1, $5::bigint * ($4::bigint + "
	    "edge.seen) / $3::bigint) ELSE $5::bigint END AS next_place, "
	    "(SELECT (%s)::text FROM span WHERE ord = edge.seen) AS last_key, found.* FROM edge, "
	    "(SELECT pg_catalog.count(*) FILTER (WHERE differs) AS differing, "
	    "pg_catalog.to_json((pg_catalog.array_agg(name ORDER BY ord) FILTER (WHERE differs))[1:%d])::text AS "
	    "keys, " TIDE_KEYSET_UNMATCHED " FROM span) AS found",
	    tide_keyset_by(ctx, ks, "n"),
	    tide_keyset_next(ctx, ks, relation->name, more, "$1::text[]", "$2::bigint", "true"),
	    tide_keyset_text(ctx, ks, "span"), TIDE_SWEEP_KEYS);
}

static size_t
reader_parameters(void *ctx, const struct tide_segment *s, const struct tide_span *span, const char **out)
{
	out[0] = s->key;
	out[1] = tide_param_int(ctx, span->to);
	out[2] = tide_param_int(ctx, s->relation->rows);
	out[3] = tide_param_int(ctx, s->passed);
	out[4] = tide_param_int(ctx, s->stop);
	return 5;
}

static struct tide_pace *
pace(struct tide_sweep *sweep, const struct tide_segment *s)
{
	(void)s;
	return &sweep->keys;
}

static void
aim(struct tide_sweep *sweep, struct tide_segment *s, int64_t most, struct tide_span *out)
{
	int64_t rows = tide_pace_amount(&sweep->keys);

	if (sweep->allowance.limit > 0 && rows > sweep->allowance.share)
		rows = sweep->allowance.share;
	if (s->skipped_range && rows > HOLE_ROWS)
		rows = HOLE_ROWS;
	if (most > 0 && rows > most)
		rows = most;
	*out = (struct tide_span){ .to = rows > 0 ? rows : 1 };
}

static int64_t
rows_of(const struct tide_sweep *sweep, const struct tide_segment *s, const struct tide_span *span)
{
	(void)sweep;
	(void)s;
	return span->to;
}

static size_t
parameters(void *ctx, const struct tide_segment *s, const struct tide_span *span, const char **out)
{
	out[0] = tide_param_int(ctx, span->to);
	out[1] = tide_param_int(ctx, s->relation->rows);
	return 2;
}

static void
learn(struct tide_sweep *sweep, struct tide_segment *s, const struct tide_batch *batch)
{
	if (!s->skipped_range && !batch->waited)
		tide_pace_learn(&sweep->keys, batch->span.to, batch->took);
}

static bool
more(const struct tide_segment *s, const struct tide_span *span, const struct tide_rows *rows)
{
	(void)s;
	(void)span;
	return tide_rows_bool(rows, 0, tide_rows_column(rows, "more"));
}

/* Where the segment is after a statement. */
struct edge {
	int64_t next_place;
	bool more;
	char *last_key; /* text of a text[]; NULL: no row was passed */
};

static const struct tide_record_field edge_fields[] = {
	TIDE_FIELD(edge, next_place, INT),
	TIDE_FIELD(edge, more, BOOL),
	TIDE_FIELD(edge, last_key, TEXT),
};
static const struct tide_record edge_record = TIDE_RECORD(edge_fields);

static void
advance(struct tide_sweep *sweep, struct tide_segment *s, const struct tide_batch *batch,
    const struct tide_rows *rows)
{
	struct edge edge;

	(void)batch;
	tide_rows_record(s, rows, 0, &edge_record, &edge);
	if (!s->skipped_range)
		sweep->blocks_done += (double)(edge.next_place - s->cursor.next);
	s->cursor.next = edge.next_place;
	s->done = !edge.more;
	talloc_free(s->key);
	s->key = edge.last_key;
}

static char *
place(void *ctx, const struct tide_segment *s, const struct tide_span *span)
{
	return s->key == NULL ? talloc_asprintf(ctx, "%s, the first %lld in the order of its key",
				    s->relation->name, (long long)span->to)
			      : talloc_asprintf(ctx, "%s, the next %lld after the key %s", s->relation->name,
				    (long long)span->to, s->key);
}

static char *
find_sql(void *ctx, const struct tide_segment *s)
{
	const struct tide_keyset *ks = s->relation->keyset;
	char *next = tide_keyset_next(
	    ctx, ks, s->relation->name, "", tide_sqlf(ctx, "CAST(%L AS text[])", s->key), "1", "true");

	return tide_sqlf(ctx, "SELECT pg_catalog.unnest(%s) AS value FROM (%s) AS n",
	    tide_keyset_text(ctx, ks, "n"), next);
}

static char *
look(void *ctx, const struct tide_segment *s, const struct tide_span *span, const struct tide_rows *rows)
{
	const struct tide_keyset *ks = s->relation->keyset;
	char *out = talloc_asprintf(ctx, "SELECT * FROM %s", s->relation->name);
	size_t value;

	(void)span;
	if (rows == NULL || tide_rows_count(rows) != ks->count)
		return NULL;
	value = tide_rows_column(rows, "value");
	for (size_t i = 0; i < ks->count; i++)
		out = talloc_strdup_append(out, tide_sqlf(ctx, " %s %I = %L", i > 0 ? "AND" : "WHERE",
						    ks->column[i].name, tide_rows_text(rows, i, value)));
	return out;
}

/* Only an index scan reads no more than it must, and only nested loops find the rows by their keys; what the planner thinks
 * of a limit that it does not know would often be something else. */
const struct tide_order tide_key_order = {
	.settings = "SET enable_sort = off; SET enable_bitmapscan = off; SET enable_hashjoin = off; "
		    "SET enable_mergejoin = off",
	.rows_each = 1,
	.batch_sql = batch_sql,
	.skipped_range_sql = skipped_range_sql,
	.skip_sql = skip_sql,
	.read_sql = reader_sql,
	.read_parameters = reader_parameters,
	.aim = aim,
	.rows = rows_of,
	.batch_parameters = parameters,
	.skip_parameters = parameters,
	.pace = pace,
	.learn = learn,
	.more = more,
	.advance = advance,
	.place = place,
	.find_sql = find_sql,
	.look = look,
};
