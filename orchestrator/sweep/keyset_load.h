#ifndef TIDE_KEYSET_LOAD_H
#define TIDE_KEYSET_LOAD_H

#include "keyset.h"
#include "tidemark/postgres/conn.h"

/** order: of the spec. heap: the rows of the relation are in a heap. */
bool tide_keyset_wanted(const char *order, bool heap);
/**
 * by: a column, for the first column of an index that begins with it; NULL: an index that leads to every row, by all its columns.
 * Awaits. Reads which index leads through the relation; it belongs to ctx. name: of the relation, quoted. Fails, and says
 * what is missing, when there is none.
 */
bool tide_keyset_load(void *ctx, struct tide_conn *conn, int64_t relation, const char *name, const char *by,
    struct tide_keyset **out, struct tide_err *err) TIDE_CHECKED;

#endif
