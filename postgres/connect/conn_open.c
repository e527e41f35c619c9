#include "tidemark/postgres/conn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ev.h>
#include <libpq-fe.h>
#include <talloc.h>

#include "conn/conn_private.h"
#include "connect_error.h"
#include "connect_params.h"
#include "tidemark/postgres/session.h"

/* The oldest server with TID range scans. */
#define OLDEST_SERVER 140000

static void
connect_failed(struct tide_conn *c, const char *text)
{
	struct tide_err err;
	char *where = tide_connect_target(NULL, c->pg);

	tide_connect_fail(&err, where, text);
	talloc_free(where);
	tide_conn_set_failed(c, &err);
}

static void
refuse_session(struct tide_conn *c, struct tide_err *err)
{
	char *where = tide_connect_target(NULL, c->pg);

	tide_wrap(err, "cannot work on %s", where);
	talloc_free(where);
	c->failed = false;
	tide_conn_set_failed(c, err);
	c->lost = *err;
}

static bool
send(struct tide_conn *c, const char *sql)
{
	c->state = ST_SENDING;
	if (PQsendQuery(c->pg, sql) && tide_conn_flush(c))
		return true;
	connect_failed(c, PQerrorMessage(c->pg));
	return false;
}

static bool
is_direct(struct tide_conn *c)
{
	const char *pid =
	    PQntuples(c->result) == 1 && PQnfields(c->result) == 1 ? PQgetvalue(c->result, 0, 0) : "";
	struct tide_err err;

	if ((int)strtol(pid, NULL, 10) == c->backend_pid)
		return true;
	tide_fail(&err, TIDE_PRECONDITION, "connected through a pooler (server process %s, expected %d)", pid,
	    c->backend_pid);
	tide_hint(&err, "tidemark needs sessions of its own for settings, LISTEN and cancelling: connect to "
			"PostgreSQL directly, not through the pooler");
	refuse_session(c, &err);
	return false;
}

static void
refuse_settings(struct tide_conn *c)
{
	struct tide_err err = c->err;

	if (strcmp(err.sqlstate, "42501") == 0)
		tide_hint(&err, "the role or the database sets session_replication_role, which would switch "
				"triggers off: ALTER ROLE … RESET session_replication_role");
	refuse_session(c, &err);
}

/* After the question for the process, and after the settings, which end with the same question. */
void
tide_conn_check_session(struct tide_conn *c)
{
	bool pinned = c->identified;

	if (c->failed)
		refuse_settings(c);
	else
		c->identified = is_direct(c);
	PQclear(c->result);
	c->result = NULL;
	if (!c->failed && !pinned) {
		char *sql = tide_session_sql(NULL, c->server_version);
		bool sent = send(c, sql);

		talloc_free(sql);
		if (sent)
			return;
	}
	tide_conn_finish(c, c->failed ? ST_BROKEN : ST_IDLE);
}

/* Asks first and sets later: through a pooler the settings would go to a session that others use. */
static bool
identify(struct tide_conn *c)
{
	struct tide_err err;

	c->backend_pid = PQbackendPID(c->pg);
	c->server_version = PQserverVersion(c->pg);
	c->identified = false;
	if (c->server_version < OLDEST_SERVER) {
		tide_fail(&err, TIDE_PRECONDITION, "the server is PostgreSQL %d.%d",
		    c->server_version / 10000, c->server_version % 10000);
		tide_hint(&err, "tidemark needs PostgreSQL 14 or newer");
		refuse_session(c, &err);
		return false;
	}
	PQsetErrorVerbosity(c->pg, PQERRORS_DEFAULT);
	PQsetnonblocking(c->pg, 1);
	if (!c->bare)
		return send(c, "SELECT pg_catalog.pg_backend_pid()");
	tide_conn_finish(c, ST_IDLE);
	return true;
}

void
tide_conn_poll(struct tide_conn *c)
{
	PostgresPollingStatusType status;

	/* Before libpq closes the socket and opens another, perhaps under the same number. */
	tide_conn_arm(c, 0);
	status = PQconnectPoll(c->pg);
	if (status == PGRES_POLLING_READING || status == PGRES_POLLING_WRITING) {
		tide_conn_arm(c, status == PGRES_POLLING_READING ? EV_READ : EV_WRITE);
		return;
	}
	if (status == PGRES_POLLING_OK && identify(c))
		return;
	if (!c->failed)
		connect_failed(c, PQerrorMessage(c->pg));
	tide_conn_finish(c, ST_BROKEN);
}

void
tide_conn_on_limit(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct tide_conn *c = timer->data;

	(void)loop;
	(void)events;
	c->failed = false;
	connect_failed(c, "timeout expired");
	tide_conn_finish(c, ST_BROKEN);
}

static void
start(struct tide_conn *conn, const struct tide_dsn *dsn, const char *application_name, bool bare,
    tide_conn_done *done, void *ctx)
{
	struct tide_dsn params;
	double limit;

	if (conn->done != NULL)
		abort();
	tide_conn_close(conn);
	tide_conn_begin(conn, done, ctx);
	params = tide_connect_params(NULL, dsn, application_name);
	limit = tide_connect_limit(&params);
	conn->opening = true;
	conn->bare = bare;
	conn->pg = PQconnectStartParams(params.keyword, params.value, 0);
	talloc_free(params.keyword);
	talloc_free(params.value);
	if (conn->pg == NULL || PQstatus(conn->pg) == CONNECTION_BAD) {
		connect_failed(conn, conn->pg == NULL ? "out of memory" : PQerrorMessage(conn->pg));
		tide_conn_report_later(conn);
		return;
	}
	/* The verbose form carries the SQLSTATE, for which libpq has no function while it connects. */
	PQsetErrorVerbosity(conn->pg, PQERRORS_VERBOSE);
	PQsetNoticeReceiver(conn->pg, tide_conn_keep_notice, conn);
	conn->state = ST_CONNECTING;
	if (limit > 0) {
		ev_now_update(conn->loop);
		ev_timer_set(&conn->limit, limit, 0.);
		ev_timer_start(conn->loop, &conn->limit);
	}
	tide_conn_arm(conn, EV_WRITE);
}

void
tide_conn_open(struct tide_conn *conn, const struct tide_dsn *dsn, const char *application_name,
    tide_conn_done *done, void *ctx)
{
	start(conn, dsn, application_name, false, done, ctx);
}

void
tide_conn_open_bare(struct tide_conn *conn, const struct tide_dsn *dsn, const char *application_name,
    tide_conn_done *done, void *ctx)
{
	start(conn, dsn, application_name, true, done, ctx);
}
