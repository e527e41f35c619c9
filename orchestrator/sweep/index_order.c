/*
 * Deleting in the order of an index that serves the condition, so that rows for which it is false need not be read. A span counts rows.
 *
 * A relation is one segment. The condition is part of the scan, not of what follows it: the statement finds the next rows for which it
 * holds, and deletes them by their places. As the index need not be unique, the checkpoint is a value of its first column and a number:
 * so many rows with this value have been seen and stay. A trigger of the application has kept them, or they were locked. The next batch
 * begins with the same value, after these: it neither sees a row for ever, nor passes one over.
 *
 * Rows that are locked are passed over after two tries. At the end the segment begins again for them, and then takes what is not locked.
 */
#include "batch.h"

#include <talloc.h>

#include "keyset.h"
#include "tidemark/base/sqltext.h"

#define FROM "(SELECT guard.key FROM guard)"
#define STAYING "coalesce((" FROM ")[2]::bigint, 0)"
#define LIMIT "$3::bigint + 1 + " STAYING

static const struct tide_keyset_column *
column(const struct tide_relation *relation)
{
	return &relation->keyset->column[0];
}

/* Whether two values of the column, or the lack of one, are the same to the index. */
static char *
same(void *ctx, const struct tide_relation *relation, const char *a, const char *b)
{
	const struct tide_keyset_column *c = column(relation);

	return tide_sqlf(
	    ctx, "((%s)%s %s (%s) OR (%s) IS NULL AND (%s) IS NULL)", a, c->collate, c->equal, b, a, b);
}

/* The value of the checkpoint. */
static char *
reached(void *ctx, const struct tide_relation *relation)
{
	return tide_sqlf(ctx, "CAST((" FROM ")[1] AS %s)", column(relation)->type);
}

static char *
range(void *ctx, const struct tide_sweep_spec *spec, const struct tide_relation *relation, const char *where)
{
	return tide_sqlf(ctx,
	    "(SELECT tidemark_row.%I AS k1, tidemark_row.ctid AS tid FROM ONLY %s AS tidemark_row "
	    "WHERE %s AND (%s) AND EXISTS (SELECT FROM ok) ORDER BY %s LIMIT " LIMIT ")",
	    column(relation)->name, relation->name, where, spec->residual,
	    tide_keyset_by(ctx, relation->keyset, NULL));
}

/* Each range is one scan of the index; one whose condition about the checkpoint is false is not read at all. */
static char *
next(void *ctx, const struct tide_sweep_spec *spec, const struct tide_relation *relation)
{
	const struct tide_keyset_column *c = column(relation);
	const char *at_null = c->nulls_first ? " AND (" FROM ")[1] IS NULL" : "";
	char *from = tide_sqlf(ctx, "tidemark_row.%I%s %s %s", c->name, c->collate,
	    c->descending ? c->not_greater : c->not_less, reached(ctx, relation));
	char *out = range(ctx, spec, relation, FROM " IS NULL");

	out = tide_sqlf(ctx, "%s\nUNION ALL\n%s\nUNION ALL\n%s", out, range(ctx, spec, relation, from),
	    range(ctx, spec, relation,
		tide_sqlf(ctx, FROM " IS NOT NULL%s AND tidemark_row.%I IS NULL", at_null, c->name)));
	if (c->nulls_first)
		out = tide_sqlf(ctx, "%s\nUNION ALL\n%s", out,
		    range(ctx, spec, relation,
			tide_sqlf(
			    ctx, FROM " IS NOT NULL%s AND tidemark_row.%I IS NOT NULL", at_null, c->name)));
	return tide_sqlf(ctx, "SELECT r.* FROM (\n%s) AS r ORDER BY %s LIMIT $3::bigint + 1 OFFSET " STAYING,
	    out, tide_keyset_by(ctx, relation->keyset, "r"));
}

/*
 * `page`: the next rows, one more than wanted, to know whether that is all. `span`: those of the batch. `edge`: where it ends, whether
 * more rows follow, and how many it has.
 */
static char *
span_sql(void *ctx, const struct tide_sweep_spec *spec, const struct tide_relation *relation)
{
	return tide_sqlf(ctx,
	    "page AS MATERIALIZED (SELECT n.*, pg_catalog.row_number() OVER (ORDER BY %s) AS ord FROM (%s) AS "
	    "n),\n"
	    "span AS (SELECT * FROM page WHERE ord <= $3::bigint),\n"
	    "edge AS (SELECT (SELECT k1 FROM span WHERE ord = (SELECT pg_catalog.max(ord) FROM span)) AS k1, "
	    "(SELECT pg_catalog.count(*) FROM page) > $3::bigint AS more, "
	    "(SELECT pg_catalog.count(*) FROM span) AS passed),\n",
	    tide_keyset_by(ctx, relation->keyset, "n"), next(ctx, spec, relation));
}

