#ifndef TIDE_CONNECT_ERROR_H
#define TIDE_CONNECT_ERROR_H

#include "tidemark/base/err.h"

struct pg_conn;

/**
 * Explains why no connection came about. `where` says the target (see tide_connect_target), `text` is libpq's own message with
 * verbose errors, in which the SQLSTATE can be found. TIDE_UNREACHABLE: trying again may help.
 */
bool tide_connect_fail(struct tide_err *err, const char *where, const char *text);

/** `host:port, database "d", user "u"`, never a secret. Belongs to ctx. */
char *tide_connect_target(void *ctx, const struct pg_conn *pg);

#endif
