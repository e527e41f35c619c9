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
	bool ok = tide_session_write(session,
	    "INSERT INTO tidemark.journal (run, event, phase, step, sql, "
	    "outcome, detail, seconds, lock_wait, host, "
	    "fence) SELECT id, $3, $4::integer, $5, $6, $7, $8::jsonb, $9::float8, $10::float8, $11, fence "
	    "FROM tidemark.run WHERE id = $1::bigint AND fence = $2::bigint FOR SHARE RETURNING seq",
	    TIDE_ARGS(tide_param_int(mem, session->run), tide_param_int(mem, session->fence), entry->event,
		entry->phase < 0 ? NULL : tide_param_int(mem, entry->phase), entry->step, entry->sql,
		entry->outcome, entry->detail, number_text(mem, entry->seconds),
		number_text(mem, entry->lock_wait), host_name(host, sizeof(host))),
	    &rows, mem, err);

	if (ok && seq != NULL)
		*seq = tide_rows_int(rows, 0, 0);
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
	bool ok = tide_await_query(session->conn, mem,
	    "SELECT EXISTS (SELECT FROM tidemark.journal j JOIN tidemark.phase p "
	    "ON p.run = j.run AND p.ordinal = j.phase "
	    "WHERE j.run = $1::bigint AND j.phase = $2::integer AND j.event = $3 AND j.step = $4 "
	    "AND j.seq > p.compiled)",
	    TIDE_ARGS(tide_param_int(mem, session->run), tide_param_int(mem, phase), event, step), &rows,
	    err);

	if (ok)
		*out = tide_rows_bool(rows, 0, 0);
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
		*out = tide_rows_bool(rows, 0, 0);
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
	bool ok = tide_await_query(session->conn, mem,
	    "SELECT coalesce(bool_and(j.event = 'step.done' AND j.outcome = '" TIDE_ALREADY_SO "'), false) "
	    "FROM tidemark.journal j JOIN tidemark.phase p ON p.run = j.run AND p.ordinal = j.phase "
	    "WHERE j.run = $1::bigint AND j.phase = $2::integer AND j.step = $3 AND j.seq > p.compiled "
	    "AND j.event IN ('step.done', 'step.intent')",
	    TIDE_ARGS(tide_param_int(mem, session->run), tide_param_int(mem, phase), step), &rows, err);

	if (ok)
		*untouched = tide_rows_bool(rows, 0, 0);
	talloc_free(mem);
	return ok;
}

bool
tide_phase_row_state(struct tide_session *session, long phase, enum tide_phase_state to, struct tide_err *err)
{
	const char *state = tide_phase_word(to)->word;
	void *mem = talloc_new(session);
	bool ok = tide_session_write(session,
	    "UPDATE tidemark.phase p SET state = $4, "
	    "started = CASE WHEN $4 = 'running' THEN coalesce(p.started, clock_timestamp()) "
	    "               WHEN $4 = 'pending' THEN NULL ELSE p.started END, "
	    "ended = CASE WHEN $4 = 'done' THEN clock_timestamp() ELSE NULL END, "
	    "approved = CASE WHEN $4 = 'pending' THEN NULL ELSE p.approved END, "
	    "approved_by = CASE WHEN $4 = 'pending' THEN NULL ELSE p.approved_by END, "
	    "waive_soak = CASE WHEN $4 = 'pending' THEN false ELSE p.waive_soak END, "
	    "waive_hold = CASE WHEN $4 = 'pending' THEN false ELSE p.waive_hold END, "
	    "compiled = CASE WHEN $4 = 'pending' THEN NULL ELSE p.compiled END "
	    "FROM (SELECT id FROM tidemark.run WHERE id = $1::bigint AND fence = $2::bigint FOR SHARE) AS r "
	    "WHERE p.run = r.id AND p.ordinal = $3::integer RETURNING 1",
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
	bool ok = tide_session_write(session,
	    "WITH r AS (SELECT id, fence FROM tidemark.run WHERE id = $1::bigint "
	    "AND fence = $2::bigint FOR SHARE), "
	    "j AS (INSERT INTO tidemark.journal (run, event, phase, detail, fence) "
	    "SELECT id, 'phase.compiled', $3::integer, $4::jsonb, fence FROM r RETURNING seq) "
	    "UPDATE tidemark.phase p SET compiled = j.seq FROM j, r "
	    "WHERE p.run = r.id AND p.ordinal = $3::integer "
	    "RETURNING 1",
	    TIDE_ARGS(tide_param_int(mem, session->run), tide_param_int(mem, session->fence),
		tide_param_int(mem, phase), text),
	    NULL, mem, err);

	json_decref(json);
	free(text);
	talloc_free(mem);
	return ok;
}
