#include <string.h>

#include <talloc.h>

#include "build/build.h"
#include "catalog/change.h"
#include "checks/overlap.h"
#include "checks/drop.h"
#include "pair/mirror.h"
#include "pair/pair.h"
#include "pair/proof.h"
#include "pair/prove.h"
#include "pair/recreate.h"
#include "pair/takeover.h"
#include "tidemark/base/sqltext.h"
#include "tidemark/base/units.h"

struct drop_column_spec {
	char *column;
	int64_t hold;
	struct tide_names accept;
};

static const struct tide_field fields[] = {
	TIDE_KEY(drop_column_spec, column, NAME, .required = true, .help = "the column to drop"),
	TIDE_KEY(drop_column_spec, hold, DURATION,
	    .help = "how long the column is hidden and kept in step before it is dropped"),
	TIDE_KEY(drop_column_spec, accept, NAMES,
	    .help = "names of indexes, constraints and other objects that may go with it"),
	{ 0 },
};

/* A dual write that uses the column, as the phase finds it. */
struct user {
	bool found;
	bool old_side;
	struct tide_dual_state state;
};

static void
find_user(void *ctx, const struct tide_phase_at *at, struct user *out)
{
	const struct drop_column_spec *spec = at->phase->spec;

	*out = (struct user){ 0 };
	for (size_t i = 0; i < at->index && !out->found; i++) {
		struct tide_dual_state state;

		if (tide_opens(&at->plan->phase[i]) == NULL)
			continue;
		tide_dual_state_at(ctx, at->plan, i, at->index, &state);
		if (state.ended)
			continue;
		out->old_side = tide_names_have(&state.from, spec->column);
		out->found = out->old_side || tide_names_have(&state.to, spec->column);
		out->state = state;
	}
}

/* The column of the same old side whose drop, before `index`, has ended the triggers; NULL: none has. */
static const char *
ended_by(void *ctx, const struct tide_plan *plan, size_t index, const char *column)
{
	for (size_t i = 0; i < index; i++) {
		struct tide_dual_state state;

		if (tide_opens(&plan->phase[i]) == NULL)
			continue;
		tide_dual_state_at(ctx, plan, i, index, &state);
		for (size_t k = i + 1; tide_names_have(&state.from, column) && k < index; k++) {
			const char *dropped = tide_drops(&plan->phase[k]).name;

			if (dropped != NULL && tide_names_have(&state.from, dropped))
				return dropped;
		}
	}
	return NULL;
}

/* The same, also of a pair that an earlier phase has taken over from another plan. */
static const char *
ended_before(void *ctx, const struct tide_phase_at *at)
{
	const struct drop_column_spec *spec = at->phase->spec;
	const char *found = ended_by(ctx, at->plan, at->index, spec->column);

	for (size_t i = 0; i < at->index && found == NULL; i++) {
		struct tide_phase_at one = { at->plan, &at->plan->phase[i], i, at->cat };
		struct tide_phase_at there = tide_taken_over(ctx, &one);

		if (there.plan != at->plan)
			found = ended_by(ctx, there.plan, there.plan->count, spec->column);
	}
	return found;
}

/* A hold promises that the column comes back as it would be: without triggers it would not. */
static void
check_hold(const struct tide_checking *c, const struct user *user)
{
	const struct drop_column_spec *spec = c->at->phase->spec;
	void *mem = talloc_new(NULL);
	const char *ended = user->found ? NULL : ended_before(mem, c->at);

	if (spec->hold == 0 && ended == NULL)
		tide_say(c, TIDE_NOTE, "drop-column-without-hold", NULL,
		    "hold = \"7d\" only hides it at first", "without a hold the drop cannot be rolled back");
	if (spec->hold > 0 && ended != NULL)
		tide_say(c, TIDE_ERROR, "drop-column-hold-ended", "hold",
		    talloc_asprintf(c->out,
			"leave hold out here: during the hold of \"%s\" this column is kept in step as well. "
			"Or give each column a dual_write of its own, where the new columns are copies",
			ended),
		    "the drop of \"%s\" ends the triggers of both columns: \"%s\" would not be kept in step "
		    "during its hold",
		    ended, spec->column);
	talloc_free(mem);
}

