#ifndef TIDE_TABLE_H
#define TIDE_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "tidemark/conn.h"
#include "tidemark/err.h"

/**
 * Finds a table as the role itself would: an unqualified name (schema NULL) goes through the role's own search_path, which the
 * session has pinned away. *name is quoted and qualified and belongs to ctx. Awaits. TIDE_PRECONDITION when there is none.
 */
bool tide_table_find(void *ctx, struct tide_conn *conn, const char *schema, const char *relation,
    int64_t *oid, char **name, struct tide_err *err) TIDE_CHECKED;

#endif
