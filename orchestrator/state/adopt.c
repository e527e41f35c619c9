/* A run whose rows were copied here, or whose table was restored, becomes this database's own. */
#include "tidemark/orchestrator/adopt.h"

#include <string.h>
#include <talloc.h>

#include "adopt_check.h"
#include "identity.h"
#include "move.h"
#include "schema.h"
#include "state_sql.h"
#include "tidemark/phases/phase.h"

struct subject {
	const char *name; /* of the plan */
	int64_t run;
	struct tide_identity id;
	struct tide_plan *plan;
};

struct newest {
	int64_t run; /* -1: there is none */
	bool standby;
};
static const struct tide_record_field newest_fields[] = {
	TIDE_FIELD(newest, run, COUNT),
	TIDE_FIELD(newest, standby, BOOL),
};
static const struct tide_record newest_record = TIDE_RECORD(newest_fields);

static bool
find_run(void *ctx, struct tide_conn *conn, struct subject *s, struct tide_err *err)
{
	struct newest newest = { .run = -1 };
	struct tide_rows *rows = NULL;
	bool present;

	if (!tide_state_ensure(conn, false, &present, err) ||
	    (present && !tide_await_query(conn, ctx, tide_sql_state_newest, TIDE_ARGS(s->name), &rows, err)))
		return false;
	if (present)
		tide_rows_record(ctx, rows, 0, &newest_record, &newest);
	if (newest.run < 0) {
		tide_fail(err, TIDE_PRECONDITION, "plan '%s' has not been started in this database", s->name);
		return tide_hint(err, "`tidemark status` lists the plans of a database");
	}
	if (newest.standby) {
		tide_fail(err, TIDE_PRECONDITION, "this server is a hot standby: it cannot be written");
		return tide_hint(err, "connect to the primary (target_session_attrs=read-write)");
	}
	s->run = newest.run;
	return tide_identity_read(ctx, conn, s->run, &s->id, err);
}

/* Another session may have adopted it just now: says who did so last, and when. */
static bool
say_home(void *ctx, struct tide_conn *conn, const struct subject *s, struct tide_adoption *out,
    struct tide_err *err)
{
	struct tide_rows *rows;

	if (!tide_await_query(
		conn, ctx, tide_sql_state_adopted, TIDE_ARGS(tide_param_int(ctx, s->run)), &rows, err))
		return false;
	out->reason =
	    tide_rows_count(rows) == 0
		? talloc_asprintf(ctx, "nothing to adopt: the run of '%s' belongs to this database", s->name)
		: talloc_asprintf(ctx,
		      "nothing to adopt: the run of '%s' belongs to this database; %s adopted it at %s",
		      s->name, tide_rows_text(rows, 0, tide_rows_column(rows, "by")),
		      tide_rows_text(rows, 0, tide_rows_column(rows, "at")));
	return true;
}

static bool
no_table(const struct subject *s, struct tide_err *err)
{
	void *mem = talloc_new(NULL);

	tide_fail(err, TIDE_PRECONDITION, "%s", tide_identity_text(mem, &s->id, s->name));
	tide_hint(err, "%s", tide_identity_hint(mem, &s->id, s->name));
	talloc_free(mem);
	return false;
}

static bool
read_plan(void *ctx, struct subject *s, struct tide_err *err)
{
	return tide_plan_parse(ctx, talloc_asprintf(ctx, "%s (stored)", s->name), s->id.plan_text,
		   strlen(s->id.plan_text), tide_phase_kinds(), tide_phase_count, &s->plan, err) ||
	       tide_wrap(err, "the stored plan '%s'", s->name);
}

/* An executor that works in this database: there can be one when only the table was restored. */
static bool
check_executor(void *ctx, struct tide_conn *conn, const struct subject *s, struct tide_err *err)
{
	struct tide_rows *rows;

	if (!tide_await_query(
		conn, ctx, tide_sql_state_executor, TIDE_ARGS(tide_param_int(ctx, s->run)), &rows, err))
		return false;
	if (tide_rows_count(rows) == 0)
		return true;
	tide_fail(err, TIDE_LEASE, "another executor works on '%s': %s", s->name, tide_rows_only_text(rows));
	return tide_hint(
	    err, "nothing was changed; stop that executor first, then: tidemark adopt %s", s->name);
}

