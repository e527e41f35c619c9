/*
 * A worker: one connection that goes through one segment after another, batch by batch. A state machine driven by
 * the callbacks of its connection; it stops after the statement under way when the sweep is holding.
 */
#include "sweep.h"

#include <stdio.h>
#include <string.h>
#include <talloc.h>

#include "../application_name.h"
#include "../hooks.h"
#include "tidemark/units.h"

/* How long blocks rest that were locked. */
#define LOCK_REST (50 * TIDE_MS)
/* A page rests for so many batches between two stripes: the snapshots of the other workers have ended by then. */
#define REST_BATCHES 4
/* A holder of the horizon that is younger than this is no hindrance. */
#define PATIENCE (2 * TIDE_SECOND)

struct tide_worker {
	struct tide_sweep *sweep;
	struct tide_conn *conn;
	struct tide_segment *segment; /* NULL: idle */
	struct tide_span span;        /* of the batch under way */
	int64_t victim;               /* id of the segment that was split for this worker */
	int64_t sent;                 /* tide_now_us */
	int64_t narrow;               /* most blocks of the next batch, after a row that failed; 0 no limit */
	bool busy;
	bool locked_once;                     /* the batch under way has met a lock before */
	const struct tide_relation *prepared; /* what the statements "batch" and "hole" were made for */
};

static void step(struct tide_worker *w);

/* The first failure stops the sweep; the others only end. */
static void
fail(struct tide_worker *w, const struct tide_err *err)
{
	struct tide_sweep *sweep = w->sweep;

	sweep->holding = true;
	if (sweep->failed)
		return;
	sweep->failed = true;
	sweep->err = *err;
}

static void
idle(struct tide_worker *w)
{
	if (w->busy)
		w->sweep->busy--;
	w->busy = false;
}

/* Gives the segment back; somebody takes it again after `rest` us. */
static void
put_back(struct tide_worker *w, int64_t rest)
{
	if (w->segment != NULL) {
		w->segment->claimed = false;
		w->segment->not_before = tide_now_us() + rest;
		w->sweep->first_open = 0;
	}
	w->segment = NULL;
}

/* Whoever asks tries again. */
static bool
gave_way(const struct tide_worker *w, const struct tide_err *err)
{
	if (strcmp(err->sqlstate, "55P03") != 0 && strcmp(err->sqlstate, "40P01") != 0)
		return false;
	tide_executor_sample(w->sweep->exe, TIDE_SAMPLE_RETRY, err->sqlstate, 1);
	return true;
}

static void split(struct tide_worker *w);

static void
split_done(void *ctx, const struct tide_rows *rows, const struct tide_err *err)
{
	struct tide_worker *w = ctx;

	idle(w);
	if (err != NULL && gave_way(w, err)) {
		split(w);
		return;
	}
	if (err != NULL) {
		fail(w, err);
		return;
	}
	if (tide_rows_count(rows) == 0) {
		w->sweep->exe->wishes.lost = true;
		return;
	}
	tide_crash_point("sweep.split");
	w->segment->id = tide_rows_int(rows, 0, 0);
	step(w);
}

/* The segment was taken from another worker's; now the database learns it. Waits for that worker's batch. */
static void
split(struct tide_worker *w)
{
	void *mem = talloc_new(w);

	w->busy = true;
	w->sweep->busy++;
	tide_conn_query(w->conn, tide_batch_split_sql(mem),
	    TIDE_ARGS(tide_param_int(mem, w->victim), tide_param_int(mem, w->sweep->exe->fence),
		tide_param_int(mem, w->segment->first), tide_param_int(mem, w->segment->stop)),
	    split_done, w);
	talloc_free(mem);
}

/* The span under way is done with, or is somebody else's now. */
static void
move_on(struct tide_worker *w, bool found)
{
	struct tide_segment *s = w->segment;
	double before = (double)s->cursor.next + tide_cursor_part(&s->cursor);

	tide_cursor_advance(&s->cursor, w->span.to, found);
	if (!s->hole)
		w->sweep->blocks_done += (double)s->cursor.next + tide_cursor_part(&s->cursor) - before;
	s->done = s->cursor.next >= s->stop;
	if (s->done)
		w->segment = NULL;
}

/* Where the segment will stand when the span under way is done. */
static int64_t
next_after(const struct tide_worker *w)
{
	struct tide_cursor after = w->segment->cursor;

	tide_cursor_advance(&after, w->span.to, true);
	return after.next;
}

