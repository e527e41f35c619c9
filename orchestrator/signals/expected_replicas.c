/* limits.replicas: one that is not connected has a lag that nobody knows, so it counts as too much. */
#include "signal.h"

#include <string.h>
#include <talloc.h>

#include "signals_sql.h"

struct state {
	char *missing; /* the first of the plan's that is not connected; NULL none */
	char *failure; /* why the last tick could not tell; NULL it could */
};

static bool
ask(struct tide_executor *exe, void *state, void *mem, struct tide_question *out)
{
	(void)state;
	(void)mem;
	*out = (struct tide_question){ .sql = tide_sql_signals_expected_replicas };
	return exe->in_force.limits->replicas.count > 0;
}

static bool
is_connected(const struct tide_rows *rows, const char *replica)
{
	size_t name = tide_rows_column(rows, "application_name");

	for (size_t i = 0; i < tide_rows_count(rows); i++)
		if (!tide_rows_null(rows, i, name) && strcmp(tide_rows_text(rows, i, name), replica) == 0)
			return true;
	return false;
}

static void
told(struct tide_executor *exe, void *state, const struct tide_rows *rows, const struct tide_err *err)
{
	const struct tide_names *expected = &exe->in_force.limits->replicas;
	struct state *s = state;

	TALLOC_FREE(s->failure);
	if (rows == NULL) {
		s->failure = talloc_strdup(s, err->message);
		return;
	}
	TALLOC_FREE(s->missing);
	for (size_t i = 0; i < expected->count && s->missing == NULL; i++)
		if (!is_connected(rows, expected->item[i]))
			s->missing = talloc_strdup(s, expected->item[i]);
}

static struct tide_hold
judge(void *ctx, const struct tide_executor *exe, void *state, const struct tide_limits *limits)
{
	const struct state *s = state;

	(void)exe;
	if (limits->replicas.count > 0 && s->failure != NULL)
		return (struct tide_hold){ TIDE_CAUSE_REPLICA_UNREADABLE,
			talloc_asprintf(ctx, "connected replicas cannot be read: %s", s->failure) };
	if (limits->replicas.count > 0 && s->missing != NULL)
		return (struct tide_hold){ TIDE_CAUSE_REPLICA_MISSING,
			talloc_asprintf(ctx, "replica '%s' is not connected", s->missing) };
	return (struct tide_hold){ 0 };
}

const struct tide_signal tide_signal_expected_replicas = {
	.keys = (const char *const[]){ "replicas", NULL },
	.of_writers = true,
	.size = sizeof(struct state),
	.ask = ask,
	.read = told,
	.judge = judge,
};
