#include "tidemark/orchestrator/store.h"

#include <jansson.h>
#include <string.h>
#include <talloc.h>

#include "checkpoints.h"
#include "identity.h"
#include "progress_json.h"
#include "schema.h"
#include "tidemark/postgres/param.h"
#include "state_sql.h"
#include "tidemark/plans/expression.h"
#include "tidemark/phases/phase.h"
#include "tidemark/base/units.h"

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

static void
read_run(void *ctx, const struct tide_rows *rows, size_t i, struct tide_run_status *out)
{
	memset(out, 0, sizeof(*out));
	out->found = true;
	out->id = tide_rows_int(rows, i, 0);
	out->plan = copy(ctx, rows, i, 1);
	out->title = copy(ctx, rows, i, 2);
	out->table = copy(ctx, rows, i, 3);
	out->hash = copy(ctx, rows, i, 4);
	out->state = tide_run_state_of(tide_rows_text(rows, i, 5));
	out->wanted = tide_wanted_of(tide_rows_text(rows, i, 6));
	out->reason = copy(ctx, rows, i, 7);
	out->direction = tide_direction_of(tide_rows_text(rows, i, 8));
	out->phase = copy(ctx, rows, i, 9);
	out->holder = copy(ctx, rows, i, 10);
	out->heartbeat_age = real(rows, i, 11);
	out->live = tide_rows_bool(rows, i, 12);
	out->created = copy(ctx, rows, i, 13);
	out->updated = copy(ctx, rows, i, 14);
	out->plan_text = copy(ctx, rows, i, 15);
	out->hold_until = copy(ctx, rows, i, 16);
	tide_progress_read(ctx, tide_rows_text(rows, i, 17), &out->progress);
	out->conflicts = tide_rows_int(rows, i, 18);
	out->time_over = tide_rows_bool(rows, i, 22);
	out->unmatched = tide_rows_null(rows, i, 23) ? -1 : tide_rows_int(rows, i, 23);
	out->unmatched_key = copy(ctx, rows, i, 24);
	out->code = tide_rows_null(rows, i, 25) ? 0 : (int)tide_rows_int(rows, i, 25);
	out->wanted_by = copy(ctx, rows, i, 26);
}

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
read_gate(const struct tide_rows *rows, size_t i, struct tide_run_status *out)
{
	bool approved = tide_rows_bool(rows, i, 19), in_hold = tide_rows_bool(rows, i, 20);
	int64_t ordinal = tide_rows_null(rows, i, 21) ? -1 : tide_rows_int(rows, i, 21);
	void *mem;
	const struct tide_plan *plan;

	out->in_hold = in_hold;
	if (approved || in_hold || ordinal < 0 || tide_run_word(out->state)->over)
		return;
	mem = talloc_new(NULL);
	plan = stored_plan(mem, out);
	out->needs_approval =
	    plan != NULL && (size_t)ordinal < plan->count && plan->phase[ordinal].gate.manual;
	talloc_free(mem);
}

static bool
read_phases(void *ctx, struct tide_conn *conn, struct tide_run_status *out, struct tide_err *err)
{
	void *mem = talloc_new(ctx);
	const struct tide_plan *plan = stored_plan(mem, out);
	struct tide_rows *rows;
	bool ok = tide_await_query(conn, mem,
	    "SELECT name, kind, state, to_char(started AT TIME ZONE 'UTC', "
	    "'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), "
	    "to_char(ended AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), approved_by "
	    "FROM tidemark.phase "
	    "WHERE run = $1::bigint ORDER BY ordinal",
	    TIDE_ARGS(tide_param_int(mem, out->id)), &rows, err);

	if (ok) {
		out->count = tide_rows_count(rows);
		out->item = talloc_zero_array(ctx, struct tide_phase_status, (unsigned)out->count);
	}
	for (size_t i = 0; ok && i < out->count; i++) {
		struct tide_phase_status *p = &out->item[i];

		p->name = copy(ctx, rows, i, 0);
		p->kind = copy(ctx, rows, i, 1);
		p->state =
		    tide_phase_shown(tide_phase_state_of(tide_rows_text(rows, i, 2)), out->state, out->live);
		p->started = copy(ctx, rows, i, 3);
		p->ended = copy(ctx, rows, i, 4);
		if (plan != NULL && i < plan->count && p->state != TIDE_PHASE_DONE)
			p->gate = tide_gate_text(ctx, &plan->phase[i].gate);
		p->approved_by = copy(ctx, rows, i, 5);
	}
	talloc_free(mem);
	return ok;
}

/* How far the sweep is, is read from its checkpoints, whoever works on it or nobody; only how it goes now is the executor's to say. */
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
		read_gate(rows, 0, out);
		ok = read_home(ctx, conn, out, err) && read_phases(ctx, conn, out, err) &&
		     read_checkpoints(ctx, conn, out, err);
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
			read_gate(rows, i, &out->item[i]);
			ok = read_home(ctx, conn, &out->item[i], err) &&
			     read_checkpoints(ctx, conn, &out->item[i], err);
			show_pause(ctx, &out->item[i]);
		}
	}
	talloc_free(mem);
	return ok;
}
