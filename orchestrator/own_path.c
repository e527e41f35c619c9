#include "own_path.h"

bool
tide_await_own_path(struct tide_conn *conn, void *mem, const char *sql, size_t count,
    const char *const *values, struct tide_rows **rows, struct tide_err *err)
{
	struct tide_err ignored = { 0 };
	bool ok = tide_await_exec(conn, mem,
		      "BEGIN READ ONLY; SET LOCAL statement_timeout = '10s'; " TIDE_SET_OWN_PATH("true"),
		      NULL, err) &&
		  tide_await_query(conn, mem, sql, count, values, rows, err);

	if (tide_conn_alive(conn) && !tide_await_exec(conn, mem, "ROLLBACK", NULL, &ignored) && ok) {
		*err = ignored;
		ok = false;
	}
	return ok;
}
