#include "throttle.h"

#include <string.h>
#include <talloc.h>

#include "tidemark/base/units.h"

const char *const tide_throttle_causes[] = { "file", "horizon", "lock_waiters", "pause", "replica_lag",
	"replica_missing", "replica_unreadable", "slot_wal", "sql", "sql_unreadable", "window", NULL };

/* One measured quantity against one limit. */
struct gauge {
	const char *cause;
	const char *name;    /* begins the reason; also how the last reason is recognised */
	double value, limit; /* limit 0: not looked at */
	bool bytes;
};

static bool
over(const struct gauge *g, const char *before)
{
	double limit = g->limit;
	size_t length = strlen(g->name);

	if (limit <= 0 || g->value < 0)
		return false;
	/* "replica lag" begins "replica lag in seconds" too: its figure comes next. */
	if (before != NULL && strncmp(before, g->name, length) == 0 && before[length] == ' ' &&
	    before[length + 1] >= '0' && before[length + 1] <= '9')
		limit *= 0.8;
	return g->value >= limit;
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

static char *
because(const char **cause, const char *name, char *reason)
{
	*cause = name;
	return reason;
}

struct tide_limits
tide_throttle_of_reader(const struct tide_limits *limits)
{
	struct tide_limits out = *limits;

	out.replica_lag = out.replica_lag_bytes = out.slot_wal = 0;
	out.replicas = (struct tide_names){ 0 };
	return out;
}

char *
tide_throttle_reason(void *ctx, const struct tide_limits *limits, const struct tide_signals *signals,
    bool file_exists, const char *before, const char **cause)
{
	bool looks_at_lag = limits->replica_lag > 0 || limits->replica_lag_bytes > 0;
	const char *missing = missing_replica(limits, signals);
	const struct gauge gauges[] = {
		{ "replica_lag", "replica lag in seconds", signals->lag_seconds,
		    (double)limits->replica_lag / (double)TIDE_SECOND, false },
		{ "replica_lag", "replica lag", signals->lag_bytes, (double)limits->replica_lag_bytes, true },
		{ "slot_wal", "WAL kept by a replication slot", signals->slot_bytes, (double)limits->slot_wal,
		    true },
		{ "lock_waiters", "sessions waiting for a lock on the table", (double)signals->lock_waiters,
		    (double)limits->lock_waiters, false },
	};

	if (!signals->window_open)
		return because(cause, "window", talloc_strdup(ctx, "outside the time window of this phase"));
	if (file_exists)
		return because(cause, "file", talloc_asprintf(ctx, "file %s exists", limits->throttle_file));
	if (signals->throttle_sql_failed)
		return because(cause, "sql_unreadable", talloc_strdup(ctx, "throttle_sql cannot be read"));
	if (signals->throttle_sql)
		return because(cause, "sql", talloc_strdup(ctx, "throttle_sql returns true"));
	if (missing != NULL)
		return because(
		    cause, "replica_missing", talloc_asprintf(ctx, "replica '%s' is not connected", missing));
	if (looks_at_lag && signals->unreadable_replicas > 0)
		return because(cause, "replica_unreadable",
		    talloc_strdup(ctx, "replica lag cannot be read (GRANT pg_monitor to this role, or set "
				       "replica_lag = \"0\")"));
	for (size_t i = 0; i < sizeof(gauges) / sizeof(gauges[0]); i++)
		if (over(&gauges[i], before))
			return because(cause, gauges[i].cause, gauge_text(ctx, &gauges[i]));
	return because(cause, NULL, NULL);
}
