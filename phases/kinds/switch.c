#include <string.h>

#include <talloc.h>

#include "build/build.h"
#include "catalog/change.h"
#include "checks/overlap.h"
#include "checks/dependents.h"
#include "pair/fill.h"
#include "pair/maintain.h"
#include "pair/mirror.h"
#include "pair/pair.h"
#include "pair/proof.h"
#include "pair/prove.h"
#include "pair/recreate.h"
#include "tidemark/base/names.h"
#include "tidemark/base/sqltext.h"

struct switch_spec {
	bool swap_names;
	struct tide_names accept;
};

static const struct tide_field fields[] = {
	TIDE_KEY(switch_spec, swap_names, BOOLEAN, .fallback = "false",
	    .help = "old and new column exchange their names in the same transaction, for changes of type"),
	TIDE_KEY(switch_spec, accept, NAMES,
	    .help = "names of constraints, indexes and other objects on the old column that are known and "
		    "may stay as they are"),
	{ 0 },
};

/* Everything the two directions are made of. */
struct change {
	const struct tide_phase_at *at;
	const struct switch_spec *spec;
	struct tide_steps *out;
	struct tide_dual *before, *after; /* before and after the exchange of names */
	struct tide_triggers *mirror, *both;
	const char *other_triggers; /* what the backfill says of them */
	struct tide_proof proof;
};

/* An exchange renames both columns of each pair at once, old to new and new to old. */
static bool
prepare(const struct tide_phase_at *at, struct tide_steps *out, struct change *ch, struct tide_err *err)
{
	struct tide_dual_state state;
	struct tide_names old, new;

	*ch = (struct change){ .at = at, .spec = at->phase->spec, .out = out };
	if (!tide_dual_for(out, at, &ch->before, &state, err))
		return false;
	ch->after = ch->before;
	ch->other_triggers = state.other_triggers;
	if (ch->spec->swap_names) {
		struct tide_names before, after;

		old = tide_side_names(out, &ch->before->old);
		new = tide_side_names(out, &ch->before->new);
		before = after = (struct tide_names){ .count = old.count + new.count };
		before.item = talloc_array(out, char *, (unsigned)before.count);
		after.item = talloc_array(out, char *, (unsigned)after.count);
		for (size_t i = 0; i < old.count && i < new.count; i++) {
			before.item[2 * i] = after.item[2 * i + 1] = old.item[i];
			before.item[2 * i + 1] = after.item[2 * i] = new.item[i];
		}
		if (!tide_dual_rename(out, ch->before, &before, &after, &ch->after, err))
			return false;
	}
	ch->mirror = tide_mirror_triggers(out, ch->before);
	ch->both = tide_both_ways_triggers(out, ch->after, NULL);
	tide_dual_proof(out, ch->before, &ch->proof);
	return true;
}

static void
add_rename(struct change *ch, struct tide_action *action, const char *from, const char *to)
{
	tide_action_add(ch->out, action,
	    tide_sqlf(ch->out, "ALTER TABLE %s RENAME COLUMN %I TO %I", tide_table_text(ch->out, ch->at->cat),
		from, to));
}

/*
 * PostgreSQL 18: a NOT NULL constraint has a name, which belongs to the name of its column. A partition's may be another
 * one, which the server would not rename with it: those stay. The same block leads there and back.
 */
static void
exchange_constraints(
    struct change *ch, struct tide_action *action, const char *a, const char *b, const char *between)
{
	char *table = tide_table_text(ch->out, ch->at->cat);

	tide_action_add(ch->out, action,
	    tide_do_block(ch->out, tide_sqlf(ch->out,
				       "DECLARE\n\tnames pg_catalog.name[] := ARRAY(SELECT k.conname FROM "
				       "pg_catalog.pg_constraint AS k"
				       "\n\t\tJOIN pg_catalog.pg_attribute AS t ON t.attrelid = k.conrelid "
				       "AND k.conkey = ARRAY[t.attnum]"
				       "\n\t\tWHERE k.conrelid = %L::pg_catalog.regclass AND k.contype = 'n' "
				       "AND t.attname IN (%L, %L));\n"
				       "BEGIN\n\tIF pg_catalog.cardinality(names) = 2 THEN\n"
				       "\t\tEXECUTE pg_catalog.format('ALTER TABLE %%s RENAME CONSTRAINT %%I "
				       "TO %%I', %L, names[1], %L);\n"
				       "\t\tEXECUTE pg_catalog.format('ALTER TABLE %%s RENAME CONSTRAINT %%I "
				       "TO %%I', %L, names[2], names[1]);\n"
				       "\t\tEXECUTE pg_catalog.format('ALTER TABLE %%s RENAME CONSTRAINT %%I "
				       "TO %%I', %L, %L, names[2]);\n"
				       "\tEND IF;\nEND",
				       table, a, b, table, between, table, table, between)));
}

