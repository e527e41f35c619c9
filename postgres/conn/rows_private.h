#ifndef TIDE_ROWS_PRIVATE_H
#define TIDE_ROWS_PRIVATE_H

#include "tidemark/postgres/rows.h"

struct ev_loop;
struct pg_result;

/** Takes the result over; freed with the rows. loop: of the connection; NULL: nobody but standard error is told of what cannot be read. */
struct tide_rows *tide_rows_take(void *ctx, struct pg_result *result, struct ev_loop *loop);
/** An independent copy that belongs to ctx. */
struct tide_rows *tide_rows_copy(void *ctx, const struct tide_rows *rows);

#endif
