#include "session.h"

bool
tide_session_lose(struct tide_session *session, struct tide_err *err)
{
	session->lost = true;
	return tide_fail(
	    err, TIDE_LEASE, "another executor has taken over the lease of '%s'", session->plan->name);
}

bool
tide_session_write(struct tide_session *session, const char *sql, size_t count, const char *const *values,
    struct tide_rows **rows, void *mem, struct tide_err *err)
{
	struct tide_rows *result = NULL;

	if (!tide_await_query(session->conn, mem, sql, count, values, &result, err))
		return false;
	if (rows != NULL)
		*rows = result;
	return tide_rows_count(result) > 0 || tide_session_lose(session, err);
}