/* Exchanges the names through a third one; the same statements do it in both directions. */
static void
add_exchange(struct change *ch, struct tide_action *action)
{
	for (size_t i = 0; ch->spec->swap_names && i < ch->before->old.count; i++) {
		const char *a = ch->before->old.item[i].name, *b = ch->before->new.item[i].name;
		char *names[] = { (char *)a, (char *)b };
		struct tide_names pair = { names, 2 };
		char *between = tide_generated_name(
		    ch->out, "tidemark_swap_", tide_identity(ch->out, ch->at->plan, "swap", &pair), a);

		add_rename(ch, action, a, between);
		add_rename(ch, action, b, a);
		add_rename(ch, action, between, b);
		if (ch->before->old.item[i].column->not_null_constraint != NULL &&
		    !ch->at->cat->table.has_children)
			exchange_constraints(ch, action, a, b, between);
	}
}

static char *
assert_proved(struct change *ch)
{
	return tide_do_block(
	    ch->out, tide_sqlf(ch->out,
			 "BEGIN\n\tIF NOT %s THEN\n\t\tRAISE EXCEPTION 'not validated: %%', %L\n"
			 "\t\t\tUSING ERRCODE = 'check_violation';\n\tEND IF;\nEND",
			 tide_when_validated(ch->out, ch->at->cat, ch->proof.name), ch->proof.what));
}

/* " NO INHERIT" (PostgreSQL 18) where the old column's says so, so that the new one's asks the same of the same tables. */
static const char *
no_inherit(const struct change *ch, size_t i)
{
	return ch->before->old.item[i].column->not_null_no_inherit ? " NO INHERIT" : "";
}

/* What the old column never holds, the new one must not: the check that still exists avoids the scan. */
static void
add_not_null(struct change *ch, struct tide_action *action)
{
	char *table = tide_table_text(ch->out, ch->at->cat);

	for (size_t i = 0; i < ch->before->new.count; i++) {
		const char *name = ch->before->new.item[i].name;

		if (tide_carries_not_null(ch->before, i))
			tide_action_add(ch->out, action,
			    *no_inherit(ch, i) == '\0'
				? tide_sqlf(
				      ch->out, "ALTER TABLE %s ALTER COLUMN %I SET NOT NULL", table, name)
				: tide_sqlf(
				      ch->out, "ALTER TABLE %s ADD NOT NULL %I NO INHERIT", table, name));
	}
}

/* Rows may hold NULL on both sides, and no write may bring one to either. */
static void
add_not_valid(struct change *ch, struct tide_action *action)
{
	for (size_t i = 0; i < ch->before->new.count; i++)
		if (tide_carries_not_valid(ch->before, i))
			tide_action_add(ch->out, action,
			    tide_sqlf(ch->out, "ALTER TABLE %s ADD NOT NULL %I%s NOT VALID",
				tide_table_text(ch->out, ch->at->cat), ch->before->new.item[i].name,
				no_inherit(ch, i)));
}

static void
add_demands(struct change *ch, struct tide_action *action)
{
	char *table = tide_table_text(ch->out, ch->at->cat);

	for (size_t i = 0; i < ch->after->new.count; i++)
		if (ch->before->new.item[i].carried != NULL)
			tide_action_add(ch->out, action,
			    tide_sqlf(ch->out, "ALTER TABLE %s ALTER COLUMN %I SET DEFAULT %s", table,
				ch->after->new.item[i].name, ch->before->new.item[i].carried));
}

/*
 * One transaction under ACCESS EXCLUSIVE: no write comes between the proof, which is dropped, and the new
 * triggers.
 */
static void
fill_forward(struct change *ch, struct tide_action *action)
{
	struct tide_names columns;

	tide_action_sql(ch->out, ch->at->cat, action, TIDE_ACCESS_EXCLUSIVE,
	    talloc_asprintf(ch->out, "Switch %s: from here on both sides may be written%s",
		tide_dual_what(ch->out, ch->before),
		ch->spec->swap_names ? ", and their names are exchanged" : ""));
	action->flags = TIDE_CREATES | TIDE_PROVES;
	action->probe = tide_probe(
	    ch->out, tide_triggers_stand(ch->out, ch->both), tide_triggers_linger(ch->out, ch->both));
	columns = tide_dual_identity(ch->out, ch->at->plan, ch->before->phase);
	tide_overlap_guard(ch->out, action, &columns);
	if (tide_dual_provable(ch->before)) {
		tide_action_add(ch->out, action, assert_proved(ch));
		add_not_null(ch, action);
		tide_proof_drop_add(ch->out, ch->at->cat, action, ch->proof.name);
	}
	add_not_valid(ch, action);
	tide_triggers_create_functions(ch->out, action, ch->both);
	tide_triggers_drop(ch->out, action, ch->mirror);
	add_exchange(ch, action);
	add_demands(ch, action);
	tide_recreate_with_new(ch->out, action, ch->before, &ch->spec->accept);
	tide_triggers_create(ch->out, action, ch->both);
	tide_triggers_drop_functions(ch->out, action, ch->mirror);
}

