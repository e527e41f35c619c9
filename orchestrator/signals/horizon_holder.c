#include "horizon_holder.h"

#include <string.h>
#include <talloc.h>

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

/* What a holder is called, by its kind in state/horizon.sql. */
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
or_hidden(const struct tide_rows *rows, size_t column)
{
	return tide_rows_null(rows, 0, column) ? "hidden" : tide_rows_text(rows, 0, column);
}

/* us; also remembers the xmin and since when it has been the oldest. */
static int64_t
age_of(struct tide_signals *s, struct tide_executor *exe, const struct tide_rows *rows)
{
	const char *xmin = or_hidden(rows, 6);
	int64_t now = tide_now_us(), seen;

	if (s->horizon_xmin == NULL || strcmp(s->horizon_xmin, xmin) != 0) {
		talloc_free(s->horizon_xmin);
		s->horizon_xmin = talloc_strdup(exe, xmin);
		s->horizon_since = now;
	}
	seen = now - s->horizon_since;
	if (tide_rows_null(rows, 0, 5))
		return seen;
	return (int64_t)(tide_rows_real(rows, 0, 5) * (double)TIDE_SECOND);
}

void
tide_horizon_holder_read(struct tide_executor *exe, const struct tide_rows *rows)
{
	struct tide_signals *s = &exe->signals;
	struct holder h;

	TALLOC_FREE(s->horizon);
	s->horizon_age = -1;
	if (tide_rows_count(rows) == 0) {
		TALLOC_FREE(s->horizon_xmin);
		return;
	}
	s->horizon_age = age_of(s, exe, rows);
	h = (struct holder){ .kind = tide_rows_text(rows, 0, 0),
		.pid = (int)tide_rows_int(rows, 0, 1),
		.name = or_hidden(rows, 2),
		.who = or_hidden(rows, 3),
		.state = or_hidden(rows, 4) };
	tide_duration_format(s->horizon_age, h.age, sizeof(h.age));
	for (size_t i = 0; i < TIDE_COUNT(kinds); i++)
		if (strcmp(kinds[i].kind, h.kind) == 0)
			s->horizon = kinds[i].text(exe, &h);
}
