#include "lifecycle.h"

#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <talloc.h>
#include <unistd.h>

#include "state/application_name.h"
#include "state/encoding.h"
#include "lease_wait.h"
#include "run_sql.h"
#include "state/lease.h"
#include "state/schema.h"
#include "executor/stop_signals.h"
#include "tidemark/base/units.h"
#include "signals/watcher.h"

static void
arrived(void *ctx, int signo)
{
	struct tide_executor *exe = ctx;

	tide_requests_signal(&exe->requests, signo);
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

struct facts {
	bool standby, superuser;
	int64_t deadlock_timeout, shared_buffers;
};
static const struct tide_record_field facts_fields[] = {
	TIDE_FIELD(facts, standby, BOOL),
	TIDE_FIELD(facts, superuser, BOOL),
	TIDE_FIELD(facts, deadlock_timeout, INT),
	TIDE_FIELD(facts, shared_buffers, INT),
};
static const struct tide_record facts_record = TIDE_RECORD(facts_fields);

/*
 * To set deadlock_timeout needs a superuser or, from PostgreSQL 15 on, a privilege on the parameter. Without
 * it an autovacuum does not yield to our requests within lock_timeout, and the lock policy waits for it
 * instead (locks/holders.sql).
 */
static bool
read_server(struct tide_executor *exe, struct tide_err *err)
{
	void *mem = talloc_new(exe);
	struct tide_rows *rows;
	struct facts facts;
	bool ok = tide_await_query(exe->control, mem, tide_sql_run_server, 0, NULL, &rows, err);

	if (ok)
		tide_rows_record(mem, rows, 0, &facts_record, &facts);
	if (ok && facts.standby) {
		ok = tide_fail(err, TIDE_PRECONDITION, "this server is a hot standby: it cannot be written");
		tide_hint(err, "connect to the primary (target_session_attrs=read-write)");
	}
	if (ok) {
		exe->server.may_lower_deadlock_timeout = facts.superuser;
		exe->server.deadlock_timeout = facts.deadlock_timeout;
		exe->server.shared_buffers = facts.shared_buffers;
	}
	if (ok && !exe->server.may_lower_deadlock_timeout &&
	    tide_conn_server_version(exe->control) >= 150000) {
		ok = tide_await_query(exe->control, mem,
		    "SELECT has_parameter_privilege('deadlock_timeout', 'SET')", 0, NULL, &rows, err);
		if (ok)
			exe->server.may_lower_deadlock_timeout = tide_rows_only_bool(rows);
	}
	talloc_free(mem);
	return ok;
}

/* Connections and a session that nothing is known of yet. */
static void
begin_session(struct tide_executor *exe, const char *owner)
{
	exe->control = tide_conn_new(exe, exe->loop);
	exe->watch = tide_conn_new(exe, exe->loop);
	exe->session = talloc_zero(exe, struct tide_session);
	exe->session->conn = exe->control;
	exe->session->plan = exe->plan;
	exe->session->owner = talloc_strdup(exe->session, owner);
	exe->report.ordinal = -1;
}

struct tide_executor *
tide_executor_new(void *ctx, struct ev_loop *loop, const struct tide_dsn *dsn, const struct tide_plan *plan,
    const struct tide_run_options *options, const struct tide_observer *observer)
{
	struct tide_executor *exe = talloc_zero(ctx, struct tide_executor);
	char *owner;

	exe->loop = loop;
	exe->dsn = dsn;
	exe->plan = plan;
	exe->in_force.limits = &plan->limits;
	exe->options = options;
	exe->report.observer = observer;
	owner = owner_name(exe);
	begin_session(exe, owner);
	talloc_free(owner);
	if (options->budget > 0)
		exe->deadline = tide_now_us() + options->budget;
	start_signals(exe);
	return exe;
}

void
tide_executor_reset(struct tide_executor *exe)
{
	struct tide_session *before = exe->session;

	if (before->fence != 0)
		exe->last_fence = before->fence;
	/* The watcher first: its destructor takes its callback off the control connection. */
	talloc_free(exe->watcher);
	talloc_free(exe->control);
	talloc_free(exe->watch);
	talloc_free(exe->signals.horizon);
	talloc_free(exe->signals.window_opens);
	talloc_free(exe->signals.window_text);
	talloc_free((void *)exe->throttle.hold.text);
	talloc_free(exe->report.reason);
	exe->watcher = NULL;
	exe->signals = (struct tide_signals){ 0 };
	exe->throttle = (struct tide_throttle){ 0 };
	exe->report = (struct tide_report){ .observer = exe->report.observer };
	tide_requests_want(&exe->requests, exe, TIDE_WANT_RUN, NULL);
	tide_requests_set_broken(&exe->requests, false);
	begin_session(exe, before->owner);
	talloc_free(before);
}

/* What the plan and the command line say is stored: the database must have each character. */
static bool
can_store(struct tide_executor *exe, struct tide_err *err)
{
	const struct tide_run_options *o = exe->options;
	const struct tide_said said[] = { { "--reason", o->reason }, { "--by", o->by },
		{ "--ticket", o->ticket }, { "--note", o->note } };

	return tide_encoding_check(exe->control, exe->plan, err) &&
	       tide_encoding_check_said(exe->control, said, TIDE_COUNT(said), err);
}

bool
tide_executor_connect(
    struct tide_executor *exe, unsigned accept, struct tide_run_row *run, struct tide_err *err)
{
	bool present;

	memset(run, 0, sizeof(*run));
	if (!tide_await_open(
		exe->control, exe->dsn, tide_application_name_waiting(exe, exe->plan->name), err))
		return false;
	exe->reached = true;
	if (!can_store(exe, err) || !read_server(exe, err) ||
	    !tide_state_ensure(exe->control, false, &present, err))
		return false;
	if (present && !tide_run_find(exe->session, accept, run, err))
		return false;
	if (run->recorded_name != NULL)
		tide_executor_event(exe, "table.renamed", NULL, true,
		    "the table %s of the run is called %s now: following it", run->recorded_name,
		    exe->session->relation);
	return true;
}

bool
tide_executor_start(struct tide_executor *exe, struct tide_err *err)
{
	const struct tide_conn *watch = exe->watch;

	return tide_lease_wait(exe, err) &&
	       tide_await_open(
		   exe->watch, exe->dsn, tide_application_name(exe, exe->plan->name, "watch"), err) &&
	       tide_lease_join(exe->session, &watch, 1, err) && tide_watcher_start(exe, err);
}

void
tide_executor_close(
    struct tide_executor *exe, enum tide_run_state state, const char *reason, enum tide_code failure)
{
	/* A tick under way must not find its watcher gone. */
	if (exe->watch != NULL)
		tide_conn_close(exe->watch);
	talloc_free(exe->watcher);
	exe->watcher = NULL;
	if (exe->control != NULL && tide_conn_alive(exe->control) && !tide_conn_busy(exe->control))
		tide_lease_release(exe->session, state, reason, failure);
}
