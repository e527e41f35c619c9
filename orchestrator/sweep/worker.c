/*
 * A worker: one connection that goes through one segment after another, batch by batch. A state machine driven by
 * the callbacks of its connection; it stops after the statement under way when the sweep is holding.
 */
#include "sweep.h"

#include <stdio.h>
#include <string.h>
#include <talloc.h>

#include "state/application_name.h"
#include "state/crash_points.h"
#include "batch.h"
#include "locks/lock_waits.h"
#include "order.h"
#include "tidemark/base/units.h"

/* How long rows rest that were locked. */
#define LOCK_REST (50 * TIDE_MS)
#define TOO_MANY_CONNECTIONS "53300" /* of the server, the role or the database */

struct tide_worker {
	struct tide_sweep *sweep;
	struct tide_conn *conn;
	struct tide_lock_wait *wait;
	struct tide_segment *segment; /* NULL: idle */
	struct tide_span span;        /* of the batch under way */
	struct tide_segment *victim;  /* that was split for this worker */
	int64_t sent;                 /* tide_now_us */
	int64_t taken;                /* rows of the batch under way, of sweep->allowance */
	int64_t narrow;      /* most that the next batch takes, after a row that failed; 0 no limit */
	struct tide_err bad; /* of the row that cannot be computed */
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
		tide_session_lose(w->sweep->exe->session, NULL);
		return;
	}
	tide_crash_point("sweep.split");
	w->victim->parted = false;
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
	    TIDE_ARGS(tide_param_int(mem, w->victim->id), tide_param_int(mem, w->sweep->exe->session->fence),
		tide_param_int(mem, w->segment->first), tide_param_int(mem, w->segment->stop)),
	    split_done, w);
	talloc_free(mem);
}

static const struct tide_order *
order(const struct tide_worker *w)
{
	return w->segment->relation->order;
}

/* The span under way is done with, or is somebody else's now. */
static void
move_on(struct tide_worker *w, const struct tide_batch *batch, const struct tide_rows *rows, size_t column)
{
	order(w)->advance(w->sweep, w->segment, batch, rows, column);
	if (w->segment->done)
		w->segment = NULL;
}

static void
dug(void *ctx, const struct tide_rows *rows, const struct tide_err *err)
{
	struct tide_worker *w = ctx;

	idle(w);
	if (err != NULL && gave_way(w, err)) {
		/* The table is locked, or another worker is taking half of this segment. The cursor stands where it stood. */
		w->locked_once = false;
		put_back(w, LOCK_REST);
		return;
	}
	if (err != NULL) {
		fail(w, err);
		return;
	}
	if (tide_rows_count(rows) == 0) {
		tide_session_lose(w->sweep->exe->session, NULL);
		return;
	}
	if (!tide_rows_null(rows, 0, 0))
		tide_segments_add_hole(
		    w->sweep, w->segment, tide_rows_int(rows, 0, 0), w->span.from, w->span.to);
	w->locked_once = false;
	move_on(w, &(struct tide_batch){ .span = w->span, .found = true }, rows, 1);
	step(w);
}

/* Those of a batch, or of a dig. */
static size_t
parameters(struct tide_worker *w, void *mem,
    size_t (*more)(
	void *ctx, const struct tide_segment *segment, const struct tide_span *span, const char **out),
    const char **out)
{
	out[0] = tide_param_int(mem, w->segment->id);
	out[1] = tide_param_int(mem, w->sweep->exe->session->fence);
	return 2 + more(mem, w->segment, &w->span, out + 2);
}

