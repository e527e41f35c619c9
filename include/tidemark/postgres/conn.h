#ifndef TIDE_CONN_H
#define TIDE_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tidemark/base/array.h"
#include "tidemark/base/err.h"
#include "tidemark/postgres/rows.h"

struct ev_loop;

/** One connection on an event loop. Destroy with talloc_free at any time: what is under way ends without a callback. */
struct tide_conn;

/** Connection parameters as libpq keywords, ends with NULL keyword. Made by postgres/url. */
struct tide_dsn {
	const char **keyword, **value;
};

/**
 * Called once per started operation, from the loop, never from inside the call that started it. `rows` (result of
 * the last statement) belongs to the connection and dies on return; `err` is NULL on success. The callback may start the next
 * operation or destroy the connection.
 */
typedef void tide_conn_done(void *ctx, const struct tide_rows *rows, const struct tide_err *err);
/** NOTIFY from another session; NOTICE and WARNING from the server (redacted). */
typedef void tide_conn_notify(void *ctx, const char *channel, const char *payload);
typedef void tide_conn_notice(void *ctx, const char *severity, const char *sqlstate, const char *message);

struct tide_conn *tide_conn_new(void *parent, struct ev_loop *loop);
/** Starts connecting and pins the session (postgres/session): done when it is ready for queries. */
void tide_conn_open(struct tide_conn *conn, const struct tide_dsn *dsn, const char *application_name,
    tide_conn_done *done, void *ctx);
/**
 * The same, but for one statement that needs neither settings nor a session of its own: nothing is sent when the connection is there, and
 * a pooler is not noticed.
 */
void tide_conn_open_bare(struct tide_conn *conn, const struct tide_dsn *dsn, const char *application_name,
    tide_conn_done *done, void *ctx);
/** Closes without waiting; an operation under way ends without a callback. May be opened again. */
void tide_conn_close(struct tide_conn *conn);

/** Simple protocol: `sql` may be several statements; any error ends it. */
void tide_conn_exec(struct tide_conn *conn, const char *sql, tide_conn_done *done, void *ctx);
/** Extended protocol, one statement, text parameters ($1 …; NULL is SQL NULL). Copies what it needs. */
void tide_conn_query(struct tide_conn *conn, const char *sql, size_t count, const char *const *values,
    tide_conn_done *done, void *ctx);
/** Prepares on the server under `name`. */
void
tide_conn_prepare(struct tide_conn *conn, const char *name, const char *sql, tide_conn_done *done, void *ctx);
void tide_conn_execute(struct tide_conn *conn, const char *name, size_t count, const char *const *values,
    tide_conn_done *done, void *ctx);

void tide_conn_on_notify(struct tide_conn *conn, tide_conn_notify *notify, void *ctx);
void tide_conn_on_notice(struct tide_conn *conn, tide_conn_notice *notice, void *ctx);

bool tide_conn_busy(const struct tide_conn *conn);
bool tide_conn_alive(const struct tide_conn *conn); /* connected and not broken */
int tide_conn_backend_pid(const struct tide_conn *conn);
int tide_conn_server_version(const struct tide_conn *conn);

/**
 * Runs the loop until the operation ends, so that a sequence of statements reads as one. Never call these from a callback.
 * rows (may be NULL) receives a copy that belongs to `mem`. All other connections, timers and signals of the
 * loop continue meanwhile.
 */
bool tide_await_open(struct tide_conn *conn, const struct tide_dsn *dsn, const char *application_name,
    struct tide_err *err) TIDE_CHECKED;
bool tide_await_exec(struct tide_conn *conn, void *mem, const char *sql, struct tide_rows **rows,
    struct tide_err *err) TIDE_CHECKED;
bool tide_await_query(struct tide_conn *conn, void *mem, const char *sql, size_t count,
    const char *const *values, struct tide_rows **rows, struct tide_err *err) TIDE_CHECKED;

#define TIDE_ARGS(...)                                                                                       \
	TIDE_COUNT(((const char *const[]){ __VA_ARGS__ })), (const char *const[])                            \
	{                                                                                                    \
		__VA_ARGS__                                                                                  \
	}

#endif
