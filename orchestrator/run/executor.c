#include "executor.h"

#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <talloc.h>
#include <unistd.h>

#include "state/application_name.h"
#include "state/journal.h"
#include "state/lease.h"
#include "stop_signals.h"
#include "tidemark/base/sqltext.h"
#include "tidemark/base/units.h"
#include "signals/watcher.h"

static void
arrived(void *ctx, int signo)
{
	struct tide_executor *exe = ctx;

	exe->wishes.signo = signo;
	exe->wishes.signals++;
	tide_executor_event(exe, "signal", NULL, false, "%s: stopping at the next safe point",
	    signo == SIGINT ? "interrupted" : "terminated");
}

static int
stop_signals(struct tide_stop_signals *signals)
{
	tide_stop_signals_end(signals);
	return 0;
}

static void
start_signals(struct tide_executor *exe)
{
	struct tide_stop_signals *signals = talloc_zero(exe, struct tide_stop_signals);

	tide_stop_signals_start(signals, exe->loop, arrived, exe);
	talloc_set_destructor(signals, stop_signals);
}

static char *
owner_name(void *ctx)
{
	char host[128];
	const struct passwd *entry = getpwuid(geteuid());
	const char *user = getenv("USER");

	if (user == NULL || user[0] == '\0')
		user = entry != NULL ? entry->pw_name : "unknown";
	if (gethostname(host, sizeof(host)) != 0)
		snprintf(host, sizeof(host), "unknown");
	host[sizeof(host) - 1] = '\0';
	/* Containers share pids and may share host names: four random digits keep two executors apart. */
	return talloc_asprintf(
	    ctx, "%s@%s pid %ld #%04x", user, host, (long)getpid(), (unsigned)arc4random_uniform(0x10000));
}

static bool
read_server(struct tide_executor *exe, struct tide_err *err)
{
	void *mem = talloc_new(exe);
	struct tide_rows *rows;
	bool ok = tide_await_query(exe->control, mem,
	    "SELECT pg_is_in_recovery(), (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = "
	    "session_user), "
	    "(SELECT setting::bigint * 1000 FROM pg_catalog.pg_settings WHERE name = 'deadlock_timeout'), "
	    "(SELECT setting::bigint FROM pg_catalog.pg_settings WHERE name = 'shared_buffers')",
	    0, NULL, &rows, err);

	if (ok && tide_rows_bool(rows, 0, 0)) {
		ok = tide_fail(err, TIDE_PRECONDITION, "this server is a hot standby: it cannot be written");
		tide_hint(err, "connect to the primary (target_session_attrs=read-write)");
	}
	if (ok) {
		exe->may_lower_deadlock_timeout = tide_rows_bool(rows, 0, 1);
		exe->deadlock_timeout = tide_rows_int(rows, 0, 2);
		exe->shared_buffers = tide_rows_int(rows, 0, 3);
	}
	if (ok && !exe->may_lower_deadlock_timeout && tide_conn_server_version(exe->control) >= 150000) {
		ok = tide_await_query(exe->control, mem,
		    "SELECT has_parameter_privilege('deadlock_timeout', 'SET')", 0, NULL, &rows, err);
		if (ok)
			exe->may_lower_deadlock_timeout = tide_rows_bool(rows, 0, 0);
	}
	talloc_free(mem);
	return ok;
}

struct tide_executor *
tide_executor_new(void *ctx, struct ev_loop *loop, const struct tide_dsn *dsn, const struct tide_plan *plan,
    const struct tide_run_options *options, const struct tide_observer *observer)
{
	struct tide_executor *exe = talloc_zero(ctx, struct tide_executor);

	exe->loop = loop;
	exe->dsn = dsn;
	exe->plan = plan;
	exe->options = options;
	exe->observer = observer;
	exe->ordinal = -1;
	exe->owner = owner_name(exe);
	exe->control = tide_conn_new(exe, loop);
	exe->watch = tide_conn_new(exe, loop);
	if (options->budget > 0)
		exe->deadline = tide_now_us() + options->budget;
	start_signals(exe);
	return exe;
}

bool
tide_executor_connect(struct tide_executor *exe, struct tide_run_row *run, struct tide_err *err)
{
	bool present;

	memset(run, 0, sizeof(*run));
	if (!tide_await_open(
		exe->control, exe->dsn, tide_application_name_waiting(exe, exe->plan->name), err))
		return false;
	exe->reached = true;
	if (!read_server(exe, err) || !tide_state_ensure(exe->control, false, &present, err))
		return false;
	return !present || tide_run_find(exe, run, err);
}

bool
tide_executor_start(struct tide_executor *exe, struct tide_err *err)
{
	return tide_lease_take(exe, err) &&
	       tide_await_open(
		   exe->watch, exe->dsn, tide_application_name(exe, exe->plan->name, "watch"), err) &&
	       tide_watcher_start(exe, err);
}