/* `place`: the checkpoint after the batch. deleted: SQL, how many rows with the value edge.k1 the batch has deleted. */
static char *
place_sql(void *ctx, const struct tide_relation *relation, const char *deleted)
{
	return tide_sqlf(ctx,
	    "place AS (SELECT ARRAY[CASE WHEN edge.k1 IS NOT NULL THEN pg_catalog.format('%%s', edge.k1) END, "
	    "greatest(0, (SELECT pg_catalog.count(*) FROM span WHERE %s) - (%s) + CASE WHEN guard.key IS NOT "
	    "NULL AND %s THEN " STAYING
	    " ELSE 0 END)::text] AS key FROM edge, guard WHERE edge.passed > 0),\n",
	    same(ctx, relation, "span.k1", "edge.k1"), deleted,
	    same(ctx, relation, reached(ctx, relation), "edge.k1"));
}

/* `ending`: rows that are locked, in all since the segment began, and whether it begins again for them. locked: SQL, of this batch. */
static char *
ending_sql(void *ctx, const char *locked)
{
	return tide_sqlf(ctx,
	    "ending AS (SELECT guard.skipped + (%s) AS locked, NOT edge.more AND guard.skipped + (%s) > 0 AS "
	    "again FROM edge, guard),\n",
	    locked, locked);
}

/* How far the segment is: rows passed of those that the statistics promise, in blocks. */
#define ADVANCE                                                                                              \
	"key = CASE WHEN NOT ending.again THEN coalesce((SELECT place.key FROM place), g.key) END, "         \
	"next = CASE WHEN edge.more OR ending.again THEN greatest(g.next, least(g.stop - 1, g.stop * "       \
	"(g.rows_seen + edge.passed) / $4::bigint)) ELSE g.stop END, "                                       \
	"done = NOT edge.more AND NOT ending.again, "
#define ANSWER "next_place, edge.more, ending.again"

static char *
mark(void *ctx, const char *kept)
{
	return tide_sqlf(ctx,
	    "tally AS (SELECT pg_catalog.count(*) AS changed, 0 AS stayed, (SELECT passed FROM edge) AS seen, "
	    "0 AS differing, (SELECT CASE WHEN again THEN 0 ELSE locked END FROM ending) AS skipped, "
	    "NULL::text AS keys, 0 AS once, %s - pg_catalog.count(*) AS unmatched, "
	    "NULL::text AS unmatched_key FROM work),\n"
	    "mark AS (UPDATE tidemark.segment g SET " ADVANCE "rows_seen = g.rows_seen + "
	    "tally.seen, " TIDE_BATCH_COUNTS " FROM tally, edge, ending, ok WHERE g.id = ok.id "
	    "RETURNING g.next, g.key)\n"
	    "SELECT " TIDE_BATCH_ANSWER ", (SELECT next FROM mark) AS " ANSWER
	    ", (SELECT key::text FROM mark) AS last_key FROM (SELECT changed, stayed, seen, differing, "
	    "(SELECT locked FROM ending) AS skipped, keys, once, unmatched, unmatched_key FROM tally) AS tally "
	    "CROSS JOIN edge LEFT JOIN (guard CROSS JOIN ending) ON true",
	    kept, TIDE_SWEEP_KEYS);
}

static char *
work_sql(void *ctx, const struct tide_sweep_spec *spec, const struct tide_relation *relation, const char *of)
{
	return tide_sqlf(ctx,
	    "work AS (DELETE FROM ONLY %s AS tidemark_row WHERE tidemark_row.ctid = ANY (ARRAY(SELECT tid FROM %s)) "
	    "AND (%s) AND EXISTS (SELECT FROM ok) RETURNING tidemark_row.%I AS k1),\n%s",
	    relation->name, of, spec->residual, column(relation)->name,
	    place_sql(ctx, relation,
		tide_sqlf(ctx, "SELECT pg_catalog.count(*) FROM work WHERE %s",
		    same(ctx, relation, "work.k1", "edge.k1"))));
}

static char *
batch_sql(void *ctx, const struct tide_sweep_spec *spec, const struct tide_relation *relation)
{
	return tide_sqlf(ctx, "%s%s%s%s%s", tide_batch_guard(ctx, spec, relation),
	    span_sql(ctx, spec, relation), work_sql(ctx, spec, relation, "span"), ending_sql(ctx, "0"),
	    mark(ctx, "(SELECT passed FROM edge)"));
}

