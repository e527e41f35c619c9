#ifndef TIDE_EXPRESSION_H
#define TIDE_EXPRESSION_H

#include <stdbool.h>
#include <stddef.h>

#include "tidemark/base/err.h"
#include "tidemark/plans/fields.h"

/**
 * SQL expressions and statements, with the grammar of libpg_query (PostgreSQL 15). Where it cannot
 * parse newer syntax, `unparsed` is set and the server's own parser decides later.
 * The row that an expression is about is always written TIDE_ROW in canonical text.
 */
#define TIDE_ROW "tidemark_row"

struct tide_expression {
	struct tide_names columns;   /* unqualified or row-qualified column references, each once */
	struct tide_names functions; /* functions called, as written ("lower", "public.f"), each once */
	bool subquery;               /* a lookup */
	bool unparsed;
};

/** Checks that `text` is exactly one scalar expression (no statement, no second target, no clause after it). */
bool tide_expression_read(
    void *ctx, const char *text, struct tide_expression *out, struct tide_err *err) TIDE_CHECKED;

/**
 * Every reference to a column of `columns`, unqualified or qualified by `from` (may be NULL) becomes
 * qualified by `to` (SQL text such as NEW, or "" for no qualifier) with the column quoted. Inside a subquery an unqualified name
 * is taken as the row's only when it is in `columns`. Found with the parser, never by text search. Belongs to ctx.
 * NULL + err when it cannot be parsed.
 */
char *tide_expression_qualify(void *ctx, const char *text, const struct tide_names *columns, const char *from,
    const char *to, struct tide_err *err) TIDE_CHECKED;

/**
 * The text with every `table.column` and `schema.table.column` that means the row written as a column of TIDE_ROW: not where a
 * subquery calls a table of its own so. `schema` NULL: any. The text itself where nothing is found, or it cannot be parsed.
 */
char *tide_expression_of_table(void *ctx, const char *text, const char *schema, const char *table);

/** Statements of a script, split as the server would. */
bool tide_sql_split(void *ctx, const char *text, struct tide_names *out, struct tide_err *err) TIDE_CHECKED;

/**
 * The statement with its literals masked ($1, $2 …) and shortened to `width` columns. Never fails: falls back to a mask of
 * everything.
 */
char *tide_sql_mask(void *ctx, const char *text, size_t width);

#endif
