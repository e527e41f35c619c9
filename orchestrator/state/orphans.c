#include "orphans.h"

#include <talloc.h>

#include "state_sql.h"

static bool
ask(struct tide_session *session, bool ends, int64_t *count, struct tide_err *err)
{
	void *mem = talloc_new(session);
	struct tide_rows *rows;
	bool ok = tide_await_query(session->conn, mem, tide_sql_state_orphans,
	    TIDE_ARGS(tide_param_int(mem, session->run), tide_param_int(mem, session->fence),
		ends ? "true" : "false"),
	    &rows, err);

	if (ok)
		*count = tide_rows_only_int(rows);
	talloc_free(mem);
	return ok;
}

bool
tide_orphans_count(struct tide_session *session, int64_t *count, struct tide_err *err)
{
	return ask(session, false, count, err);
}

bool
tide_orphans_end(struct tide_session *session, int64_t *count, struct tide_err *err)
{
	return ask(session, true, count, err);
}
