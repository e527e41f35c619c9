#include "tidemark/conn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ev.h>
#include <libpq-fe.h>
#include <talloc.h>

#include "conn_private.h"
#include "connect_error.h"
#include "connect_params.h"
#include "notices.h"
#include "rows_private.h"
#include "sqlstate.h"
#include "tidemark/session.h"

/* The oldest server with TID range scans. */
#define OLDEST_SERVER 140000

enum state { ST_CLOSED, ST_CONNECTING, ST_IDLE, ST_SENDING, ST_READING, ST_BROKEN };

struct tide_conn {
	struct ev_loop *loop;
	ev_io io;
	ev_timer limit; /* only while opening */
	PGconn *pg;     /* NULL unless open */
	int backend_pid, server_version;
	enum state state;
	bool opening; /* connecting, or pinning the session: one operation to the caller */
	tide_conn_done *done;
	void *done_ctx;
	PGresult *result; /* of the last statement that succeeded */
	bool failed;
	struct tide_err err;  /* the first error of the operation */
	struct tide_err lost; /* why the connection broke, for all who ask later */
	struct tide_notices notices;
	tide_conn_notify *notify;
	void *notify_ctx;
	tide_conn_notice *notice;
	void *notice_ctx;
	void (*abandoned)(void *ctx);
	void *abandoned_ctx;
	bool *gone; /* on the stack of who is calling back: closed or destroyed meanwhile */
};

/* The only place that touches the watcher: libpq may swap its socket. */
static void
arm(struct tide_conn *c, int events)
{
	ev_io_stop(c->loop, &c->io);
	if (events == 0 || PQsocket(c->pg) < 0)
		return;
	ev_io_set(&c->io, PQsocket(c->pg), events);
	ev_io_start(c->loop, &c->io);
}

/* An operation that is over before it began is reported from the loop as well. */
static void
report_later(struct tide_conn *c)
{
	arm(c, 0);
	ev_feed_event(c->loop, &c->io, EV_CUSTOM);
}

static void
set_failed(struct tide_conn *c, const struct tide_err *err)
{
	if (!c->failed)
		c->err = *err;
	c->failed = true;
}

/** Calls back for each message that waits. false: the connection was closed or destroyed by it. */
static bool
tell_notices(struct tide_conn *c)
{
	bool gone = false, *outer = c->gone;
	struct tide_notice *notice;

	c->gone = &gone;
	while (!gone && (notice = tide_notices_shift(&c->notices)) != NULL) {
		talloc_steal(NULL, notice);
		if (c->notice != NULL)
			c->notice(c->notice_ctx, notice->severity, notice->sqlstate, notice->message);
		talloc_free(notice);
	}
	if (!gone)
		c->gone = outer;
	else if (outer != NULL)
		*outer = true;
	return !gone;
}

/** The same for NOTIFY. Last in every event: the callback may start the next operation. */
static void
tell_notifies(struct tide_conn *c)
{
	bool gone = false, *outer = c->gone;
	PGnotify *notify;

	c->gone = &gone;
	while (!gone && c->pg != NULL && (notify = PQnotifies(c->pg)) != NULL) {
		if (c->notify != NULL)
			c->notify(c->notify_ctx, notify->relname, notify->extra);
		PQfreemem(notify);
	}
	if (!gone)
		c->gone = outer;
	else if (outer != NULL)
		*outer = true;
}

/*
 * The only place that reports. All is copied out and cleared first: the callback may start the next operation or destroy
 * the connection.
 */
static void
report(struct tide_conn *c)
{
	struct tide_rows *rows = c->failed || c->result == NULL ? NULL : tide_rows_take(NULL, c->result);
	tide_conn_done *done = c->done;
	struct tide_err err = c->err;
	bool failed = c->failed, gone = false, *outer = c->gone;

	if (rows == NULL)
		PQclear(c->result);
	c->result = NULL;
	c->done = NULL;
	c->failed = false;
	c->opening = false;
	c->abandoned = NULL;
	c->gone = &gone;
	if (done != NULL)
		done(c->done_ctx, rows, failed ? &err : NULL);
	talloc_free(rows);
	if (gone) {
		if (outer != NULL)
			*outer = true;
		return;
	}
	c->gone = outer;
	tell_notifies(c);
}