static void
dug(void *ctx, const struct tide_rows *rows, const struct tide_err *err)
{
	struct tide_worker *w = ctx;

	idle(w);
	if (err != NULL) {
		fail(w, err);
		return;
	}
	if (tide_rows_count(rows) == 0) {
		w->sweep->exe->wishes.lost = true;
		return;
	}
	if (!tide_rows_null(rows, 0, 0))
		tide_segments_add_hole(
		    w->sweep, w->segment, tide_rows_int(rows, 0, 0), w->span.from, w->span.to);
	w->locked_once = false;
	move_on(w, true);
	step(w);
}

/* Rows here stay locked: go on, and come back for them. */
static void
dig(struct tide_worker *w)
{
	void *mem = talloc_new(w);

	w->busy = true;
	w->sweep->busy++;
	tide_conn_query(w->conn, tide_batch_dig_sql(mem),
	    TIDE_ARGS(tide_param_int(mem, w->segment->id), tide_param_int(mem, w->sweep->exe->fence),
		tide_param_int(mem, w->span.from), tide_param_int(mem, w->span.to),
		tide_param_int(mem, next_after(w))),
	    dug, w);
	talloc_free(mem);
}

/* A row that cannot be computed or is refused: SQLSTATE classes of data and integrity. */
static bool
bad_row(const struct tide_err *err)
{
	return strncmp(err->sqlstate, "22", 2) == 0 || strncmp(err->sqlstate, "23", 2) == 0 ||
	       strncmp(err->sqlstate, "P0", 2) == 0;
}

static void
report_bad_row(struct tide_worker *w, const struct tide_err *err)
{
	struct tide_err full = *err;

	full.code = TIDE_PRECONDITION;
	tide_wrap(&full, "%s: a row in block %lld of %s", w->sweep->spec->what, (long long)w->span.from,
	    w->segment->relation->name);
	tide_hint(&full,
	    "look at it: SELECT * FROM %s WHERE ctid >= '(%lld,0)' AND ctid < '(%lld,0)'; mend the row or "
	    "the "
	    "expression, then run again",
	    w->segment->relation->name, (long long)w->span.from, (long long)w->span.from + 1);
	fail(w, &full);
}

/* The rows of the first stripes find no room in their page, nor do those of a whole group. */
static struct tide_pace *
pace_of(const struct tide_worker *w)
{
	const struct tide_cursor *c = &w->segment->cursor;

	return c->stripes == 1 || c->stripe < 2 ? &w->sweep->moving : &w->sweep->staying;
}

static int64_t
parts(const struct tide_worker *w, int64_t blocks)
{
	return blocks * TIDE_PARTS / w->segment->cursor.stripes;
}

/* Blocks of one batch. When a snapshot keeps the pages from being pruned, rows that should stay move, and take several
 * times as long; that batch must not hold up the others in turn. */
static int64_t
blocks_of(const struct tide_sweep *sweep, const struct tide_pace *pace, int stripes)
{
	int64_t most = 2 * tide_pace_amount(&sweep->moving), amount = tide_pace_amount(pace), blocks;

	blocks = (amount < most ? amount : most) * stripes / TIDE_PARTS;
	return blocks > 0 ? blocks : 1;
}

static void
fail_again(struct tide_worker *w)
{
	struct tide_err err = { 0 };

	tide_fail(&err, TIDE_PRECONDITION,
	    "%s: rows that have been filled would be filled again (blocks %lld to %lld of %s)",
	    w->sweep->spec->what, (long long)w->span.from, (long long)w->span.to - 1,
	    w->segment->relation->name);
	tide_hint(&err,
	    "done twice must be the same as done once, or a resume would repeat it: add a \"where\" that no "
	    "longer holds for a filled row. A trigger that changes the value has the same effect. This batch "
	    "changed nothing");
	fail(w, &err);
}

