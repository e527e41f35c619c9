#include "checkpoints.h"

#include <string.h>
#include <talloc.h>

#include "state_sql.h"
#include "tidemark/postgres/param.h"
#include "tidemark/postgres/rows.h"

static const struct tide_record_field fields[] = {
	TIDE_FIELD(tide_checkpoints, phase, TEXT),
	TIDE_FIELD(tide_checkpoints, what, TEXT),
	TIDE_FIELD_AS(tide_checkpoints, extent.total, "total", INT),
	TIDE_FIELD_AS(tide_checkpoints, extent.done, "done", INT),
	TIDE_FIELD_AS(tide_checkpoints, extent.pass, "pass", INT32),
	TIDE_FIELD_AS(tide_checkpoints, extent.repeats, "repeats", BOOL),
	TIDE_FIELD_AS(tide_checkpoints, extent.floor, "floor", REAL),
	TIDE_FIELD(tide_checkpoints, seen, INT),
	TIDE_FIELD(tide_checkpoints, changed, INT),
	TIDE_FIELD(tide_checkpoints, stayed, INT),
	TIDE_FIELD(tide_checkpoints, differing, INT),
	TIDE_FIELD(tide_checkpoints, placed, INT),
	TIDE_FIELD(tide_checkpoints, earlier_seen, INT),
	TIDE_FIELD(tide_checkpoints, earlier_changed, INT),
	TIDE_FIELD(tide_checkpoints, earlier_stayed, INT),
};
static const struct tide_record record = TIDE_RECORD(fields);

bool
tide_checkpoints_read(
    void *ctx, struct tide_conn *conn, int64_t run, struct tide_checkpoints *out, struct tide_err *err)
{
	void *mem = talloc_new(ctx);
	struct tide_rows *rows;
	bool ok = tide_await_query(
	    conn, mem, tide_sql_state_segments, TIDE_ARGS(tide_param_int(mem, run)), &rows, err);

	memset(out, 0, sizeof(*out));
	if (ok && tide_rows_count(rows) == 1)
		tide_rows_record(ctx, rows, 0, &record, out);
	talloc_free(mem);
	return ok;
}