static void
check_user(const struct tide_checking *c, const struct drop_column_spec *spec, const struct user *user)
{
	if (user->found && !user->state.switched)
		tide_say(c, TIDE_ERROR, "drop-column-in-step", "column", "put a switch before it",
		    "\"%s\" is still kept in step by a dual_write that was not switched", spec->column);
	else if (user->found && !user->old_side)
		tide_say(c, TIDE_ERROR, "drop-column-in-step", "column",
		    "drop the old column, or roll the plan back", "\"%s\" is what the new release reads",
		    spec->column);
	else if (user->found && !c->at->phase->gate.manual && c->at->phase->gate.sql == NULL &&
		 c->at->phase->gate.after == 0 && c->at->phase->gate.command.count == 0)
		tide_say(c, TIDE_WARNING, "drop-column-without-gate", NULL,
		    "gate = \"manual\", opened when the old release is gone",
		    "nothing waits before the drop: the old release stops working at once");
	check_hold(c, user);
}

static void
check(const struct tide_phase_at *at, struct tide_findings *out)
{
	void *mem = talloc_new(NULL);
	struct tide_phase_at there = tide_taken_over(mem, at);
	const struct tide_checking c = { &there, out };
	const struct drop_column_spec *spec = there.phase->spec;
	struct user user;

	find_user(mem, &there, &user);
	check_user(&c, spec, &user);
	if (there.cat != NULL)
		tide_check_drop(&c, &(struct tide_leaving){ .column = spec->column,
					.hold = spec->hold,
					.accept = &spec->accept,
					.pair = user.found ? &user.state : NULL });
	talloc_free(mem);
}

/* What both directions are made of. dual, after, shown, hidden: NULL without a dual write. */
struct drop {
	const struct tide_phase_at *at;
	const struct drop_column_spec *spec;
	struct tide_steps *out;
	const struct tide_column *column;
	char *held;
	struct tide_dual *dual, *after; /* before and after the column is hidden */
	struct tide_triggers *shown, *hidden;
	size_t place; /* of the column in the old side */
	bool relax;   /* nobody fills it, and it wants to be filled */
};

static bool
prepare_dual(struct drop *d, struct user *user, struct tide_err *err)
{
	char *before[] = { d->spec->column }, *after[] = { d->held };

	if (!tide_dual_build(d->out, d->at, &user->state, &d->dual, err) ||
	    !tide_dual_rename(d->out, d->dual, &(struct tide_names){ before, 1 },
		&(struct tide_names){ after, 1 }, &d->after, err))
		return false;
	d->shown = tide_both_ways_triggers(d->out, d->dual, NULL);
	d->hidden = tide_both_ways_triggers(d->out, d->after, d->spec->column);
	for (size_t i = 0; i < d->dual->old.count; i++)
		if (strcmp(d->dual->old.item[i].name, d->spec->column) == 0)
			d->place = i;
	return true;
}

static bool
prepare(const struct tide_phase_at *at, struct tide_steps *out, struct drop *d, struct tide_err *err)
{
	struct user user;

	*d = (struct drop){ .at = at, .spec = at->phase->spec, .out = out };
	if ((d->column = tide_find_column(at, "column", d->spec->column, err)) == NULL)
		return false;
	d->held = tide_held_name(out, at->plan, d->spec->column);
	find_user(out, at, &user);
	if (user.found)
		return prepare_dual(d, &user, err);
	d->relax = tide_rejects_null(d->column) && d->column->default_expr == NULL &&
		   d->column->identity == 0 && d->column->generated == 0;
	return true;
}

static char *
rename_sql(struct drop *d, const char *from, const char *to)
{
	return tide_sqlf(
	    d->out, "ALTER TABLE %s RENAME COLUMN %I TO %I", tide_table_text(d->out, d->at->cat), from, to);
}

/* A plan that has begun since may read it by now. */
static void
add_guard(struct drop *d, struct tide_action *action, const char *name)
{
	char *names[] = { (char *)name };

	tide_overlap_guard(d->out, action, &(struct tide_names){ names, 1 });
}

static void
fill_hold(struct drop *d, struct tide_action *action)
{
	const char *name = d->spec->column;

	tide_action_sql(d->out, d->at->cat, action, TIDE_ACCESS_EXCLUSIVE,
	    talloc_asprintf(d->out, "Hide %s%s", tide_display_column(d->out, d->at->cat, name),
		d->dual != NULL ? "; it is still kept in step" : ""));
	/* Also once it is dropped. */
	action->probe =
	    tide_probe(d->out, tide_sqlf(d->out, "NOT %s", tide_when_column(d->out, d->at->cat, name)), NULL);
	add_guard(d, action, name);
	if (d->dual != NULL) {
		tide_action_add(d->out, action, tide_triggers_assert(d->out, d->shown));
		tide_triggers_create_functions(d->out, action, d->hidden);
		tide_triggers_drop(d->out, action, d->shown);
	}
	tide_action_add(d->out, action, rename_sql(d, name, d->held));
	if (d->relax)
		tide_action_add(d->out, action,
		    tide_sqlf(d->out, "ALTER TABLE %s ALTER COLUMN %I DROP NOT NULL",
			tide_table_text(d->out, d->at->cat), d->held));
	if (d->dual != NULL) {
		tide_triggers_create(d->out, action, d->hidden);
		tide_triggers_drop_functions(d->out, action, d->shown);
	}
}