static void
batch_failed(struct tide_worker *w, const struct tide_err *err)
{
	struct tide_sweep *sweep = w->sweep;

	if (gave_way(w, err)) {
		tide_pace_yield(pace_of(w));
		if (w->segment->hole) {
			put_back(w, LOCK_REST);
			step(w);
		} else if (w->locked_once && sweep->spec->write) {
			dig(w);
		} else if (w->locked_once) {
			/* Only a lock on the table stops a reader. */
			w->locked_once = false;
			put_back(w, LOCK_REST);
		} else {
			w->locked_once = true;
			step(w);
		}
		return;
	}
	if (strstr(err->message, TIDE_BATCH_AGAIN) != NULL) {
		fail_again(w);
		return;
	}
	if (bad_row(err) && w->span.to - w->span.from > 1) {
		w->narrow = (w->span.to - w->span.from) / 2;
		step(w);
		return;
	}
	if (bad_row(err))
		report_bad_row(w, err);
	else
		fail(w, err);
}

/* What keeps a batch from having done anything; false when it did. */
static bool
refused(struct tide_worker *w, const struct tide_rows *rows)
{
	struct tide_sweep *sweep = w->sweep;
	struct tide_err err = { 0 };

	if (tide_rows_null(rows, 0, 6) || !tide_rows_bool(rows, 0, 6)) {
		sweep->exe->wishes.lost = true;
		sweep->holding = true;
	} else if (!tide_rows_bool(rows, 0, 7)) {
		sweep->rewritten = true;
		sweep->holding = true;
	} else if (!tide_rows_bool(rows, 0, 8)) {
		tide_fail(&err, TIDE_PRECONDITION,
		    "the trigger that keeps %s in step is disabled, changed or gone on %s", sweep->spec->what,
		    w->segment->relation->name);
		tide_hint(&err, "somebody changed it; writes may have passed by. Put it back (tidemark plan "
				"shows it) or roll back");
		fail(w, &err);
	} else {
		return false;
	}
	return true;
}

/* The cost of a group teaches how many stripes the next one should have. */
static void
account_group(struct tide_segment *s, int64_t took, int64_t changed, int64_t stayed)
{
	s->group_us += took;
	s->group_changed += changed;
	s->group_stayed += stayed;
	if (s->cursor.group != 0)
		return;
	if (!s->hole)
		tide_stripes_learn(&s->relation->stripes, s->cursor.stripes, s->group_us, s->group_changed,
		    s->group_changed - s->group_stayed);
	s->group_us = s->group_changed = s->group_stayed = 0;
}

static void
account(struct tide_worker *w, const struct tide_rows *rows, int64_t took)
{
	struct tide_sweep *sweep = w->sweep;
	struct tide_segment *s = w->segment;
	int64_t changed = tide_rows_int(rows, 0, 0), stayed = tide_rows_int(rows, 0, 1);
	int64_t skipped = tide_rows_int(rows, 0, 4);

	sweep->changed += changed;
	sweep->stayed += stayed;
	sweep->seen += tide_rows_int(rows, 0, 2);
	sweep->differing += tide_rows_int(rows, 0, 3);
	tide_batch_keys(sweep->key, &sweep->key_count, tide_rows_text(rows, 0, 5));
	if (skipped > 0 && w->span.to < s->stop) {
		/* A hole of its own for these blocks: what lies behind them must not wait for their lock. */
		dig(w);
		return;
	}
	if (skipped > 0) {
		/* Still locked. The visits become rarer, up to one a second, until the application lets go. */
		int64_t rest = LOCK_REST << (s->visits < 5 ? s->visits : 5);

		s->visits++;
		put_back(w, rest > TIDE_SECOND ? TIDE_SECOND : rest);
		return;
	}
	move_on(w, changed > 0);
	account_group(s, took, changed, stayed);
}

static void
batch_done(void *ctx, const struct tide_rows *rows, const struct tide_err *err)
{
	struct tide_worker *w = ctx;
	struct tide_sweep *sweep = w->sweep;
	int64_t took = tide_now_us() - w->sent;
	int64_t limit = sweep->spec->max_rows_per_second;

	idle(w);
	if (err != NULL) {
		batch_failed(w, err);
		return;
	}
	tide_crash_point("sweep.batch_done");
	if (refused(w, rows)) {
		put_back(w, 0);
		return;
	}
	tide_executor_sample(sweep->exe, TIDE_SAMPLE_BATCH, NULL, took);
	w->locked_once = false;
	w->narrow = 0;
	if (!w->segment->hole)
		tide_pace_learn(pace_of(w), parts(w, w->span.to - w->span.from), took);
	sweep->visited += w->span.to - w->span.from;
	if (limit > 0) {
		int64_t now = tide_now_us();

		sweep->earliest = (sweep->earliest > now ? sweep->earliest : now) +
				  tide_rows_int(rows, 0, 0) * TIDE_SECOND / limit;
	}
	if (pace_of(w) == &sweep->staying)
		tide_horizon_learn(&sweep->horizon, tide_rows_int(rows, 0, 0), tide_rows_int(rows, 0, 1));
	account(w, rows, took);
	step(w);
}

