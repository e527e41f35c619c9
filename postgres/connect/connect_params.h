#ifndef TIDE_CONNECT_PARAMS_H
#define TIDE_CONNECT_PARAMS_H

#include "tidemark/postgres/conn.h"

/**
 * What is handed to libpq: `dsn` with our application_name and encoding instead of its own, and time limits where it says none.
 * Belongs to ctx.
 */
struct tide_dsn tide_connect_params(void *ctx, const struct tide_dsn *dsn, const char *application_name);

/** Seconds that connecting may take in all; 0 is no limit. libpq leaves this to whoever uses PQconnectPoll. */
double tide_connect_limit(const struct tide_dsn *params);

#endif
