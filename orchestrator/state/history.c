#include "tidemark/orchestrator/store.h"

#include <jansson.h>
#include <string.h>
#include <talloc.h>

#include "schema.h"
#include "state_sql.h"
#include "tidemark/base/units.h"
#include "tidemark/postgres/param.h"

static const struct tide_record_field row_fields[] = {
	TIDE_FIELD(tide_journal_row, seq, INT),
	TIDE_FIELD(tide_journal_row, run, INT),
	TIDE_FIELD(tide_journal_row, at, TEXT),
	TIDE_FIELD(tide_journal_row, event, TEXT),
	TIDE_FIELD(tide_journal_row, phase, TEXT),
	TIDE_FIELD(tide_journal_row, step, TEXT),
	TIDE_FIELD(tide_journal_row, actor, TEXT),
	TIDE_FIELD(tide_journal_row, host, TEXT),
	TIDE_FIELD(tide_journal_row, detail, TEXT),
	TIDE_FIELD(tide_journal_row, sql, TEXT),
	TIDE_FIELD(tide_journal_row, outcome, TEXT),
	TIDE_FIELD(tide_journal_row, seconds, REAL),
	TIDE_FIELD(tide_journal_row, lock_wait, REAL),
};
static const struct tide_record row_record = TIDE_RECORD(row_fields);

bool
tide_store_history(
    void *ctx, struct tide_conn *conn, const char *plan, struct tide_journal_rows *out, struct tide_err *err)
{
	void *mem = talloc_new(ctx);
	struct tide_rows *rows;
	bool is = false, ok;

	memset(out, 0, sizeof(*out));
	ok = tide_state_ensure(conn, false, &is, err) &&
	     (!is || tide_await_query(conn, mem, tide_sql_state_history, TIDE_ARGS(plan), &rows, err));
	if (ok && is)
		out->item = tide_rows_records(ctx, rows, &row_record, sizeof(*out->item), &out->count);
	talloc_free(mem);
	return ok;
}

/*
 * No row: the phase has not begun, or it was rolled back and will be compiled again. That is no error: *out
 * stays NULL.
 */
bool
tide_store_steps(
    void *ctx, struct tide_conn *conn, int64_t run, long phase, struct tide_steps **out, struct tide_err *err)
{
	void *mem = talloc_new(ctx);
	struct tide_rows *rows;
	json_error_t where;
	json_t *json = NULL;
	bool ok;

	*out = NULL;
	ok = tide_await_query(conn, mem, tide_sql_state_steps,
	    TIDE_ARGS(tide_param_int(mem, run), tide_param_int(mem, phase)), &rows, err);
	if (ok && tide_rows_count(rows) > 0) {
		json = json_loads(tide_rows_only_text(rows), 0, &where);
		ok = json != NULL
			 ? tide_steps_from_json(ctx, json, out, err)
			 : tide_fail(err, TIDE_UNEXPECTED,
			       "the journal's steps of phase %ld cannot be read: %s", phase + 1, where.text);
	}
	json_decref(json);
	talloc_free(mem);
	return ok;
}