/* With a limit of rows, a batch takes a twentieth of a second's worth: work goes on evenly, not in bursts. */
static int64_t
fair_blocks(const struct tide_sweep *sweep, int64_t blocks)
{
	double limit = (double)sweep->spec->max_rows_per_second, rows_a_visit = 100, fair;

	if (limit <= 0)
		return blocks;
	if (sweep->visited > 0)
		rows_a_visit = (double)(sweep->changed - sweep->before) / (double)sweep->visited;
	fair = limit / 20 / (rows_a_visit > 0.01 ? rows_a_visit : 0.01);
	return fair < 1 ? 1 : fair < (double)blocks ? (int64_t)fair : blocks;
}

/* A page that has left memory before its next stripe would have to be read again. */
static int64_t
group_most(const struct tide_sweep *sweep)
{
	return sweep->exe->shared_buffers / 4 / (int64_t)sweep->worker_count;
}

static int64_t
slower(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static void
begin_group(struct tide_sweep *sweep, struct tide_segment *s, int64_t blocks)
{
	int stripes = s->hole ? 1 : tide_stripes_next(&s->relation->stripes);
	int64_t window = stripes > 1 ? blocks_of(sweep, &sweep->staying, stripes) : blocks;
	int64_t took = tide_pace_p90(&sweep->staying), pinned = sweep->spec->tuning.group_windows, length;

	/* Whoever reads for longer than our own batches take: the pages rest for longer, if they can. */
	length = tide_stripes_group(window, stripes > 1 ? took : 0,
	    slower(REST_BATCHES * sweep->staying.target, sweep->exe->signals.horizon_age * 5 / 4));
	if (pinned > 0)
		length = pinned * window;
	tide_cursor_group(
	    &s->cursor, s->stop, length < group_most(sweep) ? length : group_most(sweep), stripes);
}

int64_t
tide_workers_patience(const struct tide_sweep *sweep)
{
	int64_t window = tide_pace_amount(&sweep->staying), took = tide_pace_p90(&sweep->staying);
	int64_t rest = window > 0 && took > 0 ? group_most(sweep) * TIDE_PARTS / 16 / window * took : 0;

	return slower(rest, PATIENCE);
}

static int64_t
window_blocks(struct tide_worker *w)
{
	const struct tide_segment *s = w->segment;
	int64_t blocks = fair_blocks(w->sweep, blocks_of(w->sweep, pace_of(w), s->cursor.stripes));
	int64_t pinned = w->sweep->spec->tuning.window_blocks;

	if (s->hole && blocks > 8)
		blocks = 8;
	if (pinned > 0 && blocks > pinned)
		blocks = pinned;
	return w->narrow > 0 && blocks > w->narrow ? w->narrow : blocks;
}

static void
send_batch(struct tide_worker *w)
{
	struct tide_sweep *sweep = w->sweep;
	struct tide_segment *s = w->segment;
	void *mem = talloc_new(w);

	if (s->cursor.group == 0)
		begin_group(sweep, s, window_blocks(w));
	tide_cursor_span(&s->cursor, window_blocks(w), &w->span);
	s->busy = w->span.to;
	w->sent = tide_now_us();
	w->busy = true;
	sweep->busy++;
	tide_conn_execute(w->conn, s->hole && sweep->spec->write ? "hole" : "batch",
	    TIDE_ARGS(tide_param_int(mem, s->id), tide_param_int(mem, sweep->exe->fence),
		talloc_asprintf(mem, "(%lld,0)", (long long)w->span.from),
		talloc_asprintf(mem, "(%lld,0)", (long long)w->span.to), tide_param_int(mem, next_after(w)),
		tide_param_int(mem, w->span.mask), tide_param_int(mem, w->span.stripe)),
	    batch_done, w);
	talloc_free(mem);
	tide_crash_point("sweep.batch_sent");
}

/* Statement by statement: what is prepared belongs to one relation. */
static void
prepared(void *ctx, const struct tide_rows *rows, const struct tide_err *err)
{
	struct tide_worker *w = ctx;

	(void)rows;
	idle(w);
	if (err != NULL && gave_way(w, err)) {
		/* Preparing takes the table's lock as well. */
		put_back(w, LOCK_REST);
		return;
	}
	if (err != NULL) {
		fail(w, err);
		return;
	}
	w->prepared = w->segment->relation;
	step(w);
}

static void
prepare_hole(void *ctx, const struct tide_rows *rows, const struct tide_err *err)
{
	struct tide_worker *w = ctx;
	void *mem;

	if (err != NULL || !w->sweep->spec->write) {
		prepared(ctx, rows, err);
		return;
	}
	mem = talloc_new(w);
	tide_conn_prepare(
	    w->conn, "hole", tide_batch_hole_sql(mem, w->sweep->spec, w->segment->relation), prepared, w);
	talloc_free(mem);
}

static void
prepare_batch(void *ctx, const struct tide_rows *rows, const struct tide_err *err)
{
	struct tide_worker *w = ctx;
	void *mem;

	if (err != NULL) {
		prepared(ctx, rows, err);
		return;
	}
	mem = talloc_new(w);
	tide_conn_prepare(
	    w->conn, "batch", tide_batch_sql(mem, w->sweep->spec, w->segment->relation), prepare_hole, w);
	talloc_free(mem);
}

static void
prepare(struct tide_worker *w)
{
	w->busy = true;
	w->sweep->busy++;
	tide_conn_exec(w->conn, "DEALLOCATE ALL", prepare_batch, w);
}

static bool
may_send(const struct tide_sweep *sweep)
{
	return !sweep->holding && sweep->exe->throttle_reason == NULL && sweep->horizon_reason == NULL &&
	       tide_now_us() >= sweep->earliest;
}

static void
step(struct tide_worker *w)
{
	struct tide_sweep *sweep = w->sweep;

	if (w->busy || !may_send(sweep))
		return;
	if (w->segment == NULL)
		w->segment = tide_segments_claim(sweep);
	if (w->segment == NULL)
		w->segment = tide_segments_steal(sweep, &w->victim);
	if (w->segment == NULL)
		return;
	if (w->segment->id == 0)
		split(w);
	else if (w->prepared != w->segment->relation)
		prepare(w);
	else
		send_batch(w);
}

void
tide_workers_kick(struct tide_sweep *sweep)
{
	for (size_t i = 0; i < sweep->worker_count; i++)
		step(sweep->worker[i]);
}

bool
tide_workers_open(struct tide_sweep *sweep, struct tide_err *err)
{
	struct tide_executor *exe = sweep->exe;
	int64_t quarter = exe->deadlock_timeout / 4 / TIDE_MS;
	char settings[256];

	/* Our batch gives way long before the server looks for deadlocks, so the application is never the victim. Data and
	 * checkpoint are lost together or kept together: no need to wait for the disk. */
	snprintf(settings, sizeof(settings),
	    "SET lock_timeout = %lld; SET synchronous_commit = off; " TIDE_BATCH_SETTINGS,
	    (long long)(quarter < 1    ? 1
			: quarter > 50 ? 50
				       : quarter));
	sweep->worker_count = 0;
	sweep->worker = talloc_zero_array(sweep, struct tide_worker *, (unsigned)exe->plan->limits.workers);
	for (int64_t i = 0; i < exe->plan->limits.workers; i++) {
		struct tide_worker *w = talloc_zero(sweep->worker, struct tide_worker);
		char *name = tide_application_name(w, exe->plan->name, exe->phase);

		w->sweep = sweep;
		w->conn = tide_conn_new(w, exe->loop);
		if (!tide_await_open(w->conn, exe->dsn, name, err) ||
		    !tide_await_exec(w->conn, w, settings, NULL, err) ||
		    !tide_sweep_role(sweep, w->conn, err))
			return tide_wrap(err, "sweep worker %lld", (long long)i + 1);
		sweep->worker[sweep->worker_count++] = w;
	}
	return true;
}

void
tide_workers_release(struct tide_sweep *sweep)
{
	for (size_t i = 0; i < sweep->worker_count; i++) {
		sweep->worker[i]->segment = NULL;
		sweep->worker[i]->prepared = NULL;
		sweep->worker[i]->locked_once = false;
	}
}
