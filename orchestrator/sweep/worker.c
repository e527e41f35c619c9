/*
 * A worker: one connection that goes through one segment after another, batch by batch. A state machine: each state is one
 * statement that is under way, and its answer decides about the next one.
 *
 *     IDLE ─ claim ─ SPLIT (a segment was taken from another worker's)
 *                  ─ RESET ─ PREPARE_BATCH ─ PREPARE_VISIT (another relation than before)
 *                  ─ BATCH ─ SKIP   (rows stay locked: continue, and come back for them)
 *                          ─ LOCATE (a row that fails is alone in its batch: where is it?)
 *
 * It stops after the statement under way while the sweep is holding, and rests between batches as long as the pilot says (pilot.h).
 */
#include "worker.h"

#include <talloc.h>

#include "batch.h"
#include "locks/lock_waits.h"
#include "order.h"
#include "pilot.h"
#include "refusal.h"
#include "row_limit.h"
#include "state/crash_points.h"
#include "sweep_sql.h"
#include "tidemark/base/record.h"
#include "tidemark/base/units.h"

/* How long rows rest that were locked; at most, after many visits. */
#define LOCK_REST (50 * TIDE_MS)
#define LOCK_REST_MOST TIDE_SECOND

enum worker_state { IDLE, SPLIT, RESET, PREPARE_BATCH, PREPARE_VISIT, BATCH, SKIP, LOCATE, WORKER_STATES };

/** What an answer leads to: the next state, or one of these. */
enum {
	CHOOSE = WORKER_STATES, /* what is next for the segment, or for another one */
	REST                    /* nothing until the next kick */
};

struct tide_worker {
	struct tide_sweep *sweep;
	size_t number; /* from 0: so many others are asked first */
	struct tide_conn *conn;
	struct tide_lock_wait *wait;
	enum worker_state state;
	struct tide_segment *segment; /* claimed; NULL none */
	struct tide_segment *victim;  /* that was split for this worker */
	struct tide_span span;        /* of the batch under way */
	int64_t sent;                 /* tide_now_us */
	int64_t taken;                /* rows of the batch under way, of sweep->allowance */
	int64_t reserved;             /* the same, of the limit */
	int64_t narrow;       /* most that the next batch takes, after a row that failed; 0 no limit */
	struct tide_err bad;  /* of the row that cannot be computed */
	bool locked_once;     /* the batch under way has met a lock before */
	struct ev_timer rest; /* active: no batch before it fires */
	const struct tide_relation *prepared; /* what the prepared statements were made for */
};

/** The first row of what a batch answers: see batch.h. */
struct answer {
	int64_t changed, stayed, seen, differing, skipped, unmatched;
	char *keys, *unmatched_key;
	bool owned, same, guarded;
};

static const struct tide_record_field answer_fields[] = {
	TIDE_FIELD(answer, changed, INT),
	TIDE_FIELD(answer, stayed, INT),
	TIDE_FIELD(answer, seen, INT),
	TIDE_FIELD(answer, differing, INT),
	TIDE_FIELD(answer, skipped, INT),
	TIDE_FIELD(answer, unmatched, INT),
	TIDE_FIELD(answer, keys, TEXT),
	TIDE_FIELD(answer, unmatched_key, TEXT),
	TIDE_FIELD(answer, owned, BOOL),
	TIDE_FIELD(answer, same, BOOL),
	TIDE_FIELD(answer, guarded, BOOL),
};
static const struct tide_record answer_record = TIDE_RECORD(answer_fields);

static const struct tide_order *
order(const struct tide_worker *w)
{
	return w->segment->relation->order;
}

/* The first failure stops the sweep; the others only end. */
static int
fail(struct tide_worker *w, const struct tide_err *err)
{
	struct tide_sweep *sweep = w->sweep;

	sweep->holding = true;
	if (!sweep->failed)
		sweep->err = *err;
	sweep->failed = true;
	return REST;
}

static int
lose(struct tide_worker *w)
{
	tide_session_lose(w->sweep->exe->session, NULL);
	return REST;
}

/* Releases the segment: any worker may claim it again after `rest` us. */
static int
put_back(struct tide_worker *w, int64_t rest)
{
	w->locked_once = false;
	if (w->segment != NULL) {
		w->segment->claimed = false;
		w->segment->not_before = tide_now_us() + rest;
		w->sweep->first_open = 0;
	}
	w->segment = NULL;
	return REST;
}

