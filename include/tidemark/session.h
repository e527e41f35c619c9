#ifndef TIDE_SESSION_H
#define TIDE_SESSION_H

/**
 * Every setting of a session pinned, one multi-statement text, so that nothing is inherited from role, database or
 * pooler (reliability: search_path = pg_catalog, timeouts, client_connection_check_interval, row_security = off, formats …).
 * server_version as PQserverVersion. Belongs to ctx. Also answers, as its last statement,
 * `SELECT pg_backend_pid()`: another pid than libpq's own means a transaction pooler.
 */
char *tide_session_sql(void *ctx, int server_version);

#endif
