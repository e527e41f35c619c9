/* Who holds the xmin horizon, and for how long. Whether to wait for it is the sweep's to say: it knows what continuing would cost. */
#include "signal.h"

#include <string.h>
#include <talloc.h>

#include "signals_sql.h"
#include "tidemark/base/units.h"

struct holder {
	const char *kind, *name, *who, *state;
	int pid;
	char age[32];
};

static char *
session(void *ctx, const struct holder *h)
{
	return talloc_asprintf(ctx, "pid %d (application '%s', user '%s', %s, for %s)", h->pid, h->name,
	    h->who, h->state, h->age);
}

static char *
standby(void *ctx, const struct holder *h)
{
	return talloc_asprintf(
	    ctx, "the standby '%s' (hot_standby_feedback; pid %d here, for %s)", h->name, h->pid, h->age);
}

static char *
prepared(void *ctx, const struct holder *h)
{
	return talloc_asprintf(
	    ctx, "the prepared transaction '%s' (user '%s', for %s)", h->name, h->who, h->age);
}

static char *
slot(void *ctx, const struct holder *h)
{
	return talloc_asprintf(ctx, "the replication slot '%s' (%s, for %s)", h->name, h->state, h->age);
}

/* What a holder is called, by its kind in horizon_holder.sql. */
static const struct {
	const char *kind;
	char *(*text)(void *ctx, const struct holder *holder);
} kinds[] = {
	{ "session", session },
	{ "standby", standby },
	{ "prepared", prepared },
	{ "slot", slot },
};

static const char *
or_hidden(const struct tide_rows *rows, const char *name)
{
	size_t column = tide_rows_column(rows, name);

	return tide_rows_null(rows, 0, column) ? "hidden" : tide_rows_text(rows, 0, column);
}

/* What has no start of its own (a standby, a slot) is as old as its xmin has been seen to stay the same. */
struct state {
	char *xmin;    /* the oldest; NULL none */
	int64_t since; /* tide_now_us when it became that */
};

/* us; also remembers the xmin and since when it has been the oldest. */
static int64_t
age_of(struct state *s, const struct tide_rows *rows)
{
	const char *xmin = or_hidden(rows, "xmin");
	size_t age = tide_rows_column(rows, "age");
	int64_t now = tide_now_us();

	if (s->xmin == NULL || strcmp(s->xmin, xmin) != 0) {
		talloc_free(s->xmin);
		s->xmin = talloc_strdup(s, xmin);
		s->since = now;
	}
	if (tide_rows_null(rows, 0, age))
		return now - s->since;
	return (int64_t)(tide_rows_real(rows, 0, age) * (double)TIDE_SECOND);
}

static bool
ask(struct tide_executor *exe, void *state, void *mem, struct tide_question *out)
{
	(void)state;
	(void)mem;
	*out = (struct tide_question){ .sql = tide_sql_signals_horizon_holder };
	return exe->throttle.looks_at_horizon;
}

/* No row: nobody. An answer that does not come leaves the holder as it was. */
static void
told(struct tide_executor *exe, void *state, const struct tide_rows *rows, const struct tide_err *err)
{
	struct tide_signals *s = &exe->signals;
	struct state *mine = state;
	struct holder h;

	(void)err;
	if (rows == NULL)
		return;
	TALLOC_FREE(s->horizon);
	s->horizon_age = -1;
	if (tide_rows_count(rows) == 0) {
		TALLOC_FREE(mine->xmin);
		return;
	}
	s->horizon_age = age_of(mine, rows);
	h = (struct holder){ .kind = tide_rows_text(rows, 0, tide_rows_column(rows, "kind")),
		.pid = (int)tide_rows_int(rows, 0, tide_rows_column(rows, "pid")),
		.name = or_hidden(rows, "name"),
		.who = or_hidden(rows, "who"),
		.state = or_hidden(rows, "state") };
	tide_duration_format(s->horizon_age, h.age, sizeof(h.age));
	for (size_t i = 0; i < TIDE_COUNT(kinds); i++)
		if (strcmp(kinds[i].kind, h.kind) == 0)
			s->horizon = kinds[i].text(exe, &h);
}

const struct tide_signal tide_signal_horizon_holder = {
	.size = sizeof(struct state),
	.ask = ask,
	.read = told,
};
