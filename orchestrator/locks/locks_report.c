#include "tidemark/orchestrator/store.h"

#include <string.h>
#include <talloc.h>

#include "locks_sql.h"
#include "state/table.h"
#include "tidemark/plans/expression.h"

static char *
copy(void *ctx, const struct tide_rows *rows, size_t row, size_t column)
{
	return talloc_strdup(ctx, tide_rows_text(rows, row, column));
}

static double
real(const struct tide_rows *rows, size_t row, size_t column)
{
	return tide_rows_null(rows, row, column) ? -1 : tide_rows_real(rows, row, column);
}

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
	if (ok) {
		out->count = tide_rows_count(rows);
		out->item = talloc_zero_array(ctx, struct tide_lock_row, (unsigned)out->count);
	}
	for (size_t i = 0; i < out->count; i++) {
		struct tide_lock_row *l = &out->item[i];

		l->role = (enum tide_lock_role)tide_rows_int(rows, i, 0);
		l->pid = (int)tide_rows_int(rows, i, 1);
		l->user = copy(ctx, rows, i, 2);
		l->application = copy(ctx, rows, i, 3);
		l->state = copy(ctx, rows, i, 4);
		l->lock = copy(ctx, rows, i, 5);
		l->query =
		    tide_rows_null(rows, i, 6) ? NULL : tide_sql_mask(ctx, tide_rows_text(rows, i, 6), 80);
		l->age = real(rows, i, 7);
	}
	talloc_free(mem);
	return ok;
}
