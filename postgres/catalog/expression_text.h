#ifndef TIDE_CANONICAL_H
#define TIDE_CANONICAL_H

/** Name of the one column of the view over an expression: so unusual that the cut is certain. */
#define TIDE_FACT_TARGET "tidemark_value_7d51"

/**
 * Cuts the expression out of `SELECT expression AS target FROM …` as the server prints a view, on one line. NULL: it is not
 * such a view. Belongs to ctx.
 */
char *tide_canonical_cut(void *ctx, const char *view);

#endif