/*
 * The relation was dropped, detached or renamed (its name may mean another one, or a view, by now), or
 * something is really wrong: reading the relations again tells which.
 */
static int
look_again(struct tide_worker *w, const struct tide_err *err)
{
	w->sweep->wrong = *err;
	w->sweep->rewritten = w->sweep->holding = true;
	return put_back(w, 0);
}

static enum tide_refusal
refusal(const struct tide_worker *w, const struct tide_err *err)
{
	enum tide_refusal refusal = tide_refusal_of(err);

	if (refusal == TIDE_REFUSAL_YIELDED)
		tide_executor_sample(w->sweep->exe, TIDE_SAMPLE_RETRY, err->sqlstate, 1);
	return refusal;
}

/* SPLIT: the segment was taken from another worker's; now the database learns it. Waits for that worker's batch. */

static void answered(void *ctx, const struct tide_rows *rows, const struct tide_err *err);

static bool
send_split(struct tide_worker *w, void *mem)
{
	tide_conn_query(w->conn, tide_sql_sweep_split,
	    TIDE_ARGS(tide_param_int(mem, w->victim->id), tide_param_int(mem, w->sweep->exe->session->fence),
		tide_param_int(mem, w->segment->first), tide_param_int(mem, w->segment->stop)),
	    answered, w);
	return true;
}

static int
split_done(struct tide_worker *w, const struct tide_rows *rows)
{
	if (tide_rows_count(rows) == 0)
		return lose(w);
	tide_crash_point("sweep.split");
	w->victim->parted = false;
	w->segment->id = tide_rows_only_int(rows);
	return CHOOSE;
}

static int
split_failed(struct tide_worker *w, const struct tide_err *err)
{
	return refusal(w, err) == TIDE_REFUSAL_YIELDED ? SPLIT : fail(w, err);
}

/* RESET and PREPARE: statement by statement; what is prepared belongs to one relation. */

static bool
send_reset(struct tide_worker *w, void *mem)
{
	w->prepared = NULL;
	tide_conn_exec(w->conn, talloc_asprintf(mem, "DEALLOCATE ALL; %s", order(w)->settings), answered, w);
	return true;
}

static int
reset_done(struct tide_worker *w, const struct tide_rows *rows)
{
	(void)w;
	(void)rows;
	return PREPARE_BATCH;
}

static bool
send_prepare_batch(struct tide_worker *w, void *mem)
{
	tide_conn_prepare(
	    w->conn, "batch", order(w)->batch_sql(mem, w->sweep->spec, w->segment->relation), answered, w);
	return true;
}

static int
batch_prepared(struct tide_worker *w, const struct tide_rows *rows)
{
	(void)rows;
	if (w->sweep->spec->write)
		return PREPARE_VISIT;
	w->prepared = w->segment->relation;
	return CHOOSE;
}

static bool
send_prepare_visit(struct tide_worker *w, void *mem)
{
	tide_conn_prepare(w->conn, "skipped_range",
	    order(w)->skipped_range_sql(mem, w->sweep->spec, w->segment->relation), answered, w);
	return true;
}

static int
visit_prepared(struct tide_worker *w, const struct tide_rows *rows)
{
	(void)rows;
	w->prepared = w->segment->relation;
	return CHOOSE;
}

/* Preparing takes the table's lock as well. */
static int
prepare_failed(struct tide_worker *w, const struct tide_err *err)
{
	switch (refusal(w, err)) {
	case TIDE_REFUSAL_YIELDED:
		return put_back(w, LOCK_REST);
	case TIDE_REFUSAL_NAMES:
		return look_again(w, err);
	default:
		return fail(w, err);
	}
}

/* Those of a batch, or of a skip. */
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

/* Still locked. The visits become rarer until the application releases the rows. */
static int
visit_later(struct tide_worker *w)
{
	struct tide_segment *s = w->segment;
	int64_t rest = LOCK_REST << (s->visits < 5 ? s->visits : 5);

	s->visits++;
	put_back(w, rest > LOCK_REST_MOST ? LOCK_REST_MOST : rest);
	return CHOOSE;
}

