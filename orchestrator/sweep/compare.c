/*
 * Reading only, without lease or checkpoint: what `tidemark verify` and the keys of an error message need. Relations, segments, the
 * orders of rows and the pace are those of a sweep; its readers keep what they have done in memory.
 */
#include "tidemark/orchestrator/compare.h"

#include <ev.h>
#include <string.h>
#include <talloc.h>

#include "executor/stop_signals.h"
#include "order.h"
#include "pilot.h"
#include "signals/backend_watch.h"
#include "sweep.h"
#include "sweep_sql.h"
#include "sweep_step.h"
#include "tidemark/base/record.h"
#include "tidemark/base/units.h"

/* Longer than a sweep's batches: nobody waits for a reader, but its snapshot should stay short. */
#define TARGET (100 * TIDE_MS)

/* Seconds. Rests between batches are rounded up to it: batches are long. */
#define PERIOD 0.02

/* Of a comparison without limits: a single connection reads as fast as it can. */
static const struct tide_limits alone = { .workers = 1, .pace = (char[]){ "fixed" } };

/* A connection, with at most one batch under way. */
struct reader {
	struct compare *c;
	struct tide_conn *conn;
	size_t number;                /* 0, 1 … */
	struct tide_segment *segment; /* NULL none */
	struct tide_span span;        /* of that batch */
	int64_t sent;                 /* tide_now_us; 0: none is under way */
	int64_t rested;               /* tide_now_us before which it does nothing */
};

struct compare {
	const struct tide_comparison *what;
	struct tide_sweep_spec spec; /* with a key, where the table has one */
	struct tide_sweep *sweep;
	struct tide_differences *out;
	struct tide_progress progress;
	struct tide_speed speed;
	int64_t told;
	struct reader *reader;
	size_t readers, busy;
	struct ev_timer timer; /* looks at the pilot, and wakes readers */
	bool enough;           /* stop at the first keys */
	struct tide_executor
	    *exe; /* of the run that the keys are searched for: what stops it ends the search; NULL none */
	struct tide_backend_watch *watch; /* with exe */
	enum tide_code stopped;           /* by which signal; OK none */
	bool failed;
	struct tide_err err; /* first failure of a reader */
};

/** What a batch answers: see order.h. */
struct answer {
	int64_t seen, differing, unmatched;
	char *keys, *unmatched_key;
};

static const struct tide_record_field answer_fields[] = {
	TIDE_FIELD(answer, seen, INT),
	TIDE_FIELD(answer, differing, INT),
	TIDE_FIELD(answer, unmatched, INT),
	TIDE_FIELD(answer, keys, TEXT),
	TIDE_FIELD(answer, unmatched_key, TEXT),
};
static const struct tide_record answer_record = TIDE_RECORD(answer_fields);

/*
 * A batch keeps no checkpoint that could be lost, and may itself wait for a lock: its connection is closed,
 * and the server ends it.
 */
static void
arrived(void *ctx, int signo)
{
	struct compare *c = ctx;

	c->stopped = signo == SIGINT ? TIDE_INTERRUPTED : TIDE_TERMINATED;
	for (size_t i = 0; i < c->readers; i++)
		tide_conn_close(c->reader[i].conn);
}

/*
 * What is read, and a jsonb of the primary key's columns; without one a row is named by its place, or by its
 * key in the order.
 */
static bool
find_table(struct compare *c, void *mem, int64_t *oid, struct tide_err *err)
{
	struct tide_rows *rows;

	c->spec = *c->what->spec;
	c->spec.write = false;
	if (!tide_await_query(
		c->what->conn, mem, tide_sql_sweep_compared, TIDE_ARGS(c->what->table), &rows, err))
		return false;
	if (tide_rows_count(rows) == 0)
		return tide_fail(err, TIDE_PRECONDITION, "table %s does not exist", c->what->table);
	*oid = tide_rows_int(rows, 0, tide_rows_column(rows, "oid"));
	if (c->spec.key == NULL)
		c->spec.key = talloc_strdup(mem, tide_rows_text(rows, 0, tide_rows_column(rows, "key")));
	return true;
}

