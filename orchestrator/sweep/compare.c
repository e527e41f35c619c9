/* Reading only, without lease or checkpoint: what `tidemark verify` and the keys of an error message need. */
#include "tidemark/orchestrator/compare.h"

#include <ev.h>
#include <string.h>
#include <talloc.h>

#include "executor/stop_signals.h"
#include "keyset_load.h"
#include "sweep_sql.h"
#include "sweep.h"
#include "sweep_step.h"
#include "tidemark/base/sqltext.h"
#include "tidemark/base/units.h"

/* Longer than a sweep's batches: nobody waits for a reader, but its snapshot should stay short. */
#define TARGET (100 * TIDE_MS)
#define FIRST_ROWS 200
#define MOST_ROWS 65536

/* A table that holds rows: the compared one, or a partition of it. */
struct leaf {
	char *sql; /* of a batch: $1 first tid, $2 tid after the last; by keys $1 the key before, $2 rows */
	int64_t pages, next; /* next: no batch has had this block yet; by keys it only measures progress */
	struct tide_keyset *keyset; /* NULL: by blocks */
	char *key;                  /* the last one that was read, as text of a text[] */
	int64_t rows, passed;       /* by keys: an estimate, and how many of them were read */
	bool busy, done;            /* by keys: one reader at a time */
};

/* A connection, with at most one batch under way. */
struct reader {
	struct compare *c;
	struct tide_conn *conn;
	struct leaf *leaf;    /* of that batch */
	int64_t amount, sent; /* blocks or rows; tide_now_us */
};

struct compare {
	const struct tide_comparison *what;
	struct tide_sweep_spec spec; /* with a key in any case */
	struct tide_differences *out;
	struct tide_pace pace, keys; /* blocks, rows */
	struct tide_progress progress;
	struct tide_speed speed;
	int64_t told;
	struct leaf *leaf;
	size_t leaves;
	bool by_place; /* for want of anything better, the key in a report is the row's place */
	struct reader *reader;
	size_t readers, busy;
	bool enough; /* stop at the first keys */
	bool interrupted, failed;
	struct tide_err err; /* first failure of a reader */
};

/* Nobody waits for a batch, and one may itself wait for a lock: its connection goes, and the server stops it. */
static void
arrived(void *ctx, int signo)
{
	struct compare *c = ctx;

	(void)signo;
	c->interrupted = true;
	for (size_t i = 0; i < c->readers; i++)
		tide_conn_close(c->reader[i].conn);
}

/* A jsonb of the primary key's columns, or the row's place. */
static bool
find_key(struct compare *c, void *mem, struct tide_err *err)
{
	struct tide_rows *rows;

	c->spec = *c->what->spec;
	if (c->spec.key != NULL)
		return true;
	if (!tide_await_query(c->what->conn, mem,
		"SELECT 'jsonb_build_object(' || string_agg(format('%L, tidemark_row.%I', "
		"a.attname, a.attname), ', ' "
		"ORDER BY k.ord) || ')' FROM pg_catalog.pg_index i "
		"CROSS JOIN pg_catalog.unnest(i.indkey::smallint[]) WITH ORDINALITY AS k (attnum, ord) "
		"JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum "
		"WHERE i.indrelid = to_regclass($1) AND i.indisprimary",
		TIDE_ARGS(c->what->table), &rows, err))
		return false;
	c->by_place = tide_rows_null(rows, 0, 0);
	c->spec.key = talloc_strdup(mem, c->by_place ? "tidemark_row.ctid" : tide_rows_text(rows, 0, 0));
	return true;
}

static char *
blocks_sql(struct compare *c, void *mem, const char *relation)
{
	return tide_sqlf(mem, "SELECT %s WHERE tidemark_row.ctid >= $1::tid AND tidemark_row.ctid < $2::tid",
	    tide_batch_found(mem, &c->spec, relation));
}

