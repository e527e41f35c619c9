#include <string.h>

#include <talloc.h>

#include "build/build.h"
#include "pair/pair.h"
#include "pair/prove.h"
#include "tidemark/plans/expression.h"
#include "tidemark/base/sqltext.h"

struct verify_spec {
	char *condition;
};

static const struct tide_field fields[] = {
	TIDE_KEY(verify_spec, condition, EXPRESSION,
	    .help = "must be true for every row; left out: the two sides of the dual_write before agree"),
	{ 0 },
};

static void
expressions(const struct tide_phase_at *at, void (*take)(void *ctx, const char *source), void *ctx)
{
	const struct verify_spec *spec = at->phase->spec;

	if (spec->condition != NULL)
		take(ctx, spec->condition);
}

/* DDL of the table's owner that PostgreSQL refuses because of our check is known before it fails. */
static void
note_attach(const struct tide_checking *c, void *room)
{
	struct tide_proof proof;
	struct tide_dual_state state;
	struct tide_dual *dual;
	struct tide_err ignored = { 0 };

	if (!tide_dual_for(room, c->at, &dual, &state, &ignored) || !tide_dual_provable(dual))
		return;
	tide_dual_proof(room, dual, &proof);
	tide_say(c, TIDE_NOTE, "verify-attach", NULL,
	    tide_sqlf(c->out,
		"make partitions with PARTITION OF or LIKE ... INCLUDING CONSTRAINTS; before ATTACH of "
		"another table add %I to it, as pg_get_constraintdef shows it",
		proof.name),
	    "from this phase to the switch PostgreSQL attaches only partitions that have its check");
}

static void
check(const struct tide_phase_at *at, struct tide_findings *out)
{
	const struct tide_checking c = { at, out };
	const struct verify_spec *spec = at->phase->spec;
	long dual = tide_dual_before(at->plan, at->index);
	struct tide_dual_state state;
	void *mem;

	if (spec->condition != NULL) {
		if (at->cat != NULL)
			tide_check_order(&c);
		tide_check_expression(&c, "condition", spec->condition);
		return;
	}
	if (dual < 0) {
		tide_say(&c, TIDE_ERROR, "verify-without-dual-write", NULL,
		    "say what must hold: condition = \"…\"",
		    "no dual_write precedes this verify, and \"condition\" is not given");
		return;
	}
	mem = talloc_new(NULL);
	tide_dual_state_at(mem, at->plan, (size_t)dual, at->index, &state);
	if (state.switched)
		tide_say(&c, TIDE_ERROR, "verify-after-switch", NULL,
		    "put it before the switch, or use tidemark verify",
		    "after the switch the proof would reject writes of the new release");
	else if (!state.backfilled)
		tide_say(&c, TIDE_ERROR, "verify-before-backfill", NULL,
		    "put a phase of kind \"backfill\" before it",
		    "nothing has filled the existing rows yet, so they cannot agree");
	else if (at->cat != NULL && at->cat->table.relkind == 'p')
		note_attach(&c, mem);
	talloc_free(mem);
}

static bool
compile_condition(
    const struct tide_phase_at *at, const char *condition, struct tide_steps *out, struct tide_err *err)
{
	char *canonical = tide_canonical(out, at, "condition", condition, NULL, err);
	struct tide_step *step;
	struct tide_sweep_spec *sweep;

	if (canonical == NULL)
		return false;
	step = tide_steps_add(out, "compare");
	sweep = tide_action_sweep(out, at->cat, &step->forward,
	    talloc_strdup(out, "Read every row; the condition must be true for each"));
	step->forward.flags |= TIDE_PROVES;
	sweep->residual = tide_sqlf(out, "(\n%s\n) IS NOT TRUE", canonical);
	sweep->role_search_path = true;
	sweep->what = tide_display_table(out, at->cat);
	return true;
}

static bool
compile(const struct tide_phase_at *at, struct tide_steps *out, struct tide_err *err)
{
	const struct verify_spec *spec = at->phase->spec;
	struct tide_dual_state state;
	struct tide_dual *dual;

	if (spec->condition != NULL)
		return compile_condition(at, spec->condition, out, err);
	if (!tide_dual_for(out, at, &dual, &state, err))
		return false;
	tide_dual_verify(out, dual);
	return true;
}

static void
follow(const struct tide_phase *phase, bool latest, struct tide_dual_state *state)
{
	const struct verify_spec *spec = phase->spec;

	if (!latest || spec->condition != NULL)
		return;
	state->verified = true;
	state->verified_late = state->backfilled;
}

const struct tide_phase_ops tide_phase_verify = {
	.kind = { "verify", "proves that every row agrees, or lists those that do not", fields,
	    sizeof(struct verify_spec) },
	.check = check,
	.compile = compile,
	.expressions = expressions,
	.follow = follow,
	.counts_differences = true,
};
