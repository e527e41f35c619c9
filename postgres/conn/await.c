#include "tidemark/postgres/conn.h"

#include <ev.h>

#include "conn_private.h"
#include "rows_private.h"

/** One operation waited for. */
struct await {
	struct ev_loop *loop;
	void *mem;
	struct tide_rows **rows;
	struct tide_err *err;
	bool over, ok;
};

static void
end(struct await *wait, bool ok)
{
	wait->over = true;
	wait->ok = ok;
	/* Else the loop would continue to sleep when this was called before it polls. */
	ev_break(wait->loop, EVBREAK_ONE);
}

static void
on_done(void *ctx, const struct tide_rows *rows, const struct tide_err *err)
{
	struct await *wait = ctx;

	if (err != NULL && wait->err != NULL)
		*wait->err = *err;
	if (err == NULL && wait->rows != NULL && rows != NULL)
		*wait->rows = tide_rows_copy(wait->mem, rows);
	end(wait, err == NULL);
}

static void
on_abandoned(void *ctx)
{
	struct await *wait = ctx;

	tide_fail(wait->err, TIDE_UNREACHABLE, "the connection was closed while it was waited for");
	end(wait, false);
}

static bool
run(struct tide_conn *conn, struct await *wait)
{
	tide_conn_on_abandoned(conn, on_abandoned, wait);
	while (!wait->over)
		ev_run(wait->loop, EVRUN_ONCE);
	return wait->ok;
}

bool
tide_await_open(
    struct tide_conn *conn, const struct tide_dsn *dsn, const char *application_name, struct tide_err *err)
{
	struct await wait = { .loop = conn->loop, .err = err };

	tide_conn_open(conn, dsn, application_name, on_done, &wait);
	return run(conn, &wait);
}

bool
tide_await_exec(
    struct tide_conn *conn, void *mem, const char *sql, struct tide_rows **rows, struct tide_err *err)
{
	struct await wait = { .loop = conn->loop, .mem = mem, .rows = rows, .err = err };

	tide_conn_exec(conn, sql, on_done, &wait);
	return run(conn, &wait);
}

bool
tide_await_query(struct tide_conn *conn, void *mem, const char *sql, size_t count, const char *const *values,
    struct tide_rows **rows, struct tide_err *err)
{
	struct await wait = { .loop = conn->loop, .mem = mem, .rows = rows, .err = err };

	tide_conn_query(conn, sql, count, values, on_done, &wait);
	return run(conn, &wait);
}
