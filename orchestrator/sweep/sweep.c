/* The sweep as a step: opens segments and workers, watches over them, and says how it ended. */
#include "sweep.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <talloc.h>

#include "pilot.h"
#include "state/crash_points.h"
#include "sweep_sql.h"
#include "sweep_step.h"
#include "state/journal.h"
#include "signals/watcher.h"
#include "locks/lock_waits.h"
#include "tidemark/orchestrator/store.h"
#include "tidemark/base/units.h"

#define FIRST_BLOCKS 4
#define MOST_BLOCKS 2048
#define FIRST_ROWS 200
/* MaxHeapTuplesPerPage, with pages of 8 kB. */
#define MOST_BLOCK_ROWS 291
#define MOST_ROWS 65536

struct driver {
	struct tide_sweep *sweep;
	struct tide_speed speed;
	struct ev_timer timer;
	bool told_throttle;
};

/* Why no batch is sent, but for a pause. */
static struct tide_hold
held_back(const struct tide_sweep *sweep)
{
	if (sweep->exe->throttle.hold.cause != TIDE_CAUSE_NONE)
		return sweep->exe->throttle.hold;
	if (sweep->horizon_reason != NULL)
		return (struct tide_hold){ TIDE_CAUSE_HORIZON, sweep->horizon_reason };
	return (struct tide_hold){ 0 };
}

/* The same as the progress shows it: with a pause, and with rows that stay locked. */
static struct tide_hold
shown_hold(const struct tide_sweep *sweep)
{
	struct tide_hold hold = held_back(sweep);

	if (sweep->exe->requests.pause)
		return (struct tide_hold){ .cause = TIDE_CAUSE_PAUSE };
	if (hold.cause == TIDE_CAUSE_NONE && sweep->skipped > 0)
		hold.text = "other sessions hold row locks: see tidemark locks";
	return hold;
}

/*
 * The time of a hold is no part of the speed: the rate would fall, and the ETA grow, only because no batch
 * may be sent.
 */
static void
report(struct driver *d)
{
	struct tide_sweep *sweep = d->sweep;
	struct tide_executor *exe = sweep->exe;
	struct tide_progress *p = &exe->report.progress;
	const struct tide_extent extent = tide_segments_extent(sweep);
	const struct tide_hold hold = shown_hold(sweep);
	bool held = hold.cause != TIDE_CAUSE_NONE;
	int64_t placed = sweep->changed - sweep->placeless;
	const struct tide_pilot_report pilot = tide_pilot_report(sweep->pilot);

	tide_speed_look(&d->speed, tide_now_us(), (double)tide_sweep_worked(sweep), sweep->blocks_done,
	    held || sweep->holding);
	*p = (struct tide_progress){
		.plan = exe->plan->name,
		.run = exe->session->run,
		.phase = exe->report.phase,
		.what = sweep->spec->what,
		.share = tide_extent_share(&extent),
		.blocks_total = extent.total,
		.blocks_done = extent.done,
		.rows_seen = sweep->earlier_seen + sweep->seen,
		.rows_changed = sweep->earlier_changed + sweep->changed,
		.rows_stayed = sweep->earlier_stayed + sweep->stayed,
		.rows_skipped = sweep->skipped,
		.mismatches = sweep->differing,
		.rows_per_second = held ? 0 : d->speed.rows_per_second,
		.batch_p90 = tide_slower(tide_pace_p90(&sweep->keys),
		    tide_slower(tide_pace_p90(&sweep->moving), tide_pace_p90(&sweep->staying))),
		.hot_share = placed > 0 ? (double)sweep->stayed / (double)placed : -1,
		.lag = exe->signals.lag_seconds < 0
			   ? -1
			   : (int64_t)(exe->signals.lag_seconds * (double)TIDE_SECOND),
		.eta = sweep->finished
			   ? 0
			   : tide_speed_eta(&d->speed, (double)extent.total - sweep->blocks_done, held),
		.at_work = true,
		.hold = hold,
		.workers = (int)tide_workers_active(sweep),
		.working = held ? 0 : pilot.workers,
		.commit_p95 = pilot.felt,
		.commit_baseline = pilot.baseline,
	};
	if (exe->report.observer != NULL && exe->report.observer->progress != NULL)
		exe->report.observer->progress(exe->report.observer->ctx, p);
}