/* What cannot be locked now stays, and the segment begins once more. */
static char *
visit_sql(void *ctx, const struct tide_sweep_spec *spec, const struct tide_relation *relation)
{
	return tide_sqlf(ctx,
	    "%s%sfree AS MATERIALIZED (SELECT tidemark_row.ctid AS tid FROM ONLY %s AS tidemark_row "
	    "WHERE tidemark_row.ctid = ANY (ARRAY(SELECT tid FROM span)) AND (%s) AND EXISTS (SELECT FROM ok) "
	    "FOR UPDATE SKIP LOCKED),\n%s%s%s",
	    tide_batch_guard(ctx, spec, relation), span_sql(ctx, spec, relation), relation->name,
	    spec->residual, work_sql(ctx, spec, relation, "free"),
	    ending_sql(ctx, "edge.passed - (SELECT pg_catalog.count(*) FROM free)"),
	    mark(ctx, "(SELECT pg_catalog.count(*) FROM free)"));
}

/* The segment continues after the rows of the span, which stay, and are counted as locked. */
static char *
skip_sql(void *ctx, const struct tide_sweep_spec *spec, const struct tide_relation *relation)
{
	return tide_sqlf(ctx,
	    "WITH guard AS (SELECT * FROM tidemark.segment WHERE id = $1::bigint AND fence = $2::bigint FOR "
	    "UPDATE), ok AS (SELECT id FROM guard),\n%s%s%s"
	    "moved AS (UPDATE tidemark.segment g SET " ADVANCE
	    "skipped = CASE WHEN ending.again THEN 0 ELSE ending.locked END FROM edge, ending, ok "
	    "WHERE g.id = ok.id RETURNING g.next, g.key)\n"
	    "SELECT NULL::bigint AS skipped_range, moved.next AS " ANSWER
	    ", moved.key::text AS last_key FROM moved, edge, ending",
	    span_sql(ctx, spec, relation), place_sql(ctx, relation, "0"), ending_sql(ctx, "edge.passed"));
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

	(void)s;
	if (sweep->allowance.limit > 0 && rows > sweep->allowance.share)
		rows = sweep->allowance.share;
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
	(void)s;
	if (!batch->waited)
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
	bool more, again;
	char *last_key; /* text of a text[]; NULL: at the beginning */
};

static const struct tide_record_field edge_fields[] = {
	TIDE_FIELD(edge, next_place, INT),
	TIDE_FIELD(edge, more, BOOL),
	TIDE_FIELD(edge, again, BOOL),
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
	sweep->blocks_done += (double)(edge.next_place - s->cursor.next);
	s->cursor.next = edge.next_place;
	s->done = !edge.more && !edge.again;
	s->again = s->again || edge.again;
	talloc_free(s->key);
	s->key = edge.last_key;
}

static char *
place(void *ctx, const struct tide_segment *s, const struct tide_span *span)
{
	const char *name = column(s->relation)->name;

	return s->key == NULL ? talloc_asprintf(ctx, "%s, the first %lld in the order of \"%s\"",
				    s->relation->name, (long long)span->to, name)
			      : talloc_asprintf(ctx,
				    "%s, the next %lld in the order of \"%s\" after {value, rows kept} = %s",
				    s->relation->name, (long long)span->to, name, s->key);
}

static char *
look(void *ctx, const struct tide_segment *s, const struct tide_span *span, const struct tide_rows *rows)
{
	(void)span;
	(void)rows;
	return tide_sqlf(ctx, "SELECT * FROM %s AS tidemark_row WHERE %s ORDER BY %I LIMIT 10",
	    s->relation->name, s->relation->condition, column(s->relation)->name);
}

const struct tide_order tide_index_deletes = {
	/* As for keys: only an index scan reads no more than it must. */
	.settings = "SET enable_sort = off; SET enable_bitmapscan = off; SET enable_hashjoin = off; "
		    "SET enable_mergejoin = off",
	.rows_each = 1,
	.comes_back = true,
	.batch_sql = batch_sql,
	.skipped_range_sql = visit_sql,
	.skip_sql = skip_sql,
	.aim = aim,
	.rows = rows_of,
	.batch_parameters = parameters,
	.skip_parameters = parameters,
	.pace = pace,
	.learn = learn,
	.more = more,
	.advance = advance,
	.place = place,
	.look = look,
};
