#include "table.h"

#include <talloc.h>

#include "tidemark/sqltext.h"

bool
tide_table_find(void *ctx, struct tide_conn *conn, const char *schema, const char *relation, int64_t *oid, char **name,
    struct tide_err *err)
{
	void *mem = talloc_new(ctx);
	char *text = tide_relation_text(mem, schema, relation);
	struct tide_err ignored = { 0 };
	struct tide_rows *rows = NULL;
	bool ok = tide_await_exec(conn, mem,
	    tide_sqlf(mem,
	        "BEGIN READ ONLY; SELECT set_config('search_path', (SELECT reset_val FROM pg_catalog.pg_settings "
	        "WHERE name = 'search_path'), true); SELECT c.oid, format('%%I.%%I', n.nspname, c.relname) "
	        "FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
	        "WHERE c.oid = pg_catalog.to_regclass(%L)", text),
	    &rows, err);

	if (ok && tide_rows_count(rows) == 0) {
		ok = tide_fail(err, TIDE_PRECONDITION, "table %s does not exist", text);
		tide_hint(err, "check `table` in the plan and the database you are connected to");
	}
	if (ok) {
		*oid = tide_rows_int(rows, 0, 0);
		*name = talloc_strdup(ctx, tide_rows_text(rows, 0, 1));
	}
	if (tide_conn_alive(conn) && !tide_await_exec(conn, mem, "ROLLBACK", NULL, &ignored) && ok) {
		*err = ignored;
		ok = false;
	}
	talloc_free(mem);
	return ok;
}
