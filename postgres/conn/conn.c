#include "tidemark/postgres/conn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ev.h>
#include <libpq-fe.h>
#include <talloc.h>

#include "conn_private.h"
#include "rows_private.h"
#include "sqlstate.h"

/* The only place that touches the watcher: libpq may swap its socket. */
void
tide_conn_arm(struct tide_conn *c, int events)
{
	ev_io_stop(c->loop, &c->io);
	if (events == 0 || PQsocket(c->pg) < 0)
		return;
	ev_io_set(&c->io, PQsocket(c->pg), events);
	ev_io_start(c->loop, &c->io);
}

/* An operation that is over before it began is reported from the loop as well. */
void
tide_conn_report_later(struct tide_conn *c)
{
	tide_conn_arm(c, 0);
	ev_feed_event(c->loop, &c->io, EV_CUSTOM);
}

void
tide_conn_set_failed(struct tide_conn *c, const struct tide_err *err)
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
	struct tide_rows *rows =
	    c->failed || c->result == NULL ? NULL : tide_rows_take(NULL, c->result, c->loop);
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

void
tide_conn_finish(struct tide_conn *c, enum tide_conn_state state)
{
	c->state = state;
	ev_timer_stop(c->loop, &c->limit);
	tide_conn_arm(c, state == ST_IDLE ? EV_READ : 0);
	if (state == ST_BROKEN) {
		if (c->failed && c->lost.code == TIDE_OK)
			c->lost = c->err;
		/* At once: the server releases its locks when it sees the end. */
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
	tide_conn_set_failed(c, &err);
	tide_conn_finish(c, ST_BROKEN);
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
		tide_conn_set_failed(c, &err);
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
	tide_conn_set_failed(c, &err);
	tide_conn_finish(c, ST_BROKEN);
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
			tide_conn_check_session(c);
		else
			tide_conn_finish(c, ST_IDLE);
		return;
	}
	if (PQsocket(c->pg) < 0)
		drain_dead(c);
	else
		tide_conn_arm(c, EV_READ);
}

/* Everything sent: read. While something is left the server may have to be read from before it reads on. */
bool
tide_conn_flush(struct tide_conn *c)
{
	int left = PQflush(c->pg);

	if (left > 0)
		tide_conn_arm(c, EV_READ | EV_WRITE);
	else
		tide_conn_arm(c, EV_READ);
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
	if (c->state == ST_SENDING && !tide_conn_flush(c))
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

static void
on_io(struct ev_loop *loop, ev_io *io, int events)
{
	struct tide_conn *c = io->data;

	(void)loop;
	if ((events & EV_CUSTOM) != 0)
		tide_conn_finish(
		    c, c->state == ST_IDLE && PQstatus(c->pg) == CONNECTION_OK ? ST_IDLE : ST_BROKEN);
	else if (c->state == ST_CONNECTING)
		tide_conn_poll(c);
	else if (c->state == ST_IDLE)
		listen_idle(c);
	else if (c->state == ST_SENDING || c->state == ST_READING)
		transfer(c, events);
}

void
tide_conn_keep_notice(void *ctx, const PGresult *result)
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
	tide_conn_arm(c, 0);
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
	ev_init(&c->limit, tide_conn_on_limit);
	c->limit.data = c;
	talloc_set_destructor(c, destroy);
	return c;
}

void
tide_conn_begin(struct tide_conn *c, tide_conn_done *done, void *ctx)
{
	/* One operation at a time: two would mix their results. */
	if (c->done != NULL || done == NULL)
		abort();
	c->done = done;
	c->done_ctx = ctx;
	c->failed = false;
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

	tide_conn_begin(c, done, ctx);
	if (c->state == ST_IDLE)
		return true;
	if (err.code == TIDE_OK)
		tide_fail(&err, TIDE_UNREACHABLE, "there is no connection to the database");
	tide_conn_set_failed(c, &err);
	tide_conn_report_later(c);
	return false;
}

static void
dispatch(struct tide_conn *c, int sent)
{
	struct tide_err err;
	char *text;

	if (sent) {
		c->state = ST_SENDING;
		if (tide_conn_flush(c))
			return;
		c->state = ST_BROKEN;
	}
	text = tide_libpq_text(NULL, PQerrorMessage(c->pg));
	tide_fail(&err, PQstatus(c->pg) == CONNECTION_OK ? TIDE_UNEXPECTED : TIDE_UNREACHABLE,
	    "cannot send: %s", text);
	talloc_free(text);
	tide_conn_set_failed(c, &err);
	tide_conn_report_later(c);
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

void
tide_conn_on_abandoned(struct tide_conn *conn, void (*abandoned)(void *ctx), void *ctx)
{
	conn->abandoned = abandoned;
	conn->abandoned_ctx = ctx;
}
