#include "statements.h"

#include <string.h>

#include <talloc.h>

#include "catalog/change.h"
#include "dependents.h"
#include "inventory.h"
#include "pair/pair.h"
#include "relations.h"

/* A column that statements of the plan's author add or drop is asked what one of add_column or drop_column is asked. */

static bool
is_drop(const struct tide_script_part *part)
{
	return part->ours && part->effect->kind == TIDE_EFFECT_DROP_COLUMN && part->effect->name != NULL;
}

/*
 * The statements are one transaction: no session sees what is between them, so code is checked as the last
 * one leaves it.
 */
static struct tide_catalog *
as_left(void *ctx, const struct tide_script *script, const struct tide_catalog *cat)
{
	struct tide_catalog *out = tide_change_copy(ctx, cat);

	for (size_t i = 0; i < script->part_count; i++)
		if (!is_drop(&script->part[i]))
			tide_script_apply_part(&script->part[i], out);
	return out;
}

/*
 * Code stays when a column that it names is dropped, and fails from then on. Other dependents prevent the
 * drop, or go with it.
 */
static void
check_code(const struct tide_checking *c, const struct tide_column *column, const struct tide_names *accept)
{
	const struct tide_table *table = &c->at->cat->table;

	for (size_t i = 0; i < table->dependent_count; i++) {
		const struct tide_dependent *d = &table->dependent[i];
		bool code = strcmp(d->kind, "function") == 0 || strcmp(d->kind, "trigger function") == 0;

		if (code && d->attnum == column->attnum && !tide_accepted(accept, d->name))
			tide_inventory_say(c, TIDE_AT_DROP,
			    &(struct tide_dependent_place){ .kind = d->kind,
				.what = d->identity,
				.name = d->name,
				.column = column->name,
				.key = "act" });
	}
}

/* That subscribers need the new column is reported once, whichever statement adds it. */
static bool
check_add(const struct tide_checking *c, const struct tide_catalog *before,
    const struct tide_script_part *part, const struct tide_names *accept, bool published)
{
	const char *name = part->effect->name;

	if (!part->ours || part->effect->kind != TIDE_EFFECT_ADD_COLUMN || name == NULL ||
	    tide_catalog_column(before, name) != NULL)
		return published;
	tide_check_positions(c, TIDE_AT_ADD, name, accept);
	if (!published)
		tide_check_published_add(c, accept);
	return true;
}

static bool
names_any(const struct tide_catalog *cat, const struct tide_names *columns, const struct tide_dependent *d)
{
	for (size_t i = 0; i < columns->count; i++) {
		const struct tide_column *column = tide_catalog_column(cat, columns->item[i]);

		if (column != NULL && column->attnum == d->attnum)
			return true;
	}
	return false;
}

/* A function that a BEFORE trigger calls and that names columns of this side, and none of the other; NULL: there is none. */
static const struct tide_dependent *
one_sided(const struct tide_catalog *cat, const struct tide_names *side, const struct tide_names *other)
{
	const struct tide_table *table = &cat->table;

	for (size_t i = 0; i < table->dependent_count; i++) {
		const struct tide_dependent *d = &table->dependent[i];
		bool both = false;

		if (!d->alters || strcmp(d->kind, "trigger function") != 0 || !names_any(cat, side, d))
			continue;
		for (size_t k = 0; k < table->dependent_count && !both; k++)
			both = strcmp(table->dependent[k].kind, d->kind) == 0 &&
			       strcmp(table->dependent[k].name, d->name) == 0 &&
			       names_any(cat, other, &table->dependent[k]);
		if (!both)
			return d;
	}
	return NULL;
}

/* While both releases write: what one function sets in its column, another one that reads the other column would not see. */
static void
check_half_moved(const struct tide_checking *c, const struct tide_catalog *left)
{
	const struct tide_catalog *before = c->at->cat;
	void *mem = talloc_new(NULL);
	long dual = tide_dual_before(c->at->plan, c->at->index);
	struct tide_dual_state state = { 0 };
	const struct tide_dependent *old, *new;

	if (dual >= 0)
		tide_dual_state_at(mem, c->at->plan, (size_t)dual, c->at->index, &state);
	if (state.switched && !state.ended) {
		old = one_sided(left, &state.from, &state.to);
		new = one_sided(left, &state.to, &state.from);
		if (old != NULL && new != NULL &&
		    (one_sided(before, &state.from, &state.to) == NULL ||
			one_sided(before, &state.to, &state.from) == NULL))
			tide_say(c, TIDE_ERROR, "sql-half-moved", "act",
			    "replace them in one phase: an act can hold all the statements",
			    "from here on the function of trigger \"%s\" names \"%s\", and that of trigger \"%s\" still names \"%s\": what the "
			    "one sets, the other does not see before both columns agree again",
			    new->name, state.to.item[0], old->name, state.from.item[0]);
	}
	talloc_free(mem);
}

/*
 * Dropped columns are checked in the catalog with all other statements applied: what still uses them then
 * would fail.
 */
void
tide_check_statements(
    const struct tide_checking *c, const struct tide_script *act, const struct tide_names *accept)
{
	struct tide_phase_at here = *c->at;
	const struct tide_checking left = { &here, c->out };
	void *mem = talloc_new(NULL);
	bool published = false;

	if (c->at->cat != NULL)
		here.cat = as_left(mem, act, c->at->cat);
	for (size_t i = 0; c->at->cat != NULL && i < act->part_count; i++) {
		const struct tide_script_part *part = &act->part[i];
		const struct tide_column *column =
		    is_drop(part) ? tide_catalog_column(here.cat, part->effect->name) : NULL;

		published = check_add(&left, c->at->cat, part, accept, published);
		if (column == NULL)
			continue;
		tide_check_positions(&left, TIDE_AT_DROP, column->name, accept);
		check_code(&left, column, accept);
	}
	if (c->at->cat != NULL)
		check_half_moved(c, here.cat);
	talloc_free(mem);
}
