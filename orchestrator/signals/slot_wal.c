/* limits.slot_wal: a slot that nobody reads keeps WAL until the disk is full. */
#include "signal.h"

#include "gauge.h"
#include "signals_sql.h"

static const struct tide_gauge_kind kind = { "WAL kept by a replication slot", TIDE_CAUSE_SLOT_WAL,
	TIDE_CAUSE_SLOT_WAL, true };

static bool
ask(struct tide_executor *exe, void *state, void *mem, struct tide_question *out)
{
	(void)state;
	(void)mem;
	*out = (struct tide_question){ .sql = tide_sql_signals_slot_wal };
	return exe->in_force.limits->slot_wal > 0;
}

static void
told(struct tide_executor *exe, void *state, const struct tide_rows *rows, const struct tide_err *err)
{
	(void)exe;
	tide_gauge_read(state, state, rows, "kept", err);
}

static struct tide_hold
judge(void *ctx, const struct tide_executor *exe, void *state, const struct tide_limits *limits)
{
	(void)exe;
	return tide_gauge_judge(ctx, &kind, state, (double)limits->slot_wal);
}

const struct tide_signal tide_signal_slot_wal = {
	.keys = (const char *const[]){ "slot_wal", NULL },
	.of_writers = true,
	.size = sizeof(struct tide_gauge),
	.ask = ask,
	.read = told,
	.judge = judge,
};
