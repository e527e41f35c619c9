/* limits.replica_lag and replica_lag_bytes. The lag is read without them as well: `status` and the metrics show it. */
#include "signal.h"

#include <talloc.h>

#include "gauge.h"
#include "signals_sql.h"
#include "tidemark/base/units.h"

struct state {
	struct tide_gauge seconds, bytes;
	bool hidden; /* from this role, of one replica at least */
};

static const struct tide_gauge_kind in_seconds = { "replica lag in seconds", TIDE_CAUSE_REPLICA_LAG,
	TIDE_CAUSE_REPLICA_UNREADABLE, false };
static const struct tide_gauge_kind in_bytes = { "replica lag", TIDE_CAUSE_REPLICA_LAG,
	TIDE_CAUSE_REPLICA_UNREADABLE, true };

static bool
ask(struct tide_executor *exe, void *state, void *mem, struct tide_question *out)
{
	(void)exe;
	(void)state;
	(void)mem;
	*out = (struct tide_question){ .sql = tide_sql_signals_replica_lag };
	return true;
}

/* The rows of those whose lag is known, for the metrics. */
static void
tell_replicas(struct tide_executor *exe, const struct tide_rows *rows)
{
	size_t name = tide_rows_column(rows, "name"), lag = tide_rows_column(rows, "name_lag");

	for (size_t i = 0; i < tide_rows_count(rows); i++)
		if (!tide_rows_null(rows, i, name))
			tide_executor_sample(exe, TIDE_SAMPLE_REPLICA, tide_rows_text(rows, i, name),
			    (int64_t)(tide_rows_real(rows, i, lag) * (double)TIDE_SECOND));
}

static void
told(struct tide_executor *exe, void *state, const struct tide_rows *rows, const struct tide_err *err)
{
	struct state *s = state;

	tide_gauge_read(&s->seconds, s, rows, "lag", err);
	tide_gauge_read(&s->bytes, s, rows, "gap", err);
	s->hidden = rows != NULL && tide_rows_int(rows, 0, tide_rows_column(rows, "hidden")) > 0;
	exe->signals.lag_seconds = rows != NULL ? s->seconds.value : -1;
	if (rows != NULL)
		tell_replicas(exe, rows);
}

static struct tide_hold
hidden(void *ctx, const struct tide_limits *limits)
{
	const char *off = limits->replica_lag_bytes == 0 ? "replica_lag = \"0\""
			  : limits->replica_lag == 0     ? "replica_lag_bytes = \"0\""
						     : "replica_lag = \"0\" and replica_lag_bytes = \"0\"";

	return (struct tide_hold){ TIDE_CAUSE_REPLICA_UNREADABLE,
		talloc_asprintf(
		    ctx, "replica lag cannot be read (GRANT pg_monitor to this role, or set %s)", off) };
}

static struct tide_hold
judge(void *ctx, const struct tide_executor *exe, void *state, const struct tide_limits *limits)
{
	struct state *s = state;
	/* Both, so that each keeps whether it is over. */
	struct tide_hold first = tide_gauge_judge(
	    ctx, &in_seconds, &s->seconds, (double)limits->replica_lag / (double)TIDE_SECOND);
	struct tide_hold second =
	    tide_gauge_judge(ctx, &in_bytes, &s->bytes, (double)limits->replica_lag_bytes);

	(void)exe;
	if (s->hidden && (limits->replica_lag > 0 || limits->replica_lag_bytes > 0)) {
		talloc_free((void *)first.text);
		talloc_free((void *)second.text);
		return hidden(ctx, limits);
	}
	if (first.cause == TIDE_CAUSE_NONE)
		return second;
	talloc_free((void *)second.text);
	return first;
}

const struct tide_signal tide_signal_replica_lag = {
	.keys = (const char *const[]){ "replica_lag", "replica_lag_bytes", NULL },
	.of_writers = true,
	.size = sizeof(struct state),
	.ask = ask,
	.read = told,
	.judge = judge,
};
