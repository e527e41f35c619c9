/* limits.lock_waiters: sessions that wait for a lock on the table, of ours or of anybody. */
#include "signal.h"

#include "gauge.h"
#include "signals_sql.h"
#include "tidemark/postgres/param.h"

static const struct tide_gauge_kind kind = { "sessions waiting for a lock on the table",
	TIDE_CAUSE_LOCK_WAITERS, TIDE_CAUSE_LOCK_WAITERS, false };

static bool
ask(struct tide_executor *exe, void *state, void *mem, struct tide_question *out)
{
	(void)state;
	*out = (struct tide_question){ .sql = tide_sql_signals_lock_waiters,
		.value = { tide_param_int(mem, exe->session->table_oid) },
		.count = 1 };
	return exe->in_force.limits->lock_waiters > 0;
}

static void
told(struct tide_executor *exe, void *state, const struct tide_rows *rows, const struct tide_err *err)
{
	(void)exe;
	tide_gauge_read(state, state, rows, "waiters", err);
}

static struct tide_hold
judge(void *ctx, const struct tide_executor *exe, void *state, const struct tide_limits *limits)
{
	(void)exe;
	return tide_gauge_judge(ctx, &kind, state, (double)limits->lock_waiters);
}

const struct tide_signal tide_signal_lock_waiters = {
	.keys = (const char *const[]){ "lock_waiters", NULL },
	.size = sizeof(struct tide_gauge),
	.ask = ask,
	.read = told,
	.judge = judge,
};