static void
tell_throttle(struct driver *d)
{
	struct tide_executor *exe = d->sweep->exe;
	const char *reason = held_back(d->sweep).text;

	if (reason != NULL && !d->told_throttle) {
		tide_executor_event(
		    exe, "throttle.start", d->sweep->task->step, true, "throttled: %s", reason);
		tide_executor_set_wait_reason(exe, "throttled: %s", reason);
		d->told_throttle = true;
	} else if (reason != NULL) {
		/* Another reason, or other figures. */
		tide_executor_set_wait_reason(exe, "throttled: %s", reason);
	} else if (d->told_throttle) {
		tide_executor_event(exe, "throttle.end", d->sweep->task->step, false, "continuing");
		tide_executor_set_wait_reason(exe, NULL);
		d->told_throttle = false;
	}
}

static void
say_hold(struct tide_sweep *sweep, const char *holder, const char *size)
{
	const struct tide_horizon *h = &sweep->horizon;
	int64_t left = h->limit - h->waited - (tide_now_us() - h->since);
	char most[32];

	/* In whole seconds: nobody reads tenths. */
	left = left > 0 ? (left / TIDE_SECOND) * TIDE_SECOND : 0;
	talloc_free(sweep->horizon_reason);
	sweep->horizon_reason = talloc_asprintf(sweep,
	    "the xmin horizon is held back by %s; continuing would leave up to %s of dead rows (waiting %s "
	    "more at most)",
	    holder, size, tide_duration_format(left, most, sizeof(most)));
}

/* The xmin horizon is held back: wait, or say what continuing costs. */
static void
look_at_horizon(struct tide_sweep *sweep)
{
	struct tide_executor *exe = sweep->exe;
	int64_t bytes = tide_segments_at_stake(sweep);
	const char *holder = exe->signals.horizon != NULL ? exe->signals.horizon : "nobody";
	char size[32];

	tide_size_format(bytes, size, sizeof(size));
	switch (tide_horizon_look(
	    &sweep->horizon, tide_now_us(), exe->signals.horizon_age, tide_heap_patience(sweep), bytes)) {
	case TIDE_HORIZON_HOLD:
		say_hold(sweep, holder, size);
		break;
	case TIDE_HORIZON_PROCEED:
		tide_executor_event(exe, "sweep.bloat", sweep->task->step, true,
		    "the xmin horizon is held back by %s; continuing nevertheless: up to %s of dead rows "
		    "will be left in the table and its indexes",
		    holder, size);
		TALLOC_FREE(sweep->horizon_reason);
		break;
	case TIDE_HORIZON_RELEASE:
		TALLOC_FREE(sweep->horizon_reason);
		break;
	case TIDE_HORIZON_SAME:
		/* Another one may hold it by now. */
		if (tide_horizon_holds(&sweep->horizon))
			say_hold(sweep, holder, size);
		break;
	}
}

/* Batches that are due by a limit of rows are sent when they are due. */
static double
tick_of(const struct tide_sweep *sweep)
{
	return sweep->allowance.limit > 0 ? 0.02 : 0.1;
}

static void
look_at_pilot(struct tide_sweep *sweep)
{
	bool held = sweep->holding || held_back(sweep).cause != TIDE_CAUSE_NONE;
	const char *failure;

	tide_pilot_look(sweep->pilot, tide_now_us(), sweep->blocks_done, held, &sweep->exe->signals);
	failure = tide_pilot_failure(sweep->pilot);
	if (failure != NULL)
		tide_executor_event(sweep->exe, "sweep.canary", sweep->task->step, true,
		    "what the application feels cannot be measured now, the sweep continues at the same speed: "
		    "%s",
		    failure);
}

static void
on_timer(struct ev_loop *loop, struct ev_timer *timer, int events)
{
	struct driver *d = timer->data;

	(void)loop;
	(void)events;
	tide_sweep_steer(d->sweep);
	timer->repeat = tick_of(d->sweep);
	d->sweep->horizon_age = d->sweep->exe->signals.horizon_age;
	look_at_horizon(d->sweep);
	look_at_pilot(d->sweep);
	tell_throttle(d);
	report(d);
	tide_workers_kick(d->sweep);
}

