/* The hours in which the current phase may work: its own, or those that `tidemark set` has put over them. The server's clock decides, in the window's own zone. */
#include "signal.h"

#include <talloc.h>

#include "signals_sql.h"

struct state {
	struct tide_window window; /* of the current phase */
	long ordinal;
};

/*
 * The result is in exe->signals because the gate reads it, too. Of a window, only an answer changes it: a
 * reader in between sees the answer before.
 */
static bool
ask(struct tide_executor *exe, void *state, void *mem, struct tide_question *out)
{
	struct state *s = state;
	/* A rollback waits for no window: whoever asked for it may not have until tonight. */
	const char *text = exe->back ? NULL : tide_executor_window(exe);

	s->ordinal = exe->report.ordinal;
	if (text == NULL || !tide_window_parse(text, &s->window)) {
		exe->signals.window_open = text == NULL;
		exe->signals.window_of = s->ordinal + 1;
		return false;
	}
	*out = (struct tide_question){ .sql = tide_sql_signals_phase_window,
		.value = { s->window.zone, tide_param_int(mem, s->window.days),
		    tide_param_int(mem, s->window.begin) },
		.count = 3 };
	return true;
}

/* A clock that cannot be read closes the window. */
static void
told(struct tide_executor *exe, void *state, const struct tide_rows *rows, const struct tide_err *err)
{
	const struct state *s = state;
	const char *opens = rows != NULL ? tide_rows_text(rows, 0, tide_rows_column(rows, "opens")) : NULL;

	(void)err;
	exe->signals.window_of = s->ordinal + 1;
	TALLOC_FREE(exe->signals.window_text);
	TALLOC_FREE(exe->signals.window_opens);
	exe->signals.window_opens = talloc_strdup(exe, opens);
	exe->signals.window_text = talloc_asprintf(exe, "%s%s%s", tide_executor_closed_window(exe),
	    opens != NULL ? "; it opens at " : "", opens != NULL ? opens : "");
	exe->signals.window_open =
	    rows != NULL &&
	    tide_window_open(&s->window, (int)tide_rows_int(rows, 0, tide_rows_column(rows, "day")),
		(int)tide_rows_int(rows, 0, tide_rows_column(rows, "minute")));
}

static struct tide_hold
judge(void *ctx, const struct tide_executor *exe, void *state, const struct tide_limits *limits)
{
	(void)state;
	(void)limits;
	if (exe->signals.window_open)
		return (struct tide_hold){ 0 };
	return (struct tide_hold){ TIDE_CAUSE_WINDOW, talloc_strdup(ctx, tide_executor_closed_window(exe)) };
}

const struct tide_signal tide_signal_phase_window = {
	.size = sizeof(struct state),
	.ask = ask,
	.read = told,
	.judge = judge,
};
