#ifndef TIDE_TOML_GUARD_H
#define TIDE_TOML_GUARD_H

#include <stdbool.h>
#include <stddef.h>

#include "tidemark/base/err.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Deepest nesting of tables and arrays in a plan, the root not counted. */
#define TIDE_TOML_DEPTH_MAX 16

/**
 * What must hold before a parser sees the text. Refuses too many bytes, NUL, bad UTF-8, a carriage return on
 * its own, and nesting that would exhaust the parser's stack. Returns the text without byte order mark and with
 * LF line ends (belongs to ctx), or NULL + err with the place.
 */
char *tide_toml_guard(void *ctx, const char *path, const char *text, size_t length, struct tide_err *err);

/** The error for nesting at this place. Returns false. */
bool tide_toml_too_deep(const char *path, int line, int column, struct tide_err *err);

#ifdef __cplusplus
}
#endif
#endif
