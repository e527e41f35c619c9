#include <string.h>

#include <talloc.h>

#include "build/build.h"
#include "takeover.h"
#include "mirror.h"
#include "pair.h"
#include "prove.h"

/* `tidemark verify` knows the plan and the table, not where the run is: it finds that out from the table. */

static bool
all_exist(const struct tide_catalog *cat, const struct tide_dual_state *state)
{
	for (size_t i = 0; i < state->from.count; i++)
		if (tide_catalog_column(cat, state->from.item[i]) == NULL)
			return false;
	for (size_t i = 0; i < state->to.count; i++)
		if (tide_catalog_column(cat, state->to.item[i]) == NULL)
			return false;
	return true;
}

/* Takes the state when its columns are there and, after a switch, its triggers exist. */
static bool
fits(void *ctx, const struct tide_phase_at *at, const struct tide_dual_state *state, const char *held,
    struct tide_dual **out)
{
	struct tide_err ignored = { 0 };
	struct tide_dual *dual;

	if (state->ended || !all_exist(at->cat, state) || !tide_dual_build(ctx, at, state, &dual, &ignored))
		return false;
	if (state->switched && !tide_triggers_found(at->cat, tide_both_ways_triggers(ctx, dual, held)))
		return false;
	*out = dual;
	return true;
}

/* The latest point of the plan that the table can be at; *switched: both releases write. */
static bool
find_state(void *ctx, const struct tide_plan *plan, size_t dual, const struct tide_catalog *cat,
    struct tide_dual **out, bool *switched)
{
	for (size_t i = plan->count; i > dual; i--) {
		struct tide_dropped drop = { 0 };
		struct tide_phase_at at = { plan, &plan->phase[dual], dual, cat };
		struct tide_dual_state state;

		tide_dual_state_at(ctx, plan, dual, i, &state);
		*switched = state.switched;
		if (fits(ctx, &at, &state, NULL, out))
			return true;
		if (i < plan->count)
			drop = tide_drops(&plan->phase[i]);
		if (!drop.held)
			continue;
		tide_dual_state_held(ctx, plan, drop.name, &state);
		if (state.held != NULL && fits(ctx, &at, &state, drop.name, out))
			return true;
	}
	return false;
}

/* A plan that only drops the old column of another plan's pair compares that. */
static const struct tide_plan *
plan_of_pair(void *ctx, const struct tide_plan *plan, const struct tide_catalog *cat)
{
	for (size_t i = tide_dual_before(plan, plan->count) < 0 ? plan->count : 0; i-- > 0;) {
		struct tide_phase_at at = { plan, &plan->phase[i], i, cat };
		struct tide_phase_at there = tide_taken_over(ctx, &at);

		if (there.plan != plan)
			return there.plan;
	}
	return plan;
}

/* No state of the plan has both columns: another plan holds the old one, or has dropped it, or there is no such state now. */
static bool
fail_incomplete(void *ctx, const struct tide_plan *plan, const struct tide_catalog *cat, struct tide_err *err)
{
	const char *column = NULL;
	const struct tide_other_run *run = tide_taken_by(ctx, plan, cat, &column);

	if (run == NULL) {
		tide_fail(err, TIDE_PRECONDITION,
		    "old and new columns are not both in %s.%s: there is nothing to compare",
		    cat->table.schema, cat->table.name);
		return tide_hint(
		    err, "before add_column, and once the old column is dropped, one of them is missing");
	}
	if (strcmp(run->state, "complete") == 0) {
		tide_fail(err, TIDE_PRECONDITION,
		    "plan '%s' has dropped \"%s\": there is nothing left to compare", run->plan, column);
		return tide_hint(err, "what its last comparison found: tidemark history %s", run->plan);
	}
	tide_fail(err, TIDE_PRECONDITION,
	    "plan '%s' (%s) has taken over what keeps \"%s\" in step, and holds the column under another name",
	    run->plan, run->state, column);
	return tide_hint(err, "compare with: tidemark verify %s", run->plan);
}

bool
tide_phase_compare_spec(void *ctx, const struct tide_plan *plan, const struct tide_catalog *cat,
    struct tide_sweep_spec **out, struct tide_err *err)
{
	struct tide_dual *dual;
	struct tide_sweep_spec *sweep;
	bool switched = false;
	long index;

	plan = plan_of_pair(ctx, plan, cat);
	index = tide_dual_before(plan, plan->count);
	if (index < 0) {
		tide_fail(err, TIDE_PRECONDITION, "the plan has no dual_write: there is nothing to compare");
		return tide_hint(err,
		    "a phase of kind \"verify\" with a condition compares what an application keeps in step");
	}
	if (!find_state(ctx, plan, (size_t)index, cat, &dual, &switched))
		return fail_incomplete(ctx, plan, cat, err);
	sweep = talloc_zero(ctx, struct tide_sweep_spec);
	tide_dual_compare(ctx, dual, sweep);
	/* A value of the new release that `down` cannot express is no difference: its trigger has made the old one of it. */
	if (switched)
		sweep->residual = tide_dual_differs_both(ctx, dual);
	*out = sweep;
	return true;
}
