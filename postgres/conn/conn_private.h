#ifndef TIDE_CONN_PRIVATE_H
#define TIDE_CONN_PRIVATE_H

#include <ev.h>

#include "notices.h"
#include "tidemark/postgres/conn.h"

struct pg_conn;
struct pg_result;

enum tide_conn_state { ST_CLOSED, ST_CONNECTING, ST_IDLE, ST_SENDING, ST_READING, ST_BROKEN };

struct tide_conn {
	struct ev_loop *loop;
	ev_io io;
	ev_timer limit;     /* only while opening */
	struct pg_conn *pg; /* NULL unless open */
	int backend_pid, server_version;
	enum tide_conn_state state;
	bool opening;    /* connecting, or pinning the session: one operation to the caller */
	bool identified; /* while opening: no pooler, the settings are under way */
	bool bare;       /* opened without either */
	tide_conn_done *done;
	void *done_ctx;
	struct pg_result *result; /* of the last statement that succeeded */
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

/*
 * Shared by conn.c (the state machine and the operations) and conn_open.c (how a connection comes about); nobody else uses these.
 */

/** The only function that touches the watcher. events 0 stops it. */
void tide_conn_arm(struct tide_conn *c, int events);
/** Takes the place of the operation under way; one at a time. */
void tide_conn_begin(struct tide_conn *c, tide_conn_done *done, void *ctx);
/** Keeps the first error of the operation. */
void tide_conn_set_failed(struct tide_conn *c, const struct tide_err *err);
/** Ends the operation: the only function that changes to IDLE or BROKEN, and that reports. */
void tide_conn_finish(struct tide_conn *c, enum tide_conn_state state);
/** The same for one that is over before it began: reported from the loop. */
void tide_conn_report_later(struct tide_conn *c);
/** Sends what is left; false when the connection is broken. */
bool tide_conn_flush(struct tide_conn *c);
/** Called by libpq in the middle of its work: only keeps the message. */
void tide_conn_keep_notice(void *ctx, const struct pg_result *result);

/** One step of connecting. */
void tide_conn_poll(struct tide_conn *c);
/** An answer while the session is pinned: decides whether it may be used. */
void tide_conn_check_session(struct tide_conn *c);
/** The time for opening is over. */
void tide_conn_on_limit(struct ev_loop *loop, ev_timer *timer, int events);

/**
 * For who waits for the operation under way: told once when the connection is closed or destroyed, and the
 * operation ends without its callback. NULL forgets it.
 */
void tide_conn_on_abandoned(struct tide_conn *conn, void (*abandoned)(void *ctx), void *ctx);

#endif