/* Columns as by blocks, then the last key. */
static char *
keys_sql(struct compare *c, void *mem, const char *relation, const struct tide_keyset *ks)
{
	char *more = tide_keyset_differing(
	    mem, ks, c->spec.residual, c->spec.unmatched, c->by_place ? NULL : c->spec.key);

	return tide_sqlf(mem,
	    "WITH span AS MATERIALIZED (SELECT n.*, pg_catalog.row_number() OVER (ORDER BY %s) AS ord "
	    "FROM (%s) AS n) "
	    "SELECT pg_catalog.count(*), pg_catalog.count(*) FILTER (WHERE differs), "
	    "pg_catalog.to_json((pg_catalog.array_agg(name ORDER BY ord) FILTER "
	    "(WHERE differs))[1:%d])::text, " TIDE_KEYSET_UNMATCHED ", "
	    "(SELECT (%s)::text FROM span WHERE ord = (SELECT pg_catalog.max(ord) FROM span)) FROM span",
	    tide_keyset_by(mem, ks, "n"),
	    tide_keyset_next(mem, ks, relation, more, "$1::text[]", "$2::bigint", "true"), TIDE_SWEEP_KEYS,
	    tide_keyset_text(mem, ks, "span"));
}

static bool
find_leaf(struct compare *c, void *mem, const struct tide_rows *rows, size_t i, struct tide_err *err)
{
	const char *name = tide_rows_text(rows, i, 1);
	struct leaf *leaf = &c->leaf[i];

	leaf->pages = tide_rows_int(rows, i, 3);
	leaf->rows = tide_rows_int(rows, i, 7);
	c->progress.blocks_total += leaf->pages;
	if (!tide_keyset_wanted(c->spec.order, tide_rows_bool(rows, i, 4))) {
		leaf->sql = blocks_sql(c, mem, name);
		leaf->done = leaf->pages == 0;
		return true;
	}
	if (!tide_keyset_load(mem, c->what->conn, tide_rows_int(rows, i, 0), name, &leaf->keyset, err))
		return false;
	leaf->sql = keys_sql(c, mem, name, leaf->keyset);
	return true;
}

static bool
find_leaves(struct compare *c, void *mem, struct tide_err *err)
{
	struct tide_rows *rows, *oid;

	if (!tide_await_query(
		c->what->conn, mem, "SELECT to_regclass($1)::oid", TIDE_ARGS(c->what->table), &oid, err))
		return false;
	if (tide_rows_null(oid, 0, 0))
		return tide_fail(err, TIDE_PRECONDITION, "table %s does not exist", c->what->table);
	if (!tide_await_query(c->what->conn, mem, tide_sql_sweep_leaves,
		TIDE_ARGS(tide_rows_text(oid, 0, 0), NULL), &rows, err))
		return false;
	c->leaves = tide_rows_count(rows);
	c->leaf = talloc_zero_array(mem, struct leaf, (unsigned)c->leaves);
	for (size_t i = 0; i < c->leaves; i++) {
		if (!find_leaf(c, mem, rows, i, err))
			return false;
	}
	return true;
}

static void
tell(struct compare *c)
{
	const struct tide_observer *observer = c->what->observer;
	int64_t now = tide_now_us();
	struct tide_progress *p = &c->progress;
	const struct tide_extent extent = { .total = p->blocks_total, .done = p->blocks_done, .pass = 1 };

	if (observer == NULL || observer->progress == NULL || now - c->told < TIDE_SECOND / 10)
		return;
	c->told = now;
	p->rows_seen = c->out->rows_seen;
	p->mismatches = c->out->differing;
	tide_speed_look(&c->speed, now, (double)c->out->rows_seen, (double)p->blocks_done, false);
	p->share = tide_extent_share(&extent);
	p->rows_per_second = c->speed.rows_per_second;
	p->batch_p90 = tide_pace_p90(c->keys.count > 0 ? &c->keys : &c->pace);
	p->eta = tide_speed_eta(&c->speed, (double)(p->blocks_total - p->blocks_done), false);
	observer->progress(observer->ctx, p);
}

static void read_on(struct reader *r);

