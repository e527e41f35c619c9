#ifndef TIDE_SQLTEXT_H
#define TIDE_SQLTEXT_H

#include <stdbool.h>
#include <stddef.h>

/**
 * SQL text, pure. All identifiers are always double-quoted, so that golden files and
 * pg_dump never depend on a list of reserved words.
 */

/** `user` → `"user"`; inner quotes doubled. Result belongs to ctx. */
char *tide_ident(void *ctx, const char *name);
/** `O'Neil` → `'O''Neil'`; a backslash gives the E'' form. NULL gives NULL (the SQL word). */
char *tide_literal(void *ctx, const char *value);

/** `"schema"."name"`, or `"name"` when schema is NULL. Result belongs to ctx. */
char *tide_relation_text(void *ctx, const char *schema, const char *name);

/**
 * Formats SQL: %I identifier, %L literal, %s text as it is (only for SQL made by
 * tidemark itself), %d int, %l long long, %% a percent sign. Anything else aborts: the format is
 * always a constant in our source. Result belongs to ctx.
 */
char *tide_sqlf(void *ctx, const char *fmt, ...);

/**
 * `$1` to `$9` of a text of our own with literals in their place, for where the server takes no parameters: DO, several statements
 * in one text. A value that is NULL is the SQL word. Aborts for a number that is greater than count. Result belongs to ctx.
 */
char *tide_sql_bind(void *ctx, const char *sql, const char *const *values, size_t count);

/**
 * Parses a possibly quoted, possibly schema-qualified name as SQL would: `public.t`,
 * `"User Table"."select"`. Unquoted parts fold to lower case. Returns the number of parts
 * (1 or 2), or 0 when the text is no such name. parts[] belong to ctx. Parts longer than 63 bytes are an
 * error (0): PostgreSQL would cut them silently.
 */
int tide_name_parse(void *ctx, const char *text, char *parts[2]);

#endif