static void
finish(struct tide_conn *c, enum state state)
{
	c->state = state;
	ev_timer_stop(c->loop, &c->limit);
	arm(c, state == ST_IDLE ? EV_READ : 0);
	if (state == ST_BROKEN) {
		if (c->failed && c->lost.code == TIDE_OK)
			c->lost = c->err;
		/* At once: the server lets go of its locks when it sees the end. */
		PQfinish(c->pg);
		c->pg = NULL;
	}
	if (tell_notices(c))
		report(c);
}

/* The connection broke: the server's last words, when it had any, are the reason. */
static void
lose(struct tide_conn *c)
{
	struct tide_err err = c->lost;

	if (err.code == TIDE_OK && c->failed && c->err.code == TIDE_UNREACHABLE)
		err = c->err;
	if (err.code == TIDE_OK) {
		char *text = tide_libpq_line(NULL, PQerrorMessage(c->pg));

		tide_fail(&err, TIDE_UNREACHABLE, "connection lost: %s",
		    text[0] == '\0' ? "no reason given" : text);
		snprintf(err.sqlstate, sizeof(err.sqlstate), "08006");
		talloc_free(text);
	}
	if (err.hint[0] == '\0')
		tide_hint(&err, "the server went away or ended the session; its log says why");
	c->lost = err;
	/* An error of the statement came first and is the one to tell, unless it is the end itself. */
	if (c->failed && c->err.code == TIDE_UNREACHABLE)
		c->failed = false;
	set_failed(c, &err);
	finish(c, ST_BROKEN);
}

static void
connect_failed(struct tide_conn *c, const char *text)
{
	struct tide_err err;
	char *where = tide_connect_target(NULL, c->pg);

	tide_connect_fail(&err, where, text);
	talloc_free(where);
	set_failed(c, &err);
}

static void
refuse_session(struct tide_conn *c, struct tide_err *err)
{
	char *where = tide_connect_target(NULL, c->pg);

	tide_wrap(err, "cannot work on %s", where);
	talloc_free(where);
	c->failed = false;
	set_failed(c, err);
	c->lost = *err;
}

/* The session is pinned, or could not be. */
static void
check_session(struct tide_conn *c)
{
	struct tide_err err = c->err;
	const char *pid = c->result == NULL ? "" : PQgetvalue(c->result, 0, 0);

	c->backend_pid = PQbackendPID(c->pg);
	c->server_version = PQserverVersion(c->pg);
	if (c->failed) {
		if (strcmp(err.sqlstate, "42501") == 0)
			tide_hint(&err, "the role or the database sets session_replication_role, which would "
					"switch triggers off: "
					"ALTER ROLE … RESET session_replication_role");
		refuse_session(c, &err);
	} else if ((int)strtol(pid, NULL, 10) != c->backend_pid) {
		tide_fail(&err, TIDE_PRECONDITION,
		    "a connection pooler stands between (the server process is %s, announced was %d)", pid,
		    c->backend_pid);
		tide_hint(&err, "tidemark needs sessions of its own for settings, LISTEN and cancelling: "
				"connect to PostgreSQL "
				"directly, not through the pooler");
		refuse_session(c, &err);
	}
	PQclear(c->result);
	c->result = NULL;
	finish(c, c->failed ? ST_BROKEN : ST_IDLE);
}

static void
take_result(struct tide_conn *c, PGresult *result)
{
	struct tide_err err;

	switch (PQresultStatus(result)) {
	case PGRES_TUPLES_OK:
	case PGRES_COMMAND_OK:
	case PGRES_EMPTY_QUERY:
		PQclear(c->result);
		c->result = result;
		return;
	default:
		tide_result_fail(&err, result);
		set_failed(c, &err);
		PQclear(result);
	}
}

