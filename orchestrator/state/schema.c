#include "schema.h"

#include <string.h>
#include <talloc.h>

#include "state_sql.h"
#include "tidemark/orchestrator/store.h"

/* The row of meta comes last: it keeps what the tables are, and an UPDATE would need a replica identity where all are published. */
char *
tide_state_sql(void *ctx)
{
	return talloc_asprintf(ctx,
	    "%s\nINSERT INTO tidemark.meta (version, tool, definitions) SELECT %d, 'tidemark', (\n%s);\n",
	    tide_sql_state_schema, TIDE_STATE_VERSION, tide_sql_state_definitions);
}

bool
tide_state_untrusted(const char *what, struct tide_err *err)
{
	tide_fail(err, TIDE_PRECONDITION, "schema tidemark is not safe to use: %s", what);
	return tide_hint(err,
	    "its functions would run as this role. Run as the role that created it; or find out "
	    "who created it and, if nobody needs it, drop it");
}

bool
tide_state_newer(int64_t version, struct tide_err *err)
{
	tide_fail(err, TIDE_PRECONDITION, "schema tidemark has version %lld, this program knows %d",
	    (long long)version, TIDE_STATE_VERSION);
	return tide_hint(err, "a newer tidemark has used this database: use that version");
}

bool
tide_state_trusted(struct tide_conn *conn, struct tide_err *err)
{
	void *mem = talloc_new(NULL);
	struct tide_rows *rows;
	bool ok = tide_await_query(conn, mem, tide_sql_state_trusted, 0, NULL, &rows, err);

	if (ok && tide_rows_count(rows) > 0)
		ok = tide_state_untrusted(tide_rows_only_text(rows), err);
	talloc_free(mem);
	return ok;
}

/* Whether the tables are still as they were made. */
static bool
state_unchanged(struct tide_conn *conn, struct tide_err *err)
{
	void *mem = talloc_new(NULL);
	char *sql = talloc_asprintf(mem,
	    "SELECT NOT EXISTS (SELECT FROM tidemark.meta AS m WHERE m.definitions <> (\n%s))",
	    tide_sql_state_definitions);
	struct tide_rows *rows;
	bool ok = tide_await_query(conn, mem, sql, 0, NULL, &rows, err);

	if (ok && !tide_rows_only_bool(rows)) {
		ok = tide_fail(err, TIDE_PRECONDITION,
		    "the tables of schema tidemark are not as tidemark created them: a column, key or index "
		    "was changed");
		tide_hint(
		    err, "restore the schema from a backup, or undo the change by hand: \\d tidemark.*");
	}
	talloc_free(mem);
	return ok;
}

/* Trust comes first: nothing in the schema is used before it is known that no other role can change it. */
static bool
state_version(struct tide_conn *conn, bool *present, struct tide_err *err)
{
	void *mem = talloc_new(NULL);
	struct tide_rows *rows;
	int64_t version = 0;
	bool ok = tide_state_trusted(conn, err) &&
		  tide_await_query(conn, mem, tide_sql_state_present, 0, NULL, &rows, err);

	*present = ok && tide_rows_only_bool(rows);
	if (ok && *present) {
		ok = tide_await_query(conn, mem, tide_sql_state_version, 0, NULL, &rows, err);
		if (ok)
			version = tide_rows_only_int(rows);
	}
	talloc_free(mem);
	if (ok && *present && version < TIDE_STATE_VERSION) {
		tide_fail(err, TIDE_PRECONDITION,
		    "schema tidemark has version %lld, and this program needs %d", (long long)version,
		    TIDE_STATE_VERSION);
		return tide_hint(
		    err, "its table tidemark.meta was emptied or changed: restore its row from a backup");
	}
	if (ok && version > TIDE_STATE_VERSION)
		return tide_state_newer(version, err);
	return ok && (!*present || state_unchanged(conn, err));
}

/* Statements that can be run as they are: the server fills in the role and the database. */
static void
hint_create(struct tide_conn *conn, struct tide_err *err)
{
	struct tide_err ignored = { 0 };
	struct tide_rows *rows;
	void *mem = talloc_new(NULL);

	if (tide_await_exec(conn, mem, tide_sql_state_grants, &rows, &ignored))
		tide_hint(err,
		    "the role needs it once: %s; or let an administrator create the schema for it: %s",
		    tide_rows_required(rows, 0, tide_rows_column(rows, "may_create")),
		    tide_rows_required(rows, 0, tide_rows_column(rows, "created_for_it")));
	talloc_free(mem);
}

/*
 * Executors that come at once make it one after the other. The lock is only ever held for this transaction, in which nothing waits
 * for a snapshot to end: waiting for it cannot be part of a deadlock.
 */
static bool
make_alone(struct tide_conn *conn, bool *present, struct tide_err *err)
{
	struct tide_err ignored = { 0 };
	char *sql = tide_state_sql(NULL);
	bool made = tide_await_exec(conn, NULL, "BEGIN; SELECT pg_catalog.pg_advisory_xact_lock(1414087748)",
			NULL, err) &&
		    state_version(conn, present, err) &&
		    (*present || tide_await_exec(conn, NULL, sql, NULL, err)) &&
		    tide_await_exec(conn, NULL, "COMMIT", NULL, err);

	talloc_free(sql);
	if (!made && tide_conn_alive(conn) && !tide_await_exec(conn, NULL, "ROLLBACK", NULL, &ignored))
		return false;
	return made;
}

bool
tide_state_ensure(struct tide_conn *conn, bool create, bool *present, struct tide_err *err)
{
	if (!state_version(conn, present, err))
		return false;
	if (*present || !create)
		return true;
	if (make_alone(conn, present, err)) {
		*present = true;
		/* Who wants to be in the way does not ask for our lock. */
		return tide_state_trusted(conn, err);
	}
	if (strcmp(err->sqlstate, "42501") == 0)
		hint_create(conn, err);
	return tide_wrap(err, "could not create schema tidemark");
}
