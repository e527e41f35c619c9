#include "tidemark/orchestrator/store.h"

#include <jansson.h>
#include <string.h>
#include <talloc.h>

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
	out->wanted = copy(ctx, rows, i, 6);
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

/* At a gate the approval counts first; in a hold only time does. */
static void
read_gate(const struct tide_rows *rows, size_t i, struct tide_run_status *out)
{
	bool approved = tide_rows_bool(rows, i, 19), in_hold = tide_rows_bool(rows, i, 20);
	int64_t ordinal = tide_rows_null(rows, i, 21) ? -1 : tide_rows_int(rows, i, 21);
	void *mem;
	const struct tide_plan *plan;

	if (approved || in_hold || ordinal < 0 || out->state != TIDE_RUN_WAITING)
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
	    "to_char(ended AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), approved_by FROM "
	    "tidemark.phase "
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
		p->state = tide_phase_state_of(tide_rows_text(rows, i, 2));
		p->started = copy(ctx, rows, i, 3);
		p->ended = copy(ctx, rows, i, 4);
		if (plan != NULL && i < plan->count && p->state != TIDE_PHASE_DONE)
			p->gate = tide_gate_text(ctx, &plan->phase[i].gate);
		p->approved_by = copy(ctx, rows, i, 5);
	}
	talloc_free(mem);
	return ok;
}

/* Counters of a live run are a second old; those of the checkpoints are exact, also when nobody is at work. */
static bool
read_checkpoints(struct tide_conn *conn, struct tide_run_status *out, struct tide_err *err)
{
	void *mem = talloc_new(NULL);
	struct tide_progress *p = &out->progress;
	struct tide_rows *rows;
	int64_t placed;
	bool at_work = !tide_run_word(out->state)->over;
	bool ok = tide_await_query(
	    conn, mem, tide_sql_state_segments, TIDE_ARGS(tide_param_int(mem, out->id)), &rows, err);

	if (ok && at_work && tide_rows_count(rows) == 1 && !tide_rows_null(rows, 0, 0)) {
		p->blocks_total = tide_rows_int(rows, 0, 0);
		p->blocks_done = tide_rows_int(rows, 0, 1);
		p->rows_seen = tide_rows_int(rows, 0, 2);
		p->rows_changed = tide_rows_int(rows, 0, 3);
		p->rows_stayed = tide_rows_int(rows, 0, 4);
		p->mismatches = tide_rows_int(rows, 0, 5);
		placed = tide_rows_int(rows, 0, 6);
		p->hot_share = placed > 0 ? (double)p->rows_stayed / (double)placed : -1;
	} else {
		memset(p, 0, sizeof(*p));
	}
	if (!out->live) {
		p->at_work = false;
		p->hold = (struct tide_hold){ 0 };
		p->rows_per_second = 0;
		p->eta = -1;
	}
	talloc_free(mem);
	return ok;
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
		     read_checkpoints(conn, out, err);
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
			ok = read_home(ctx, conn, &out->item[i], err);
		}
	}
	talloc_free(mem);
	return ok;
}