static void
add_demands_back(struct change *ch, struct tide_action *action)
{
	char *table = tide_table_text(ch->out, ch->at->cat);

	for (size_t i = 0; i < ch->before->new.count; i++)
		if (tide_carries_not_null(ch->before, i) || tide_carries_not_valid(ch->before, i))
			tide_action_add(ch->out, action,
			    tide_sqlf(ch->out, "ALTER TABLE %s ALTER COLUMN %I DROP NOT NULL", table,
				ch->before->new.item[i].name));
	for (size_t i = 0; i < ch->before->new.count; i++)
		if (ch->before->new.item[i].carried != NULL)
			tide_action_add(ch->out, action,
			    tide_sqlf(ch->out, "ALTER TABLE %s ALTER COLUMN %I DROP DEFAULT", table,
				ch->before->new.item[i].name));
}

static void
fill_undo(struct change *ch, struct tide_step *step)
{
	char *gone = tide_sqlf(ch->out, "NOT %s", tide_triggers_linger(ch->out, ch->both));
	struct tide_action *undo;

	undo = tide_step_add_undo(ch->out, step);
	tide_action_sql(ch->out, ch->at->cat, undo, TIDE_ACCESS_EXCLUSIVE,
	    talloc_asprintf(ch->out, "Undo the switch: %s, the new column follows the old one again",
		tide_dual_what(ch->out, ch->before)));
	undo->probe = tide_probe(ch->out, gone, NULL);
	tide_triggers_drop(ch->out, undo, ch->both);
	add_exchange(ch, undo);
	tide_triggers_create_functions(ch->out, undo, ch->mirror);
	tide_recreate_as_before(ch->out, undo, ch->before, &ch->spec->accept);
	tide_triggers_create(ch->out, undo, ch->mirror);
	add_demands_back(ch, undo);
	tide_triggers_drop_functions(ch->out, undo, ch->both);
	if (ch->before->copy)
		return;
	undo->loss = TIDE_LOSSY;
	undo->loss_note = talloc_strdup(
	    ch->out, "values of the new release that \"down\" cannot express in the old columns");
	undo->lost = tide_dual_differs_row(ch->out, ch->after);
	/* The new columns still hold such values; the phases before the switch rely on the pair being equal. */
	undo = tide_step_add_undo(ch->out, step);
	tide_dual_fill(ch->out, ch->before, undo,
	    talloc_asprintf(ch->out,
		"Fill again the rows in which the new column differs from the old one: %s",
		tide_dual_what(ch->out, ch->before)),
	    ch->other_triggers);
	undo->flags |= TIDE_RESYNC;
}

static bool
compile(const struct tide_phase_at *at, struct tide_steps *out, struct tide_err *err)
{
	struct change ch;
	struct tide_step *step;

	if (!prepare(at, out, &ch, err))
		return false;
	/* From the switch on the new release asks about the new columns: its plans must not be guesses. */
	tide_maintain_statistics(out, at, ch.before, true);
	tide_dual_prove(out, ch.before, tide_triggers_stand(out, ch.both));
	step = tide_steps_add(out, "switch");
	fill_forward(&ch, &step->forward);
	fill_undo(&ch, step);
	return true;
}

static void
check_order(const struct tide_checking *c, const struct tide_dual_state *state)
{
	if (state->switched)
		tide_say(
		    c, TIDE_ERROR, "switch-twice", NULL, NULL, "the dual_write before was switched already");
	else if (!state->backfilled)
		tide_say(c, TIDE_ERROR, "switch-before-backfill", NULL,
		    "put phases of kind \"backfill\" and \"verify\" before it",
		    "nothing has filled the existing rows yet");
	else if (!state->verified_late)
		tide_say(c, TIDE_ERROR, "switch-without-verify", NULL,
		    "put a phase of kind \"verify\" between backfill and switch",
		    "nothing has proved that both sides agree");
	if (!c->at->phase->gate.manual && c->at->phase->gate.sql == NULL &&
	    c->at->phase->gate.command.count == 0)
		tide_say(c, TIDE_NOTE, "switch-without-gate", NULL,
		    "gate = \"manual\" waits for tidemark advance",
		    "nothing waits before the switch: it follows the verification at once");
}