static int
stop_timer(struct driver *d)
{
	d->sweep->exe->throttle.looks_at_horizon = false;
	d->sweep->exe->throttle.only_reads = false;
	d->sweep->exe->signals.horizon_age = -1;
	ev_timer_stop(d->sweep->exe->loop, &d->timer);
	memset(&d->sweep->exe->report.progress, 0, sizeof(d->sweep->exe->report.progress));
	return 0;
}

/* No statement of a worker is under way after this. */
static void
drain(struct tide_sweep *sweep)
{
	sweep->holding = true;
	while (sweep->busy > 0)
		tide_executor_turn(sweep->exe);
}

static bool
stopped(struct tide_sweep *sweep, struct tide_err *err)
{
	struct tide_err ignored = { 0 };

	return sweep->failed || tide_executor_halted(sweep->exe, err != NULL ? err : &ignored);
}

/* Something other than work is wanted: pause, another pass over a rewritten table. */
static bool
serve(struct driver *d, struct tide_err *err)
{
	struct tide_sweep *sweep = d->sweep;

	drain(sweep);
	if (stopped(sweep, err)) {
		if (sweep->failed)
			*err = sweep->err;
		return false;
	}
	report(d);
	if (!tide_executor_check(sweep->exe, err) || !tide_executor_within_hours(sweep->exe, err))
		return false;
	if (sweep->rewritten) {
		tide_workers_release(sweep);
		if (!tide_segments_restart(sweep, err))
			return false;
	}
	sweep->holding = false;
	return true;
}

static bool
one_pass(struct driver *d, struct tide_err *err)
{
	struct tide_sweep *sweep = d->sweep;

	while (!tide_segments_finished(sweep)) {
		tide_workers_more(sweep);
		tide_workers_kick(sweep);
		tide_executor_turn(sweep->exe);
		if (stopped(sweep, err) || sweep->exe->requests.pause || sweep->rewritten ||
		    tide_executor_shut_out(sweep->exe))
			if (!serve(d, err))
				return false;
	}
	return true;
}

static bool
all_passes(struct driver *d, struct tide_err *err)
{
	bool more = true;

	while (more) {
		if (!one_pass(d, err))
			return false;
		/* Workers may still prepare what they will not send. */
		if (tide_sweep_limit_reached(d->sweep))
			return true;
		tide_workers_release(d->sweep);
		if (!tide_segments_more(d->sweep, &more, err))
			return false;
	}
	return true;
}

/* Rows that differ end the phase; the next run looks again from the start. */
static bool
differs(struct tide_sweep *sweep, struct tide_err *err)
{
	char *keys = talloc_strdup(sweep, "");
	struct tide_err failed = { 0 };

	for (size_t i = 0; i < sweep->key_count; i++)
		keys = talloc_asprintf_append(keys, "%s%s", i > 0 ? ", " : "", sweep->key[i]);
	if (!tide_segments_forget(sweep, &failed)) {
		*err = failed;
		return false;
	}
	tide_fail(
	    err, TIDE_DIFFERENCES, "%s: %lld row(s) differ", sweep->spec->what, (long long)sweep->differing);
	tide_hint(err, "%s%s%sfix them, then run again", keys[0] != '\0' ? "for example " : "", keys,
	    keys[0] != '\0' ? "; " : "");
	return false;
}

void
tide_sweep_unmatched(struct tide_sweep *sweep, int64_t rows, const char *key)
{
	sweep->unmatched += rows;
	if (sweep->unmatched_key == NULL && key != NULL)
		sweep->unmatched_key = talloc_strdup(sweep, key);
}

/* Before the switch makes them what the new release reads. */
static void
tell_unmatched(struct tide_sweep *sweep, json_t *detail)
{
	if (sweep->spec->unmatched == NULL)
		return;
	json_object_set_new(detail, "rows_unmatched", json_integer((json_int_t)sweep->unmatched));
	json_object_set_new(detail, "unmatched_key",
	    sweep->unmatched_key == NULL ? json_null() : json_string(sweep->unmatched_key));
	if (sweep->unmatched > 0)
		tide_executor_event(sweep->exe, "sweep.unmatched", sweep->task->step, true, "%s: %s",
		    sweep->spec->what, tide_unmatched_text(sweep, sweep->unmatched, sweep->unmatched_key));
}

