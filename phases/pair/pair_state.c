#include <string.h>

#include <talloc.h>

#include "build/build.h"
#include "pair.h"
#include "tidemark/base/names.h"

/* Where a dual write stands at a point of the plan: read off the phases before it, never guessed from the table. */

long
tide_dual_before(const struct tide_plan *plan, size_t index)
{
	for (size_t i = index; i-- > 0;)
		if (tide_opens(&plan->phase[i]) != NULL)
			return (long)i;
	return -1;
}

char *
tide_held_name(void *ctx, const struct tide_plan *plan, const char *column)
{
	char *names[] = { (char *)column };
	struct tide_names one = { names, 1 };
	char *identity = tide_identity(NULL, plan, "held", &one);
	char *out = tide_generated_name(ctx, "tidemark_held_", identity, column);

	talloc_free(identity);
	return out;
}

static struct tide_names
copy_names(void *ctx, const struct tide_names *names)
{
	struct tide_names out = { .count = names->count };

	out.item = talloc_memdup(ctx, names->item, names->count * sizeof(char *));
	return out;
}

void
tide_dual_state_at(
    void *ctx, const struct tide_plan *plan, size_t dual, size_t index, struct tide_dual_state *out)
{
	const struct dual_write_spec *spec = tide_opens(&plan->phase[dual]);
	bool latest = true;

	*out = (struct tide_dual_state){ .phase = dual };
	out->from = copy_names(ctx, &spec->from);
	out->to = copy_names(ctx, &spec->to);
	for (size_t i = dual + 1; i < index; i++) {
		const struct tide_phase_ops *ops = tide_ops(&plan->phase[i]);

		/* A later pair is the one that the phases after it are about. */
		latest = latest && tide_opens(&plan->phase[i]) == NULL;
		if (ops->follow != NULL)
			ops->follow(&plan->phase[i], latest, out);
	}
}

bool
tide_dual_names(const struct tide_plan *plan, size_t index, const char *column)
{
	for (size_t i = 0; i < index; i++) {
		const struct dual_write_spec *spec = tide_opens(&plan->phase[i]);

		if (spec != NULL &&
		    (tide_names_have(&spec->from, column) || tide_names_have(&spec->to, column)))
			return true;
	}
	return false;
}

void
tide_dual_state_held(
    void *ctx, const struct tide_plan *plan, const char *column, struct tide_dual_state *state)
{
	for (size_t i = 0; i < state->from.count; i++)
		if (strcmp(state->from.item[i], column) == 0) {
			state->held = state->from.item[i];
			state->from.item[i] = tide_held_name(ctx, plan, column);
		}
}
