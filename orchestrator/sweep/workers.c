/* The workers of a sweep as a set: their connections, and what is said to all of them. */
#include <stdio.h>
#include <string.h>
#include <talloc.h>

#include "batch.h"
#include "locks/lock_waits.h"
#include "state/application_name.h"
#include "state/lease.h"
#include "tidemark/base/units.h"
#include "worker.h"

#define TOO_MANY_CONNECTIONS "53300" /* of the server, the role or the database */

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
	return tide_await_exec(conn, NULL, settings, NULL, err) && tide_sweep_role(sweep, conn, err);
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
	    "continuing with %zu of %lld workers: %s", sweep->worker_count, (long long)f->limits->workers,
	    err->message);
	sweep->refused = f->changes + 1;
}

bool
tide_workers_open(struct tide_sweep *sweep, struct tide_err *err)
{
	sweep->waits = tide_lock_waits_new(sweep->exe);
	sweep->worker_count = 0;
	while ((int64_t)sweep->worker_count < sweep->exe->in_force.limits->workers) {
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
	return join(sweep, err);
}

void
tide_workers_more(struct tide_sweep *sweep)
{
	const struct tide_in_force *f = &sweep->exe->in_force;
	const struct tide_conn *conn;
	struct tide_err err = { 0 };
	struct tide_worker *w;

	if ((int64_t)sweep->worker_count >= f->limits->workers || sweep->refused == f->changes + 1)
		return;
	w = open_worker(sweep, &err);
	conn = w != NULL ? tide_worker_conn(w) : NULL;
	if (w != NULL && tide_lease_join(sweep->exe->session, &conn, 1, &err))
		sweep->worker[sweep->worker_count++] = w;
	else
		continue_with_fewer(sweep, &err);
}

size_t
tide_workers_active(const struct tide_sweep *sweep)
{
	size_t most = (size_t)sweep->exe->in_force.limits->workers;

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