/* Rows for which the condition of a purge still holds. */
static void
tell_left(struct tide_sweep *sweep, json_t *detail)
{
	char rows[32];

	if (!sweep->spec->deletes)
		return;
	json_object_set_new(detail, "rows_kept", json_integer((json_int_t)sweep->unmatched));
	json_object_set_new(detail, "limit_reached", json_boolean(tide_sweep_limit_reached(sweep)));
	if (sweep->unmatched > 0)
		tide_executor_event(sweep->exe, "sweep.kept", sweep->task->step, true,
		    "%s: %s rows for which the condition held were not deleted: a trigger BEFORE DELETE has kept them, "
		    "or another session was faster",
		    sweep->spec->what, tide_count_format(sweep->unmatched, rows, sizeof(rows)));
	if (tide_sweep_limit_reached(sweep))
		tide_executor_event(sweep->exe, "sweep.limit", sweep->task->step, false,
		    "%s: the limit of %s rows for one run is reached; rows for which the condition holds may be left",
		    sweep->spec->what, tide_count_format(sweep->spec->limit, rows, sizeof(rows)));
}

/*
 * The figures are of the whole sweep; the rate is of this attempt alone, which did not do the rows of earlier
 * ones.
 */
static bool
write_result(struct tide_sweep *sweep, struct tide_err *err)
{
	int64_t took = tide_now_us() - sweep->begun;
	json_t *detail = json_pack("{s:I, s:I, s:I, s:I, s:i}", "rows_changed",
	    (json_int_t)(sweep->earlier_changed + sweep->changed), "rows_seen",
	    (json_int_t)(sweep->earlier_seen + sweep->seen), "rows_stayed",
	    (json_int_t)(sweep->earlier_stayed + sweep->stayed), "blocks", (json_int_t)sweep->blocks_total,
	    "pass", sweep->pass);
	char *text, duration[32], rows[32], rate[32];
	bool ok;

	tell_unmatched(sweep, detail);
	tell_left(sweep, detail);
	text = json_dumps(detail, JSON_COMPACT);
	tide_crash_point("sweep.finished");
	ok = tide_journal_add(sweep->exe->session,
	    &(struct tide_entry){ .event = tide_task_event(sweep->task, "done"),
		.phase = sweep->task->phase,
		.step = sweep->task->step,
		.outcome = "done",
		.detail = text,
		.seconds = (double)took / (double)TIDE_SECOND,
		.lock_wait = -1 },
	    NULL, err);
	free(text);
	json_decref(detail);
	if (ok)
		tide_executor_event(sweep->exe, "sweep.done", sweep->task->step, false,
		    "%s: %s rows in %s (%s rows/s)", sweep->spec->what,
		    tide_count_format(tide_sweep_worked(sweep), rows, sizeof(rows)),
		    tide_duration_format(took, duration, sizeof(duration)),
		    tide_rate_format((double)(tide_sweep_worked(sweep) - sweep->before) *
					 (double)TIDE_SECOND / (double)(took > 0 ? took : 1),
			rate, sizeof(rate)));
	return ok;
}

/*
 * The key of the segment rows: what was compiled again, or failed before, starts again. So does a sweep whose run was adopted
 * since: its checkpoints, and the relations that the journal says were begun, are those of another table, whose OIDs and files
 * may be the same numbers.
 */
static bool
name_sweep(struct tide_sweep *sweep, struct tide_err *err)
{
	void *mem = talloc_new(sweep);
	const struct tide_task *task = sweep->task;
	struct tide_rows *rows;
	bool ok = tide_await_query(sweep->exe->control, mem, tide_sql_sweep_attempt,
	    TIDE_ARGS(
		tide_param_int(mem, sweep->exe->session->run), tide_param_int(mem, task->phase), task->step),
	    &rows, err);

	if (ok)
		sweep->name = talloc_asprintf(sweep, "%ld/%s/%lld/%lld", task->phase, task->step,
		    (long long)tide_rows_int(rows, 0, tide_rows_column(rows, "compiled")),
		    (long long)tide_rows_int(rows, 0, tide_rows_column(rows, "earlier")));
	talloc_free(mem);
	return ok;
}

