#include "lease.h"

#include <talloc.h>

#include "crash_points.h"
#include "move.h"
#include "state_sql.h"

static const struct tide_record_field attempt_fields[] = {
	TIDE_FIELD(tide_lease_attempt, timeline_before, INT),
	TIDE_FIELD(tide_lease_attempt, timeline, INT),
};
static const struct tide_record attempt_record = TIDE_RECORD(attempt_fields);

static const struct tide_record_field holder_fields[] = {
	TIDE_FIELD(tide_lease_holder, owner, TEXT),
	TIDE_FIELD(tide_lease_holder, heartbeat, TEXT),
	TIDE_FIELD(tide_lease_holder, age, TEXT),
};
static const struct tide_record holder_record = TIDE_RECORD(holder_fields);

bool
tide_lease_try(struct tide_session *session, struct tide_lease_attempt *out, struct tide_err *err)
{
	void *mem = talloc_new(session);
	struct tide_rows *rows;
	bool ok = tide_await_query(session->conn, mem, tide_sql_state_take,
	    TIDE_ARGS(tide_param_int(mem, session->run), session->owner,
		tide_param_interval(mem, session->plan->limits.lease)),
	    &rows, err);

	*out = (struct tide_lease_attempt){ .taken = ok && tide_rows_count(rows) == 1 };
	if (out->taken) {
		session->fence = tide_rows_int(rows, 0, tide_rows_column(rows, "fence"));
		tide_rows_record(session, rows, 0, &attempt_record, out);
	}
	talloc_free(mem);
	return ok;
}

bool
tide_lease_join(
    struct tide_session *session, const struct tide_conn *const *conn, size_t count, struct tide_err *err)
{
	void *mem = talloc_new(session);
	char *pids = talloc_strdup(mem, "{");
	bool ok;

	for (size_t i = 0; i < count; i++)
		pids = talloc_asprintf_append(pids, "%s%d", i > 0 ? "," : "", tide_conn_backend_pid(conn[i]));
	pids = talloc_strdup_append(pids, "}");
	ok = tide_session_write(session, tide_sql_state_join,
	    TIDE_ARGS(tide_param_int(mem, session->run), tide_param_int(mem, session->fence), pids), NULL,
	    mem, err);
	talloc_free(mem);
	return ok;
}

bool
tide_lease_holder(
    struct tide_session *session, void *ctx, struct tide_lease_holder *out, struct tide_err *err)
{
	void *mem = talloc_new(session);
	struct tide_rows *rows;
	bool ok = tide_await_query(session->conn, mem, tide_sql_state_holder,
	    TIDE_ARGS(tide_param_int(mem, session->run)), &rows, err);
	bool found = ok && tide_rows_count(rows) > 0;

	*out = (struct tide_lease_holder){ 0 };
	if (found)
		tide_rows_record(ctx, rows, 0, &holder_record, out);
	talloc_free(mem);
	return ok;
}

/*
 * The holder finishes its batch and releases the lease. Repeated, because taking the lease clears the request
 * (take.sql).
 */
bool
tide_lease_ask_for_room(struct tide_session *session, struct tide_err *err)
{
	void *mem = talloc_new(session);
	bool ok = tide_await_query(session->conn, mem, tide_sql_state_room,
	    TIDE_ARGS(tide_param_int(mem, session->run), session->owner), NULL, err);

	talloc_free(mem);
	return ok;
}

/*
 * Connected again: another executor's lease in between means that the run is no longer ours to continue. A fence that is
 * lower than ours was means that a failover has lost our lease; a higher one under our name is one whose answer was lost.
 */
bool
tide_lease_taken_since(struct tide_session *session, int64_t last_fence, bool *taken, struct tide_err *err)
{
	void *mem = talloc_new(session);
	struct tide_rows *rows;
	bool ok = tide_await_query(session->conn, mem, tide_sql_state_taken_since,
	    TIDE_ARGS(tide_param_int(mem, session->run), tide_param_int(mem, last_fence), session->owner),
	    &rows, err);

	*taken = ok && last_fence != 0 && tide_rows_count(rows) == 1 && tide_rows_only_bool(rows);
	talloc_free(mem);
	return ok;
}

bool
tide_lease_held(struct tide_session *session)
{
	void *mem = talloc_new(session);
	struct tide_err ignored = { 0 };
	struct tide_rows *rows;
	bool held = session->fence == 0 || !tide_conn_alive(session->conn) || tide_conn_busy(session->conn) ||
		    !tide_await_query(session->conn, mem, tide_sql_state_held,
			TIDE_ARGS(tide_param_int(mem, session->run), tide_param_int(mem, session->fence)),
			&rows, &ignored) ||
		    tide_rows_count(rows) == 0 || tide_rows_only_bool(rows);

	talloc_free(mem);
	return held;
}

void
tide_lease_release(
    struct tide_session *session, enum tide_run_state state, const char *reason, enum tide_code failure)
{
	struct tide_err err = { 0 };
	struct tide_move move = { .to = state,
		.phase = TIDE_SAME_PHASE,
		.reason = reason,
		.failure = state == TIDE_RUN_FAILED ? failure : TIDE_OK,
		.release = true };

	bool moved = session->fence == 0 || tide_run_move(session, &move, &err);

	/* What stopped before it had begun leaves a complete run complete. */
	if (!moved && err.code == TIDE_UNEXPECTED) {
		move.to = TIDE_RUN_NONE;
		moved = tide_run_move(session, &move, &err);
	}
	(void)moved;
	/* The fence stays in the row: what is released may only be taken with a higher one. */
	session->fence = 0;
	tide_crash_point("lease.released");
}