static bool
is_copy(const PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);

	return status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH;
}

/* Nothing would ever end a COPY that nobody feeds: give the connection up. */
static void
refuse_copy(struct tide_conn *c, PGresult *result)
{
	struct tide_err err;

	PQclear(result);
	tide_fail(&err, TIDE_UNEXPECTED, "COPY from or to the client is not possible here");
	set_failed(c, &err);
	finish(c, ST_BROKEN);
}

/* The socket is dead: what the server said before is still in libpq's buffer, and asking for it cannot block. */
static void
drain_dead(struct tide_conn *c)
{
	PGresult *result;

	while ((result = PQgetResult(c->pg)) != NULL && !is_copy(result))
		take_result(c, result);
	PQclear(result);
	lose(c);
}

static void
drain(struct tide_conn *c)
{
	while (!PQisBusy(c->pg)) {
		PGresult *result = PQgetResult(c->pg);

		if (result != NULL && is_copy(result)) {
			refuse_copy(c, result);
			return;
		}
		if (result != NULL) {
			take_result(c, result);
			continue;
		}
		if (PQstatus(c->pg) != CONNECTION_OK)
			lose(c);
		else if (c->opening)
			check_session(c);
		else
			finish(c, ST_IDLE);
		return;
	}
	if (PQsocket(c->pg) < 0)
		drain_dead(c);
	else
		arm(c, EV_READ);
}

/* Everything sent: read. While something is left the server may have to be read from before it reads on. */
static bool
flush(struct tide_conn *c)
{
	int left = PQflush(c->pg);

	if (left > 0)
		arm(c, EV_READ | EV_WRITE);
	else
		arm(c, EV_READ);
	if (left == 0)
		c->state = ST_READING;
	return left >= 0;
}

static void
transfer(struct tide_conn *c, int events)
{
	if ((events & EV_READ) != 0 && !PQconsumeInput(c->pg)) {
		drain_dead(c);
		return;
	}
	if (c->state == ST_SENDING && !flush(c))
		lose(c);
	else if (c->state == ST_READING)
		drain(c);
}

/* Notifications, warnings and the end of the connection arrive here. */
static void
listen_idle(struct tide_conn *c)
{
	bool open = PQconsumeInput(c->pg) != 0;

	(void)PQisBusy(c->pg); /* parses what came */
	if (!open || PQstatus(c->pg) != CONNECTION_OK)
		lose(c);
	else if (tell_notices(c))
		tell_notifies(c);
}

static bool
pin_session(struct tide_conn *c)
{
	char *sql;
	int sent;

	if (PQserverVersion(c->pg) < OLDEST_SERVER) {
		struct tide_err err;

		tide_fail(&err, TIDE_PRECONDITION, "the server is PostgreSQL %d.%d",
		    PQserverVersion(c->pg) / 10000, PQserverVersion(c->pg) % 10000);
		tide_hint(&err, "tidemark needs PostgreSQL 14 or newer");
		refuse_session(c, &err);
		return false;
	}
	PQsetErrorVerbosity(c->pg, PQERRORS_DEFAULT);
	sql = tide_session_sql(NULL, PQserverVersion(c->pg));
	sent = PQsetnonblocking(c->pg, 1) == 0 && PQsendQuery(c->pg, sql);
	talloc_free(sql);
	c->state = ST_SENDING;
	if (sent && flush(c))
		return true;
	connect_failed(c, PQerrorMessage(c->pg));
	return false;
}

static void
poll_connect(struct tide_conn *c)
{
	PostgresPollingStatusType status;

	/* Before libpq closes the socket and opens another, perhaps under the same number. */
	arm(c, 0);
	status = PQconnectPoll(c->pg);
	if (status == PGRES_POLLING_READING || status == PGRES_POLLING_WRITING) {
		arm(c, status == PGRES_POLLING_READING ? EV_READ : EV_WRITE);
		return;
	}
	if (status == PGRES_POLLING_OK && pin_session(c))
		return;
	if (!c->failed)
		connect_failed(c, PQerrorMessage(c->pg));
	finish(c, ST_BROKEN);
}

