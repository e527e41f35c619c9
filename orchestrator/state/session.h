#ifndef TIDE_STATE_SESSION_H
#define TIDE_STATE_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tidemark/orchestrator/words.h"
#include "tidemark/plans/plan.h"
#include "tidemark/postgres/conn.h"
#include "tidemark/postgres/param.h"
#include "tidemark/postgres/rows.h"

/**
 * What the state needs of whoever works on a run: a connection, the run, and the lease that lets it write. Allocated with talloc; its
 * texts belong to it. Everything that takes one awaits.
 */
struct tide_session {
	struct tide_conn *conn;
	const struct tide_plan *plan;
	char *owner;       /* of the lease: "user@host pid 123 #4f21" */
	int64_t run;       /* id of the run's row; 0 none yet */
	int64_t fence;     /* of the lease that we hold; 0 none */
	char *relation;    /* what the run's table is called now: quoted, qualified */
	int64_t table_oid; /* its OID */
	/* of the run's row as last written, but for a pause; TIDE_RUN_NONE none yet */
	enum tide_run_state state;
	bool lost; /* the lease is another one's now: nothing may be written any more */
};

/**
 * A statement that may write only while the lease is ours: it must contain the fence check itself and return or change at least one
 * row; none means that the lease is lost (TIDE_LEASE). rows may be NULL; the result belongs to mem.
 */
bool tide_session_write(struct tide_session *session, const char *sql, size_t count,
    const char *const *values, struct tide_rows **rows, void *mem, struct tide_err *err) TIDE_CHECKED;

/** Records that another executor has the lease, and sets the error that says so. Returns false. */
bool tide_session_lose(struct tide_session *session, struct tide_err *err);

#endif
