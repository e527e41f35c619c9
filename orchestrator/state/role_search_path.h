#ifndef TIDE_ROLE_SEARCH_PATH_H
#define TIDE_ROLE_SEARCH_PATH_H

#include "tidemark/postgres/conn.h"
#include "tidemark/postgres/session.h"

#define TIDE_SET_PINNED_PATH "SET search_path = pg_catalog, pg_temp"

/**
 * After SQL of the author, which may have set anything: every setting of the session is pinned again. ok and err are what
 * came of that SQL; its failure stays the answer. Awaits.
 */
bool tide_reset_session(struct tide_conn *conn, bool ok, struct tide_err *err) TIDE_CHECKED;

/** One read-only query of the author, in a transaction of its own that is rolled back, for at most 10 s. Awaits. */
bool tide_await_role_search_path(struct tide_conn *conn, void *mem, const char *sql, size_t count,
    const char *const *values, struct tide_rows **rows, struct tide_err *err) TIDE_CHECKED;

#endif