static void
fill_release(struct drop *d, struct tide_step *step)
{
	char *away = tide_when_column(d->out, d->at->cat, d->held), *names[] = { d->held };
	struct tide_proof proof = { 0 };
	struct tide_action *undo;

	tide_proof_not_null(d->out, d->at->plan, &(struct tide_names){ names, 1 }, &proof);
	if (d->relax && d->column->not_null) {
		proof.already = tide_sqlf(d->out, "NOT %s", away);
		tide_proof_undo(d->out, d->at->cat, &proof, step);
	}
	undo = tide_step_add_undo(d->out, step);
	tide_action_sql(d->out, d->at->cat, undo, TIDE_ACCESS_EXCLUSIVE,
	    talloc_asprintf(d->out, "Restore %s", tide_display_column(d->out, d->at->cat, d->spec->column)));
	undo->probe = tide_probe(d->out, tide_sqlf(d->out, "NOT %s", away), NULL);
	if (d->dual != NULL) {
		tide_triggers_create_functions(d->out, undo, d->shown);
		tide_triggers_drop(d->out, undo, d->hidden);
	}
	tide_action_add(d->out, undo, rename_sql(d, d->held, d->spec->column));
	if (d->relax) {
		tide_not_null_acts(d->out, d->at->cat, d->column, d->spec->column, undo);
		if (d->column->not_null)
			tide_proof_drop_add(d->out, d->at->cat, undo, proof.name);
	}
	if (d->dual != NULL) {
		tide_triggers_create(d->out, undo, d->shown);
		tide_triggers_drop_functions(d->out, undo, d->hidden);
	}
}

/* What the column did for rows that do not name its successor, and other old columns that nothing fills any more. */
static void
add_legacy(struct drop *d, struct tide_action *action)
{
	char *table = tide_table_text(d->out, d->at->cat);
	const struct tide_dual *dual = d->dual;

	if (d->place < dual->new.count && dual->new.item[d->place].copy && d->column->default_expr != NULL &&
	    d->column->sequence == NULL && dual->new.item[d->place].column->default_expr == NULL)
		tide_action_add(d->out, action,
		    tide_sqlf(d->out, "ALTER TABLE %s ALTER COLUMN %I SET DEFAULT %s", table,
			dual->new.item[d->place].name, d->column->default_expr));
	for (size_t i = 0; i < dual->old.count; i++)
		if (i != d->place && tide_rejects_null(dual->old.item[i].column) &&
		    dual->old.item[i].column->default_expr == NULL)
			tide_action_add(d->out, action,
			    tide_sqlf(d->out, "ALTER TABLE %s ALTER COLUMN %I DROP NOT NULL", table,
				dual->old.item[i].name));
}

static void
fill_drop(struct drop *d, struct tide_step *step)
{
	bool holds = d->spec->hold > 0;
	const char *name = holds ? d->held : d->spec->column;
	struct tide_triggers *triggers = holds ? d->hidden : d->shown;
	struct tide_action *action = &step->forward;

	step->irreversible = true;
	tide_action_sql(d->out, d->at->cat, action, TIDE_ACCESS_EXCLUSIVE,
	    talloc_asprintf(
		d->out, "Drop %s permanently", tide_display_column(d->out, d->at->cat, d->spec->column)));
	action->probe = tide_probe(d->out,
	    tide_sqlf(d->out, "NOT %s AND NOT %s", tide_when_column(d->out, d->at->cat, d->spec->column),
		tide_when_column(d->out, d->at->cat, d->held)),
	    NULL);
	action->loss = TIDE_IRREVERSIBLE;
	action->loss_note = talloc_asprintf(
	    d->out, "the values of %s are gone", tide_display_column(d->out, d->at->cat, d->spec->column));
	add_guard(d, action, name);
	if (d->dual != NULL) {
		action->rests_on = talloc_strdup(d->out, "compare");
		tide_action_add(d->out, action, tide_triggers_assert(d->out, triggers));
		tide_triggers_drop(d->out, action, triggers);
		tide_triggers_drop_functions(d->out, action, triggers);
		tide_safe_functions_drop(d->out, action, d->dual);
		add_legacy(d, action);
		tide_recreate_without(d->out, action, d->dual, d->column, &d->spec->accept);
	}
	tide_action_add(d->out, action,
	    tide_sqlf(d->out, "ALTER TABLE %s DROP COLUMN %I", tide_table_text(d->out, d->at->cat), name));
}

