#include <string.h>

#include <talloc.h>

#include "build/build.h"
#include "pair.h"
#include "build/specs.h"
#include "tidemark/base/names.h"

/* Where a dual write stands at a point of the plan: read off the phases before it, never guessed from the table. */

long
tide_dual_before(const struct tide_plan *plan, size_t index)
{
	for (size_t i = index; i-- > 0;)
		if (tide_is_kind(&plan->phase[i], "dual_write"))
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

static void
step_over(struct tide_dual_state *state, const struct tide_phase *phase)
{
	const struct backfill_spec *fill = phase->spec;
	const struct verify_spec *verify = phase->spec;
	const struct switch_spec *change = phase->spec;
	struct tide_names names;

	if (tide_is_kind(phase, "backfill") && fill->set.count == 0) {
		state->backfilled = true;
	} else if (tide_is_kind(phase, "verify") && verify->condition == NULL) {
		state->verified = true;
		state->verified_late = state->backfilled;
	} else if (tide_is_kind(phase, "switch")) {
		state->switched = true;
		if (change->swap_names && state->from.count == state->to.count) {
			names = state->from;
			state->from = state->to;
			state->to = names;
			state->swapped = !state->swapped;
		}
	}
}

void
tide_dual_state_at(
    void *ctx, const struct tide_plan *plan, size_t dual, size_t index, struct tide_dual_state *out)
{
	const struct dual_write_spec *spec = plan->phase[dual].spec;
	bool latest = true;

	*out = (struct tide_dual_state){ .phase = dual };
	out->from = copy_names(ctx, &spec->from);
	out->to = copy_names(ctx, &spec->to);
	for (size_t i = dual + 1; i < index; i++) {
		const struct tide_phase *phase = &plan->phase[i];
		const struct drop_column_spec *drop = phase->spec;

		/* A later dual_write is the one that the phases after it are about. */
		latest = latest && !tide_is_kind(phase, "dual_write");
		if (latest)
			step_over(out, phase);
		if (tide_is_kind(phase, "drop_column") &&
		    (tide_names_have(&out->from, drop->column) || tide_names_have(&out->to, drop->column)))
			out->ended = true;
	}
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
