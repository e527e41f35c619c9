#ifndef TIDE_TABLE_H
#define TIDE_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "session.h"
#include "tidemark/phases/step.h"
#include "tidemark/postgres/conn.h"
#include "tidemark/base/err.h"

/**
 * Finds a table as the role itself would: an unqualified name (schema NULL) goes through the role's own search_path, which the
 * session has pinned away. *name is quoted and qualified and belongs to ctx. Awaits. TIDE_PRECONDITION when there is none.
 */
bool tide_table_find(void *ctx, struct tide_conn *conn, const char *schema, const char *relation,
    int64_t *oid, char **name, struct tide_err *err) TIDE_CHECKED;

/** Our own SQLSTATE for a table that was renamed between looking and locking. */
#define TIDE_TABLE_RENAMED "TM003"

/**
 * The action for what the table of the run is called now: the run follows its table by OID. *out is `action`, or belongs to ctx. Fails
 * when the table is gone, and when statements of the plan's author would change another relation. Sets session->relation. Awaits.
 */
bool tide_table_follow(struct tide_session *session, void *ctx, const struct tide_action *action,
    const struct tide_action **out, struct tide_err *err) TIDE_CHECKED;

/** Once the lock is held: fails with TIDE_TABLE_RENAMED unless the name means the table of the run. "" where nothing is locked. */
char *tide_table_assert_sql(void *ctx, const struct tide_session *session, const struct tide_action *action);

#endif
