#ifndef TIDE_SHAPE_H
#define TIDE_SHAPE_H

#include "tidemark/plans/fields.h"

/**
 * What an index or a constraint asks of a row and offers to a query, as a text that can be compared: two definitions with the same
 * shape are the same but for name, table, storage parameters, tablespace and validation. Read with the parser from what
 * pg_get_indexdef, pg_get_constraintdef or a statement of a plan says.
 */

enum tide_shape_of {
	TIDE_SHAPE_WHOLE,      /* all that a query or a write can notice */
	TIDE_SHAPE_TO_KEY,     /* the same of a foreign key without the columns that it points to */
	TIDE_SHAPE_UNIQUENESS, /* only which rows exclude each other: not the order of the keys, nor INCLUDE */
};

/**
 * definition: CREATE INDEX …, or a constraint as pg_get_constraintdef gives it. Columns before[i] are called after[i] in the shape.
 * Casts to text of a column, and casts of a constant, do not count: the server writes them where a column's type makes it.
 * Belongs to ctx. NULL when the parser does not know the syntax: then nothing can be said.
 */
char *tide_shape(void *ctx, const char *definition, enum tide_shape_of of, const struct tide_names *before,
    const struct tide_names *after);

#endif
