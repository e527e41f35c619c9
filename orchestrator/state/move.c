#include "move.h"

#include <talloc.h>

#include "state_sql.h"

/* The states that may become `to`, as an array. */
static char *
allowed(void *ctx, enum tide_run_state to)
{
	char *text = talloc_strdup(ctx, "{");

	for (size_t i = TIDE_RUN_READY; i < TIDE_RUN_STATES; i++)
		if (tide_run_may((enum tide_run_state)i, to))
			text = talloc_asprintf_append(text, "%s%s", text[1] != '\0' ? "," : "",
			    tide_run_word((enum tide_run_state)i)->word);
	return talloc_strdup_append(text, "}");
}

/*
 * Nothing was moved: another executor has the lease, or the state was changed by hand to one that does not
 * allow it.
 */
static bool
refused(struct tide_session *session, enum tide_run_state to, struct tide_err *err)
{
	void *mem = talloc_new(session);
	struct tide_rows *rows;
	bool ok = tide_await_query(session->conn, mem, tide_sql_state_row,
	    TIDE_ARGS(tide_param_int(mem, session->run), tide_param_int(mem, session->fence)), &rows, err);

	if (ok && tide_rows_count(rows) == 0) {
		tide_session_lose(session, err);
	} else if (ok) {
		tide_fail(err, TIDE_UNEXPECTED, "the run of '%s' is '%s' and cannot become '%s'",
		    session->plan->name, tide_rows_required(rows, 0, tide_rows_column(rows, "state")),
		    tide_run_word(to)->word);
		tide_hint(err, "its row in tidemark.run was changed by hand: put the state back as it was");
	}
	talloc_free(mem);
	return false;
}

bool
tide_run_move(struct tide_session *session, const struct tide_move *move, struct tide_err *err)
{
	void *mem = talloc_new(session);
	bool stays = move->to == TIDE_RUN_NONE;
	struct tide_rows *rows;
	bool ok = tide_await_query(session->conn, mem, tide_sql_state_move,
	    TIDE_ARGS(tide_param_int(mem, session->run), tide_param_int(mem, session->fence),
		allowed(mem, move->to), stays ? NULL : tide_run_word(move->to)->word,
		tide_param_int(mem, move->phase), move->reason,
		move->failure != TIDE_OK ? tide_param_int(mem, (int64_t)move->failure) : NULL,
		move->turn ? tide_direction_word(move->direction) : NULL, tide_param_int(mem, move->back_to),
		move->release ? "true" : "false"),
	    &rows, err);

	ok = ok && (tide_rows_count(rows) > 0 || refused(session, move->to, err));
	if (ok && !stays && move->to != TIDE_RUN_PAUSED)
		session->state = move->to;
	talloc_free(mem);
	return ok;
}
