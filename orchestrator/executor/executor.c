#include "executor.h"

#include <signal.h>
#include <talloc.h>

#include "state/move.h"
#include "tidemark/base/units.h"
#include "tidemark/orchestrator/next.h"

void
tide_executor_turn(struct tide_executor *exe)
{
	ev_run(exe->loop, EVRUN_ONCE);
}

static void
wake(struct ev_loop *loop, struct ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	*(bool *)timer->data = true;
}

void
tide_executor_sleep(struct tide_executor *exe, int64_t us)
{
	const bool never = false;

	tide_executor_sleep_until(exe, us, &never);
}

void
tide_executor_sleep_until(struct tide_executor *exe, int64_t us, const bool *woken)
{
	struct ev_timer timer;
	struct tide_err ignored = { 0 };
	bool over = false, paused = exe->requests.pause;

	ev_now_update(exe->loop);
	ev_timer_init(&timer, wake, (double)us / (double)TIDE_SECOND, 0);
	timer.data = &over;
	ev_timer_start(exe->loop, &timer);
	while (!over && !*woken && !tide_executor_halted(exe, &ignored) && exe->requests.pause == paused)
		tide_executor_turn(exe);
	ev_timer_stop(exe->loop, &timer);
}

/*
 * The order counts: without the lease nothing may be written, and a signal must end the run even when the
 * connection is lost as well, which alone would make it connect again.
 */
static bool
in_grace(const struct tide_executor *exe)
{
	return exe->grace != 0 && tide_now_us() < exe->grace;
}

bool
tide_executor_shut_out(const struct tide_executor *exe)
{
	return !exe->options->wait && !exe->options->unattended && !exe->back &&
	       exe->signals.window_of == exe->report.ordinal + 1 && !exe->signals.window_open;
}

bool
tide_executor_within_hours(struct tide_executor *exe, struct tide_err *err)
{
	return !tide_executor_shut_out(exe) ||
	       tide_fail(err, TIDE_BUDGET, "%s", tide_executor_closed_window(exe));
}

/* Nobody waits for the window of a phase to open again. Until the watcher has asked for it, the answer may be another phase's. */
static bool
shut_out(const struct tide_executor *exe)
{
	return exe->options->unattended && exe->throttle.hold.cause == TIDE_CAUSE_WINDOW &&
	       tide_executor_window(exe) != NULL;
}

bool
tide_executor_halted(struct tide_executor *exe, struct tide_err *err)
{
	const struct tide_requests *w = &exe->requests;
	bool graced = in_grace(exe);

	if (exe->session->lost)
		tide_fail(
		    err, TIDE_LEASE, "another executor has taken over the lease of '%s'", exe->plan->name);
	else if (w->broken)
		tide_fail(err, TIDE_UNREACHABLE, "the connection to the server was lost");
	else if (graced)
		return false;
	else if (w->signo != 0)
		tide_fail(err, w->signo == SIGINT ? TIDE_INTERRUPTED : TIDE_TERMINATED, "stopped by %s",
		    w->signo == SIGINT ? "SIGINT" : "SIGTERM");
	else if (w->yield)
		tide_fail(err, TIDE_PAUSED, "%s asked this executor to release the run",
		    w->by != NULL ? w->by : "somebody");
	else if (exe->deadline != 0 && tide_now_us() >= exe->deadline)
		tide_fail(err, TIDE_BUDGET, "the time budget is used up");
	else if (shut_out(exe))
		tide_fail(err, TIDE_GATE, "%s", exe->throttle.hold.text);
	else
		return false;
	return true;
}

/* The run returns to the state before the pause: tide_run_move() does not keep "paused" in session->state. */
static bool
serve_pause(struct tide_executor *exe, struct tide_err *err)
{
	struct tide_move move = { .to = TIDE_RUN_PAUSED, .phase = exe->report.ordinal };
	bool ok = tide_run_move(exe->session, &move, err);

	const struct tide_standing paused = { TIDE_RUN_PAUSED, .wanted = TIDE_WANT_PAUSE, .live = true };
	char *next = tide_next_command(exe, &paused, exe->plan->name);

	if (ok)
		tide_executor_event(exe, "run.paused", NULL, false, "paused by %s; continue with: %s",
		    exe->requests.by != NULL ? exe->requests.by : "somebody", next);
	talloc_free(next);
	tide_executor_rest(exe, true);
	while (ok && exe->requests.pause && !tide_executor_halted(exe, err))
		tide_executor_turn(exe);
	tide_executor_rest(exe, false);
	ok = ok && !tide_executor_halted(exe, err);
	if (ok) {
		tide_executor_set_wait_reason(exe, NULL);
		tide_executor_event(exe, "run.resumed", NULL, false, "resumed");
		move.to = exe->session->state != TIDE_RUN_NONE ? exe->session->state : TIDE_RUN_RUNNING;
		ok = tide_run_move(exe->session, &move, err);
	}
	return ok;
}

bool
tide_executor_check(struct tide_executor *exe, struct tide_err *err)
{
	if (tide_executor_halted(exe, err))
		return false;
	if (!exe->requests.pause || in_grace(exe))
		return true;
	if (exe->options->unattended)
		return tide_fail(err, TIDE_PAUSED, "paused by %s",
		    exe->requests.by != NULL ? exe->requests.by : "somebody");
	return serve_pause(exe, err);
}
