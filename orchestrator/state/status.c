#include "tidemark/orchestrator/store.h"

#include <jansson.h>
#include <string.h>
#include <talloc.h>

#include "checkpoints.h"
#include "identity.h"
#include "progress_json.h"
#include "schema.h"
#include "setting.h"
#include "tidemark/postgres/param.h"
#include "state_sql.h"
#include "tidemark/plans/expression.h"
#include "tidemark/phases/phase.h"
#include "tidemark/base/units.h"

static const struct tide_record_field run_fields[] = {
	TIDE_FIELD(tide_run_status, id, INT),
	TIDE_FIELD(tide_run_status, plan, TEXT),
	TIDE_FIELD(tide_run_status, title, TEXT),
	TIDE_FIELD(tide_run_status, table, TEXT),
	TIDE_FIELD(tide_run_status, hash, TEXT),
	TIDE_FIELD(tide_run_status, reason, TEXT),
	TIDE_FIELD(tide_run_status, wanted_by, TEXT),
	TIDE_FIELD(tide_run_status, code, INT32),
	TIDE_FIELD(tide_run_status, phase, TEXT),
	TIDE_FIELD(tide_run_status, holder, TEXT),
	TIDE_FIELD(tide_run_status, heartbeat_age, REAL),
	TIDE_FIELD(tide_run_status, live, BOOL),
	TIDE_FIELD(tide_run_status, in_hold, BOOL),
	TIDE_FIELD(tide_run_status, time_over, BOOL),
	TIDE_FIELD(tide_run_status, created, TEXT),
	TIDE_FIELD(tide_run_status, updated, TEXT),
	TIDE_FIELD(tide_run_status, plan_text, TEXT),
	TIDE_FIELD(tide_run_status, hold_until, TEXT),
	TIDE_FIELD(tide_run_status, conflicts, INT),
	TIDE_FIELD(tide_run_status, unmatched, COUNT),
	TIDE_FIELD(tide_run_status, unmatched_key, TEXT),
};
static const struct tide_record run_record = TIDE_RECORD(run_fields);

/* What the row has beside that, as it is stored. */
struct stored {
	char *state, *wanted, *direction, *progress;
	int64_t ordinal; /* of the phase ahead; -1 none */
	bool approved;   /* it */
};

static const struct tide_record_field stored_fields[] = {
	TIDE_FIELD(stored, state, TEXT),
	TIDE_FIELD(stored, wanted, TEXT),
	TIDE_FIELD(stored, direction, TEXT),
	TIDE_FIELD(stored, progress, TEXT),
	TIDE_FIELD(stored, ordinal, COUNT),
	TIDE_FIELD(stored, approved, BOOL),
};
static const struct tide_record stored_record = TIDE_RECORD(stored_fields);

/* Once it is known whether an executor works on it. */
static void
show_pause(void *ctx, struct tide_run_status *out)
{
	out->state = tide_run_shown(out->state, out->direction, out->wanted, out->live);
	if (out->state == TIDE_RUN_PAUSING || out->state == TIDE_RUN_PAUSED)
		out->reason = talloc_asprintf(
		    ctx, "paused by %s", out->wanted_by != NULL ? out->wanted_by : "somebody");
}

char *
tide_unmatched_text(void *ctx, int64_t rows, const char *key)
{
	char count[32];

	tide_count_format(rows, count, sizeof(count));
	return talloc_asprintf(ctx, "%s %s no match in the lookup and %s NULL%s%s", count,
	    rows == 1 ? "row has" : "rows have", rows == 1 ? "holds" : "hold",
	    key != NULL ? ", such as " : "", key != NULL ? key : "");
}

/* Gates come from the plan that is stored with the run. */
static struct tide_plan *
stored_plan(void *ctx, const struct tide_run_status *run)
{
	struct tide_plan *plan = NULL;
	struct tide_err ignored = { 0 };

	if (run->plan_text == NULL || !tide_plan_parse(ctx, run->plan, run->plan_text, strlen(run->plan_text),
					  tide_phase_kinds(), tide_phase_count, &plan, &ignored))
		return NULL;
	return plan;
}

/* Of the phase ahead. At a gate the approval counts first; in a hold only time does. */
static void
read_gate(const struct stored *stored, struct tide_run_status *out)
{
	void *mem;
	const struct tide_plan *plan;

	mem = talloc_new(NULL);
	plan = stored_plan(mem, out);
	out->recurring = plan != NULL && plan->recurring;
	out->needs_approval = plan != NULL && !stored->approved && !out->in_hold && stored->ordinal >= 0 &&
			      !tide_run_word(out->state)->over && (size_t)stored->ordinal < plan->count &&
			      plan->phase[stored->ordinal].gate.manual;
	talloc_free(mem);
}

static void
read_run(void *ctx, const struct tide_rows *rows, size_t i, struct tide_run_status *out)
{
	void *mem = talloc_new(ctx);
	struct stored stored;

	memset(out, 0, sizeof(*out));
	tide_rows_record(ctx, rows, i, &run_record, out);
	tide_rows_record(mem, rows, i, &stored_record, &stored);
	out->found = true;
	out->state = tide_run_state_of(stored.state);
	out->wanted = tide_wanted_of(stored.wanted);
	out->direction = tide_direction_of(stored.direction);
	tide_progress_read(ctx, stored.progress, &out->progress);
	read_gate(&stored, out);
	talloc_free(mem);
}

