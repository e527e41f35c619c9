#include "prove.h"

#include <talloc.h>

#include "build.h"
#include "tidemark/expression.h"
#include "tidemark/names.h"

void
tide_dual_proof(void *ctx, const struct tide_dual *dual, struct tide_proof *out)
{
	struct tide_names columns = tide_dual_identity(ctx, dual->plan, dual->phase);
	struct tide_names old = tide_side_names(ctx, &dual->old), new = tide_side_names(ctx, &dual->new);

	*out = (struct tide_proof){ 0 };
	out->name = tide_generated_name(
	    ctx, "tidemark_", tide_identity(ctx, dual->plan, "proof", &columns), "in_step");
	out->check = tide_dual_agrees(ctx, dual);
	out->differing = tide_dual_differs_row(ctx, dual);
	out->what = talloc_asprintf(
	    ctx, "%s agrees with %s", tide_join_plain(ctx, &new, ", "), tide_join_plain(ctx, &old, ", "));
}

void
tide_dual_compare(void *ctx, const struct tide_dual *dual, struct tide_sweep_spec *sweep)
{
	sweep->residual = tide_dual_differs_row(ctx, dual);
	sweep->key = tide_row_key(ctx, dual->cat, TIDE_ROW);
	sweep->what = tide_dual_what(ctx, dual);
}

void
tide_dual_prove(struct tide_steps *out, const struct tide_dual *dual, const char *already)
{
	struct tide_proof proof;
	struct tide_step *step;

	tide_dual_proof(out, dual, &proof);
	if (tide_dual_provable(dual)) {
		proof.already = already;
		tide_proof_steps(out, dual->cat, &proof, "proof");
		return;
	}
	step = tide_steps_add(out, "compare");
	tide_dual_compare(out, dual,
	    tide_action_sweep(out, dual->cat, &step->forward,
		talloc_asprintf(
		    out, "Read every row and compare: %s (no constraint can prove it)", proof.what)));
	step->forward.flags |= TIDE_PROVES;
}
