#include <string.h>

#include <talloc.h>

#include "catalog/change.h"
#include "dependents.h"
#include "inventory.h"
#include "properties.h"
#include "pair/recreate.h"
#include "relations.h"
#include "pair/settle.h"

/* What the two columns of a pair demand of a row must not contradict from the switch on: each release writes one of them. */

static bool
same_text(const char *a, const char *b)
{
	return (a == NULL && b == NULL) || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static void
check_dependents(const struct tide_checking *c, const struct tide_dual *dual, size_t at,
    const struct tide_names *accept, enum tide_moment moment)
{
	const struct tide_dual_column *old = &dual->old.item[at], *new = tide_dual_successor(dual, at);
	void *mem = talloc_new(NULL);
	struct tide_dependents dependents = { 0 };

	tide_dependents_of(mem, c->at, old->column, &dependents);
	for (size_t i = 0; i < dependents.count; i++) {
		const struct tide_dependent_object *h = &dependents.item[i];

		if (tide_accepted(accept, h->name) ||
		    (new != NULL &&tide_has_twin(dual->cat, h, old, new, moment == TIDE_AT_SWAP)))
			continue;
		tide_inventory_say(c, moment,
		    &(struct tide_dependent_place){ .kind = h->kind,
			.what = h->what,
			.name = h->name,
			.column = old->name,
			.other = new == NULL ? NULL : new->name,
			.key = moment == TIDE_AT_SWAP ? "swap_names" : NULL });
	}
	talloc_free(mem);
}

/*
 * INSERT … ON CONFLICT waits and tries again on the index that it names, and on no other: two sessions that insert the same key at
 * the same moment pass the first look, and the second fails on the twin with 23505 (seen on 14 to 18).
 */
static void
check_upserts(
    const struct tide_checking *c, const struct tide_dual *dual, size_t at, const struct tide_names *accept)
{
	const struct tide_table *table = &dual->cat->table;
	const struct tide_dual_column *old = &dual->old.item[at], *new = tide_dual_successor(dual, at);

	for (size_t i = 0; new != NULL &&i < table->index_count; i++) {
		const struct tide_index *index = &table->index[i];
		const struct tide_dependent_object h = {
			.kind = "unique index", .name = index->name, .index = index
		};
		const struct tide_index *twin;

		if (!index->unique || index->deferrable || tide_accepted(accept, index->name) ||
		    !tide_uses(index->attnums, index->attnum_count, old->column->attnum) ||
		    (twin = tide_twin_index(dual->cat, &h, old, new)) == NULL ||
		    tide_accepted(accept, twin->name))
			continue;
		tide_say(c, TIDE_ERROR, "switch-on-conflict", NULL,
		    talloc_asprintf(c->out, "when no release uses ON CONFLICT on this key, say %s",
			tide_accept_text(c->out, twin->name)),
		    "unique indexes \"%s\" on \"%s\" and \"%s\" on \"%s\" exist side by side until the drop: "
		    "a concurrent INSERT … ON CONFLICT on one of them can fail on the other with 23505",
		    index->name, old->name, twin->name, new->name);
	}
}

/* A trigger that is given both columns is dropped and created: what that cannot keep is said. */
static void
check_listed(const struct tide_checking *c, const struct tide_dual *dual, const struct tide_names *accept)
{
	const struct tide_table *table = &dual->cat->table;

	for (size_t i = 0; i < table->trigger_count; i++) {
		const struct tide_trigger *t = &table->trigger[i];

		if (t->columns == NULL || tide_may_recreate(t) || tide_accepted(accept, t->name))
			continue;
		for (size_t k = 0; k < dual->old.count; k++)
			if (tide_uses(t->attnums, t->attnum_count, dual->old.item[k].column->attnum))
				tide_say(c, TIDE_ERROR, "switch-trigger-uneven", NULL,
				    talloc_asprintf(c->out,
					"enable or disable it alike on all partitions, or say %s: then it "
					"does not fire for the new column",
					tide_accept_text(c->out, t->name)),
				    "trigger \"%s\" has UPDATE OF \"%s\" and is enabled in different ways on "
				    "the partitions: it cannot be created again with the new column as it "
				    "is",
				    t->name, dual->old.item[k].name);
	}
}

static void
check_defaults(const struct tide_checking *c, const struct tide_dual *dual, size_t at)
{
	const struct tide_column *old = dual->old.item[at].column;

	if (old->identity != 0 || old->sequence != NULL)
		tide_say(c, TIDE_ERROR, "switch-sequence", NULL,
		    "move the sequence to the new column before the switch (ALTER SEQUENCE … OWNED BY), as a "
		    "phase of kind \"sql\"; a new value for every row cannot be told from one that the "
		    "application chose",
		    "\"%s\" gets its values from %s", dual->old.item[at].name,
		    old->identity != 0 ? "an identity" : old->sequence);
	if (old->generated != 0)
		tide_say(c, TIDE_ERROR, "switch-generated", NULL, NULL,
		    "\"%s\" is a generated column and cannot be written", dual->old.item[at].name);
}

/* The new release reads and writes the new column as the role that may use the old one. */
static void
check_grants(
    const struct tide_checking *c, const struct tide_dual *dual, size_t at, const struct tide_names *accept)
{
	const struct tide_dual_column *old = &dual->old.item[at];
	bool pairs = dual->old.count == dual->new.count;

	if (old->column->acl == NULL || tide_accepted(accept, old->name))
		return;
	for (size_t i = pairs ? at : 0; i < (pairs ? at + 1 : dual->new.count); i++) {
		if (tide_same_grants(old->column, dual->new.item[i].column))
			continue;
		tide_say(c, TIDE_ERROR, "switch-grant", NULL,
		    talloc_asprintf(c->out,
			"grant the same on the new column in a phase of kind \"sql\" before the switch, or "
			"say %s",
			tide_accept_text(c->out, old->name)),
		    "\"%s\" has privileges of its own that \"%s\" lacks: the new release would be refused",
		    old->name, dual->new.item[i].name);
		return;
	}
}

static void
check_new(const struct tide_checking *c, const struct tide_dual_column *new)
{
	if (new->column->default_expr != NULL && !new->column->default_constant)
		tide_say(c, TIDE_ERROR, "switch-default", NULL,
		    "drop the default (the old column's value fills it) and set it when the old column is "
		    "gone",
		    "the default of \"%s\" returns another value each time: an INSERT of the old release could "
		    "not be told from one of the new release, and would lose its value",
		    new->name);
	if (new->column->identity != 0)
		tide_say(c, TIDE_ERROR, "switch-sequence", NULL,
		    "add the identity when the old column is gone",
		    "\"%s\" gets its values from an identity: an INSERT of the old release would lose its "
		    "value",
		    new->name);
}

void
tide_check_switch(
    const struct tide_checking *c, const struct tide_dual *dual, const struct tide_names *accept, bool swaps)
{
	for (size_t i = 0; i < dual->old.count; i++) {
		check_dependents(c, dual, i, accept, swaps ? TIDE_AT_SWAP : TIDE_AT_SWITCH);
		check_upserts(c, dual, i, accept);
		check_defaults(c, dual, i);
		/* When names are exchanged, tide_check_swap asks more of both columns. */
		if (!swaps)
			check_grants(c, dual, i, accept);
	}
	for (size_t i = 0; i < dual->new.count; i++)
		check_new(c, &dual->new.item[i]);
	tide_properties_check(c, dual, accept);
	check_listed(c, dual, accept);
	tide_settle_check(c, dual);
}

/*
 * Privileges and comments stay with their column when the names are exchanged: both columns must have the
 * same.
 */
static void
check_swap_column(const struct tide_checking *c, const struct tide_dual_column *old,
    const struct tide_dual_column *new, const struct tide_names *accept)
{
	const struct tide_column *a = old->column, *b = new->column;
	bool known = tide_accepted(accept, old->name) || tide_accepted(accept, new->name);

	if (!tide_same_grants(a, b) && !known)
		tide_say(c, TIDE_ERROR, "swap-grant", "swap_names",
		    talloc_asprintf(c->out,
			"grant the same on both columns in a phase of kind \"sql\" before the switch, or say %s",
			tide_accept_text(c->out, old->name)),
		    "\"%s\" has privileges of its own that \"%s\" lacks, and privileges do not follow the names",
		    (a->acl != NULL ? old : new)->name, (a->acl != NULL ? new : old)->name);
	if (!same_text(a->comment, b->comment) && !known)
		tide_say(c, TIDE_ERROR, "swap-comment", "swap_names",
		    talloc_asprintf(c->out, "say %s and set the comment again after the switch",
			tide_accept_text(c->out, old->name)),
		    "\"%s\" has a comment that \"%s\" lacks, and comments do not follow the names",
		    (a->comment != NULL ? old : new)->name, (a->comment != NULL ? new : old)->name);
}

/* What is bound to the new column itself continues under the old one's name. */
static void
check_swap_new(
    const struct tide_checking *c, const struct tide_dual *dual, size_t at, const struct tide_names *accept)
{
	const struct tide_dual_column *new = &dual->new.item[at];
	void *mem = talloc_new(NULL);
	struct tide_dependents dependents = { 0 };

	tide_dependents_of(mem, c->at, new->column, &dependents);
	for (size_t i = 0; i < dependents.count; i++) {
		const struct tide_dependent_object *h = &dependents.item[i];

		if (h->index == NULL && h->constraint == NULL && !tide_accepted(accept, h->name))
			tide_inventory_say(c, TIDE_AT_SWAP,
			    &(struct tide_dependent_place){ .kind = h->kind,
				.what = h->what,
				.name = h->name,
				.column = new->name,
				.other = dual->old.item[at].name,
				.key = "swap_names" });
	}
	talloc_free(mem);
}

void
tide_check_swap(const struct tide_checking *c, const struct tide_dual *dual, const struct tide_names *accept)
{
	if (dual->old.count != dual->new.count) {
		tide_say(c, TIDE_ERROR, "swap-count", "swap_names", NULL,
		    "names can only be exchanged pair by pair, and there are %zu old and %zu new columns",
		    dual->old.count, dual->new.count);
		return;
	}
	if (dual->cat->table.published && !tide_accepted(accept, dual->cat->table.name))
		tide_say(c, TIDE_ERROR, "swap-published", "swap_names",
		    talloc_asprintf(c->out, "prepare the subscribers first, then say %s",
			tide_accept_text(c->out, dual->cat->table.name)),
		    "the table is published: subscribers stop when two columns exchange their names");
	for (size_t i = 0; i < dual->old.count; i++) {
		tide_check_inherited(c, dual->old.item[i].column);
		tide_check_subscribed(c, dual->old.item[i].column, accept);
		check_swap_new(c, dual, i, accept);
		check_swap_column(c, &dual->old.item[i], &dual->new.item[i], accept);
	}
}
