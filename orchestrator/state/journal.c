#include "journal.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <talloc.h>
#include <unistd.h>

#include "state_sql.h"
#include "tidemark/base/array.h"
#include "tidemark/base/sqltext.h"
#include "tidemark/orchestrator/store.h"

static const char *
number_text(void *ctx, double value)
{
	return value < 0 ? NULL : talloc_asprintf(ctx, "%.6f", value);
}

static const char *
host_name(char *out, size_t size)
{
	if (gethostname(out, size) != 0)
		return "unknown";
	out[size - 1] = '\0';
	return out;
}

bool
tide_journal_add(
    struct tide_session *session, const struct tide_entry *entry, int64_t *seq, struct tide_err *err)
{
	void *mem = talloc_new(session);
	struct tide_rows *rows = NULL;
	char host[128];
	bool ok = tide_session_write(session, tide_sql_state_entry,
	    TIDE_ARGS(tide_param_int(mem, session->run), tide_param_int(mem, session->fence), entry->event,
		entry->phase < 0 ? NULL : tide_param_int(mem, entry->phase), entry->step, entry->sql,
		entry->outcome, entry->detail, number_text(mem, entry->seconds),
		number_text(mem, entry->lock_wait), host_name(host, sizeof(host))),
	    &rows, mem, err);

	if (ok && seq != NULL)
		*seq = tide_rows_only_int(rows);
	talloc_free(mem);
	return ok;
}

char *
tide_journal_sql(void *ctx, const struct tide_session *session, const struct tide_entry *entry)
{
	char host[128];

	return tide_sqlf(ctx,
	    "INSERT INTO tidemark.journal (run, event, phase, step, sql, "
	    "outcome, detail, seconds, lock_wait, host, "
	    "fence) VALUES (%l, %L, %l, %L, %L, %L, %L::jsonb, "
	    "extract(epoch FROM clock_timestamp() - current_setting('tidemark.locked')::timestamptz), "
	    "extract(epoch FROM current_setting('tidemark.locked')::timestamptz - "
	    "current_setting('tidemark.begun')::timestamptz), %L, %l)",
	    (long long)session->run, entry->event, (long long)entry->phase, entry->step, entry->sql,
	    entry->outcome, entry->detail, host_name(host, sizeof(host)), (long long)session->fence);
}

bool
tide_journal_has(struct tide_session *session, const char *event, long phase, const char *step, bool *out,
    struct tide_err *err)
{
	void *mem = talloc_new(session);
	struct tide_rows *rows;
	bool ok = tide_await_query(session->conn, mem, tide_sql_state_has,
	    TIDE_ARGS(tide_param_int(mem, session->run), tide_param_int(mem, phase), event, step), &rows,
	    err);

	if (ok)
		*out = tide_rows_only_bool(rows);
	talloc_free(mem);
	return ok;
}

bool
tide_journal_unchanged(
    struct tide_session *session, long phase, const char *step, bool *out, struct tide_err *err)
{
	void *mem = talloc_new(session);
	struct tide_rows *rows;
	bool ok = tide_await_query(session->conn, mem, tide_sql_state_unchanged,
	    TIDE_ARGS(tide_param_int(mem, session->run), tide_param_int(mem, phase), step,
		tide_param_int(mem, session->table_oid)),
	    &rows, err);

	if (ok)
		*out = tide_rows_only_bool(rows);
	talloc_free(mem);
	return ok;
}

char *
tide_journal_unchanged_sql(void *ctx, const struct tide_session *session, long phase, const char *step)
{
	const char *const values[] = { tide_param_int(ctx, session->run), tide_param_int(ctx, phase), step,
		tide_param_int(ctx, session->table_oid) };

	return tide_sql_bind(ctx, tide_sql_state_unchanged, values, TIDE_COUNT(values));
}

bool
tide_journal_untouched(
    struct tide_session *session, long phase, const char *step, bool *untouched, struct tide_err *err)
{
	void *mem = talloc_new(session);
	struct tide_rows *rows;
	bool ok = tide_await_query(session->conn, mem, tide_sql_state_untouched,
	    TIDE_ARGS(tide_param_int(mem, session->run), tide_param_int(mem, phase), step, TIDE_ALREADY_SO),
	    &rows, err);

	if (ok)
		*untouched = tide_rows_only_bool(rows);
	talloc_free(mem);
	return ok;
}

bool
tide_phase_row_state(struct tide_session *session, long phase, enum tide_phase_state to, struct tide_err *err)
{
	const char *state = tide_phase_word(to)->word;
	void *mem = talloc_new(session);
	bool ok = tide_session_write(session, tide_sql_state_phase,
	    TIDE_ARGS(tide_param_int(mem, session->run), tide_param_int(mem, session->fence),
		tide_param_int(mem, phase), state),
	    NULL, mem, err);

	talloc_free(mem);
	return ok;
}

bool
tide_journal_compiled(
    struct tide_session *session, long phase, const struct tide_steps *steps, struct tide_err *err)
{
	void *mem = talloc_new(session);
	json_t *json = tide_steps_to_json(steps);
	char *text = json_dumps(json, JSON_COMPACT);
	bool ok = tide_session_write(session, tide_sql_state_compiled,
	    TIDE_ARGS(tide_param_int(mem, session->run), tide_param_int(mem, session->fence),
		tide_param_int(mem, phase), text),
	    NULL, mem, err);

	json_decref(json);
	free(text);
	talloc_free(mem);
	return ok;
}
