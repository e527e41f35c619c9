#include "orphans.h"

#include <talloc.h>

#include "application_name.h"

/* A session that still waits for the lease has another application_name, and one that came after us is not older. */
#define ORPHANS                                                                                              \
	"FROM pg_catalog.pg_stat_activity a WHERE a.usename = session_user AND a.datname = "                 \
	"current_database() AND a.pid <> pg_backend_pid() AND starts_with(a.application_name, $1) AND "      \
	"a.backend_start < (SELECT backend_start FROM pg_catalog.pg_stat_activity WHERE pid = "              \
	"pg_backend_pid())"

static bool
ask(struct tide_session *session, const char *sql, int64_t *count, struct tide_err *err)
{
	void *mem = talloc_new(session);
	struct tide_rows *rows;
	bool ok = tide_await_query(session->conn, mem, sql,
	    TIDE_ARGS(tide_application_prefix(mem, session->plan->name)), &rows, err);

	if (ok)
		*count = tide_rows_int(rows, 0, 0);
	talloc_free(mem);
	return ok;
}

bool
tide_orphans_count(struct tide_session *session, int64_t *count, struct tide_err *err)
{
	return ask(session, "SELECT count(*) " ORPHANS, count, err);
}

bool
tide_orphans_end(struct tide_session *session, int64_t *count, struct tide_err *err)
{
	return ask(session, "SELECT count(pg_terminate_backend(a.pid)) " ORPHANS, count, err);
}
