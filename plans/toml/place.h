#ifndef TIDE_PLACE_H
#define TIDE_PLACE_H

#include <stdarg.h>
#include <stdbool.h>

#include "tidemark/base/err.h"
#include "tidemark/plans/toml.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * TIDE_PLAN with where = path:line:column. Whatever the plan put into the message, it is made one line that a
 * terminal can show. Both return false.
 */
bool tide_place_fail(struct tide_err *err, const char *path, int line, int column, const char *fmt, ...)
    TIDE_PRINTF(5, 6);
bool tide_place_vfail(struct tide_err *err, const char *path, int line, int column, const char *fmt,
    va_list args) TIDE_PRINTF(5, 0);

/** Puts the place of an error that somebody else has set, and makes its message one line. Returns false. */
bool tide_place_set(struct tide_err *err, const char *path, int line, int column);

/** `text` in double quotes, cut when it is long: for messages. Belongs to ctx. */
char *tide_place_quote(void *ctx, const char *text);

/** "a table", "text", …: the type of a value in words. */
const char *tide_place_type(const struct tide_toml *node);

#ifdef __cplusplus
}
#endif
#endif