static void
add_segments(struct tide_sweep *sweep, struct tide_relation *r, int64_t workers)
{
	int64_t length = tide_segment_length(r, workers);

	for (int64_t first = 0; first < r->pages; first += length) {
		struct tide_segment *s = talloc_zero(sweep, struct tide_segment);

		s->id = (int64_t)sweep->segment_count + 1;
		s->relation = r;
		s->first = first;
		s->stop = first + length < r->pages ? first + length : r->pages;
		tide_cursor_begin(&s->cursor, first);
		sweep->blocks_total += s->stop - first;
		tide_segments_add(sweep, s);
	}
}

static bool
find_segments(struct compare *c, void *mem, struct tide_err *err)
{
	struct tide_sweep *sweep = c->sweep;
	int64_t oid = 0;

	if (!find_table(c, mem, &oid, err) || !tide_relations_read(sweep, c->what->conn, oid, err))
		return false;
	for (size_t i = 0; i < sweep->relation_count; i++)
		add_segments(sweep, sweep->relation[i],
		    c->what->limits != NULL ? tide_limits_workers(c->what->limits) : 1);
	sweep->pilot = tide_pilot_start(
	    sweep, c->what->limits != NULL ? c->what->limits : &alone, sweep->blocks_total, false);
	return true;
}

/* Ten times a second at most: it is called after every batch of every reader. */
static void
tell(struct compare *c)
{
	const struct tide_observer *observer = c->what->observer;
	struct tide_progress *p = &c->progress;
	int64_t now = tide_now_us();
	struct tide_pilot_report pilot;
	struct tide_extent extent;

	if (observer == NULL || observer->progress == NULL || now - c->told < TIDE_SECOND / 10)
		return;
	c->told = now;
	pilot = tide_pilot_report(c->sweep->pilot);
	extent = tide_segments_extent(c->sweep);
	p->plan = c->what->plan;
	p->blocks_total = extent.total;
	p->blocks_done = extent.done;
	p->rows_seen = c->out->rows_seen;
	p->working = pilot.workers;
	p->commit_p95 = pilot.felt;
	p->commit_baseline = pilot.baseline;
	p->mismatches = c->out->differing;
	tide_speed_look(&c->speed, now, (double)c->out->rows_seen, (double)extent.done, false);
	p->share = tide_extent_share(&extent);
	p->rows_per_second = c->speed.rows_per_second;
	p->batch_p90 = tide_slower(tide_pace_p90(&c->sweep->keys), tide_pace_p90(&c->sweep->moving));
	p->eta = tide_speed_eta(&c->speed, (double)(extent.total - extent.done), false);
	observer->progress(observer->ctx, p);
}

static void
account(struct compare *c, const struct answer *answer)
{
	c->out->rows_seen += answer->seen;
	c->out->differing += answer->differing;
	tide_batch_keys(c->out->key, &c->out->count, answer->keys);
	c->out->unmatched += answer->unmatched;
	if (c->out->unmatched_key == NULL && answer->unmatched_key != NULL)
		c->out->unmatched_key = talloc_strdup(c->out->key, answer->unmatched_key);
}

static void read_on(struct reader *r);

static void
batch_read(void *ctx, const struct tide_rows *rows, const struct tide_err *err)
{
	struct reader *r = ctx;
	struct compare *c = r->c;
	const struct tide_order *order = r->segment->relation->order;
	const struct tide_batch batch = { .span = r->span, .took = tide_now_us() - r->sent };
	struct answer answer;
	void *mem;

	c->busy--;
	r->sent = 0;
	if (err != NULL) {
		if (!c->failed)
			c->err = *err;
		c->failed = true;
		return;
	}
	mem = talloc_new(c->sweep);
	tide_rows_record(mem, rows, 0, &answer_record, &answer);
	account(c, &answer);
	/* In this order: what is learnt depends on where in the segment the batch was. */
	order->learn(c->sweep, r->segment, &batch);
	order->advance(c->sweep, r->segment, &batch, rows);
	r->segment->passed += answer.seen;
	talloc_free(mem);
	tell(c);
	r->rested = tide_now_us() + tide_pilot_rest(c->sweep->pilot, r->number, batch.took);
	read_on(r);
}

