#include "tidemark/orchestrator/store.h"

#include <talloc.h>

#include "identity.h"
#include "schema.h"

bool
tide_store_plan_text(void *ctx, struct tide_conn *conn, const char *plan, char **text, struct tide_err *err)
{
	void *mem = talloc_new(ctx);
	struct tide_rows *rows;
	bool is = false, ok;

	*text = NULL;
	ok = tide_state_ensure(conn, false, &is, err) &&
	     (!is || tide_await_query(conn, mem,
			 "SELECT plan_text FROM tidemark.run WHERE plan = $1 ORDER BY id DESC LIMIT 1",
			 TIDE_ARGS(plan), &rows, err));
	if (ok && is && tide_rows_count(rows) > 0)
		*text = talloc_strdup(ctx, tide_rows_text(rows, 0, 0));
	talloc_free(mem);
	return ok;
}

bool
tide_store_table(struct tide_conn *conn, const char *plan, int64_t *oid, struct tide_err *err)
{
	void *mem = talloc_new(NULL);
	struct tide_rows *rows;
	bool is = false, ok;

	*oid = 0;
	ok = tide_state_ensure(conn, false, &is, err) &&
	     (!is || tide_await_query(conn, mem,
			 "SELECT r.table_oid FROM tidemark.run r JOIN pg_catalog.pg_class c "
			 "ON c.oid = r.table_oid AND "
			 "c.relkind IN ('r', 'p') WHERE r.plan = $1 AND r.state <> 'rolled_back' "
			 "AND r.system_identifier IN (" TIDE_IDENTITY_SQL ", split_part(" TIDE_IDENTITY_SQL
			 ", '/', 1)) ORDER BY r.id DESC LIMIT 1",
			 TIDE_ARGS(plan), &rows, err));
	if (ok && is && tide_rows_count(rows) > 0)
		*oid = tide_rows_int(rows, 0, 0);
	talloc_free(mem);
	return ok;
}
