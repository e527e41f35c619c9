/* The workers of a sweep as a set: their connections, and what is said to all of them. */
#include <stdio.h>
#include <string.h>
#include <talloc.h>

#include "batch.h"
#include "locks/lock_waits.h"
#include "pilot.h"
#include "state/application_name.h"
#include "state/lease.h"
#include "sweep_sql.h"
#include "tidemark/base/units.h"
#include "worker.h"

#define TOO_MANY_CONNECTIONS "53300" /* of the server, the role or the database */

/* Less WAL for everybody behind it: whoever commits waits until what was written before is on the disk. */
static bool
compress_wal(const struct tide_sweep *sweep, struct tide_conn *conn, struct tide_err *err)
{
	if (!sweep->spec->write || tide_conn_server_version(conn) < 150000)
		return true;
	return tide_await_query(conn, NULL, tide_sql_sweep_wal_compression, 0, NULL, NULL, err);
}

/*
 * Our batch yields long before the server looks for deadlocks, so the application is never the victim. Data and checkpoint are lost
 * together or kept together: no need to wait for the disk.
 */
static bool
set_session(struct tide_sweep *sweep, struct tide_conn *conn, struct tide_err *err)
{
	int64_t quarter = sweep->exe->server.deadlock_timeout / 4 / TIDE_MS;
	char settings[256];

	snprintf(settings, sizeof(settings),
	    "SET lock_timeout = %lld; SET synchronous_commit = off; " TIDE_BATCH_SETTINGS,
	    (long long)(quarter < 1    ? 1
			: quarter > 50 ? 50
				       : quarter));
	return tide_await_exec(conn, NULL, settings, NULL, err) && compress_wal(sweep, conn, err) &&
	       tide_sweep_role(sweep, conn, err);
}

/* NULL + err. Not one of the sweep's workers yet. */
static struct tide_worker *
open_worker(struct tide_sweep *sweep, struct tide_err *err)
{
	struct tide_executor *exe = sweep->exe;
	struct tide_worker *w;
	char *name;

	sweep->worker =
	    talloc_realloc(sweep, sweep->worker, struct tide_worker *, (unsigned)(sweep->worker_count + 1));
	w = tide_worker_new(sweep);
	name = tide_application_name(w, exe->plan->name, exe->report.phase);
	return tide_await_open(tide_worker_conn(w), exe->dsn, name, err) &&
		       set_session(sweep, tide_worker_conn(w), err)
		   ? w
		   : NULL;
}

/* An executor that takes the run over must end what they are doing. */
static bool
join(struct tide_sweep *sweep, struct tide_err *err)
{
	const struct tide_conn **conn =
	    talloc_array(sweep, const struct tide_conn *, (unsigned)sweep->worker_count);
	bool ok;

	for (size_t i = 0; i < sweep->worker_count; i++)
		conn[i] = tide_worker_conn(sweep->worker[i]);
	ok = tide_lease_join(sweep->exe->session, conn, sweep->worker_count, err);
	talloc_free(conn);
	return ok;
}

/*
 * Not tried again before something else is set: a session that holds connections and waits for one more keeps others from getting
 * them.
 */
static void
continue_with_fewer(struct tide_sweep *sweep, const struct tide_err *err)
{
	const struct tide_in_force *f = &sweep->exe->in_force;

	tide_executor_event(sweep->exe, "sweep.workers", sweep->task->step, true,
	    "continuing with %zu of %zu workers: %s", sweep->worker_count,
	    tide_pilot_connections(sweep->pilot), err->message);
	sweep->refused = f->changes + 1;
}

static void
begin_pilot(struct tide_sweep *sweep)
{
	struct tide_executor *exe = sweep->exe;

	tide_pilot_begin(sweep->pilot, sweep->worker_count,
	    &(struct tide_canary_place){ .loop = exe->loop,
		.dsn = exe->dsn,
		.name = tide_application_name(sweep, exe->plan->name, "canary"),
		.ours = tide_application_prefix(sweep, exe->plan->name) });
}

bool
tide_workers_open(struct tide_sweep *sweep, struct tide_err *err)
{
	sweep->waits = tide_lock_waits_new(sweep->exe);
	sweep->worker_count = 0;
	while (sweep->worker_count < tide_pilot_connections(sweep->pilot)) {
		struct tide_worker *w = open_worker(sweep, err);

		if (w != NULL) {
			sweep->worker[sweep->worker_count++] = w;
			continue;
		}
		if (sweep->worker_count == 0 || strcmp(err->sqlstate, TOO_MANY_CONNECTIONS) != 0)
			return tide_wrap(err, "sweep worker %zu", sweep->worker_count + 1);
		continue_with_fewer(sweep, err);
		memset(err, 0, sizeof(*err));
		break;
	}
	begin_pilot(sweep);
	return join(sweep, err);
}

void
tide_workers_more(struct tide_sweep *sweep)
{
	const struct tide_in_force *f = &sweep->exe->in_force;
	const struct tide_conn *conn;
	struct tide_err err = { 0 };
	struct tide_worker *w;

	if (sweep->worker_count >= tide_pilot_connections(sweep->pilot) || sweep->refused == f->changes + 1)
		return;
	w = open_worker(sweep, &err);
	conn = w != NULL ? tide_worker_conn(w) : NULL;
	if (w != NULL && tide_lease_join(sweep->exe->session, &conn, 1, &err))
		sweep->worker[sweep->worker_count++] = w;
	else
		continue_with_fewer(sweep, &err);
	tide_pilot_join(sweep->pilot, sweep->worker_count);
}

size_t
tide_workers_active(const struct tide_sweep *sweep)
{
	size_t most = tide_pilot_connections(sweep->pilot);

	return sweep->worker_count < most ? sweep->worker_count : most;
}

void
tide_workers_kick(struct tide_sweep *sweep)
{
	for (size_t i = 0; i < sweep->worker_count; i++)
		tide_worker_kick(sweep->worker[i]);
}

void
tide_workers_release(struct tide_sweep *sweep)
{
	for (size_t i = 0; i < sweep->worker_count; i++)
		tide_worker_release(sweep->worker[i]);
}