static struct driver *
start_driver(struct tide_sweep *sweep)
{
	struct driver *d = talloc_zero(sweep, struct driver);

	d->sweep = sweep;
	sweep->exe->throttle.looks_at_horizon = sweep->spec->write;
	sweep->exe->throttle.only_reads = !sweep->spec->write;
	tide_watcher_judge(sweep->exe);
	sweep->exe->signals.horizon_age = -1;
	tide_speed_look(
	    &d->speed, tide_now_us(), (double)tide_sweep_worked(sweep), sweep->blocks_done, false);
	ev_now_update(sweep->exe->loop);
	ev_timer_init(&d->timer, on_timer, 0.1, 0.1);
	d->timer.data = d;
	ev_timer_start(sweep->exe->loop, &d->timer);
	talloc_set_destructor(d, stop_timer);
	return d;
}

static bool
open_workers(struct tide_sweep *sweep, struct tide_err *err)
{
	const struct tide_extent extent = tide_segments_extent(sweep);

	sweep->pilot = tide_pilot_start(
	    sweep, sweep->exe->in_force.limits, extent.total - extent.done, sweep->spec->write);
	return tide_workers_open(sweep, err);
}

void
tide_sweep_pace(struct tide_sweep *sweep, int64_t target)
{
	sweep->block_rows = MOST_BLOCK_ROWS;
	tide_pace_begin(&sweep->moving, target, FIRST_BLOCKS * TIDE_PARTS, MOST_BLOCKS * TIDE_PARTS);
	tide_pace_begin(&sweep->staying, target, FIRST_BLOCKS * TIDE_PARTS, MOST_BLOCKS * TIDE_PARTS);
	tide_pace_begin(&sweep->keys, target, FIRST_ROWS, MOST_ROWS);
}

/* The gate of a phase that was begun is not asked again, and until the watcher's next tick nothing would hold the batches back. */
static bool
begins_within_hours(const struct tide_task *task, struct tide_err *err)
{
	if (task->back || tide_executor_window(task->exe) == NULL)
		return true;
	return tide_watcher_refresh(task->exe, err) && tide_executor_within_hours(task->exe, err);
}

bool
tide_step_sweep(const struct tide_task *task, struct tide_err *err)
{
	struct tide_executor *exe = task->exe;
	struct tide_sweep *sweep = talloc_zero(exe, struct tide_sweep);
	const struct tide_sweep_tuning *tuning;
	struct driver *d = NULL;
	bool ok;

	sweep->exe = exe;
	sweep->task = task;
	sweep->spec = task->action->sweep;
	tuning = &sweep->spec->tuning;
	sweep->key = talloc_zero_array(sweep, char *, TIDE_SWEEP_KEYS);
	sweep->begun = tide_now_us();
	sweep->shared_buffers = exe->server.shared_buffers;
	sweep->horizon_age = -1;
	tide_horizon_begin(&sweep->horizon);
	sweep->horizon.proceed =
	    tuning->horizon == TIDE_HORIZON_GO || tuning->accept_bloat != 0 || !sweep->spec->write;
	sweep->horizon.asked = tuning->horizon == TIDE_HORIZON_WAIT;
	tide_sweep_begin(sweep);
	ok = begins_within_hours(task, err) && name_sweep(sweep, err) && tide_segments_open(sweep, err) &&
	     open_workers(sweep, err);
	sweep->before = tide_sweep_worked(sweep);
	if (ok) {
		d = start_driver(sweep);
		ok = all_passes(d, err);
		/* Whatever ended it: no statement of ours continues unnoticed. */
		drain(sweep);
		ev_timer_stop(exe->loop, &d->timer);
		report(d);
		if (d->told_throttle)
			tide_executor_set_wait_reason(exe, NULL);
		/* It has ended before the next tick. */
		if (d->told_throttle && ok)
			tide_executor_event(exe, "throttle.end", task->step, false, "continuing");
	}
	if (ok)
		ok = sweep->differing > 0 ? differs(sweep, err) : write_result(sweep, err);
	sweep->finished = ok;
	if (ok)
		report(d);
	talloc_free(d);
	tide_lock_waits_end(sweep->waits);
	talloc_free(sweep->pilot);
	talloc_free(sweep);
	return ok;
}
