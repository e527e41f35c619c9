#include "lease_wait.h"

#include <string.h>
#include <talloc.h>

#include "state/application_name.h"
#include "state/crash_points.h"
#include "state/lease.h"
#include "state/orphans.h"
#include "tidemark/base/sqltext.h"
#include "tidemark/base/units.h"

/* A holder that was killed leaves a fresh heartbeat and, for half a second, its backend: such a lease is free in a moment. */
#define PATIENCE (3 * TIDE_SECOND)

/* What the former primary had committed last may be missing here: our own steps as well as the application's rows. */
static void
tell_failover(struct tide_executor *exe, const struct tide_lease_attempt *lease)
{
	if (lease->timeline_before != 0 && lease->timeline_before != lease->timeline)
		tide_executor_event(exe, "server.promoted", NULL, true,
		    "a standby has become the primary since (timeline %lld, before %lld): continuing from "
		    "what this server has",
		    (long long)lease->timeline, (long long)lease->timeline_before);
}

static bool
held_by_another(struct tide_executor *exe, const struct tide_lease_holder *holder, struct tide_err *err)
{
	tide_fail(err, TIDE_LEASE, "another executor works on '%s': %s, last heard %s s ago", exe->plan->name,
	    holder->owner != NULL ? holder->owner : "unknown", holder->age != NULL ? holder->age : "?");
	return tide_hint(err,
	    "watch it with `tidemark status %s --watch`, or wait for it with --if-locked wait",
	    exe->plan->name);
}

/* From here on this session acts for the run. */
static bool
name_control(struct tide_executor *exe, struct tide_err *err)
{
	char *sql = tide_sqlf(
	    exe, "SET application_name = %L", tide_application_name(exe, exe->plan->name, "control"));
	bool ok = tide_await_exec(exe->control, NULL, sql, NULL, err);

	talloc_free(sql);
	return ok;
}

/* Waits until there are none, `rounds` times 20 ms at most. */
static bool
await_orphans(struct tide_executor *exe, int rounds, int64_t *count, struct tide_err *err)
{
	bool ok = true;

	for (int i = 0; ok && *count > 0 && i < rounds; i++) {
		tide_executor_sleep(exe, 20 * TIDE_MS);
		ok = tide_orphans_count(exe->session, count, err);
	}
	return ok;
}

/* The server notices within half a second that a client was killed: only what remains then is ended. */
static bool
end_orphans(struct tide_executor *exe, struct tide_err *err)
{
	int64_t count;

	if (!tide_orphans_count(exe->session, &count, err) || !await_orphans(exe, 25, &count, err) ||
	    !tide_orphans_end(exe->session, &count, err))
		return false;
	if (count > 0)
		tide_executor_event(exe, "orphan.ended", NULL, true,
		    "ended %lld session(s) that an earlier executor had left running", (long long)count);
	return await_orphans(exe, 100, &count, err);
}

/* One look at a lease that another one holds. */
struct look {
	struct tide_lease_holder holder;
	bool alive; /* its heartbeat has moved since the last look */
};

static bool
look(struct tide_executor *exe, struct look *seen, struct tide_err *err)
{
	struct tide_lease_holder now;

	if (!tide_lease_holder(exe->session, exe, &now, err))
		return false;
	seen->alive = now.heartbeat != NULL && seen->holder.heartbeat != NULL &&
		      strcmp(now.heartbeat, seen->holder.heartbeat) != 0;
	seen->holder = now;
	return true;
}

/* Connected again: another one's lease in between means that the run is no longer ours to continue. */
static bool
still_ours(struct tide_executor *exe, struct tide_err *err)
{
	bool taken = false;

	if (!tide_lease_taken_since(exe->session, exe->last_fence, &taken, err))
		return false;
	return !taken || tide_session_lose(exe->session, err);
}

/*
 * An unattended attempt does not wait at all: who asked for it looks again at what the other one has made of the run.
 * Without --if-locked wait: a heartbeat that moves is of a live executor, and ends the attempt at once. One
 * that does not may be what a killed executor has left: its lease is free within PATIENCE.
 */
bool
tide_lease_wait(struct tide_executor *exe, struct tide_err *err)
{
	bool waits = exe->options->if_locked == TIDE_IF_LOCKED_WAIT, told = false;
	int64_t patience = tide_now_us() + PATIENCE;
	struct tide_lease_attempt lease;
	struct look seen = { 0 };

	if (!still_ours(exe, err))
		return false;
	for (;;) {
		if (!tide_lease_try(exe->session, &lease, err))
			return false;
		if (lease.taken)
			break;
		if (!look(exe, &seen, err))
			return false;
		if (!waits && (exe->options->unattended || seen.alive || tide_now_us() > patience))
			return held_by_another(exe, &seen.holder, err);
		if (!told && waits)
			tide_executor_event(exe, "lease.wait", NULL, false,
			    "another executor works on it; waiting for its lease");
		told = true;
		if (exe->asks_for_room && !tide_lease_ask_for_room(exe->session, err))
			return false;
		tide_executor_sleep(exe, 200 * TIDE_MS);
		if (tide_executor_halted(exe, err))
			return false;
	}
	tell_failover(exe, &lease);
	tide_crash_point("lease.taken");
	return name_control(exe, err) && end_orphans(exe, err);
}
