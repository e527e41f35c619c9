#include "watcher.h"

#include <ev.h>
#include <talloc.h>

#include "state/role_search_path.h"
#include "state/progress_json.h"
#include "state/setting.h"
#include "signals_sql.h"
#include "throttle.h"
#include "tidemark/base/units.h"

struct tide_watcher {
	struct tide_executor *exe;
	struct ev_timer timer, ends; /* ends: when the time of a setting is over */
	bool again;                  /* a poke came while a tick was under way */
	int64_t asked;               /* tide_now_us when the heartbeat was sent */
	size_t at;                   /* the signal whose turn it is */
	struct tide_question question;
	struct tide_signal_states *states;
};

static void tick(struct tide_watcher *w);
static void ask_signals(struct tide_watcher *w);

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
	struct tide_hold before = exe->throttle.hold;

	if (exe->watcher == NULL)
		return;
	exe->throttle.hold = tide_throttle_judge(exe, exe, exe->watcher->states);
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

/* A signal has its answer, or none: the next one's turn. A lost connection ends the tick, and the run connects again. */
static void
told_signal(struct tide_watcher *w, const struct tide_rows *rows, const struct tide_err *err)
{
	if (err != NULL)
		broken(w, err);
	if (w->exe->requests.broken)
		return;
	tide_signal_table[w->at]->read(w->exe, w->states->of[w->at], rows, err);
}

static void
answered(void *ctx, const struct tide_rows *rows, const struct tide_err *err)
{
	struct tide_watcher *w = ctx;

	told_signal(w, err == NULL ? rows : NULL, err);
	w->at++;
	ask_signals(w);
}

static void
plan_closed(void *ctx, const struct tide_rows *rows, const struct tide_err *err)
{
	struct tide_watcher *w = ctx;

	(void)rows;
	if (err != NULL)
		broken(w, err);
	w->at++;
	ask_signals(w);
}

static void
plan_answered(void *ctx, const struct tide_rows *rows, const struct tide_err *err)
{
	struct tide_watcher *w = ctx;

	told_signal(w, err == NULL ? rows : NULL, err);
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
		tide_conn_query(w->exe->watch, w->question.sql, 0, NULL, plan_answered, w);
}

static void
ask_signal(struct tide_watcher *w)
{
	const struct tide_question *q = &w->question;

	/* The plan's own SQL: read-only and briefly, with names found as the role itself would find them. */
	if (q->of_plan)
		tide_conn_exec(w->exe->watch,
		    "BEGIN READ ONLY; SET LOCAL statement_timeout = '2s'; " TIDE_SET_ROLE_SEARCH_PATH("true"),
		    plan_opened, w);
	else
		tide_conn_query(w->exe->watch, q->sql, q->count, q->value, answered, w);
}

/* Asks the next signal that has something to ask; after the last one the tick is over. */
static void
ask_signals(struct tide_watcher *w)
{
	void *mem = talloc_new(w);
	bool asks = false;

	for (; w->at < TIDE_SIGNAL_COUNT && !w->exe->requests.broken; w->at++) {
		const struct tide_signal *signal = tide_signal_table[w->at];

		asks = signal->ask != NULL && signal->ask(w->exe, w->states->of[w->at], mem, &w->question);
		if (asks)
			break;
	}
	if (asks)
		ask_signal(w);
	talloc_free(mem);
	if (!asks)
		finish(w);
}

static void
on_end(struct ev_loop *loop, struct ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	tick(timer->data);
}

/* A setting ends when it was said to, and not with the next tick. */
static void
await_end(struct tide_watcher *w, const struct tide_rows *rows)
{
	size_t until = tide_rows_column(rows, "until");

	ev_timer_stop(w->exe->loop, &w->ends);
	if (tide_rows_null(rows, 0, until))
		return;
	ev_timer_set(&w->ends, tide_rows_real(rows, 0, until), 0);
	ev_timer_start(w->exe->loop, &w->ends);
}

static void
expired(void *ctx, const struct tide_rows *rows, const struct tide_err *err)
{
	struct tide_watcher *w = ctx;

	(void)rows;
	if (err != NULL)
		broken(w, err);
	ask_signals(w);
}

/* Settings count from here on: the signals are asked under the new limits. What has ended is journaled once. */
static void
take_settings(struct tide_watcher *w, const struct tide_rows *rows)
{
	struct tide_executor *exe = w->exe;
	void *mem;

	tide_executor_steer(exe, tide_rows_text(rows, 0, tide_rows_column(rows, "settings")));
	await_end(w, rows);
	if (!tide_rows_bool(rows, 0, tide_rows_column(rows, "expired"))) {
		ask_signals(w);
		return;
	}
	mem = talloc_new(w);
	tide_conn_query(exe->watch, tide_settings_expire_sql(),
	    TIDE_ARGS(tide_param_int(mem, exe->session->run)), expired, w);
	talloc_free(mem);
}

/*
 * Requests before signals: a query of the throttle that is slow must not delay a pause. No row: the fence has
 * moved on.
 */
static void
on_heartbeat(void *ctx, const struct tide_rows *rows, const struct tide_err *err)
{
	struct tide_watcher *w = ctx;
	struct tide_executor *exe = w->exe;
	int64_t took = tide_now_us() - w->asked;

	if (err != NULL) {
		broken(w, err);
		finish(w);
		return;
	}
	if (tide_rows_count(rows) == 0) {
		tide_session_lose(exe->session, NULL);
		return;
	}
	tide_requests_want(&exe->requests, exe,
	    tide_wanted_of(tide_rows_text(rows, 0, tide_rows_column(rows, "wanted"))),
	    tide_rows_text(rows, 0, tide_rows_column(rows, "wanted_by")));
	tide_executor_sample(exe, TIDE_SAMPLE_HEARTBEAT, NULL, 0);
	if (exe->signals.round_trip == 0 || took < exe->signals.round_trip)
		exe->signals.round_trip = took;
	w->at = 0;
	take_settings(w, rows);
}

/*
 * The control connection as well: during a sweep it is idle, and that it is lost would be noticed only at the
 * end. While another question is under way on the watch connection, the tick is kept for the moment when it
 * ends (tide_watcher_yield).
 */
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
		exe->report.reason),
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
	ev_timer_stop(w->exe->loop, &w->ends);
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
	w->states = tide_signal_states_new(w);
	exe->watcher = w;
	if (period > 1)
		period = 1;
	ev_timer_init(&w->timer, on_timer, 0, period);
	ev_init(&w->ends, on_end);
	w->timer.data = w->ends.data = w;
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

/* The tick under way may have asked before: for the window of another phase, or a while ago. The second one has not. */
bool
tide_watcher_refresh(struct tide_executor *exe, struct tide_err *err)
{
	int64_t seen = exe->signals.ticks;

	do {
		tide_watcher_poke(exe);
		tide_executor_turn(exe);
		if (tide_executor_halted(exe, err))
			return false;
	} while (exe->signals.ticks < seen + 2);
	return true;
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
