#ifndef TIDE_CLI_ENVIRONMENT_H
#define TIDE_CLI_ENVIRONMENT_H

#include <stdbool.h>
#include <stddef.h>

#include "tidemark/base/err.h"
#include "tidemark/postgres/url.h"

/** A variable of a file. */
struct tide_variable {
	const char *name, *value;
};

/** The environment of the process, and what files add to it. */
struct tide_environment {
	tide_getenv *outer;
	void *outer_ctx;
	struct tide_variable *variable;
	size_t count;
};

/** A tide_getenv. What the process has, even empty, wins over the files, as everywhere where there are such files. */
const char *tide_environment_get(void *environment, const char *name);

/**
 * Adds the lines of a file, as `docker run --env-file` reads them: NAME=VALUE, of which the value is taken as it is; NAME alone, which is
 * the variable of the process; # at the beginning is a comment. A later file wins over an earlier one. Errors have file:line and
 * never the line itself: it may be a secret. Belongs to ctx.
 */
bool tide_environment_read(
    void *ctx, struct tide_environment *environment, const char *path, struct tide_err *err) TIDE_CHECKED;

#endif
