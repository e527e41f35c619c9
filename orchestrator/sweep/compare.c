/* Reading only, without lease or checkpoint: what `tidemark verify` and the keys of an error message need. */
#include "tidemark/compare.h"

#include <jansson.h>
#include <string.h>
#include <talloc.h>

#include "../step_runner.h"
#include "../stop_signals.h"
#include "pace.h"
#include "state_sql.h"
#include "tidemark/sqltext.h"
#include "tidemark/units.h"

#define KEYS 10
/* Longer than a sweep's batches: nobody waits for a reader, but its snapshot should stay short. */
#define TARGET (100 * TIDE_MS)

struct compare {
	struct tide_conn *conn;
	const struct tide_sweep_spec *spec;
	const struct tide_observer *observer;
	struct tide_differences *out;
	struct tide_pace pace;
	struct tide_progress progress;
	int64_t begun, told;
	bool enough; /* stop at the first keys */
	bool interrupted;
	char *key; /* SQL */
};

static void
arrived(void *ctx, int signo)
{
	struct compare *c = ctx;

	(void)signo;
	c->interrupted = true;
}

/* A jsonb of the primary key's columns, or the row's place. */
static char *
key_expression(struct compare *c, void *ctx, const char *table, struct tide_err *err)
{
	struct tide_rows *rows;

	if (c->spec->key != NULL)
		return talloc_strdup(ctx, c->spec->key);
	if (!tide_await_query(c->conn, ctx,
		"SELECT coalesce('jsonb_build_object(' || string_agg(format('%L, tidemark_row.%I', "
		"a.attname, a.attname), ', ' "
		"ORDER BY k.ord) || ')', 'tidemark_row.ctid') FROM pg_catalog.pg_index i "
		"CROSS JOIN unnest(i.indkey::smallint[]) WITH ORDINALITY AS k (attnum, ord) "
		"JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum "
		"WHERE i.indrelid = to_regclass($1) AND i.indisprimary",
		TIDE_ARGS(table), &rows, err))
		return NULL;
	return talloc_strdup(ctx, tide_rows_text(rows, 0, 0));
}

static void
take(struct compare *c, const struct tide_rows *rows)
{
	json_t *keys = tide_rows_null(rows, 0, 2) ? NULL : json_loads(tide_rows_text(rows, 0, 2), 0, NULL);
	size_t i;
	json_t *key;

	c->out->rows_seen += tide_rows_int(rows, 0, 0);
	c->out->differing += tide_rows_int(rows, 0, 1);
	json_array_foreach(keys, i, key) if (c->out->count < KEYS && json_is_string(key))
	    c->out->key[c->out->count++] = talloc_strdup(c->out->key, json_string_value(key));
	json_decref(keys);
}

static void
tell(struct compare *c)
{
	int64_t now = tide_now_us();
	double seconds = (double)(now - c->begun) / (double)TIDE_SECOND;
	struct tide_progress *p = &c->progress;

	if (c->observer == NULL || c->observer->progress == NULL || now - c->told < TIDE_SECOND / 10)
		return;
	c->told = now;
	p->rows_seen = c->out->rows_seen;
	p->mismatches = c->out->differing;
	p->rows_per_second = seconds > 0 ? (double)c->out->rows_seen / seconds : 0;
	p->batch_p90 = tide_pace_p90(&c->pace);
	p->eta = p->blocks_done > 0 ? (int64_t)((double)(p->blocks_total - p->blocks_done) /
						(double)p->blocks_done * (double)(now - c->begun))
				    : -1;
	c->observer->progress(c->observer->ctx, p);
}