/* A batch by keys says where the next one begins. */
static void
advance(struct reader *r, const struct tide_rows *rows)
{
	struct leaf *leaf = r->leaf;
	int64_t found = tide_rows_int(rows, 0, 0), before = leaf->next;

	leaf->busy = false;
	leaf->passed += found;
	leaf->done = found < r->amount;
	leaf->next =
	    leaf->done || leaf->passed >= leaf->rows ? leaf->pages : leaf->pages * leaf->passed / leaf->rows;
	if (!leaf->done) {
		talloc_free(leaf->key);
		leaf->key = talloc_strdup(r->c->leaf, tide_rows_text(rows, 0, 5));
	}
	r->c->progress.blocks_done += leaf->next - before;
}

static void
batch_read(void *ctx, const struct tide_rows *rows, const struct tide_err *err)
{
	struct reader *r = ctx;
	struct compare *c = r->c;

	c->busy--;
	if (err != NULL) {
		if (!c->failed)
			c->err = *err;
		c->failed = true;
		return;
	}
	c->out->rows_seen += tide_rows_int(rows, 0, 0);
	c->out->differing += tide_rows_int(rows, 0, 1);
	tide_batch_keys(c->out->key, &c->out->count, tide_rows_text(rows, 0, 2));
	c->out->unmatched += tide_rows_int(rows, 0, 3);
	if (c->out->unmatched_key == NULL && !tide_rows_null(rows, 0, 4))
		c->out->unmatched_key = talloc_strdup(c->out->key, tide_rows_text(rows, 0, 4));
	tide_pace_learn(r->leaf->keyset != NULL ? &c->keys : &c->pace, r->amount, tide_now_us() - r->sent);
	if (r->leaf->keyset != NULL)
		advance(r, rows);
	else
		c->progress.blocks_done += r->amount;
	tell(c);
	read_on(r);
}

static struct leaf *
open_leaf(struct compare *c)
{
	for (size_t i = 0; i < c->leaves; i++)
		if (!c->leaf[i].done && !c->leaf[i].busy)
			return &c->leaf[i];
	return NULL;
}

static void
read_blocks(struct reader *r, void *mem)
{
	struct leaf *leaf = r->leaf;
	int64_t first = leaf->next;

	r->amount = tide_pace_amount(&r->c->pace);
	if (first + r->amount > leaf->pages)
		r->amount = leaf->pages - first;
	leaf->next = first + r->amount;
	leaf->done = leaf->next >= leaf->pages;
	tide_conn_query(r->conn, leaf->sql,
	    TIDE_ARGS(talloc_asprintf(mem, "(%lld,0)", (long long)first),
		talloc_asprintf(mem, "(%lld,0)", (long long)leaf->next)),
	    batch_read, r);
}

static void
read_keys(struct reader *r, void *mem)
{
	r->amount = tide_pace_amount(&r->c->keys);
	r->leaf->busy = true;
	tide_conn_query(r->conn, r->leaf->sql,
	    TIDE_ARGS(r->leaf->key, talloc_asprintf(mem, "%lld", (long long)r->amount)), batch_read, r);
}

/* The next rows that nobody has had, while there are any. */
static void
read_on(struct reader *r)
{
	struct compare *c = r->c;
	void *mem;

	r->leaf = open_leaf(c);
	if (r->leaf == NULL || c->failed || c->interrupted || (c->enough && c->out->count > 0))
		return;
	r->sent = tide_now_us();
	c->busy++;
	mem = talloc_new(NULL);
	if (r->leaf->keyset != NULL)
		read_keys(r, mem);
	else
		read_blocks(r, mem);
	talloc_free(mem);
}