void
tide_executor_close(struct tide_executor *exe, enum tide_run_state state, const char *reason)
{
	/* A tick under way must not find its watcher gone. */
	if (exe->watch != NULL)
		tide_conn_close(exe->watch);
	talloc_free(exe->watcher);
	exe->watcher = NULL;
	if (exe->control != NULL && tide_conn_alive(exe->control) && !tide_conn_busy(exe->control))
		tide_lease_release(exe, state, reason);
}

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
	struct ev_timer timer;
	struct tide_err ignored = { 0 };
	bool over = false, paused = exe->wishes.pause;

	ev_now_update(exe->loop);
	ev_timer_init(&timer, wake, (double)us / (double)TIDE_SECOND, 0);
	timer.data = &over;
	ev_timer_start(exe->loop, &timer);
	while (!over && !tide_executor_halted(exe, &ignored) && exe->wishes.pause == paused)
		tide_executor_turn(exe);
	ev_timer_stop(exe->loop, &timer);
}

bool
tide_executor_halted(struct tide_executor *exe, struct tide_err *err)
{
	const struct tide_wishes *w = &exe->wishes;

	if (w->lost)
		tide_fail(
		    err, TIDE_LEASE, "another executor has taken over the lease of '%s'", exe->plan->name);
	else if (w->signo != 0)
		tide_fail(err, w->signo == SIGINT ? TIDE_INTERRUPTED : TIDE_TERMINATED, "stopped by %s",
		    w->signo == SIGINT ? "SIGINT" : "SIGTERM");
	else if (w->broken)
		tide_fail(err, TIDE_UNREACHABLE, "the connection to the server was lost");
	else if (w->yield)
		tide_fail(err, TIDE_PAUSED, "%s asked this executor to release the run",
		    w->by != NULL ? w->by : "somebody");
	else if (exe->deadline != 0 && tide_now_us() >= exe->deadline)
		tide_fail(err, TIDE_BUDGET, "the time budget is used up");
	else
		return false;
	return true;
}

static bool
serve_pause(struct tide_executor *exe, struct tide_err *err)
{
	char *reason =
	    talloc_asprintf(exe, "paused by %s", exe->wishes.by != NULL ? exe->wishes.by : "somebody");
	bool ok = tide_run_row_state(exe, TIDE_RUN_PAUSED, exe->ordinal, reason, err);

	tide_executor_because(exe, "%s", reason);
	if (ok)
		tide_executor_event(exe, "run.paused", NULL, false, "%s; continue with: tidemark resume %s",
		    reason, exe->plan->name);
	while (ok && exe->wishes.pause && !tide_executor_halted(exe, err))
		tide_executor_turn(exe);
	ok = ok && !tide_executor_halted(exe, err);
	if (ok) {
		tide_executor_because(exe, NULL);
		tide_executor_event(exe, "run.resumed", NULL, false, "resumed");
		ok = tide_run_row_state(exe, exe->state != TIDE_RUN_NONE ? exe->state : TIDE_RUN_RUNNING,
		    exe->ordinal, NULL, err);
	}
	talloc_free(reason);
	return ok;
}

bool
tide_executor_check(struct tide_executor *exe, struct tide_err *err)
{
	if (tide_executor_halted(exe, err))
		return false;
	return !exe->wishes.pause || serve_pause(exe, err);
}

void
tide_executor_event(
    struct tide_executor *exe, const char *name, const char *step, bool warning, const char *fmt, ...)
{
	struct tide_event event = { .name = name,
		.phase = exe->phase,
		.step = step,
		.duration = -1,
		.lock_wait = -1,
		.warning = warning };
	char message[2048];
	va_list args;

	if (exe->observer == NULL || exe->observer->event == NULL)
		return;
	va_start(args, fmt);
	vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	event.message = message;
	exe->observer->event(exe->observer->ctx, &event);
}

void
tide_executor_sample(struct tide_executor *exe, enum tide_sample kind, const char *label, int64_t value)
{
	if (exe->observer != NULL && exe->observer->sample != NULL)
		exe->observer->sample(exe->observer->ctx, kind, label, value);
}

bool
tide_executor_write(struct tide_executor *exe, const char *sql, size_t count, const char *const *values,
    struct tide_rows **rows, void *mem, struct tide_err *err)
{
	struct tide_rows *result = NULL;

	if (!tide_await_query(exe->control, mem, sql, count, values, &result, err))
		return false;
	if (rows != NULL)
		*rows = result;
	if (tide_rows_count(result) > 0)
		return true;
	exe->wishes.lost = true;
	return tide_fail(
	    err, TIDE_LEASE, "another executor has taken over the lease of '%s'", exe->plan->name);
}

void
tide_executor_because(struct tide_executor *exe, const char *fmt, ...)
{
	va_list args;

	talloc_free(exe->reason);
	if (fmt == NULL) {
		exe->reason = talloc_strdup(exe, "");
		return;
	}
	va_start(args, fmt);
	exe->reason = talloc_vasprintf(exe, fmt, args);
	va_end(args);
}

const char *
tide_param_int(void *ctx, int64_t value)
{
	return talloc_asprintf(ctx, "%lld", (long long)value);
}

/* Not in microseconds: PostgreSQL 14 reads each field of an interval into 32 bits. */
const char *
tide_param_interval(void *ctx, int64_t us)
{
	return talloc_asprintf(
	    ctx, "%lld.%06lld seconds", (long long)(us / TIDE_SECOND), (long long)(us % TIDE_SECOND));
}
