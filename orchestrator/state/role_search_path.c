#include "role_search_path.h"

#include <talloc.h>

#include "tidemark/postgres/session.h"

bool
tide_await_role_search_path(struct tide_conn *conn, void *mem, const char *sql, size_t count,
    const char *const *values, struct tide_rows **rows, struct tide_err *err)
{
	struct tide_err ignored = { 0 };
	bool ok =
	    tide_await_exec(conn, mem,
		"BEGIN READ ONLY; SET LOCAL statement_timeout = '10s'; " TIDE_SET_ROLE_SEARCH_PATH("true"),
		NULL, err) &&
	    tide_await_query(conn, mem, sql, count, values, rows, err);

	if (tide_conn_alive(conn) && !tide_await_exec(conn, mem, "ROLLBACK", NULL, &ignored) && ok) {
		*err = ignored;
		ok = false;
	}
	return ok;
}

bool
tide_reset_session(struct tide_conn *conn, bool ok, struct tide_err *err)
{
	struct tide_err failed = { 0 };
	void *mem;

	if (!tide_conn_alive(conn))
		return ok;
	mem = talloc_new(NULL);
	if (!tide_await_exec(conn, NULL,
		talloc_asprintf(mem, "RESET SESSION AUTHORIZATION; RESET ROLE; %s",
		    tide_session_sql(mem, tide_conn_server_version(conn))),
		NULL, &failed) &&
	    ok) {
		*err = failed;
		ok = false;
	}
	talloc_free(mem);
	return ok;
}