/* The span under way is done, or was recorded as a skipped range. */
static int
advance(struct tide_worker *w, const struct tide_batch *batch, const struct tide_rows *rows)
{
	order(w)->advance(w->sweep, w->segment, batch, rows);
	if (w->segment->done)
		w->segment = NULL;
	else if (w->segment->again && w->segment->key == NULL)
		return visit_later(w);
	return CHOOSE;
}

/* BATCH */

/* Settled whatever the batch did: rows that it took and did not change are available to the other workers at once. */
static void
settle(struct tide_worker *w, int64_t changed)
{
	tide_allowance_settle(&w->sweep->allowance, tide_now_us(), w->taken, changed);
	w->sweep->reserved -= w->reserved;
	w->reserved = 0;
}

/* No batch before then: the pilot's rest, or the rate of rows. */
static void
rest(struct tide_worker *w, int64_t us)
{
	struct ev_loop *loop = w->sweep->exe->loop;

	if (us == 0)
		return;
	ev_now_update(loop);
	ev_timer_stop(loop, &w->rest);
	ev_timer_set(&w->rest, (double)us / (double)TIDE_SECOND, 0);
	ev_timer_start(loop, &w->rest);
}

static bool
send_batch(struct tide_worker *w, void *mem)
{
	struct tide_sweep *sweep = w->sweep;
	struct tide_segment *s = w->segment;
	const char *values[2 + TIDE_ORDER_PARAMETERS];
	size_t count;

	if (!tide_row_limit_aim(sweep, s, w->narrow, &w->span))
		return false;
	w->taken = order(w)->rows(sweep, s, &w->span);
	if (!tide_allowance_allows(&sweep->allowance, tide_now_us(), w->taken)) {
		rest(w, tide_allowance_wait(&sweep->allowance, tide_now_us()));
		return false;
	}
	tide_allowance_take(&sweep->allowance, tide_now_us(), w->taken);
	w->reserved = w->span.rows;
	sweep->reserved += w->reserved;
	count = parameters(w, mem, order(w)->batch_parameters, values);
	w->sent = tide_now_us();
	tide_lock_wait_begin(w->wait, order(w)->pace(sweep, s)->target * 5 / 4);
	tide_conn_execute(w->conn,
	    (s->skipped_range || s->again) && sweep->spec->write ? "skipped_range" : "batch", count, values,
	    answered, w);
	tide_crash_point("sweep.batch_sent");
	return true;
}

/* What keeps a batch from having done anything; false when it did. */
static bool
did_nothing(struct tide_worker *w, const struct answer *answer)
{
	struct tide_sweep *sweep = w->sweep;
	struct tide_err err;

	if (!answer->owned) {
		lose(w);
		sweep->holding = true;
	} else if (!answer->same) {
		sweep->rewritten = true;
		sweep->holding = true;
	} else if (!answer->guarded) {
		tide_refusal_trigger(sweep, w->segment, &err);
		look_again(w, &err);
	} else {
		return false;
	}
	return true;
}

static int
account(struct tide_worker *w, const struct answer *answer, const struct tide_batch *batch,
    const struct tide_rows *rows)
{
	struct tide_sweep *sweep = w->sweep;
	struct tide_segment *s = w->segment;

	order(w)->learn(sweep, s, batch);
	sweep->skipped += answer->skipped - s->skipped;
	s->skipped = answer->skipped;
	sweep->changed += batch->changed;
	sweep->stayed += batch->stayed;
	if (!s->relation->heap || sweep->spec->deletes)
		sweep->placeless += batch->changed;
	sweep->seen += answer->seen;
	sweep->differing += answer->differing;
	tide_batch_keys(sweep->key, &sweep->key_count, answer->keys);
	tide_sweep_unmatched(sweep, answer->unmatched, answer->unmatched_key);
	if (answer->skipped == 0 || order(w)->comes_back)
		return advance(w, batch, rows);
	/* A range of its own for these rows: what comes after them must not wait for their lock. */
	return order(w)->more(s, &w->span, rows) ? SKIP : visit_later(w);
}

