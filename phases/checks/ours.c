#include "ours.h"

#include <string.h>

#include <talloc.h>

#include "pair/pair.h"
#include "pair/proof.h"
#include "pair/prove.h"
#include "build/specs.h"

static bool
proves_not_null(void *ctx, const struct tide_plan *plan, const char *column, const char *name)
{
	char *names[] = { (char *)column };
	struct tide_proof proof = { 0 };

	tide_proof_not_null(ctx, plan, &(struct tide_names){ names, 1 }, &proof);
	return strcmp(proof.name, name) == 0;
}

static bool
is_proof_of(void *ctx, const struct tide_plan *plan, const struct tide_phase *phase, const char *name)
{
	const struct set_not_null_spec *set = phase->spec;
	const struct drop_not_null_spec *relax = phase->spec;
	const struct drop_column_spec *drop = phase->spec;

	if (tide_is_kind(phase, "dual_write"))
		return strcmp(tide_dual_proof_name(ctx, plan, phase), name) == 0;
	if (tide_is_kind(phase, "set_not_null"))
		return proves_not_null(ctx, plan, set->column, name);
	if (tide_is_kind(phase, "drop_not_null"))
		return proves_not_null(ctx, plan, relax->column, name);
	return tide_is_kind(phase, "drop_column") &&
	       proves_not_null(ctx, plan, tide_held_name(ctx, plan, drop->column), name);
}

bool
tide_is_own_proof(const struct tide_plan *plan, const char *name)
{
	void *mem = talloc_new(NULL);
	bool found = false;

	for (size_t i = 0; i < plan->count && !found; i++)
		found = is_proof_of(mem, plan, &plan->phase[i], name);
	talloc_free(mem);
	return found;
}