static bool
compile_there(const struct tide_phase_at *at, struct tide_steps *out, struct tide_err *err)
{
	struct drop d;
	struct tide_step *step;
	char hold[32];

	if (!prepare(at, out, &d, err))
		return false;
	if (d.spec->hold > 0) {
		step = tide_steps_add(out, "hold");
		fill_hold(&d, &step->forward);
		fill_release(&d, step);
		step = tide_steps_add(out, "wait");
		step->forward.kind = TIDE_STEP_WAIT;
		step->forward.wait_us = d.spec->hold;
		step->forward.title =
		    talloc_asprintf(out, "Keep it hidden for %s; until then a rollback restores it at once",
			tide_duration_format(d.spec->hold, hold, sizeof(hold)));
	}
	if (d.dual != NULL)
		tide_dual_compare_last(out, d.spec->hold > 0 ? d.after : d.dual, d.spec->column);
	fill_drop(&d, tide_steps_add(out, "drop-column"));
	return true;
}

static void
name_taken_over(struct tide_steps *out, const char *plan)
{
	for (size_t s = 0; s < out->count; s++) {
		struct tide_step *step = &out->item[s];

		step->forward.takes_over = talloc_strdup(out, plan);
		for (size_t u = 0; u < step->undo_count; u++)
			step->undo[u].takes_over = talloc_strdup(out, plan);
	}
}

static bool
compile(const struct tide_phase_at *at, struct tide_steps *out, struct tide_err *err)
{
	struct tide_phase_at there = tide_taken_over(out, at);

	if (!compile_there(&there, out, err))
		return false;
	if (there.plan != at->plan)
		name_taken_over(out, there.plan->name);
	return true;
}

static void
apply(const struct tide_phase_at *here, struct tide_catalog *cat)
{
	struct tide_steps *room = talloc_zero(cat, struct tide_steps);
	struct tide_phase_at there = tide_taken_over(room, here), *at = &there;
	struct tide_err ignored = { 0 };
	struct drop d;

	if (prepare(at, room, &d, &ignored) && d.dual != NULL) {
		tide_triggers_apply(cat, d.shown, false);
		tide_recreate_apply(cat, d.dual, d.column, &d.spec->accept);
		for (size_t i = 0; i < d.dual->old.count; i++) {
			struct tide_column *other = tide_catalog_column(cat, d.dual->old.item[i].name);

			other->not_null = other->not_null && other->default_expr != NULL;
			other->not_null_unproved = other->not_null_unproved && other->default_expr != NULL;
		}
	}
	tide_change_drop_column(cat, ((const struct drop_column_spec *)at->phase->spec)->column);
}

/* For the undo of a hold, which sets NOT NULL again. */
static char *
proof(void *ctx, const struct tide_phase_at *at)
{
	const struct drop_column_spec *spec = at->phase->spec;

	return tide_not_null_proof_name(ctx, at->plan, tide_held_name(ctx, at->plan, spec->column));
}

static const struct tide_touched touches[] = {
	{ "column", TIDE_USE_MADE, TIDE_USE_KEPT | TIDE_USE_DROPS },
	{ 0 },
};

/* A pair cannot be kept in step once a column of either side is gone. */
static void
follow(const struct tide_phase *phase, bool latest, struct tide_dual_state *state)
{
	const struct drop_column_spec *spec = phase->spec;

	(void)latest;
	if (tide_names_have(&state->from, spec->column) || tide_names_have(&state->to, spec->column))
		state->ended = true;
}

static struct tide_dropped
drops(const struct tide_phase *phase)
{
	const struct drop_column_spec *spec = phase->spec;

	return (struct tide_dropped){ spec->column, spec->hold != 0 };
}

/* The old side of a switch is gone for the application once a column of it is dropped or held. */
static struct tide_old
releases(void *ctx, const struct tide_phase_at *at)
{
	const struct drop_column_spec *spec = at->phase->spec;
	long dual = tide_dual_before(at->plan, at->index);
	struct tide_dual_state state;

	if (dual >= 0) {
		tide_dual_state_at(ctx, at->plan, (size_t)dual, at->index, &state);
		if (!tide_names_have(&state.from, spec->column))
			return (struct tide_old){ TIDE_OLD_FITS, NULL };
	}
	return (struct tide_old){ TIDE_OLD_FAILS, NULL };
}

const struct tide_phase_ops tide_phase_drop_column = {
	.kind = { "drop_column", "drops a column, after a hold in which it can come back", fields,
	    sizeof(struct drop_column_spec) },
	.check = check,
	.compile = compile,
	.apply = apply,
	.proof = proof,
	.touches = touches,
	.follow = follow,
	.drops = drops,
	.releases = releases,
};