static int
batch_done(struct tide_worker *w, const struct tide_rows *rows)
{
	struct tide_sweep *sweep = w->sweep;
	struct tide_batch batch = { .span = w->span, .took = tide_now_us() - w->sent };
	void *mem = talloc_new(w);
	struct answer answer;
	int next;

	batch.waited = tide_lock_wait_end(w->wait);
	tide_rows_record(mem, rows, 0, &answer_record, &answer);
	batch.changed = answer.changed;
	batch.stayed = answer.stayed;
	batch.found = answer.changed > 0;
	settle(w, answer.changed);
	tide_crash_point("sweep.batch_done");
	if (did_nothing(w, &answer)) {
		next = put_back(w, 0);
	} else {
		tide_executor_sample(sweep->exe, TIDE_SAMPLE_BATCH, NULL, batch.took);
		rest(w, tide_pilot_rest(sweep->pilot, w->number, batch.took));
		w->locked_once = false;
		w->narrow = 0;
		next = account(w, &answer, &batch, rows);
	}
	talloc_free(mem);
	return next;
}

static int
batch_yielded(struct tide_worker *w)
{
	struct tide_sweep *sweep = w->sweep;

	tide_pace_yield(order(w)->pace(sweep, w->segment));
	if (w->segment->skipped_range) {
		put_back(w, LOCK_REST);
		return CHOOSE;
	}
	if (w->locked_once) /* only a lock on the table stops a reader */
		return sweep->spec->write ? SKIP : put_back(w, LOCK_REST);
	w->locked_once = true;
	return CHOOSE;
}

/* Smaller and smaller batches, until the row is alone. */
static int
row_failed(struct tide_worker *w, const struct tide_err *err)
{
	int64_t size = w->span.to - w->span.from;

	if (size > 1) {
		w->narrow = size / 2;
		return CHOOSE;
	}
	w->bad = *err;
	if (order(w)->find_sql != NULL)
		return LOCATE;
	tide_refusal_row(w->sweep, w->segment, &w->span, NULL, &w->bad);
	return fail(w, &w->bad);
}

/* A batch that fails is one transaction that changed nothing: all the rows that it took are available again. */
static int
batch_failed(struct tide_worker *w, const struct tide_err *err)
{
	struct tide_err repeated;

	(void)tide_lock_wait_end(w->wait);
	settle(w, 0);
	switch (refusal(w, err)) {
	case TIDE_REFUSAL_YIELDED:
		return batch_yielded(w);
	case TIDE_REFUSAL_NAMES:
		return look_again(w, err);
	case TIDE_REFUSAL_REPEATED:
		tide_refusal_repeated(w->sweep, w->segment, &w->span, &repeated);
		return fail(w, &repeated);
	case TIDE_REFUSAL_ROW:
		return row_failed(w, err);
	case TIDE_REFUSAL_OTHER:
		break;
	}
	return fail(w, err);
}

/* SKIP: rows of the span stay locked. The segment continues after them, and they become a range to be visited. */

static bool
send_skip(struct tide_worker *w, void *mem)
{
	const char *values[2 + TIDE_ORDER_PARAMETERS];
	size_t count = parameters(w, mem, order(w)->skip_parameters, values);

	tide_conn_query(w->conn, order(w)->skip_sql(mem, w->sweep->spec, w->segment->relation), count, values,
	    answered, w);
	return true;
}

static int
skip_done(struct tide_worker *w, const struct tide_rows *rows)
{
	size_t skipped;

	if (tide_rows_count(rows) == 0)
		return lose(w);
	skipped = tide_rows_column(rows, "skipped_range");
	if (!tide_rows_null(rows, 0, skipped))
		tide_segments_add_skipped_range(
		    w->sweep, w->segment, tide_rows_int(rows, 0, skipped), w->span.from, w->span.to);
	w->locked_once = false;
	return advance(w, &(struct tide_batch){ .span = w->span, .found = true }, rows);
}

/* The table is locked, or another worker is taking half of this segment. The cursor is where it was. */
static int
skip_failed(struct tide_worker *w, const struct tide_err *err)
{
	return refusal(w, err) == TIDE_REFUSAL_YIELDED ? put_back(w, LOCK_REST) : fail(w, err);
}

/* LOCATE: the row that fails. Whatever the answer is, its error ends the sweep. */

static bool
send_locate(struct tide_worker *w, void *mem)
{
	w->sweep->holding = true;
	tide_conn_query(w->conn, order(w)->find_sql(mem, w->segment), 0, NULL, answered, w);
	return true;
}

