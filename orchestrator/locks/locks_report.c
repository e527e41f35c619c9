#include "tidemark/orchestrator/store.h"

#include <string.h>
#include <talloc.h>

#include "locks_sql.h"
#include "state/table.h"
#include "tidemark/plans/expression.h"

const char *
tide_lock_role_word(enum tide_lock_role role)
{
	static const char *const words[] = {
		[TIDE_LOCK_BLOCKS] = "blocks us",
		[TIDE_LOCK_WAITS] = "waits for us",
		[TIDE_LOCK_OLD] = "old transaction",
		[TIDE_LOCK_AUTOVACUUM] = "autovacuum",
	};

	return words[role];
}

static const struct tide_record_field lock_fields[] = {
	TIDE_FIELD(tide_lock_row, role, INT32),
	TIDE_FIELD(tide_lock_row, pid, INT32),
	TIDE_FIELD(tide_lock_row, user, TEXT),
	TIDE_FIELD(tide_lock_row, application, TEXT),
	TIDE_FIELD(tide_lock_row, state, TEXT),
	TIDE_FIELD(tide_lock_row, lock, TEXT),
	TIDE_FIELD(tide_lock_row, query, TEXT),
	TIDE_FIELD(tide_lock_row, age, REAL),
};
static const struct tide_record lock_record = TIDE_RECORD(lock_fields);

bool
tide_store_locks(void *ctx, struct tide_conn *conn, const char *schema, const char *relation,
    struct tide_lock_rows *out, struct tide_err *err)
{
	void *mem = talloc_new(ctx);
	char *table = NULL;
	int64_t oid;
	struct tide_rows *rows;
	bool ok = tide_table_find(mem, conn, schema, relation, &oid, &table, err) &&
		  tide_await_query(conn, mem, tide_sql_locks_locks, TIDE_ARGS(table), &rows, err);

	memset(out, 0, sizeof(*out));
	if (ok)
		out->item = tide_rows_records(ctx, rows, &lock_record, sizeof(*out->item), &out->count);
	for (size_t i = 0; i < out->count; i++)
		if (out->item[i].query != NULL)
			out->item[i].query = tide_sql_mask(out->item, out->item[i].query, 80);
	talloc_free(mem);
	return ok;
}