/* The segment of the reader, one that nobody has, or half of another's: what is taken of it is known at once. */
static struct tide_segment *
segment_of(struct reader *r)
{
	struct tide_sweep *sweep = r->c->sweep;
	struct tide_segment *victim, *s = r->segment;

	if (s == NULL || s->done)
		s = tide_segments_claim(sweep);
	if (s == NULL && (s = tide_segments_steal(sweep, &victim)) != NULL) {
		victim->parted = false;
		s->id = (int64_t)sweep->segment_count;
	}
	return s;
}

static bool
halted(const struct compare *c)
{
	struct tide_err ignored = { 0 };

	return c->exe != NULL && tide_executor_halted(c->exe, &ignored);
}

static bool
over(const struct compare *c)
{
	return c->failed || c->stopped != TIDE_OK || (c->enough && c->out->count > 0) || halted(c);
}

/* It rests; what the reader of no use has is for the others. */
static bool
idles(struct reader *r)
{
	struct tide_sweep *sweep = r->c->sweep;

	if (tide_pilot_share(sweep->pilot, r->number) > 0)
		return tide_now_us() < r->rested;
	if (r->segment != NULL)
		r->segment->claimed = false;
	r->segment = NULL;
	sweep->first_open = 0;
	return true;
}

/* The next rows that nobody has had, while there are any. */
static void
read_on(struct reader *r)
{
	struct compare *c = r->c;
	const struct tide_order *order;
	const char *values[TIDE_ORDER_PARAMETERS];
	void *mem;

	if (over(c) || idles(r) || (r->segment = segment_of(r)) == NULL)
		return;
	mem = talloc_new(c->sweep);
	order = r->segment->relation->order;
	order->aim(c->sweep, r->segment, 0, &r->span);
	r->sent = tide_now_us();
	c->busy++;
	tide_conn_query(r->conn, order->read_sql(mem, &c->spec, r->segment->relation),
	    order->read_parameters(mem, r->segment, &r->span, values), values, batch_read, r);
	talloc_free(mem);
}

/* The given connection reads as well. Sessions of our own may not write, whatever the plan's expressions call. */
static bool
open_readers(struct compare *c, void *mem, struct tide_err *err)
{
	const struct tide_comparison *what = c->what;
	size_t count = tide_pilot_connections(c->sweep->pilot);

	c->reader = talloc_zero_array(mem, struct reader, (unsigned)count);
	for (size_t i = 0; i < count && c->stopped == TIDE_OK; i++) {
		struct reader *r = &c->reader[i];

		r->c = c;
		r->number = i;
		r->conn = i == 0 ? what->conn : tide_conn_new(mem, what->loop);
		c->readers++;
		if (i > 0 && !tide_await_open(r->conn, what->dsn, what->application_name, err))
			return tide_wrap(err, "reader %zu", i + 1);
		if (what->dsn != NULL &&
		    !tide_await_exec(r->conn, mem,
			"SET default_transaction_read_only = on; " TIDE_BATCH_SETTINGS, NULL, err))
			return false;
	}
	c->sweep->worker_count = c->readers;
	tide_pilot_begin(c->sweep->pilot, c->readers,
	    &(struct tide_canary_place){ .loop = what->loop,
		.dsn = what->dsn,
		.name = what->application_name,
		.ours = what->application_name });
	return true;
}

/* Only once it is known what is read: see key_order.c. Sessions that are not ours alone stay as they are. */
static bool
prepare_readers(struct compare *c, void *mem, struct tide_err *err)
{
	bool keys = false;

	for (size_t i = 0; i < c->sweep->relation_count; i++)
		keys = keys || c->sweep->relation[i]->keyset != NULL;
	for (size_t i = 0; keys && c->what->dsn != NULL && i < c->readers; i++)
		if (!tide_await_exec(c->reader[i].conn, mem, tide_key_order.settings, NULL, err))
			return false;
	return true;
}

