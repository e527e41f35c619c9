/* Whether the triggers of the application fire for the rows that a sweep fills. */
#include "sweep.h"

#include <string.h>
#include <talloc.h>

#include "state/role_search_path.h"
#include "tidemark/base/sqltext.h"

bool
tide_sweep_role(const struct tide_sweep *sweep, struct tide_conn *conn, struct tide_err *err)
{
	const char *role = sweep->spec->replication_role;
	char *sql = role != NULL ? tide_sqlf(conn, "SET session_replication_role = %L", role) : NULL;
	bool ok = sql == NULL || tide_await_exec(conn, sql, sql, NULL, err);

	/* Triggers, checks, expressions of indexes and generated columns find what they name as they do for the application. */
	if (ok && (sweep->spec->write || sweep->spec->role_search_path))
		ok = tide_await_exec(conn, NULL, TIDE_SET_ROLE_SEARCH_PATH("false"), NULL, err);

	if (!ok && strcmp(err->sqlstate, "42501") == 0)
		tide_hint(err,
		    "skipping triggers needs it. On PostgreSQL 15 or newer: GRANT SET ON PARAMETER "
		    "session_replication_role TO the role of the run; before, only a superuser may. Then run "
		    "again");
	talloc_free(sql);
	return ok;
}
