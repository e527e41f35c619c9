#ifndef TIDE_URL_H
#define TIDE_URL_H

#include <stdbool.h>
#include <stddef.h>

#include "tidemark/postgres/conn.h"
#include "tidemark/base/err.h"

/** One connection setting, for `tidemark config`: secrets in `shown` are masked. */
struct tide_setting {
	const char *keyword, *value, *shown, *origin;
};
struct tide_settings {
	struct tide_setting *item;
	size_t count;
	char **warning;
	size_t warning_count;
};

/** Looks up an environment variable; NULL when unset. Lets tests bring their own. */
typedef const char *tide_getenv(void *ctx, const char *name);

/**
 * Resolves where to connect, strongest first: `dsn` (flag; NULL when not given), `overrides` (single flags: keyword/value
 * pairs, ends with NULL keyword; may be NULL), TIDEMARK_DATABASE_URL, DATABASE_URL, SQLALCHEMY_DATABASE_URL,
 * DATABASE_HOST/PORT/NAME/USER/PASSWORD, POSTGRES_HOST/PORT/DB/USER/PASSWORD, then libpq's own. The first of dsn, URLs and
 * groups that says anything is taken as a whole; only overrides and libpq's own are mixed into it.
 * A URL as applications write it is accepted (postgresql+asyncpg://, jdbc:postgresql://, …); keys of drivers are translated or
 * dropped with a warning that names the key. Errors never contain the URL. Belongs to ctx.
 */
bool tide_settings_resolve(void *ctx, const char *dsn, const char *const *overrides, tide_getenv *getenv_fn,
    void *getenv_ctx, struct tide_settings *out, struct tide_err *err) TIDE_CHECKED;

/** The keywords and values for tide_conn_open. Belongs to ctx. */
struct tide_dsn tide_settings_dsn(void *ctx, const struct tide_settings *settings);

#endif
