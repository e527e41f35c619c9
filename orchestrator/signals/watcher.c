#include "watcher.h"

#include <ev.h>
#include <stdlib.h>
#include <string.h>
#include <talloc.h>
#include <unistd.h>

#include "horizon_holder.h"
#include "state/role_search_path.h"
#include "state/progress_json.h"
#include "signals_sql.h"
#include "throttle.h"
#include "tidemark/plans/expression.h"
#include "tidemark/base/units.h"

struct tide_watcher {
	struct tide_executor *exe;
	struct ev_timer timer;
	bool again;                /* a poke came while a tick was under way */
	int64_t asked;             /* tide_now_us when the heartbeat was sent */
	struct tide_window window; /* of the current phase */
};

static void tick(struct tide_watcher *w);

static void
broken(struct tide_watcher *w, const struct tide_err *err)
{
	/* Only a lost connection stops the run; anything else is tried again with the next tick, and the lease
	 * decides when there have been too few of them. */
	if (err->code == TIDE_UNREACHABLE || !tide_conn_alive(w->exe->watch))
		tide_requests_set_broken(&w->exe->requests, true);
}

void
tide_watcher_judge(struct tide_executor *exe)
{
	struct tide_limits limits =
	    exe->throttle.only_reads ? tide_throttle_of_reader(&exe->plan->limits) : exe->plan->limits;
	bool file = limits.throttle_file != NULL && access(limits.throttle_file, F_OK) == 0;
	struct tide_hold before = exe->throttle.hold;

	exe->throttle.hold = tide_throttle_judge(exe, &limits, &exe->signals, file, exe->throttle.over);
	/* The progress borrows the text. */
	if (before.text != NULL && exe->report.progress.hold.text == before.text)
		exe->report.progress.hold = exe->throttle.hold;
	talloc_free((void *)before.text);
}

static void
finish(struct tide_watcher *w)
{
	struct tide_executor *exe = w->exe;

	tide_watcher_judge(exe);
	exe->signals.ticks++;
	exe->signals.at = tide_now_us();
	if (w->again)
		tick(w);
}

static void
plan_closed(void *ctx, const struct tide_rows *rows, const struct tide_err *err)
{
	struct tide_watcher *w = ctx;

	(void)rows;
	if (err != NULL)
		broken(w, err);
	finish(w);
}

static void
plan_answered(void *ctx, const struct tide_rows *rows, const struct tide_err *err)
{
	struct tide_watcher *w = ctx;
	struct tide_signals *s = &w->exe->signals;

	if (err != NULL)
		broken(w, err);
	s->throttle_sql_failed = err != NULL || tide_rows_count(rows) != 1;
	s->throttle_sql =
	    !s->throttle_sql_failed && !tide_rows_null(rows, 0, 0) && tide_rows_text(rows, 0, 0)[0] == 't';
	tide_conn_exec(w->exe->watch, "ROLLBACK", plan_closed, w);
}

static void
plan_opened(void *ctx, const struct tide_rows *rows, const struct tide_err *err)
{
	struct tide_watcher *w = ctx;

	(void)rows;
	if (err != NULL)
		plan_answered(w, NULL, err);
	else
		tide_conn_query(w->exe->watch, w->exe->plan->limits.throttle_sql, 0, NULL, plan_answered, w);
}

/* The plan's own condition, read-only and briefly, with names found as the role itself would find them. */
static void
ask_plan(struct tide_watcher *w)
{
	if (w->exe->plan->limits.throttle_sql != NULL)
		tide_conn_exec(w->exe->watch,
		    "BEGIN READ ONLY; SET LOCAL statement_timeout = '2s'; " TIDE_SET_ROLE_SEARCH_PATH("true"),
		    plan_opened, w);
	else
		finish(w);
}

static void
told_time(void *ctx, const struct tide_rows *rows, const struct tide_err *err)
{
	struct tide_watcher *w = ctx;

	if (err != NULL)
		broken(w, err);
	w->exe->signals.window_open =
	    err == NULL &&
	    tide_window_open(&w->window, (int)tide_rows_int(rows, 0, 0), (int)tide_rows_int(rows, 0, 1));
	ask_plan(w);
}

/* The server's clock decides, in the window's own zone. */
static void
ask_time(struct tide_watcher *w)
{
	const struct tide_executor *exe = w->exe;
	const char *text =
	    exe->report.ordinal >= 0 ? exe->plan->phase[exe->report.ordinal].gate.window : NULL;

	/* Written from an answer only: whoever looks in between sees the one before. */
	if (text == NULL || !tide_window_parse(text, &w->window)) {
		w->exe->signals.window_open = text == NULL;
		ask_plan(w);
		return;
	}
	tide_conn_query(exe->watch,
	    "SELECT extract(dow FROM t)::integer, extract(hour "
	    "FROM t)::integer * 60 + extract(minute FROM t)::integer "
	    "FROM (SELECT clock_timestamp() AT TIME ZONE $1 AS t) AS here",
	    1, (const char *const[]){ w->window.zone }, told_time, w);
}

static void
told_horizon(void *ctx, const struct tide_rows *rows, const struct tide_err *err)
{
	struct tide_watcher *w = ctx;

	if (err != NULL)
		broken(w, err);
	else
		tide_horizon_holder_read(w->exe, rows);
	ask_time(w);
}

static void
ask_horizon(struct tide_watcher *w)
{
	if (w->exe->throttle.looks_at_horizon)
		tide_conn_query(w->exe->watch, tide_sql_signals_horizon, 0, NULL, told_horizon, w);
	else
		ask_time(w);
}

