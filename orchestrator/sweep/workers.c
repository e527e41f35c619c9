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

static bool
open_worker(struct tide_sweep *sweep, const char *settings, struct tide_err *err)
{
	struct tide_executor *exe = sweep->exe;
	struct tide_worker *w = tide_worker_new(sweep);
	struct tide_conn *conn = tide_worker_conn(w);
	char *name = tide_application_name(w, exe->plan->name, exe->report.phase);

	if (!tide_await_open(conn, exe->dsn, name, err) || !tide_await_exec(conn, w, settings, NULL, err) ||
	    !tide_sweep_role(sweep, conn, err))
		return false;
	sweep->worker[sweep->worker_count++] = w;
	return true;
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

bool
tide_workers_open(struct tide_sweep *sweep, struct tide_err *err)
{
	struct tide_executor *exe = sweep->exe;
	int64_t quarter = exe->server.deadlock_timeout / 4 / TIDE_MS;
	char settings[256];

	/* Our batch yields long before the server looks for deadlocks, so the application is never the victim. Data and
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
		/* A session that holds connections and waits for one more keeps others from getting them. */
		tide_executor_event(exe, "sweep.workers", sweep->task->step, true,
		    "continuing with %zu of %lld workers: %s", sweep->worker_count,
		    (long long)exe->plan->limits.workers, err->message);
		memset(err, 0, sizeof(*err));
		break;
	}
	return join(sweep, err);
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