static bool
read_relation(struct compare *c, const char *relation, int64_t pages, struct tide_err *err)
{
	void *mem = talloc_new(NULL);
	char *sql = tide_sqlf(mem,
	    "SELECT count(*), count(*) FILTER (WHERE %s), to_json((array_agg((%s)::text) FILTER (WHERE "
	    "%s))[1:%d])::text "
	    "FROM ONLY %s AS tidemark_row WHERE tidemark_row.ctid >= $1::tid AND tidemark_row.ctid < $2::tid",
	    c->spec->residual, c->key, c->spec->residual, KEYS, relation);
	bool ok = true;

	for (int64_t next = 0; ok && next < pages && !c->interrupted && !(c->enough && c->out->count > 0);) {
		void *batch = talloc_new(mem);
		int64_t blocks = tide_pace_amount(&c->pace), begun = tide_now_us();
		struct tide_rows *rows;

		if (next + blocks > pages)
			blocks = pages - next;
		ok = tide_await_query(c->conn, batch, sql,
		    TIDE_ARGS(talloc_asprintf(batch, "(%lld,0)", (long long)next),
			talloc_asprintf(batch, "(%lld,0)", (long long)(next + blocks))),
		    &rows, err);
		if (ok) {
			take(c, rows);
			tide_pace_learn(&c->pace, blocks, tide_now_us() - begun);
			next += blocks;
			c->progress.blocks_done += blocks;
			tell(c);
		}
		talloc_free(batch);
	}
	talloc_free(mem);
	return ok;
}

static bool
read_all(struct compare *c, void *mem, const char *table, struct tide_err *err)
{
	struct tide_rows *rows, *oid;
	bool ok = tide_await_query(c->conn, mem, "SELECT to_regclass($1)::oid", TIDE_ARGS(table), &oid, err);

	if (ok && tide_rows_null(oid, 0, 0))
		return tide_fail(err, TIDE_PRECONDITION, "table %s does not exist", table);
	ok = ok && tide_await_query(c->conn, mem, tide_sql_state_leaves,
		       TIDE_ARGS(tide_rows_text(oid, 0, 0), NULL), &rows, err);
	for (size_t i = 0; ok && i < tide_rows_count(rows); i++) {
		if (!tide_rows_bool(rows, i, 4))
			return tide_fail(err, TIDE_PRECONDITION,
			    "%s does not keep its rows in a heap: it cannot be read by blocks",
			    tide_rows_text(rows, i, 1));
		c->progress.blocks_total += tide_rows_int(rows, i, 3);
	}
	for (size_t i = 0; ok && i < tide_rows_count(rows); i++)
		ok = read_relation(c, tide_rows_text(rows, i, 1), tide_rows_int(rows, i, 3), err);
	return ok;
}

static bool
compare(struct compare *c, void *ctx, const char *table, struct tide_err *err)
{
	void *mem = talloc_new(ctx);
	bool ok;

	memset(c->out, 0, sizeof(*c->out));
	c->out->key = talloc_zero_array(ctx, char *, KEYS);
	c->begun = tide_now_us();
	c->progress.phase = "verify";
	c->progress.what = c->spec->what;
	c->progress.state = "RUNNING";
	c->progress.hot_share = -1;
	c->progress.lag = -1;
	c->progress.workers = 1;
	tide_pace_begin(&c->pace, TARGET, 4, 2048);
	c->key = key_expression(c, mem, table, err);
	ok = c->key != NULL && read_all(c, mem, table, err);
	talloc_free(mem);
	return ok;
}

bool
tide_compare(void *ctx, struct ev_loop *loop, struct tide_conn *conn, const char *table,
    const struct tide_sweep_spec *spec, const struct tide_observer *observer, struct tide_differences *out,
    struct tide_err *err)
{
	struct compare c = { .conn = conn, .spec = spec, .observer = observer, .out = out };
	struct tide_stop_signals signals;
	bool ok;

	tide_stop_signals_start(&signals, loop, arrived, &c);
	ok = compare(&c, ctx, table, err);
	tide_stop_signals_end(&signals);
	out->interrupted = c.interrupted;
	return ok;
}

char *
tide_differing_keys(void *ctx, const struct tide_task *task, const char *differing)
{
	struct tide_sweep_spec spec = { .residual = talloc_strdup(ctx, differing), .what = "differing rows" };
	struct tide_differences found = { 0 };
	struct compare c = { .conn = task->exe->control, .spec = &spec, .out = &found, .enough = true };
	struct tide_err ignored = { 0 };
	char *text = talloc_strdup(ctx, "");

	/* Only for a message: what cannot be read is left out of it. */
	if (compare(&c, ctx, task->exe->relation, &ignored))
		for (size_t i = 0; i < found.count; i++)
			text = talloc_asprintf_append(text, "%s%s", i > 0 ? ", " : "", found.key[i]);
	talloc_free(found.key);
	talloc_free(spec.residual);
	return text;
}
