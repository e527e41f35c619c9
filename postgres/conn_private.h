#ifndef TIDE_CONN_PRIVATE_H
#define TIDE_CONN_PRIVATE_H

#include "tidemark/conn.h"

struct ev_loop *tide_conn_loop(const struct tide_conn *conn);

/**
 * For who waits for the operation under way: told once when the connection is closed or destroyed, and the
 * operation ends without its callback. NULL forgets it.
 */
void tide_conn_on_abandoned(struct tide_conn *conn, void (*abandoned)(void *ctx), void *ctx);

#endif
