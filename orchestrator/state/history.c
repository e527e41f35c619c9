#include "tidemark/orchestrator/store.h"

#include <jansson.h>
#include <string.h>
#include <talloc.h>

#include "schema.h"
#include "state_sql.h"
#include "tidemark/base/units.h"
#include "tidemark/postgres/param.h"

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
	if (ok && is) {
		out->count = tide_rows_count(rows);
		out->item = talloc_zero_array(ctx, struct tide_journal_row, (unsigned)out->count);
	}
	for (size_t i = 0; i < out->count; i++) {
		struct tide_journal_row *j = &out->item[i];
		const char **texts[] = { &j->at, &j->event, &j->phase, &j->step, &j->actor, &j->host,
			&j->detail, &j->sql, &j->outcome };

		j->seq = tide_rows_int(rows, i, 0);
		for (size_t t = 0; t < TIDE_COUNT(texts); t++)
			*texts[t] = copy(ctx, rows, i, t + 1);
		j->seconds = real(rows, i, 10);
		j->lock_wait = real(rows, i, 11);
	}
	talloc_free(mem);
	return ok;
}

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
	ok = tide_await_query(conn, mem,
	    "SELECT j.detail FROM tidemark.phase p JOIN tidemark.journal j ON j.seq = p.compiled "
	    "WHERE p.run = $1::bigint AND p.ordinal = $2::integer",
	    TIDE_ARGS(tide_param_int(mem, run), tide_param_int(mem, phase)), &rows, err);
	if (ok && tide_rows_count(rows) > 0) {
		json = json_loads(tide_rows_text(rows, 0, 0), 0, &where);
		ok = json != NULL
			 ? tide_steps_from_json(ctx, json, out, err)
			 : tide_fail(err, TIDE_UNEXPECTED,
			       "the journal's steps of phase %ld cannot be read: %s", phase + 1, where.text);
	}
	json_decref(json);
	talloc_free(mem);
	return ok;
}