static void
on_io(struct ev_loop *loop, ev_io *io, int events)
{
	struct tide_conn *c = io->data;

	(void)loop;
	if ((events & EV_CUSTOM) != 0)
		finish(c, c->state == ST_IDLE && PQstatus(c->pg) == CONNECTION_OK ? ST_IDLE : ST_BROKEN);
	else if (c->state == ST_CONNECTING)
		poll_connect(c);
	else if (c->state == ST_IDLE)
		listen_idle(c);
	else if (c->state == ST_SENDING || c->state == ST_READING)
		transfer(c, events);
}

static void
on_limit(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct tide_conn *c = timer->data;

	(void)loop;
	(void)events;
	c->failed = false;
	connect_failed(c, "timeout expired");
	finish(c, ST_BROKEN);
}

/* Called by libpq in the middle of its work: only keep the message. */
static void
on_pg_notice(void *ctx, const PGresult *result)
{
	struct tide_conn *c = ctx;
	const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);

	/* With no statement under way the reason for the end of a session comes as a notice. */
	if (severity != NULL && strcmp(severity, "FATAL") == 0 && c->lost.code == TIDE_OK) {
		tide_result_fail(&c->lost, result);
		tide_wrap(&c->lost, "connection lost");
		c->lost.code = TIDE_UNREACHABLE;
	}
	tide_notices_add(c, &c->notices, result);
}

static void
disconnect(struct tide_conn *c)
{
	struct tide_notice *notice;

	if (c->gone != NULL)
		*c->gone = true;
	c->gone = NULL;
	arm(c, 0);
	ev_timer_stop(c->loop, &c->limit);
	while ((notice = tide_notices_shift(&c->notices)) != NULL)
		talloc_free(notice);
	PQclear(c->result);
	PQfinish(c->pg);
	c->result = NULL;
	c->pg = NULL;
	c->done = NULL;
	c->failed = false;
	c->opening = false;
	c->state = ST_CLOSED;
	c->lost = (struct tide_err){ 0 };
	if (c->abandoned != NULL) {
		void (*abandoned)(void *ctx) = c->abandoned;

		c->abandoned = NULL;
		abandoned(c->abandoned_ctx);
	}
}

static int
destroy(struct tide_conn *c)
{
	disconnect(c);
	return 0;
}

struct tide_conn *
tide_conn_new(void *parent, struct ev_loop *loop)
{
	struct tide_conn *c = talloc_zero(parent, struct tide_conn);

	c->loop = loop;
	ev_init(&c->io, on_io);
	c->io.data = c;
	ev_init(&c->limit, on_limit);
	c->limit.data = c;
	talloc_set_destructor(c, destroy);
	return c;
}

static void
begin(struct tide_conn *c, tide_conn_done *done, void *ctx)
{
	/* One operation at a time: two would mix their results. */
	if (c->done != NULL || done == NULL)
		abort();
	c->done = done;
	c->done_ctx = ctx;
	c->failed = false;
}

void
tide_conn_open(struct tide_conn *conn, const struct tide_dsn *dsn, const char *application_name,
    tide_conn_done *done, void *ctx)
{
	struct tide_dsn params;
	double limit;

	if (conn->done != NULL)
		abort();
	disconnect(conn);
	begin(conn, done, ctx);
	params = tide_connect_params(NULL, dsn, application_name);
	limit = tide_connect_limit(&params);
	conn->opening = true;
	conn->pg = PQconnectStartParams(params.keyword, params.value, 0);
	talloc_free(params.keyword);
	talloc_free(params.value);
	if (conn->pg == NULL || PQstatus(conn->pg) == CONNECTION_BAD) {
		connect_failed(conn, conn->pg == NULL ? "out of memory" : PQerrorMessage(conn->pg));
		report_later(conn);
		return;
	}
	/* The verbose form carries the SQLSTATE, for which libpq has no function while it connects. */
	PQsetErrorVerbosity(conn->pg, PQERRORS_VERBOSE);
	PQsetNoticeReceiver(conn->pg, on_pg_notice, conn);
	conn->state = ST_CONNECTING;
	if (limit > 0) {
		ev_now_update(conn->loop);
		ev_timer_set(&conn->limit, limit, 0.);
		ev_timer_start(conn->loop, &conn->limit);
	}
	arm(conn, EV_WRITE);
}

