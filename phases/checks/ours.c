#include "ours.h"

#include <string.h>

#include <talloc.h>

bool
tide_is_own_proof(const struct tide_plan *plan, const char *name)
{
	void *mem = talloc_new(NULL);
	bool found = false;

	for (size_t i = 0; i < plan->count && !found; i++) {
		const struct tide_phase_at at = { plan, &plan->phase[i], i, NULL };
		const struct tide_phase_ops *ops = tide_ops(at.phase);

		found = ops->proof != NULL && strcmp(ops->proof(mem, &at), name) == 0;
	}
	talloc_free(mem);
	return found;
}