/* Rows here stay locked: go on, and come back for them. */
static void
dig(struct tide_worker *w)
{
	void *mem = talloc_new(w);
	const char *values[2 + TIDE_ORDER_PARAMETERS];
	size_t count = parameters(w, mem, order(w)->dig_parameters, values);

	w->busy = true;
	w->sweep->busy++;
	tide_conn_query(w->conn, order(w)->dig_sql(mem, w->segment->relation), count, values, dug, w);
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
report_bad_row(struct tide_worker *w, const struct tide_rows *rows)
{
	struct tide_err err = w->bad;
	void *mem = talloc_new(w);
	char *look = order(w)->look(mem, w->segment, &w->span, rows);

	err.code = TIDE_PRECONDITION;
	tide_wrap(&err, "%s: a row in %s", w->sweep->spec->what, order(w)->place(mem, w->segment, &w->span));
	tide_hint(&err, "%s%s%sfix the row or the expression, then run again",
	    look != NULL ? "look at it: " : "", look != NULL ? look : "", look != NULL ? "; " : "");
	talloc_free(mem);
	fail(w, &err);
}

static void
found_bad_row(void *ctx, const struct tide_rows *rows, const struct tide_err *err)
{
	struct tide_worker *w = ctx;

	idle(w);
	report_bad_row(w, err == NULL ? rows : NULL);
}

static void
find_bad_row(struct tide_worker *w, const struct tide_err *err)
{
	void *mem;

	w->bad = *err;
	if (order(w)->find_sql == NULL) {
		report_bad_row(w, NULL);
		return;
	}
	mem = talloc_new(w);
	w->busy = true;
	w->sweep->busy++;
	w->sweep->holding = true;
	tide_conn_query(w->conn, order(w)->find_sql(mem, w->segment), 0, NULL, found_bad_row, w);
	talloc_free(mem);
}

/* What a statement meets that was made for another table than the one that has the name now: no such table or column, a view, no right, other types. */
static bool
names_wrong(const struct tide_err *err)
{
	static const char *const states[] = { "42P01", "42703", "42809", "42501", "42804", "42883", "42846" };

	for (size_t i = 0; i < TIDE_COUNT(states); i++)
		if (strcmp(err->sqlstate, states[i]) == 0)
			return true;
	return false;
}

/* Dropped, detached, renamed (and another one, or a view, is called so now), or really wrong: that is seen when the relations are
 * read anew. */
static void
look_again(struct tide_worker *w, const struct tide_err *err)
{
	w->sweep->wrong = *err;
	w->sweep->rewritten = w->sweep->holding = true;
	put_back(w, 0);
}

static void
fail_again(struct tide_worker *w)
{
	struct tide_err err = { 0 };
	char *place = order(w)->place(w, w->segment, &w->span);

	tide_fail(&err, TIDE_PRECONDITION, "%s: rows that have been filled would be filled again (%s)",
	    w->sweep->spec->what, place);
	talloc_free(place);
	tide_hint(&err,
	    "it must be idempotent, as a resume may repeat it: add a \"where\" that no "
	    "longer holds for a filled row. A trigger that changes the value has the same effect. This batch "
	    "changed nothing");
	fail(w, &err);
}

static void
batch_failed(struct tide_worker *w, const struct tide_err *err)
{
	struct tide_sweep *sweep = w->sweep;

	if (gave_way(w, err)) {
		tide_pace_yield(order(w)->pace(sweep, w->segment));
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
	if (names_wrong(err)) {
		look_again(w, err);
		return;
	}
	if (strcmp(err->sqlstate, TIDE_BATCH_AGAIN) == 0) {
		fail_again(w);
		return;
	}
	if (bad_row(err) && w->span.to - w->span.from > 1) {
		w->narrow = (w->span.to - w->span.from) / 2;
		step(w);
		return;
	}
	if (bad_row(err))
		find_bad_row(w, err);
	else
		fail(w, err);
}

static void
hint_trigger(const struct tide_executor *exe, struct tide_err *err)
{
	const char *follows = NULL;

	for (size_t i = 0; i < exe->plan->count && strcmp(exe->plan->phase[i].name, exe->report.phase) != 0;
	     i++)
		if (strcmp(exe->plan->phase[i].kind->name, "dual_write") == 0)
			follows = exe->plan->phase[i].name;
	tide_hint(err,
	    "somebody changed it, and rows may have been written without it. Restore it as it was, ENABLE "
	    "ALWAYS: its "
	    "statements are in tidemark history %s --verbose%s%s%s%s",
	    exe->plan->name, follows != NULL ? "\nthen have every row checked again: tidemark rollback " : "",
	    follows != NULL ? exe->plan->name : "", follows != NULL ? " --to " : "",
	    follows != NULL ? follows : "");
}

/* What keeps a batch from having done anything; false when it did. */
static bool
refused(struct tide_worker *w, const struct tide_rows *rows)
{
	struct tide_sweep *sweep = w->sweep;
	struct tide_err err = { 0 };

	if (tide_rows_null(rows, 0, 6) || !tide_rows_bool(rows, 0, 6)) {
		tide_session_lose(sweep->exe->session, NULL);
		sweep->holding = true;
	} else if (!tide_rows_bool(rows, 0, 7)) {
		sweep->rewritten = true;
		sweep->holding = true;
	} else if (!tide_rows_bool(rows, 0, 8)) {
		tide_fail(&err, TIDE_PRECONDITION,
		    "the trigger that keeps %s in step is disabled, changed or gone on %s", sweep->spec->what,
		    w->segment->relation->name);
		hint_trigger(w->sweep->exe, &err);
		look_again(w, &err);
	} else {
		return false;
	}
	return true;
}

static void
account(struct tide_worker *w, const struct tide_rows *rows, int64_t took, bool waited)
{
	struct tide_sweep *sweep = w->sweep;
	struct tide_segment *s = w->segment;
	const struct tide_batch batch = {
		.span = w->span,
		.took = took,
		.waited = waited,
		.changed = tide_rows_int(rows, 0, 0),
		.stayed = tide_rows_int(rows, 0, 1),
		.found = tide_rows_int(rows, 0, 0) > 0,
	};
	int64_t skipped = tide_rows_int(rows, 0, 4);

	order(w)->learn(sweep, s, &batch);
	sweep->skipped += skipped - s->skipped;
	s->skipped = skipped;
	sweep->changed += batch.changed;
	sweep->stayed += batch.stayed;
	if (!s->relation->heap)
		sweep->placeless += batch.changed;
	sweep->seen += tide_rows_int(rows, 0, 2);
	sweep->differing += tide_rows_int(rows, 0, 3);
	tide_batch_keys(sweep->key, &sweep->key_count, tide_rows_text(rows, 0, 5));
	tide_sweep_unmatched(sweep, tide_rows_int(rows, 0, 11), tide_rows_text(rows, 0, 12));
	if (skipped > 0 && order(w)->more(s, &w->span, rows)) {
		/* A hole of its own for these rows: what lies behind them must not wait for their lock. */
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
	move_on(w, &batch, rows, TIDE_BATCH_COLUMNS);
}

static void
batch_done(void *ctx, const struct tide_rows *rows, const struct tide_err *err)
{
	struct tide_worker *w = ctx;
	struct tide_sweep *sweep = w->sweep;
	int64_t took = tide_now_us() - w->sent;
	bool waited = tide_lock_wait_end(w->wait);

	idle(w);
	tide_allowance_settle(
	    &sweep->allowance, tide_now_us(), w->taken, err != NULL ? 0 : tide_rows_int(rows, 0, 0));
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
	account(w, rows, took, waited);
	step(w);
}

static void
send_batch(struct tide_worker *w)
{
	struct tide_sweep *sweep = w->sweep;
	struct tide_segment *s = w->segment;
	void *mem;
	const char *values[2 + TIDE_ORDER_PARAMETERS];
	size_t count;

	order(w)->aim(sweep, s, w->narrow, &w->span);
	w->taken = order(w)->rows(sweep, s, &w->span);
	if (!tide_allowance_allows(&sweep->allowance, tide_now_us(), w->taken))
		return;
	tide_allowance_take(&sweep->allowance, tide_now_us(), w->taken);
	mem = talloc_new(w);
	count = parameters(w, mem, order(w)->batch_parameters, values);
	w->sent = tide_now_us();
	tide_lock_wait_begin(w->wait, order(w)->pace(sweep, s)->target * 5 / 4);
	w->busy = true;
	sweep->busy++;
	tide_conn_execute(
	    w->conn, s->hole && sweep->spec->write ? "hole" : "batch", count, values, batch_done, w);
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
	if (err != NULL && names_wrong(err)) {
		look_again(w, err);
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
	    w->conn, "hole", order(w)->hole_sql(mem, w->sweep->spec, w->segment->relation), prepared, w);
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
	tide_conn_prepare(w->conn, "batch", order(w)->batch_sql(mem, w->sweep->spec, w->segment->relation),
	    prepare_hole, w);
	talloc_free(mem);
}

static void
prepare(struct tide_worker *w)
{
	void *mem = talloc_new(w);

	w->busy = true;
	w->sweep->busy++;
	w->prepared = NULL;
	tide_conn_exec(
	    w->conn, talloc_asprintf(mem, "DEALLOCATE ALL; %s", order(w)->settings), prepare_batch, w);
	talloc_free(mem);
}

static bool
may_send(const struct tide_sweep *sweep)
{
	return !sweep->holding && sweep->exe->throttle.hold.cause == TIDE_CAUSE_NONE &&
	       sweep->horizon_reason == NULL;
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

static bool
open_worker(struct tide_sweep *sweep, const char *settings, struct tide_err *err)
{
	struct tide_executor *exe = sweep->exe;
	struct tide_worker *w = talloc_zero(sweep->worker, struct tide_worker);
	char *name = tide_application_name(w, exe->plan->name, exe->report.phase);

	w->sweep = sweep;
	w->conn = tide_conn_new(w, exe->loop);
	w->wait = tide_lock_waits_add(sweep->waits, w->conn);
	if (!tide_await_open(w->conn, exe->dsn, name, err) ||
	    !tide_await_exec(w->conn, w, settings, NULL, err) || !tide_sweep_role(sweep, w->conn, err))
		return false;
	sweep->worker[sweep->worker_count++] = w;
	return true;
}

bool
tide_workers_open(struct tide_sweep *sweep, struct tide_err *err)
{
	struct tide_executor *exe = sweep->exe;
	int64_t quarter = exe->server.deadlock_timeout / 4 / TIDE_MS;
	char settings[256];

	/* Our batch gives way long before the server looks for deadlocks, so the application is never the victim. Data and
	 * checkpoint are lost together or kept together: no need to wait for the disk. */
	snprintf(settings, sizeof(settings),
	    "SET lock_timeout = %lld; SET synchronous_commit = off; " TIDE_BATCH_SETTINGS,
	    (long long)(quarter < 1    ? 1
			: quarter > 50 ? 50
				       : quarter));
	sweep->waits = tide_lock_waits_new(exe);
	sweep->worker_count = 0;
	sweep->worker = talloc_zero_array(sweep, struct tide_worker *, (unsigned)exe->plan->limits.workers);
	for (int64_t i = 0; i < exe->plan->limits.workers; i++) {
		if (open_worker(sweep, settings, err))
			continue;
		if (sweep->worker_count == 0 || strcmp(err->sqlstate, TOO_MANY_CONNECTIONS) != 0)
			return tide_wrap(err, "sweep worker %lld", (long long)i + 1);
		/* Whoever holds connections and waits for one more keeps others from them. */
		tide_executor_event(exe, "sweep.workers", sweep->task->step, true,
		    "continuing with %zu of %lld workers: %s", sweep->worker_count,
		    (long long)exe->plan->limits.workers, err->message);
		memset(err, 0, sizeof(*err));
		break;
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
