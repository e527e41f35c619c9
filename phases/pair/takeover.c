#include "takeover.h"

#include <string.h>

#include <talloc.h>

#include "build/build.h"
#include "pair.h"

/* Whether a dual write of the plan that has been switched keeps `column` as its old side, after all phases before `count`. */
static bool
keeps(const struct tide_plan *plan, size_t count, const char *column)
{
	void *mem = talloc_new(NULL);
	bool found = false;

	for (size_t i = 0; i < count && !found; i++) {
		struct tide_dual_state state;

		if (tide_opens(&plan->phase[i]) == NULL)
			continue;
		tide_dual_state_at(mem, plan, i, count, &state);
		found = !state.ended && state.switched && tide_names_have(&state.from, column);
	}
	talloc_free(mem);
	return found;
}

static bool
stands(const struct tide_catalog *cat, const char *plan, const char *column)
{
	for (size_t i = 0; i < cat->keeper_count; i++)
		if (strcmp(cat->keeper[i].plan, plan) == 0 && strcmp(cat->keeper[i].column, column) == 0)
			return true;
	return false;
}

/* The first plan with the drops of the second one up to this phase at its end; errors are placed in the second one's file. */
static struct tide_plan *
joined(void *ctx, const struct tide_plan *first, const struct tide_phase_at *at)
{
	struct tide_plan *out = talloc_memdup(ctx, first, sizeof(*first));

	out->path = at->plan->path;
	out->phase = talloc_array(out, struct tide_phase, (unsigned)(first->count + at->index + 1));
	memcpy(out->phase, first->phase, first->count * sizeof(*out->phase));
	for (size_t i = 0; i <= at->index; i++) {
		const char *column = tide_drops(&at->plan->phase[i]).name;

		if (column != NULL && !tide_dual_names(at->plan, i, column))
			out->phase[out->count++] = at->plan->phase[i];
	}
	return out;
}

static struct tide_plan *
parse(void *ctx, const struct tide_other_run *run)
{
	struct tide_plan *plan = NULL;
	struct tide_err ignored = { 0 };

	if (run->text == NULL || !tide_plan_parse(ctx, run->plan, run->text, strlen(run->text),
				     tide_phase_kinds(), tide_phase_count, &plan, &ignored))
		return NULL;
	return plan;
}

struct tide_phase_at
tide_taken_over(void *ctx, const struct tide_phase_at *at)
{
	const char *column = tide_drops(at->phase).name;

	if (at->cat == NULL || column == NULL || tide_dual_names(at->plan, at->index, column))
		return *at;
	/* The latest run of a plan is the one whose triggers exist. */
	for (size_t i = at->cat->other_run_count; i-- > 0;) {
		const struct tide_other_run *run = &at->cat->other_run[i];
		struct tide_plan *first, *plan;

		if (!run->same_table || strcmp(run->state, "complete") != 0 ||
		    !stands(at->cat, run->plan, column) || (first = parse(ctx, run)) == NULL)
			continue;
		plan = joined(ctx, first, at);
		if (keeps(plan, plan->count - 1, column))
			return (struct tide_phase_at){ plan, &plan->phase[plan->count - 1], plan->count - 1,
				at->cat };
	}
	return *at;
}

/* A drop before `count` has ended the triggers of the first plan, in their order. */
static bool
ends(const struct tide_plan *plan, size_t count, const struct tide_plan *first)
{
	for (size_t i = 0; i < count; i++) {
		const char *column = tide_drops(&plan->phase[i]).name;

		if (column != NULL && keeps(first, first->count, column))
			return true;
	}
	return false;
}

static bool
was_ended(void *ctx, const struct tide_phase_at *at, const struct tide_plan *first)
{
	for (size_t i = 0; i < at->cat->other_run_count; i++) {
		const struct tide_other_run *run = &at->cat->other_run[i];
		const struct tide_plan *plan =
		    run->same_table && strcmp(run->state, "complete") == 0 ? parse(ctx, run) : NULL;

		if (plan != NULL && strcmp(plan->name, first->name) != 0 && ends(plan, plan->count, first))
			return true;
	}
	return ends(at->plan, at->index, first);
}