static int
located(struct tide_worker *w, const struct tide_rows *rows)
{
	tide_refusal_row(w->sweep, w->segment, &w->span, rows, &w->bad);
	return fail(w, &w->bad);
}

static int
locate_failed(struct tide_worker *w, const struct tide_err *err)
{
	(void)err;
	return located(w, NULL);
}

/** send: false when nothing was sent; it may be tried again with the next kick. done, failed: what comes next. */
static const struct {
	bool (*send)(struct tide_worker *w, void *mem);
	int (*done)(struct tide_worker *w, const struct tide_rows *rows);
	int (*failed)(struct tide_worker *w, const struct tide_err *err);
} machine[WORKER_STATES] = {
	[SPLIT] = { send_split, split_done, split_failed },
	[RESET] = { send_reset, reset_done, prepare_failed },
	[PREPARE_BATCH] = { send_prepare_batch, batch_prepared, prepare_failed },
	[PREPARE_VISIT] = { send_prepare_visit, visit_prepared, prepare_failed },
	[BATCH] = { send_batch, batch_done, batch_failed },
	[SKIP] = { send_skip, skip_done, skip_failed },
	[LOCATE] = { send_locate, located, locate_failed },
};

static bool
may_send(const struct tide_sweep *sweep)
{
	return !sweep->holding && sweep->exe->throttle.hold.cause == TIDE_CAUSE_NONE &&
	       sweep->horizon_reason == NULL;
}

/* What is next for the worker's segment, or for one that it claims; REST: there is nothing, or it may not. */
static int
choose(struct tide_worker *w)
{
	struct tide_sweep *sweep = w->sweep;

	/* Fewer workers are wanted: another one continues its segment. */
	if (tide_pilot_share(sweep->pilot, w->number) <= 0)
		return put_back(w, 0);
	if (!may_send(sweep) || ev_is_active(&w->rest))
		return REST;
	if (w->segment == NULL)
		w->segment = tide_segments_claim(sweep);
	if (w->segment == NULL)
		w->segment = tide_segments_steal(sweep, &w->victim);
	if (w->segment == NULL)
		return REST;
	if (w->segment->id == 0)
		return SPLIT;
	return w->prepared != w->segment->relation ? RESET : BATCH;
}

/* The only place where the state changes. */
static void
enter(struct tide_worker *w, int next)
{
	enum worker_state state;
	void *mem;

	if (next == CHOOSE)
		next = choose(w);
	if (next == REST)
		return;
	state = (enum worker_state)next;
	mem = talloc_new(w);
	w->state = state;
	w->sweep->busy++;
	if (!machine[state].send(w, mem)) {
		w->state = IDLE;
		w->sweep->busy--;
	}
	talloc_free(mem);
}

static void
answered(void *ctx, const struct tide_rows *rows, const struct tide_err *err)
{
	struct tide_worker *w = ctx;
	enum worker_state state = w->state;

	w->state = IDLE;
	w->sweep->busy--;
	enter(w, err == NULL ? machine[state].done(w, rows) : machine[state].failed(w, err));
}

void
tide_worker_kick(struct tide_worker *w)
{
	if (w->state == IDLE)
		enter(w, CHOOSE);
}

static void
on_rested(struct ev_loop *loop, struct ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	tide_worker_kick(timer->data);
}

static int
stop_worker(struct tide_worker *w)
{
	ev_timer_stop(w->sweep->exe->loop, &w->rest);
	return 0;
}

struct tide_worker *
tide_worker_new(struct tide_sweep *sweep)
{
	struct tide_worker *w = talloc_zero(sweep->worker, struct tide_worker);

	w->sweep = sweep;
	w->number = sweep->worker_count;
	ev_timer_init(&w->rest, on_rested, 0, 0);
	w->rest.data = w;
	talloc_set_destructor(w, stop_worker);
	w->conn = tide_conn_new(w, sweep->exe->loop);
	w->wait = tide_lock_waits_add(sweep->waits, w->conn);
	return w;
}

struct tide_conn *
tide_worker_conn(const struct tide_worker *w)
{
	return w->conn;
}

void
tide_worker_release(struct tide_worker *w)
{
	w->segment = NULL;
	w->prepared = NULL;
	w->locked_once = false;
}
