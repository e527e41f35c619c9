#include "orphans.h"

#include <talloc.h>

#include "application_name.h"
#include "state_sql.h"

static bool
ask(struct tide_session *session, const char *sql, int64_t *count, struct tide_err *err)
{
	void *mem = talloc_new(session);
	struct tide_rows *rows;
	bool ok = tide_await_query(session->conn, mem, sql,
	    TIDE_ARGS(tide_application_prefix(mem, session->plan->name)), &rows, err);

	if (ok)
		*count = tide_rows_only_int(rows);
	talloc_free(mem);
	return ok;
}

bool
tide_orphans_count(struct tide_session *session, int64_t *count, struct tide_err *err)
{
	return ask(session, tide_sql_state_orphans, count, err);
}

bool
tide_orphans_end(struct tide_session *session, int64_t *count, struct tide_err *err)
{
	return ask(session, tide_sql_state_end_orphans, count, err);
}
