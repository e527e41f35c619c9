/* limits.throttle_sql: the plan's own condition. */
#include "signal.h"

#include <talloc.h>

/* The statement is the plan author's, and so is the name of its column: the first one counts. */
#define ITS_COLUMN 0

struct state {
	bool stops, failed;
};

static bool
ask(struct tide_executor *exe, void *state, void *mem, struct tide_question *out)
{
	(void)state;
	(void)mem;
	*out = (struct tide_question){ .sql = exe->in_force.limits->throttle_sql, .of_plan = true };
	return out->sql != NULL;
}

/* One row with true stops; anything but one row is no answer. */
static void
told(struct tide_executor *exe, void *state, const struct tide_rows *rows, const struct tide_err *err)
{
	struct state *s = state;

	(void)exe;
	(void)err;
	s->failed = rows == NULL || tide_rows_count(rows) != 1;
	s->stops = !s->failed && !tide_rows_null(rows, 0, ITS_COLUMN) &&
		   tide_rows_text(rows, 0, ITS_COLUMN)[0] == 't';
}

static struct tide_hold
judge(void *ctx, const struct tide_executor *exe, void *state, const struct tide_limits *limits)
{
	const struct state *s = state;

	(void)exe;
	if (limits->throttle_sql != NULL && s->failed)
		return (struct tide_hold){ TIDE_CAUSE_SQL_UNREADABLE,
			talloc_strdup(ctx, "throttle_sql cannot be read") };
	if (limits->throttle_sql != NULL && s->stops)
		return (struct tide_hold){ TIDE_CAUSE_SQL, talloc_strdup(ctx, "throttle_sql returns true") };
	return (struct tide_hold){ 0 };
}

const struct tide_signal tide_signal_throttle_sql = {
	.keys = (const char *const[]){ "throttle_sql", NULL },
	.size = sizeof(struct state),
	.ask = ask,
	.read = told,
	.judge = judge,
};
