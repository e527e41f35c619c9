#include "tidemark/orchestrator/store.h"

#include <string.h>
#include <talloc.h>

#include "schema.h"
#include "state_sql.h"

bool
tide_store_want(struct tide_conn *conn, const char *plan, enum tide_wanted wanted, const char *by,
    const char *reason, struct tide_err *err)
{
	void *mem = talloc_new(NULL);
	struct tide_rows *rows;
	bool is = false, ok;

	ok = tide_state_ensure(conn, false, &is, err) &&
	     (!is || tide_await_query(conn, mem, tide_sql_state_want,
			 TIDE_ARGS(plan, tide_wanted_word(wanted), by, reason), &rows, err));
	if (ok && (!is || tide_rows_count(rows) == 0)) {
		ok = tide_fail(err, TIDE_PRECONDITION, "plan '%s' has no run that could be %s", plan,
		    wanted == TIDE_WANT_PAUSE ? "paused" : "resumed");
		tide_hint(err, "see: tidemark status");
	}
	talloc_free(mem);
	return ok;
}

void
tide_store_want_start(struct tide_conn *conn, const char *plan, enum tide_wanted wanted, const char *by,
    tide_conn_done *done, void *ctx)
{
	tide_conn_query(
	    conn, tide_sql_state_want, TIDE_ARGS(plan, tide_wanted_word(wanted), by, NULL), done, ctx);
}