static double
or_minus_one(const struct tide_rows *rows, size_t column)
{
	return tide_rows_null(rows, 0, column) ? -1 : tide_rows_real(rows, 0, column);
}

static void
read_signals(struct tide_executor *exe, const struct tide_rows *rows)
{
	struct tide_signals *s = &exe->signals;

	s->replicas = tide_rows_int(rows, 0, 2);
	s->unreadable_replicas = tide_rows_int(rows, 0, 3);
	s->lag_seconds = s->replicas > 0 ? or_minus_one(rows, 4) : -1;
	s->lag_bytes = s->replicas > 0 ? or_minus_one(rows, 5) : -1;
	talloc_free(s->replica_names);
	s->replica_names = talloc_strdup(exe, tide_rows_text(rows, 0, 6));
	s->slot_bytes = or_minus_one(rows, 7);
	s->lock_waiters = tide_rows_int(rows, 0, 8);
}

/* From the lines "seconds name" of the heartbeat. */
static void
tell_replicas(struct tide_executor *exe, const char *lines)
{
	while (lines != NULL) {
		size_t length = strcspn(lines, "\n"), gap = strcspn(lines, " \n");
		char *name = talloc_strndup(exe, lines + gap + 1, length - gap - 1);

		tide_executor_sample(
		    exe, TIDE_SAMPLE_REPLICA, name, (int64_t)(strtod(lines, NULL) * (double)TIDE_SECOND));
		talloc_free(name);
		lines = lines[length] == '\n' ? lines + length + 1 : NULL;
	}
}

static void
on_heartbeat(void *ctx, const struct tide_rows *rows, const struct tide_err *err)
{
	struct tide_watcher *w = ctx;
	struct tide_executor *exe = w->exe;
	int64_t took = tide_now_us() - w->asked;
	const char *wanted;

	if (err != NULL) {
		broken(w, err);
		finish(w);
		return;
	}
	wanted = tide_rows_text(rows, 0, 0);
	if (wanted == NULL) {
		tide_session_lose(exe->session, NULL);
		return;
	}
	tide_requests_want(&exe->requests, exe, tide_wanted_of(wanted), tide_rows_text(rows, 0, 1));
	read_signals(exe, rows);
	tell_replicas(exe, tide_rows_text(rows, 0, 9));
	tide_executor_sample(exe, TIDE_SAMPLE_HEARTBEAT, NULL, 0);
	if (exe->signals.round_trip == 0 || took < exe->signals.round_trip)
		exe->signals.round_trip = took;
	ask_horizon(w);
}

static void
tick(struct tide_watcher *w)
{
	struct tide_executor *exe = w->exe;
	void *mem;

	if (exe->session->lost || exe->requests.broken)
		return;
	if (!tide_conn_alive(exe->watch) || !tide_conn_alive(exe->control)) {
		tide_requests_set_broken(&exe->requests, true);
		return;
	}
	if (tide_conn_busy(exe->watch)) {
		w->again = true;
		return;
	}
	w->again = false;
	mem = talloc_new(exe);
	w->asked = tide_now_us();
	tide_conn_query(exe->watch, tide_sql_signals_heartbeat,
	    TIDE_ARGS(tide_param_int(mem, exe->session->run), tide_param_int(mem, exe->session->fence),
		exe->report.progress.what != NULL ? tide_progress_json(mem, &exe->report.progress) : NULL,
		tide_param_int(mem, exe->session->table_oid), exe->report.reason),
	    on_heartbeat, w);
	talloc_free(mem);
}

static void
on_timer(struct ev_loop *loop, struct ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	tick(timer->data);
}

static void
on_notify(void *ctx, const char *channel, const char *payload)
{
	(void)channel;
	(void)payload;
	tick(ctx);
}

static int
stop(struct tide_watcher *w)
{
	ev_timer_stop(w->exe->loop, &w->timer);
	if (w->exe->control != NULL)
		tide_conn_on_notify(w->exe->control, NULL, NULL);
	return 0;
}

bool
tide_watcher_start(struct tide_executor *exe, struct tide_err *err)
{
	struct tide_watcher *w = talloc_zero(exe, struct tide_watcher);
	double period = (double)exe->plan->limits.lease / (double)TIDE_SECOND / 5;

	w->exe = exe;
	exe->watcher = w;
	if (period > 1)
		period = 1;
	ev_timer_init(&w->timer, on_timer, 0, period);
	w->timer.data = w;
	talloc_set_destructor(w, stop);
	tide_conn_on_notify(exe->control, on_notify, w);
	if (!tide_await_exec(exe->control, NULL, "LISTEN tidemark", NULL, err))
		return false;
	ev_timer_start(exe->loop, &w->timer);
	/* The throttle must have seen the server once before anything is done to it. */
	while (exe->signals.ticks == 0 && !tide_executor_halted(exe, err))
		tide_executor_turn(exe);
	return exe->signals.ticks > 0;
}

void
tide_watcher_poke(struct tide_executor *exe)
{
	if (exe->watcher != NULL)
		tick(exe->watcher);
}

bool
tide_watcher_due(const struct tide_executor *exe)
{
	return exe->watcher != NULL && exe->watcher->again;
}

void
tide_watcher_yield(struct tide_executor *exe)
{
	if (tide_watcher_due(exe))
		tide_watcher_poke(exe);
}