const struct tide_other_run *
tide_taken_by(void *ctx, const struct tide_plan *plan, const struct tide_catalog *cat, const char **column)
{
	for (size_t i = cat->other_run_count; i-- > 0;) {
		const struct tide_other_run *run = &cat->other_run[i];
		const struct tide_plan *other =
		    run->same_table && strcmp(run->state, "rolled_back") != 0 ? parse(ctx, run) : NULL;

		for (size_t k = 0; other != NULL && k < other->count; k++)
			if ((*column = tide_phase_needs(plan, other, k)) != NULL)
				return run;
	}
	return NULL;
}

const struct tide_other_run *
tide_lost_keeper(const struct tide_phase_at *at)
{
	const char *column = tide_drops(at->phase).name;
	void *mem = talloc_new(NULL);
	const struct tide_other_run *found = NULL;

	for (size_t i = at->cat->other_run_count; i-- > 0 && found == NULL;) {
		const struct tide_other_run *run = &at->cat->other_run[i];
		struct tide_plan *first;
		bool over = strcmp(run->state, "complete") == 0 || strcmp(run->state, "rolled_back") == 0;

		if (run->same_table && over && !stands(at->cat, run->plan, column) &&
		    !tide_dual_names(at->plan, at->index, column) && (first = parse(mem, run)) != NULL &&
		    keeps(first, first->count, column) &&
		    (strcmp(run->state, "rolled_back") == 0 || !was_ended(mem, at, first)))
			found = run;
	}
	talloc_free(mem);
	return found;
}

/* Whether a dual write that the phases have not ended uses the column, on either side. */
static bool
is_alive(void *ctx, const struct tide_plan *plan, const char *column)
{
	for (size_t i = 0; i < plan->count; i++) {
		struct tide_dual_state state;

		if (tide_opens(&plan->phase[i]) == NULL)
			continue;
		tide_dual_state_at(ctx, plan, i, plan->count, &state);
		if (!state.ended &&
		    (tide_names_have(&state.from, column) || tide_names_have(&state.to, column)))
			return true;
	}
	return false;
}

bool
tide_is_taken_over(const struct tide_phase_at *at, const char *first, const char *column)
{
	void *mem = talloc_new(NULL);
	bool taken = false;

	for (size_t i = 0; i <= at->index && !taken; i++) {
		struct tide_phase_at one = { at->plan, &at->plan->phase[i], i, at->cat };
		struct tide_phase_at there = tide_taken_over(mem, &one);

		if (there.plan != at->plan && strcmp(there.plan->name, first) == 0)
			taken = i == at->index || !is_alive(mem, there.plan, column);
	}
	talloc_free(mem);
	return taken;
}

const char *
tide_phase_needs(const struct tide_plan *first, const struct tide_plan *second, size_t index)
{
	const char *column = tide_drops(&second->phase[index]).name;

	if (column == NULL || tide_dual_names(second, index, column) || !keeps(first, first->count, column))
		return NULL;
	return column;
}

static void
add_names(void *ctx, struct tide_names *out, const struct tide_names *more)
{
	for (size_t i = 0; i < more->count; i++) {
		if (tide_names_have(out, more->item[i]))
			continue;
		out->item = talloc_realloc(ctx, out->item, char *, (unsigned)(out->count + 1));
		out->item[out->count++] = more->item[i];
	}
}

bool
tide_phase_more_facts(void *ctx, const struct tide_plan *plan, const struct tide_catalog *cat,
    struct tide_names *expressions, struct tide_names *columns)
{
	bool more = false;

	for (size_t i = 0; i < plan->count; i++) {
		struct tide_phase_at at = { plan, &plan->phase[i], i, cat },
				     there = tide_taken_over(ctx, &at);
		struct tide_names names;

		if (there.plan == plan)
			continue;
		more = true;
		names = tide_phase_expressions(ctx, there.plan);
		add_names(ctx, expressions, &names);
		names = tide_phase_paired_columns(ctx, there.plan);
		add_names(ctx, columns, &names);
	}
	return more;
}
