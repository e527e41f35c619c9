#include "throttle.h"

#include <string.h>
#include <talloc.h>

#include "tidemark/base/units.h"

/* One measured quantity against one limit. */
struct gauge {
	enum tide_cause cause;
	const char *name;    /* begins the text */
	double value, limit; /* limit 0: not checked */
	bool bytes;
};

static void
read_gauges(
    const struct tide_limits *limits, const struct tide_signals *signals, struct gauge out[TIDE_GAUGES])
{
	const struct gauge gauges[TIDE_GAUGES] = {
		{ TIDE_CAUSE_REPLICA_LAG, "replica lag in seconds", signals->lag_seconds,
		    (double)limits->replica_lag / (double)TIDE_SECOND, false },
		{ TIDE_CAUSE_REPLICA_LAG, "replica lag", signals->lag_bytes,
		    (double)limits->replica_lag_bytes, true },
		{ TIDE_CAUSE_SLOT_WAL, "WAL kept by a replication slot", signals->slot_bytes,
		    (double)limits->slot_wal, true },
		{ TIDE_CAUSE_LOCK_WAITERS, "sessions waiting for a lock on the table",
		    (double)signals->lock_waiters, (double)limits->lock_waiters, false },
	};

	memcpy(out, gauges, sizeof(gauges));
}

static bool
reached(const struct gauge *g, bool before)
{
	return g->limit > 0 && g->value >= 0 && g->value >= g->limit * (before ? 0.8 : 1);
}

static char *
gauge_text(void *ctx, const struct gauge *g)
{
	char value[32], limit[32];

	if (!g->bytes)
		return talloc_asprintf(ctx, "%s %.1f, limit %.1f", g->name, g->value, g->limit);
	return talloc_asprintf(ctx, "%s %s, limit %s", g->name,
	    tide_size_format((int64_t)g->value, value, sizeof(value)),
	    tide_size_format((int64_t)g->limit, limit, sizeof(limit)));
}

/* A replica that the plan expects and that is not connected: its lag is unknown, so it counts as too much. */
static const char *
missing_replica(const struct tide_limits *limits, const struct tide_signals *signals)
{
	for (size_t i = 0; i < limits->replicas.count; i++) {
		const char *name = limits->replicas.item[i], *at = signals->replica_names;
		size_t length = strlen(name);
		bool found = false;

		while (at != NULL && !found) {
			found = strncmp(at, name, length) == 0 && (at[length] == '\n' || at[length] == '\0');
			at = strchr(at, '\n');
			at = at != NULL ? at + 1 : NULL;
		}
		if (!found)
			return name;
	}
	return NULL;
}

struct tide_limits
tide_throttle_of_reader(const struct tide_limits *limits)
{
	struct tide_limits out = *limits;

	out.replica_lag = out.replica_lag_bytes = out.slot_wal = 0;
	out.replicas = (struct tide_names){ 0 };
	return out;
}

struct tide_hold
tide_throttle_judge(void *ctx, const struct tide_limits *limits, const struct tide_signals *signals,
    bool file_exists, bool over[TIDE_GAUGES])
{
	bool looks_at_lag = limits->replica_lag > 0 || limits->replica_lag_bytes > 0;
	const char *missing = missing_replica(limits, signals);
	struct gauge gauges[TIDE_GAUGES];

	/* All of them: which limits are exceeded does not depend on what else holds the work back. */
	read_gauges(limits, signals, gauges);
	for (size_t i = 0; i < TIDE_GAUGES; i++)
		over[i] = reached(&gauges[i], over[i]);
	if (!signals->window_open)
		return (struct tide_hold){ TIDE_CAUSE_WINDOW,
			talloc_strdup(ctx, "outside the time window of this phase") };
	if (file_exists)
		return (struct tide_hold){ TIDE_CAUSE_FILE,
			talloc_asprintf(ctx, "file %s exists", limits->throttle_file) };
	if (signals->throttle_sql_failed)
		return (struct tide_hold){ TIDE_CAUSE_SQL_UNREADABLE,
			talloc_strdup(ctx, "throttle_sql cannot be read") };
	if (signals->throttle_sql)
		return (struct tide_hold){ TIDE_CAUSE_SQL, talloc_strdup(ctx, "throttle_sql returns true") };
	if (missing != NULL)
		return (struct tide_hold){ TIDE_CAUSE_REPLICA_MISSING,
			talloc_asprintf(ctx, "replica '%s' is not connected", missing) };
	if (looks_at_lag && signals->unreadable_replicas > 0)
		return (struct tide_hold){ TIDE_CAUSE_REPLICA_UNREADABLE,
			talloc_strdup(ctx,
			    "replica lag cannot be read (GRANT pg_monitor to this role, or set "
			    "replica_lag = \"0\")") };
	for (size_t i = 0; i < TIDE_GAUGES; i++)
		if (over[i])
			return (struct tide_hold){ gauges[i].cause, gauge_text(ctx, &gauges[i]) };
	return (struct tide_hold){ 0 };
}