/* With rules nobody can know whether they make a NULL of a value: the plan must say which of the columns may hold one. */
static void
check_not_null(const struct tide_checking *c, const struct tide_dual *dual)
{
	for (size_t i = 0; i < dual->old.count && !tide_copies(dual); i++) {
		const struct tide_dual_column *old = &dual->old.item[i];
		const struct tide_dual_column *new = &dual->new.item[i < dual->new.count ? i : 0];

		if (!tide_rejects_null(old->column))
			continue;
		if (!tide_rejects_null(new->column))
			tide_say(c, TIDE_ERROR, "switch-not-null", NULL,
			    talloc_asprintf(c->out,
				"put a phase of kind \"set_not_null\" for \"%s\" after the backfill, or one "
				"of kind \"drop_not_null\" for \"%s\" before the switch",
				new->name, old->name),
			    "\"%s\" is NOT NULL and \"%s\" is not: a NULL that the new release writes would "
			    "be rejected",
			    old->name, new->name);
		else
			tide_say(c, TIDE_WARNING, "switch-not-null", NULL,
			    talloc_asprintf(c->out,
				"if there is one, put a phase of kind \"drop_not_null\" for \"%s\" before "
				"the switch",
				old->name),
			    "\"%s\" is NOT NULL: a write of the new release for which \"down\" returns NULL "
			    "would be rejected; whether there is one is unknown",
			    old->name);
	}
}

static void
check(const struct tide_phase_at *at, struct tide_findings *out)
{
	const struct tide_checking c = { at, out };
	const struct switch_spec *spec = at->phase->spec;
	long index = tide_dual_before(at->plan, at->index);
	struct tide_dual_state state;
	struct tide_dual *dual;
	struct tide_err err = { 0 };
	size_t before = out->count;
	void *mem;

	if (index < 0) {
		tide_say(&c, TIDE_ERROR, "switch-without-dual-write", NULL, NULL,
		    "no dual_write precedes this switch");
		return;
	}
	mem = talloc_new(NULL);
	tide_dual_state_at(mem, at->plan, (size_t)index, at->index, &state);
	check_order(&c, &state);
	if (at->cat != NULL && !tide_errors_since(out, before)) {
		if (!tide_dual_for(mem, at, &dual, &state, &err)) {
			tide_say(&c, TIDE_ERROR, "switch-columns", NULL,
			    err.hint[0] != '\0' ? err.hint : NULL, "%s", err.message);
		} else {
			tide_check_switch(&c, dual, &spec->accept, spec->swap_names);
			check_not_null(&c, dual);
			if (spec->swap_names)
				tide_check_swap(&c, dual, &spec->accept);
		}
	}
	talloc_free(mem);
}

static void
apply(const struct tide_phase_at *at, struct tide_catalog *cat)
{
	struct tide_steps *room = talloc_zero(cat, struct tide_steps);
	struct tide_err ignored = { 0 };
	struct change ch;

	if (!prepare(at, room, &ch, &ignored))
		return;
	for (size_t i = 0; i < ch.before->new.count; i++) {
		struct tide_column *new = tide_catalog_column(cat, ch.before->new.item[i].name);

		new->not_null_unproved = new->not_null_unproved || tide_carries_not_valid(ch.before, i);
		new->not_null = new->not_null || tide_carries_not_null(ch.before, i);
		if (tide_carries_not_null(ch.before, i) || tide_carries_not_valid(ch.before, i))
			new->not_null_no_inherit = *no_inherit(&ch, i) != '\0';
		if (ch.before->new.item[i].carried == NULL)
			continue;
		new->default_expr = ch.before->new.item[i].carried;
		new->default_constant = true;
	}
	tide_change_drop_constraint(cat, ch.proof.name);
	tide_recreate_apply(cat, ch.before, NULL, &ch.spec->accept);
	tide_triggers_apply(cat, ch.mirror, false);
	tide_triggers_apply(cat, ch.both, true);
	if (!ch.spec->swap_names)
		return;
	tide_dual_apply_swap(at, cat);
	for (size_t i = 0; i < ch.before->old.count; i++)
		tide_change_swap_columns(cat, ch.before->old.item[i].name, ch.before->new.item[i].name);
}

static void
follow(const struct tide_phase *phase, bool latest, struct tide_dual_state *state)
{
	const struct switch_spec *spec = phase->spec;
	struct tide_names names = state->from;

	if (!latest)
		return;
	state->switched = true;
	if (!spec->swap_names || state->from.count != state->to.count)
		return;
	state->from = state->to;
	state->to = names;
	state->swapped = !state->swapped;
}

const struct tide_phase_ops tide_phase_switch = {
	.kind = { "switch",
	    "lets old and new release write at the same time, in one transaction that checks the validated "
	    "constraint",
	    fields, sizeof(struct switch_spec) },
	.check = check,
	.compile = compile,
	.apply = apply,
	.follow = follow,
	.switches = true,
};
