#include "tidemark/phases/phase.h"

#include <string.h>

#include <talloc.h>

#include "build/build.h"
#include "catalog/change.h"
#include "checks/overlap.h"
#include "pair/pair.h"
#include "checks/relations.h"
#include "pair/takeover.h"
#include "releases.h"
#include "build/rename.h"
#include "script/script.h"

static struct tide_phase_at
place(const struct tide_plan *plan, size_t index, const struct tide_catalog *cat)
{
	return (struct tide_phase_at){ plan, &plan->phase[index], index, cat };
}

static bool
compile(void *ctx, const struct tide_phase_at *at, struct tide_steps **out, struct tide_err *err)
{
	const struct tide_phase_ops *ops = tide_ops(at->phase);
	struct tide_steps *steps = talloc_zero(ctx, struct tide_steps);
	struct tide_phase_at there;

	if (!ops->compile(at, steps, err)) {
		talloc_free(steps);
		return false;
	}
	there = tide_taken_over(steps, at);
	tide_releases_set(steps, &there);
	tide_steps_name_table(steps, at->cat);
	*out = steps;
	return true;
}

static bool
check(const struct tide_phase_at *at, struct tide_findings *findings, struct tide_err *err)
{
	const struct tide_phase_ops *ops = tide_ops(at->phase);
	size_t before = findings->count;

	tide_check_overlap(at, findings);
	if (at->cat != NULL)
		tide_check_published_state(&(struct tide_checking){ at, findings });
	if (ops->check != NULL)
		ops->check(at, findings);
	return tide_findings_refuse(findings, before, at->plan->path, err);
}

bool
tide_phase_compile(void *ctx, const struct tide_plan *plan, size_t index, const struct tide_catalog *cat,
    struct tide_steps **out, struct tide_err *err)
{
	struct tide_phase_at at = place(plan, index, cat);
	struct tide_findings *findings = talloc_zero(NULL, struct tide_findings);
	bool ok = check(&at, findings, err) && compile(ctx, &at, out, err);

	talloc_free(findings);
	return ok;
}

static void
apply(const struct tide_phase_at *at, struct tide_catalog *cat)
{
	const struct tide_phase_ops *ops = tide_ops(at->phase);

	if (ops->apply != NULL)
		ops->apply(at, cat);
}

bool
tide_phase_compile_rest(void *ctx, const struct tide_plan *plan, size_t first, bool apply_last,
    const struct tide_catalog *now, struct tide_steps **out, struct tide_findings *findings,
    struct tide_err *err)
{
	struct tide_catalog *cat = tide_change_copy(ctx, now);

	if (apply_last && first > 0) {
		struct tide_phase_at last = place(plan, first - 1, cat);

		apply(&last, cat);
	}
	for (size_t i = first; i < plan->count; i++) {
		struct tide_phase_at at = place(plan, i, cat);

		if (!check(&at, findings, err) || !compile(ctx, &at, &out[i], err))
			return false;
		apply(&at, cat);
	}
	return true;
}

bool
tide_phase_compile_all(void *ctx, const struct tide_plan *plan, const struct tide_catalog *cat,
    struct tide_steps **out, struct tide_findings *findings, struct tide_err *err)
{
	return tide_phase_compile_rest(ctx, plan, 0, false, cat, out, findings, err);
}

struct collector {
	void *ctx;
	struct tide_names *names;
};

static void
collect(void *ctx, const char *source)
{
	struct collector *c = ctx;

	if (tide_names_have(c->names, source))
		return;
	c->names->item = talloc_realloc(c->ctx, c->names->item, char *, (unsigned)(c->names->count + 1));
	c->names->item[c->names->count++] = talloc_strdup(c->ctx, source);
}

struct tide_names
tide_phase_expressions(void *ctx, const struct tide_plan *plan)
{
	struct tide_names out = { 0 };
	struct collector c = { ctx, &out };

	for (size_t i = 0; i < plan->count; i++) {
		struct tide_phase_at at = place(plan, i, NULL);
		const struct tide_phase_ops *ops = tide_ops(at.phase);

		if (ops->expressions != NULL)
			ops->expressions(&at, collect, &c);
	}
	return out;
}

static void
add_pairs(void *ctx, struct tide_pairs *out, struct tide_pairs more)
{
	out->item = talloc_realloc(ctx, out->item, struct tide_pair, (unsigned)(out->count + more.count + 1));
	for (size_t i = 0; i < more.count; i++)
		out->item[out->count++] = more.item[i];
}

struct tide_pairs
tide_phase_future_columns(void *ctx, const struct tide_plan *plan)
{
	struct tide_pairs out = { 0 };

	for (size_t i = 0; i < plan->count; i++) {
		struct tide_phase_at at = place(plan, i, NULL);
		struct tide_added added = tide_adds(at.phase);
		const struct tide_names *texts = tide_authored(at.phase);

		if (added.name != NULL)
			add_pairs(ctx, &out,
			    (struct tide_pairs){
				&(struct tide_pair){ talloc_strdup(ctx, added.name),
				    talloc_strdup(ctx, added.type), at.phase->line, at.phase->column },
				1 });
		if (texts != NULL)
			add_pairs(ctx, &out, tide_script_added(ctx, &at, texts));
	}
	return out;
}

static void
add_name(void *ctx, struct tide_names *out, char *name)
{
	out->item = talloc_realloc(ctx, out->item, char *, (unsigned)(out->count + 1));
	out->item[out->count++] = name;
}

struct tide_names
tide_phase_paired_columns(void *ctx, const struct tide_plan *plan)
{
	struct tide_names out = { 0 };

	for (size_t i = 0; i < plan->count; i++) {
		const struct dual_write_spec *spec = tide_opens(&plan->phase[i]);

		if (spec == NULL)
			continue;
		for (size_t k = 0; k < spec->from.count; k++) {
			add_name(ctx, &out, spec->from.item[k]);
			add_name(ctx, &out, tide_held_name(ctx, plan, spec->from.item[k]));
		}
		for (size_t k = 0; k < spec->to.count; k++) {
			add_name(ctx, &out, spec->to.item[k]);
			add_name(ctx, &out, tide_held_name(ctx, plan, spec->to.item[k]));
		}
	}
	return out;
}
