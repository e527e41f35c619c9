#include "table.h"

#include <talloc.h>

#include "own_path.h"
#include "tidemark/sqltext.h"

bool
tide_table_find(void *ctx, struct tide_conn *conn, const char *schema, const char *relation, int64_t *oid,
    char **name, struct tide_err *err)
{
	void *mem = talloc_new(ctx);
	char *text = tide_relation_text(mem, schema, relation);
	struct tide_rows *rows = NULL;
	bool ok = tide_await_own_path(conn, mem,
	    "SELECT c.oid, format('%I.%I', n.nspname, c.relname) FROM pg_catalog.pg_class c "
	    "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = "
	    "pg_catalog.to_regclass($1)",
	    TIDE_ARGS(text), &rows, err);

	if (ok && tide_rows_count(rows) == 0) {
		ok = tide_fail(err, TIDE_PRECONDITION, "table %s does not exist", text);
		tide_hint(err, "check `table` in the plan and the database you are connected to");
	}
	if (ok) {
		*oid = tide_rows_int(rows, 0, 0);
		*name = talloc_strdup(ctx, tide_rows_text(rows, 0, 1));
	}
	talloc_free(mem);
	return ok;
}
