#include "run.h"

#include <string.h>
#include <talloc.h>

#include "identity.h"
#include "schema.h"
#include "state_sql.h"
#include "table.h"
#include "tidemark/phases/phase.h"

/* Compares the plan with the one the run began with. */
static bool
check_hash(struct tide_session *session, unsigned accept, const char *hash, const char *text,
    struct tide_run_row *out, struct tide_err *err)
{
	const struct tide_plan *plan = session->plan;
	struct tide_plan *stored = NULL;
	struct tide_err unread = { 0 };
	bool longer;
	char *diff;

	if (strcmp(hash, plan->hash) == 0)
		return true;
	if (!tide_plan_parse(session, plan->path, text, strlen(text), tide_phase_kinds(), tide_phase_count,
		&stored, &unread))
		stored = NULL;
	longer = stored != NULL && tide_plan_extends(stored, plan);
	if (longer && (accept & TIDE_ACCEPT_LONGER) != 0) {
		out->known = stored->count;
		out->known_hash = talloc_strdup(session, hash);
		return true;
	}
	diff = stored != NULL ? tide_plan_diff(session, stored, plan)
			      : talloc_strdup(session, "the stored plan cannot be read any more");
	tide_fail(err, TIDE_PLAN, "plan '%s' has changed since its run started:\n%s", plan->name, diff);
	if (longer)
		return tide_hint(err,
		    "tidemark run takes over phases that were added at the end: tidemark run %s", plan->path);
	return tide_hint(err,
	    "put the file back as it was, run by name (tidemark run %s uses the stored text), or roll "
	    "back and start the changed plan under a new name",
	    plan->name);
}

static bool
check_requires(struct tide_session *session, struct tide_err *err)
{
	void *mem = talloc_new(session);
	struct tide_rows *rows;
	bool ok = true;

	for (size_t i = 0; ok && i < session->plan->requires.count; i++) {
		const char *name = session->plan->requires.item[i];

		ok = tide_await_query(
		    session->conn, mem, tide_sql_state_complete, TIDE_ARGS(name), &rows, err);
		if (ok && !tide_rows_only_bool(rows)) {
			ok = tide_fail(err, TIDE_PRECONDITION,
			    "plan '%s' requires '%s', which is not complete", session->plan->name, name);
			tide_hint(err, "see: tidemark status %s", name);
		}
	}
	talloc_free(mem);
	return ok;
}

static char *
array_text(void *ctx, const struct tide_plan *plan, bool kinds)
{
	char *text = talloc_strdup(ctx, "{");

	for (size_t i = 0; i < plan->count; i++)
		text = talloc_asprintf_append(text, "%s\"%s\"", i > 0 ? "," : "",
		    kinds ? plan->phase[i].kind->name : plan->phase[i].name);
	return talloc_asprintf_append(text, "}");
}

bool
tide_run_create(struct tide_session *session, unsigned accept, struct tide_run_row *out, struct tide_err *err)
{
	void *mem = talloc_new(session);
	const struct tide_plan *plan = session->plan;
	struct tide_rows *rows;
	bool present;
	bool ok =
	    tide_state_ensure(session->conn, true, &present, err) && check_requires(session, err) &&
	    tide_table_find(session, session->conn, plan->schema, plan->relation, &session->table_oid,
		&session->relation, err) &&
	    tide_await_query(session->conn, mem, tide_sql_state_create,
		TIDE_ARGS(plan->name, plan->hash, plan->text, plan->title, session->relation,
		    tide_param_int(mem, session->table_oid), TIDEMARK_VERSION, array_text(mem, plan, false),
		    array_text(mem, plan, true), plan->recurring ? "true" : "false"),
		&rows, err);

	talloc_free(mem);
	/* Nothing inserted means that another executor was faster: its run is found. */
	return ok && tide_run_find(session, accept, out, err);
}

