#ifndef TIDE_ROWS_PRIVATE_H
#define TIDE_ROWS_PRIVATE_H

#include <libpq-fe.h>

#include "tidemark/rows.h"

/** Takes the result over; freed with the rows. */
struct tide_rows *tide_rows_take(void *ctx, PGresult *result);
/** An independent copy that belongs to ctx. */
struct tide_rows *tide_rows_copy(void *ctx, const struct tide_rows *rows);

#endif
