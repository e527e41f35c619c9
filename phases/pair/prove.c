#include "prove.h"

#include <talloc.h>

#include "build/build.h"
#include "tidemark/plans/expression.h"
#include "tidemark/base/names.h"
#include "tidemark/base/sqltext.h"

char *
tide_dual_proof_name(void *ctx, const struct tide_plan *plan, const struct tide_phase *phase)
{
	struct tide_names columns = tide_dual_identity(ctx, plan, phase);

	return tide_generated_name(ctx, "tidemark_", tide_identity(ctx, plan, "proof", &columns), "in_step");
}

void
tide_dual_proof(void *ctx, const struct tide_dual *dual, struct tide_proof *out)
{
	struct tide_names old = tide_side_names(ctx, &dual->old), new = tide_side_names(ctx, &dual->new);

	*out = (struct tide_proof){ 0 };
	out->name = tide_dual_proof_name(ctx, dual->plan, dual->phase);
	out->check = tide_dual_agrees(ctx, dual);
	out->differing = tide_dual_differs_row(ctx, dual);
	out->what = talloc_asprintf(
	    ctx, "%s agrees with %s", tide_join_plain(ctx, &new, ", "), tide_join_plain(ctx, &old, ", "));
}

/*
 * A new column that is NULL though what it is looked up by is not. Where old and new agree, and the comparison counts those
 * that do not, its NULL is that of the lookup: nothing has to be looked up again.
 */
static char *
unmatched(void *ctx, const struct tide_dual *dual)
{
	char *given = NULL, *out = NULL;

	for (size_t i = 0; i < dual->old.count; i++)
		given = tide_append(ctx, given, " OR ",
		    tide_sqlf(ctx, TIDE_ROW ".%I IS DISTINCT FROM NULL", dual->old.item[i].name));
	for (size_t i = 0; i < dual->new.count; i++)
		if (tide_dual_looks_up(&dual->new.item[i]))
			out = tide_append(ctx, out, " OR ",
			    tide_sqlf(ctx, TIDE_ROW ".%I IS NOT DISTINCT FROM NULL", dual->new.item[i].name));
	return out == NULL ? NULL : tide_sqlf(ctx, "(%s) AND (%s)", out, given);
}

void
tide_dual_compare(void *ctx, const struct tide_dual *dual, struct tide_sweep_spec *sweep)
{
	sweep->residual = tide_dual_differs_row(ctx, dual);
	sweep->unmatched = dual->lookup ? unmatched(ctx, dual) : NULL;
	sweep->key = tide_row_key(ctx, dual->cat, TIDE_ROW);
	sweep->what = tide_dual_what(ctx, dual);
}

static void
add_compare(
    struct tide_steps *out, const struct tide_dual *dual, const struct tide_proof *proof, const char *why)
{
	struct tide_step *step = tide_steps_add(out, "compare");

	tide_dual_compare(out, dual,
	    tide_action_sweep(out, dual->cat, &step->forward,
		talloc_asprintf(out, "Read every row and compare: %s (%s)", proof->what, why)));
	step->forward.flags |= TIDE_PROVES;
}

/* Condition: a column of the old side does not exist any more. */
static char *
old_side_gone(void *ctx, const struct tide_dual *dual)
{
	char *text = NULL;

	for (size_t i = 0; i < dual->old.count; i++)
		text = tide_append(ctx, text, " OR ",
		    talloc_asprintf(
			ctx, "NOT (%s)", tide_when_column(ctx, dual->cat, dual->old.item[i].name)));
	return text;
}

void
tide_dual_compare_last(struct tide_steps *out, const struct tide_dual *dual, const char *column)
{
	struct tide_step *step = tide_steps_add(out, "compare");
	struct tide_sweep_spec *sweep = tide_action_sweep(out, dual->cat, &step->forward,
	    talloc_asprintf(out, "Read every row and compare once more before %s is dropped permanently: %s",
		tide_display_column(out, dual->cat, column), tide_dual_what(out, dual)));

	tide_dual_compare(out, dual, sweep);
	sweep->residual = tide_dual_differs_both(out, dual);
	sweep->unmatched = NULL;
	/* A trigger that was disabled and enabled again looks as before, but rows were written without it:
	 * what was compared before that does not count. Once the column is dropped, nothing is left to
	 * compare. */
	step->forward.flags |= TIDE_PROVES | TIDE_UNTIL_CHANGED;
	step->forward.probe = tide_probe(out, old_side_gone(out, dual), NULL);
}

void
tide_dual_prove(struct tide_steps *out, const struct tide_dual *dual, const char *already)
{
	struct tide_proof proof;

	tide_dual_proof(out, dual, &proof);
	if (!tide_dual_provable(dual)) {
		add_compare(out, dual, &proof, "no constraint can prove it");
		return;
	}
	proof.already = already;
	tide_proof_steps(out, dual->cat, &proof, "proof");
}

void
tide_dual_verify(struct tide_steps *out, const struct tide_dual *dual)
{
	struct tide_proof proof;

	tide_dual_proof(out, dual, &proof);
	/* In this order: a check that is not validated would keep rejecting the application's writes of rows that differ, for as
	 * long as the read lasts, and longer when it is stopped in the middle and is not continued. */
	if (tide_dual_provable(dual))
		add_compare(out, dual, &proof, "before a check could reject a write");
	tide_dual_prove(out, dual, NULL);
}
