#include "tidemark/orchestrator/store.h"

#include <talloc.h>

#include "schema.h"
#include "state_sql.h"

bool
tide_store_plan_text(void *ctx, struct tide_conn *conn, const char *plan, char **text, struct tide_err *err)
{
	void *mem = talloc_new(ctx);
	struct tide_rows *rows;
	bool is = false, ok;

	*text = NULL;
	ok = tide_state_ensure(conn, false, &is, err) &&
	     (!is || tide_await_query(conn, mem, tide_sql_state_plan_text, TIDE_ARGS(plan), &rows, err));
	if (ok && is && tide_rows_count(rows) > 0)
		*text = talloc_strdup(ctx, tide_rows_only_text(rows));
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
	     (!is || tide_await_query(conn, mem, tide_sql_state_own_table, TIDE_ARGS(plan), &rows, err));
	if (ok && is && tide_rows_count(rows) > 0)
		*oid = tide_rows_only_int(rows);
	talloc_free(mem);
	return ok;
}