void
tide_conn_close(struct tide_conn *conn)
{
	disconnect(conn);
}

/* false: there is no connection to send on, which is reported from the loop. */
static bool
start(struct tide_conn *c, tide_conn_done *done, void *ctx)
{
	struct tide_err err = c->lost;

	begin(c, done, ctx);
	if (c->state == ST_IDLE)
		return true;
	if (err.code == TIDE_OK)
		tide_fail(&err, TIDE_UNREACHABLE, "there is no connection to the database");
	set_failed(c, &err);
	report_later(c);
	return false;
}

static void
dispatch(struct tide_conn *c, int sent)
{
	struct tide_err err;
	char *text;

	if (sent) {
		c->state = ST_SENDING;
		if (flush(c))
			return;
		c->state = ST_BROKEN;
	}
	text = tide_libpq_text(NULL, PQerrorMessage(c->pg));
	tide_fail(&err, PQstatus(c->pg) == CONNECTION_OK ? TIDE_UNEXPECTED : TIDE_UNREACHABLE,
	    "cannot send: %s", text);
	talloc_free(text);
	set_failed(c, &err);
	report_later(c);
}

void
tide_conn_exec(struct tide_conn *conn, const char *sql, tide_conn_done *done, void *ctx)
{
	if (start(conn, done, ctx))
		dispatch(conn, PQsendQuery(conn->pg, sql));
}

void
tide_conn_query(struct tide_conn *conn, const char *sql, size_t count, const char *const *values,
    tide_conn_done *done, void *ctx)
{
	if (start(conn, done, ctx))
		dispatch(conn, PQsendQueryParams(conn->pg, sql, (int)count, NULL, values, NULL, NULL, 0));
}

void
tide_conn_prepare(struct tide_conn *conn, const char *name, const char *sql, tide_conn_done *done, void *ctx)
{
	if (start(conn, done, ctx))
		dispatch(conn, PQsendPrepare(conn->pg, name, sql, 0, NULL));
}

void
tide_conn_execute(struct tide_conn *conn, const char *name, size_t count, const char *const *values,
    tide_conn_done *done, void *ctx)
{
	if (start(conn, done, ctx))
		dispatch(conn, PQsendQueryPrepared(conn->pg, name, (int)count, values, NULL, NULL, 0));
}

void
tide_conn_on_notify(struct tide_conn *conn, tide_conn_notify *notify, void *ctx)
{
	conn->notify = notify;
	conn->notify_ctx = ctx;
}

void
tide_conn_on_notice(struct tide_conn *conn, tide_conn_notice *notice, void *ctx)
{
	conn->notice = notice;
	conn->notice_ctx = ctx;
}

bool
tide_conn_busy(const struct tide_conn *conn)
{
	return conn->done != NULL;
}

bool
tide_conn_alive(const struct tide_conn *conn)
{
	return !conn->opening &&
	       (conn->state == ST_IDLE || conn->state == ST_SENDING || conn->state == ST_READING);
}

int
tide_conn_backend_pid(const struct tide_conn *conn)
{
	return conn->backend_pid;
}

int
tide_conn_server_version(const struct tide_conn *conn)
{
	return conn->server_version;
}

struct ev_loop *
tide_conn_loop(const struct tide_conn *conn)
{
	return conn->loop;
}

void
tide_conn_on_abandoned(struct tide_conn *conn, void (*abandoned)(void *ctx), void *ctx)
{
	conn->abandoned = abandoned;
	conn->abandoned_ctx = ctx;
}