/* Refuses a run that is not at home, saying which of all this it is and what to do. A table that was renamed is followed. */
static bool
check_home(struct tide_session *session, unsigned accept, struct tide_run_row *out, struct tide_err *err)
{
	const char *plan = session->plan->name;
	struct tide_identity id;

	if (!tide_identity_read(session, session->conn, session->run, &id, err))
		return false;
	if (!tide_identity_matters(out->state, (accept & TIDE_ACCEPT_COMPLETE) != 0))
		return true;
	if (id.home == TIDE_HOME || id.home == TIDE_HOME_RENAMED) {
		out->recorded_name = id.home == TIDE_HOME_RENAMED ? id.recorded : NULL;
		session->relation = talloc_strdup(session, id.now);
		return true;
	}
	tide_fail(err, TIDE_PRECONDITION, "%s", tide_identity_text(session, &id, plan));
	return tide_hint(err, "%s", tide_identity_hint(session, &id, plan));
}

/* A run's row: what the callers need, and what is only checked here. */
struct found {
	int64_t id, table_oid, back_to;
	char *hash, *plan_text, *state, *direction, *wanted, *relation;
};

static const struct tide_record_field found_fields[] = {
	TIDE_FIELD(found, id, INT),
	TIDE_FIELD(found, table_oid, INT),
	TIDE_FIELD(found, back_to, INT),
	TIDE_FIELD(found, hash, TEXT),
	TIDE_FIELD(found, plan_text, TEXT),
	TIDE_FIELD(found, state, TEXT),
	TIDE_FIELD(found, direction, TEXT),
	TIDE_FIELD(found, wanted, TEXT),
	TIDE_FIELD(found, relation, TEXT),
};

static const struct tide_record_field run_fields[] = {
	TIDE_FIELD(tide_run_row, wanted_by, TEXT),
	TIDE_FIELD(tide_run_row, owner, TEXT),
	TIDE_FIELD(tide_run_row, fence, INT),
	TIDE_FIELD(tide_run_row, live, BOOL),
};

static const struct tide_record found_record = TIDE_RECORD(found_fields);
static const struct tide_record run_record = TIDE_RECORD(run_fields);

bool
tide_run_begins_anew(const struct tide_plan *plan, enum tide_run_state state, unsigned accept)
{
	return (state == TIDE_RUN_ROLLED_BACK && (accept & TIDE_ACCEPT_ANEW) != 0) ||
	       (state == TIDE_RUN_COMPLETE && plan->recurring && (accept & TIDE_ACCEPT_NEXT) != 0);
}

bool
tide_run_find(struct tide_session *session, unsigned accept, struct tide_run_row *out, struct tide_err *err)
{
	void *mem = talloc_new(session);
	struct tide_rows *rows = NULL;
	struct found found;
	bool ok = tide_await_query(
	    session->conn, mem, tide_sql_state_find, TIDE_ARGS(session->plan->name), &rows, err);

	memset(out, 0, sizeof(*out));
	if (!ok || tide_rows_count(rows) == 0) {
		talloc_free(mem);
		return ok;
	}
	tide_rows_record(mem, rows, 0, &found_record, &found);
	tide_rows_record(session, rows, 0, &run_record, out);
	out->found = true;
	out->state = tide_run_state_of(found.state);
	out->direction = tide_direction_of(found.direction);
	out->wanted = tide_wanted_of(found.wanted);
	out->back_to = (long)found.back_to;
	session->run = found.id;
	session->relation = talloc_strdup(session, found.relation);
	session->table_oid = found.table_oid;
	/* The next one looks its table up by name. */
	if (tide_run_begins_anew(session->plan, out->state, accept))
		session->run = session->table_oid = 0;
	else
		ok = check_hash(session, accept, found.hash, found.plan_text, out, err) &&
		     check_home(session, accept, out, err);
	talloc_free(mem);
	return ok;
}

bool
tide_run_look_again(struct tide_session *session, struct tide_run_row *row, struct tide_err *err)
{
	void *mem = talloc_new(session);
	struct tide_rows *rows;
	bool ok = tide_await_query(session->conn, mem, tide_sql_state_row,
	    TIDE_ARGS(tide_param_int(mem, session->run), tide_param_int(mem, session->fence)), &rows, err);

	if (ok && tide_rows_count(rows) == 0)
		ok = tide_session_lose(session, err);
	if (ok) {
		row->state = tide_run_state_of(tide_rows_required(rows, 0, tide_rows_column(rows, "state")));
		row->direction =
		    tide_direction_of(tide_rows_required(rows, 0, tide_rows_column(rows, "direction")));
	}
	talloc_free(mem);
	return ok;
}