static void
on_timer(struct ev_loop *loop, struct ev_timer *timer, int events)
{
	struct compare *c = timer->data;

	(void)loop;
	(void)events;
	tide_pilot_look(
	    c->sweep->pilot, tide_now_us(), (double)tide_segments_extent(c->sweep).done, false, NULL);
	for (size_t i = 0; i < c->readers; i++)
		if (c->reader[i].sent == 0)
			read_on(&c->reader[i]);
}

/* A reader that rests has nothing under way. */
static bool
goes_on(const struct compare *c)
{
	return c->stopped == TIDE_OK && (c->busy > 0 || (!over(c) && !tide_segments_finished(c->sweep)));
}

static bool
read_all(struct compare *c, struct tide_err *err)
{
	ev_timer_init(&c->timer, on_timer, 0, PERIOD);
	c->timer.data = c;
	ev_timer_start(c->what->loop, &c->timer);
	while (goes_on(c))
		ev_run(c->what->loop, EVRUN_ONCE);
	ev_timer_stop(c->what->loop, &c->timer);
	if (c->failed)
		*err = c->err;
	return !c->failed;
}

static void
begin(struct compare *c, void *ctx, void *mem)
{
	memset(c->out, 0, sizeof(*c->out));
	c->out->key = talloc_zero_array(ctx, char *, TIDE_SWEEP_KEYS);
	c->sweep = talloc_zero(mem, struct tide_sweep);
	c->sweep->spec = &c->spec;
	c->sweep->pass = 1;
	c->sweep->horizon_age = -1;
	tide_sweep_pace(c->sweep, TARGET);
	tide_speed_look(&c->speed, tide_now_us(), 0, 0, false);
	c->progress = (struct tide_progress){
		.phase = "verify", .what = c->what->spec->what, .at_work = true, .hot_share = -1, .lag = -1
	};
}

static bool
compare(struct compare *c, void *ctx, struct tide_err *err)
{
	void *mem = talloc_new(ctx);
	bool ok;

	begin(c, ctx, mem);
	ok = find_segments(c, mem, err) && open_readers(c, mem, err) && prepare_readers(c, mem, err);
	c->progress.workers = (int)c->readers;
	ok = ok && read_all(c, err);
	c->out->stopped = c->stopped;
	if (c->spec.unmatched == NULL)
		c->out->unmatched = -1;
	talloc_free(mem);
	/* Whatever failed then failed because the connections were closed. */
	return ok || c->stopped != TIDE_OK;
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

/* The batch under way may take long, or wait for a lock. Its connection is the run's: it is cancelled and not closed. */
static bool
on_tick(void *ctx)
{
	const struct compare *c = ctx;

	if (halted(c) && tide_conn_alive(c->exe->watch))
		tide_backend_watch_cancel(c->watch);
	return false;
}

static const struct tide_backend_watch_ops search_ops = { .tick = on_tick };

/* As compare(), for a run: what stops the run ends it. */
static bool
search(struct compare *c, void *ctx)
{
	struct tide_err ignored = { 0 };
	bool ok;

	c->watch = tide_backend_watch_start(c->exe, &search_ops, c, TIDE_SECOND / 10, TIDE_SECOND / 10);
	ok = compare(c, ctx, &ignored);
	talloc_free(c->watch);
	return ok;
}

char *
tide_differing_keys(void *ctx, const struct tide_task *task, const char *differing)
{
	struct tide_executor *exe = task->exe;
	struct tide_sweep_spec spec = { .residual = talloc_strdup(ctx, differing), .what = "differing rows" };
	const struct tide_comparison what = {
		.loop = exe->loop, .conn = exe->control, .table = exe->session->relation, .spec = &spec
	};
	struct tide_differences found = { 0 };
	struct compare c = { .what = &what, .out = &found, .exe = exe, .enough = true };
	char *text = talloc_strdup(ctx, "");

	/* Only for a message: what cannot be read is left out of it. */
	if (search(&c, ctx))
		for (size_t i = 0; i < found.count; i++)
			text = talloc_asprintf_append(text, "%s%s", i > 0 ? ", " : "", found.key[i]);
	talloc_free(found.key);
	talloc_free(spec.residual);
	return text;
}