/* The given connection reads as well. Sessions of our own may not write, whatever the plan's expressions call. */
static bool
open_readers(struct compare *c, void *mem, struct tide_err *err)
{
	const struct tide_comparison *what = c->what;
	int64_t count = what->dsn != NULL ? what->workers : 1;

	c->reader = talloc_zero_array(mem, struct reader, (unsigned)count);
	for (int64_t i = 0; i < count && !c->interrupted; i++) {
		struct reader *r = &c->reader[i];

		r->c = c;
		r->conn = i == 0 ? what->conn : tide_conn_new(mem, what->loop);
		c->readers++;
		if (i > 0 && !tide_await_open(r->conn, what->dsn, what->application_name, err))
			return tide_wrap(err, "reader %lld", (long long)i + 1);
		if (what->dsn != NULL &&
		    !tide_await_exec(r->conn, mem,
			"SET default_transaction_read_only = on; " TIDE_BATCH_SETTINGS, NULL, err))
			return false;
	}
	return true;
}

/* Only once it is known what is read: see key_order.c. Sessions that are not ours alone stay as they are. */
static bool
prepare_readers(struct compare *c, void *mem, struct tide_err *err)
{
	bool keys = false;

	for (size_t i = 0; i < c->leaves; i++)
		keys = keys || c->leaf[i].keyset != NULL;
	for (size_t i = 0; keys && c->what->dsn != NULL && i < c->readers; i++)
		if (!tide_await_exec(c->reader[i].conn, mem, tide_key_order.settings, NULL, err))
			return false;
	return true;
}

static bool
read_all(struct compare *c, struct tide_err *err)
{
	for (size_t i = 0; i < c->readers; i++)
		read_on(&c->reader[i]);
	while (c->busy > 0 && !c->interrupted)
		ev_run(c->what->loop, EVRUN_ONCE);
	if (c->failed)
		*err = c->err;
	return !c->failed;
}

static bool
compare(struct compare *c, void *ctx, struct tide_err *err)
{
	void *mem = talloc_new(ctx);
	bool ok;

	memset(c->out, 0, sizeof(*c->out));
	c->out->key = talloc_zero_array(ctx, char *, TIDE_SWEEP_KEYS);
	tide_speed_look(&c->speed, tide_now_us(), 0, 0, false);
	c->progress.phase = "verify";
	c->progress.what = c->what->spec->what;
	c->progress.at_work = true;
	c->progress.hot_share = -1;
	c->progress.lag = -1;
	tide_pace_begin(&c->pace, TARGET, 4, 2048);
	tide_pace_begin(&c->keys, TARGET, FIRST_ROWS, MOST_ROWS);
	ok = open_readers(c, mem, err) && find_key(c, mem, err) && find_leaves(c, mem, err) &&
	     prepare_readers(c, mem, err);
	c->progress.workers = (int)c->readers;
	ok = ok && read_all(c, err);
	c->out->interrupted = c->interrupted;
	if (c->spec.unmatched == NULL)
		c->out->unmatched = -1;
	talloc_free(mem);
	/* Whatever failed then failed because the connections were closed. */
	return ok || c->interrupted;
}

bool
tide_compare(
    void *ctx, const struct tide_comparison *what, struct tide_differences *out, struct tide_err *err)
{
	struct compare c = { .what = what, .out = out };
	struct tide_stop_signals signals;
	bool ok;

	tide_stop_signals_start(&signals, what->loop, arrived, &c);
	ok = compare(&c, ctx, err);
	tide_stop_signals_end(&signals);
	return ok;
}

char *
tide_differing_keys(void *ctx, const struct tide_task *task, const char *differing)
{
	const struct tide_executor *exe = task->exe;
	struct tide_sweep_spec spec = { .residual = talloc_strdup(ctx, differing), .what = "differing rows" };
	const struct tide_comparison what = {
		.loop = exe->loop, .conn = exe->control, .table = exe->session->relation, .spec = &spec
	};
	struct tide_differences found = { 0 };
	struct compare c = { .what = &what, .out = &found, .enough = true };
	struct tide_err ignored = { 0 };
	char *text = talloc_strdup(ctx, "");

	/* Only for a message: what cannot be read is left out of it. */
	if (compare(&c, ctx, &ignored))
		for (size_t i = 0; i < found.count; i++)
			text = talloc_asprintf_append(text, "%s%s", i > 0 ? ", " : "", found.key[i]);
	talloc_free(found.key);
	talloc_free(spec.residual);
	return text;
}
