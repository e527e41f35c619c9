#ifndef TIDE_ROWS_PRIVATE_H
#define TIDE_ROWS_PRIVATE_H

#include "tidemark/rows.h"

struct pg_result;

/** Takes the result over; freed with the rows. */
struct tide_rows *tide_rows_take(void *ctx, struct pg_result *result);
/** An independent copy that belongs to ctx. */
struct tide_rows *tide_rows_copy(void *ctx, const struct tide_rows *rows);

#endif