/* Nobody works on it here: what the original was doing when it was copied is not under way. */
static bool
settle(void *ctx, struct tide_conn *conn, const struct subject *s, int64_t fence, struct tide_err *err)
{
	struct tide_session *ours = talloc_zero(ctx, struct tide_session);

	ours->conn = conn;
	ours->plan = s->plan;
	ours->run = s->run;
	ours->fence = fence;
	return s->id.state != TIDE_RUN_RUNNING ||
	       tide_run_move(
		   ours, &(struct tide_move){ .to = TIDE_RUN_READY, .phase = TIDE_SAME_PHASE }, err);
}

static bool
adopt(void *ctx, struct tide_conn *conn, const struct subject *s, const struct tide_adopter *who,
    struct tide_adoption *out, struct tide_err *err)
{
	struct tide_rows *rows;

	if (!tide_await_query(conn, ctx, tide_sql_state_adopt,
		TIDE_ARGS(tide_param_int(ctx, s->run), tide_param_int(ctx, s->id.found),
		    tide_param_int(ctx, s->id.fence), s->id.before, tide_param_int(ctx, s->id.table), who->by,
		    who->reason, who->ticket, who->note, tide_home_name(s->id.home), s->id.found_name),
		&rows, err))
		return false;
	out->adopted = tide_rows_count(rows) == 1;
	if (!out->adopted)
		return true;
	out->fence = tide_rows_int(rows, 0, tide_rows_column(rows, "fence"));
	out->sweeps = tide_rows_int(rows, 0, tide_rows_column(rows, "sweeps"));
	return settle(ctx, conn, s, out->fence, err);
}

static bool
take_over(void *ctx, struct tide_conn *conn, const struct subject *s, const struct tide_adopter *who,
    struct tide_adoption *out, struct tide_err *err)
{
	struct tide_err ignored = { 0 };

	if (!tide_await_exec(conn, NULL, "BEGIN", NULL, err))
		return false;
	if (adopt(ctx, conn, s, who, out, err))
		return tide_await_exec(conn, NULL, "COMMIT", NULL, err);
	if (!tide_await_exec(conn, NULL, "ROLLBACK", NULL, &ignored))
		tide_conn_close(conn);
	return false;
}

/* Changed between the look and the act: by another one who adopted it, or by an executor. */
static bool
too_late(
    void *ctx, struct tide_conn *conn, struct subject *s, struct tide_adoption *out, struct tide_err *err)
{
	if (!tide_identity_read(ctx, conn, s->run, &s->id, err))
		return false;
	if (s->id.home == TIDE_HOME || s->id.home == TIDE_HOME_RENAMED)
		return say_home(ctx, conn, s, out, err);
	if (!check_executor(ctx, conn, s, err))
		return false;
	tide_fail(err, TIDE_LEASE, "the run of '%s' was changed by another session meanwhile", s->name);
	return tide_hint(err, "nothing was changed; look again: tidemark adopt %s", s->name);
}

/*
 * Everything before take_over() only looks. What changes in between is noticed by adopt.sql, which then does
 * nothing.
 */
bool
tide_adopt(void *ctx, struct tide_conn *conn, const char *plan, const struct tide_adopter *who,
    struct tide_adoption *out, struct tide_err *err)
{
	struct subject s = { .name = plan };

	*out = (struct tide_adoption){ 0 };
	if (!find_run(ctx, conn, &s, err))
		return false;
	out->place = tide_home_name(s.id.home);
	out->before = s.id.before;
	out->here = s.id.here;
	out->table = s.id.now;
	if (s.id.home == TIDE_HOME || s.id.home == TIDE_HOME_RENAMED)
		return say_home(ctx, conn, &s, out, err);
	out->table = s.id.found_name;
	if (!tide_identity_matters(s.id.state, true)) {
		out->reason = talloc_asprintf(
		    ctx, "nothing to adopt: the run of '%s' was rolled back before it was copied", plan);
		return true;
	}
	out->reason = tide_identity_text(ctx, &s.id, plan);
	if (s.id.found == 0)
		return no_table(&s, err);
	if (!read_plan(ctx, &s, err) || !check_executor(ctx, conn, &s, err) ||
	    !tide_adopt_check(ctx, conn, s.plan, s.run, s.id.found, s.id.found_name, out, err))
		return false;
	if (out->count > 0) {
		tide_fail(err, TIDE_PRECONDITION,
		    "%s is not as the run of '%s' has left it, in %zu place%s; nothing was changed",
		    s.id.found_name, plan, out->count, out->count == 1 ? "" : "s");
		return tide_hint(err, "fix what is listed, then: tidemark adopt %s", plan);
	}
	if (!take_over(ctx, conn, &s, who, out, err))
		return false;
	return out->adopted || too_late(ctx, conn, &s, out, err);
}
