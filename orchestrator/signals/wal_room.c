/* How many WAL segments lie ready, while something is written: the sweep slows down before they run out. */
#include "signal.h"

#include "signals_sql.h"
#include "tidemark/base/units.h"

struct state {
	bool known, allowed; /* whether this role may look */
};

static bool
ask(struct tide_executor *exe, void *state, void *mem, struct tide_question *out)
{
	const struct state *s = state;

	(void)mem;
	/* Only a sweep that writes looks at the horizon. */
	if (!exe->throttle.looks_at_horizon || (s->known && !s->allowed))
		return false;
	*out = (struct tide_question){ .sql = s->known ? tide_sql_signals_wal_room
						       : tide_sql_signals_wal_room_allowed };
	return true;
}

static void
told(struct tide_executor *exe, void *state, const struct tide_rows *rows, const struct tide_err *err)
{
	struct state *s = state;

	(void)err;
	exe->signals.wal_ready = -1;
	if (rows == NULL)
		return;
	if (!s->known) {
		s->known = true;
		s->allowed = tide_rows_bool(rows, 0, tide_rows_column(rows, "allowed"));
		return;
	}
	exe->signals.wal_ready = tide_rows_int(rows, 0, tide_rows_column(rows, "ready"));
	exe->signals.wal_written = tide_rows_int(rows, 0, tide_rows_column(rows, "written"));
	exe->signals.wal_at = tide_now_us();
}

const struct tide_signal tide_signal_wal_room = { .size = sizeof(struct state), .ask = ask, .read = told };
