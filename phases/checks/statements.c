#include "statements.h"

#include <string.h>

#include <talloc.h>

#include "catalog/change.h"
#include "dependents.h"
#include "inventory.h"
#include "relations.h"

/* A column that statements of the plan's author add or drop is asked what one of add_column or drop_column is asked. */

static bool
is_drop(const struct tide_script_part *part)
{
	return part->ours && part->effect->kind == TIDE_EFFECT_DROP_COLUMN && part->effect->name != NULL;
}

/* One transaction: what code does before it has ended is nobody's, and what it does afterwards the last statement decides. */
static struct tide_catalog *
as_left(void *ctx, const struct tide_script *script, const struct tide_catalog *cat)
{
	struct tide_catalog *out = tide_change_copy(ctx, cat);

	for (size_t i = 0; i < script->part_count; i++)
		if (!is_drop(&script->part[i]))
			tide_script_apply_part(&script->part[i], out);
	return out;
}

/* What PostgreSQL lets stand without the column, and what fails from then on. The rest it refuses to drop, or drops. */
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

/* A subscriber is told of the new column once, whichever statement adds it. */
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
	talloc_free(mem);
}