static const struct tide_record_field phase_fields[] = {
	TIDE_FIELD(tide_phase_status, name, TEXT),
	TIDE_FIELD(tide_phase_status, kind, TEXT),
	TIDE_FIELD(tide_phase_status, started, TEXT),
	TIDE_FIELD(tide_phase_status, ended, TEXT),
	TIDE_FIELD(tide_phase_status, approved_by, TEXT),
};
static const struct tide_record phase_record = TIDE_RECORD(phase_fields);

/* A stored plan that cannot be read only costs the texts of the gates: `status` must work all the same. */
static bool
read_phases(void *ctx, struct tide_conn *conn, struct tide_run_status *out, struct tide_err *err)
{
	void *mem = talloc_new(ctx);
	const struct tide_plan *plan = stored_plan(mem, out);
	struct tide_rows *rows;
	bool ok = tide_await_query(
	    conn, mem, tide_sql_state_phases, TIDE_ARGS(tide_param_int(mem, out->id)), &rows, err);

	if (ok)
		out->item = tide_rows_records(ctx, rows, &phase_record, sizeof(*out->item), &out->count);
	for (size_t i = 0; ok && i < out->count; i++) {
		const char *state = tide_rows_required(rows, i, tide_rows_column(rows, "state"));
		struct tide_phase_status *p = &out->item[i];

		p->state = tide_phase_shown(tide_phase_state_of(state), out->state, out->live);
		if (plan != NULL && i < plan->count && p->state != TIDE_PHASE_DONE)
			p->gate = tide_gate_text(ctx, &plan->phase[i].gate);
	}
	talloc_free(mem);
	return ok;
}

/*
 * How far a sweep is comes from its checkpoints, whether an executor is live or not; only the executor knows
 * its rate.
 */
static bool
read_checkpoints(void *ctx, struct tide_conn *conn, struct tide_run_status *out, struct tide_err *err)
{
	struct tide_progress *p = &out->progress;
	struct tide_checkpoints c = { 0 };

	if (!tide_run_word(out->state)->over && !tide_checkpoints_read(ctx, conn, out->id, &c, err))
		return false;
	if (!out->live || c.extent.total == 0)
		*p = (struct tide_progress){ .lag = -1, .eta = -1 };
	p->phase = c.phase;
	p->what = c.what;
	p->share = tide_extent_share(&c.extent);
	p->blocks_total = c.extent.total;
	p->blocks_done = c.extent.done;
	p->rows_seen = c.earlier_seen + c.seen;
	p->rows_changed = c.earlier_changed + c.changed;
	p->rows_stayed = c.earlier_stayed + c.stayed;
	p->mismatches = c.differing;
	p->hot_share = c.placed > 0 ? (double)c.stayed / (double)c.placed : -1;
	return true;
}

/* What is over needs no home. The executor that a copied row names works elsewhere. */
static bool
read_home(void *ctx, struct tide_conn *conn, struct tide_run_status *out, struct tide_err *err)
{
	struct tide_identity id;

	out->home = tide_home_name(TIDE_HOME);
	if (!tide_identity_matters(out->state, false))
		return true;
	if (!tide_identity_read(ctx, conn, out->id, &id, err))
		return false;
	out->home = tide_home_name(id.home);
	out->away = tide_identity_text(ctx, &id, out->plan);
	if (out->away == NULL)
		return true;
	out->way_out = tide_identity_hint(ctx, &id, out->plan);
	out->adoptable = tide_identity_adoptable(&id);
	if (id.home == TIDE_OTHER_CLUSTER || id.home == TIDE_OTHER_DATABASE) {
		out->live = false;
		out->holder = NULL;
	}
	return true;
}

/* What is over is not steered any more. */
static bool
read_settings(void *ctx, struct tide_conn *conn, struct tide_run_status *out, struct tide_err *err)
{
	return tide_run_word(out->state)->over || tide_settings_read(ctx, conn, out->id, &out->settings, err);
}

bool
tide_store_status(
    void *ctx, struct tide_conn *conn, const char *plan, struct tide_run_status *out, struct tide_err *err)
{
	void *mem = talloc_new(ctx);
	struct tide_rows *rows;
	bool is = false, ok;

	memset(out, 0, sizeof(*out));
	ok = tide_state_ensure(conn, false, &is, err) &&
	     (!is || tide_await_query(conn, mem, tide_sql_state_status, TIDE_ARGS(plan), &rows, err));
	if (ok && is && tide_rows_count(rows) > 0) {
		read_run(ctx, rows, 0, out);
		ok = read_home(ctx, conn, out, err) && read_phases(ctx, conn, out, err) &&
		     read_checkpoints(ctx, conn, out, err) && read_settings(ctx, conn, out, err);
		show_pause(ctx, out);
	}
	talloc_free(mem);
	return ok;
}

bool
tide_store_list(void *ctx, struct tide_conn *conn, struct tide_status_list *out, struct tide_err *err)
{
	void *mem = talloc_new(ctx);
	const char *none = NULL;
	struct tide_rows *rows;
	bool is = false, ok;

	memset(out, 0, sizeof(*out));
	ok = tide_state_ensure(conn, false, &is, err) &&
	     (!is || tide_await_query(conn, mem, tide_sql_state_status, 1, &none, &rows, err));
	if (ok && is) {
		out->count = tide_rows_count(rows);
		out->item = talloc_zero_array(ctx, struct tide_run_status, (unsigned)out->count);
		for (size_t i = 0; ok && i < out->count; i++) {
			read_run(ctx, rows, i, &out->item[i]);
			ok = read_home(ctx, conn, &out->item[i], err) &&
			     read_checkpoints(ctx, conn, &out->item[i], err) &&
			     read_settings(ctx, conn, &out->item[i], err);
			show_pause(ctx, &out->item[i]);
		}
	}
	talloc_free(mem);
	return ok;
}
