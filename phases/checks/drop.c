/* What a column that is dropped takes with it, or leaves behind so that it fails. */
#include "drop.h"

#include <string.h>

#include <talloc.h>

#include "dependents.h"
#include "inventory.h"
#include "relations.h"
#include "catalog/change.h"
#include "pair/takeover.h"
#include "tidemark/base/sqltext.h"

static void
check_indexes(const struct tide_checking *c, const struct tide_column *column)
{
	const struct tide_table *table = &c->at->cat->table;
	const struct tide_constraint *key = tide_primary_key(c->at->cat);

	if (key != NULL && tide_uses(key->attnums, key->attnum_count, column->attnum))
		tide_say(c, TIDE_ERROR, "drop-column-primary-key", "column", "move the primary key first",
		    "\"%s\" is in the primary key", column->name);
	for (size_t i = 0; i < table->index_count; i++)
		if (table->index[i].replica_identity &&
		    tide_uses(table->index[i].attnums, table->index[i].attnum_count, column->attnum))
			tide_say(c, TIDE_ERROR, "drop-column-replica-identity", "column",
			    "ALTER TABLE … REPLICA IDENTITY on another index first",
			    "\"%s\" is in the replica identity \"%s\": every UPDATE and DELETE of a "
			    "published table would fail",
			    column->name, table->index[i].name);
}

/* What takes the column's place. */
struct successor {
	const struct tide_dual_column *old; /* the column in its pair; NULL without one */
	const struct tide_dual_column *new; /* NULL: no column alone */
};

static void
find_successor(
    void *ctx, const struct tide_phase_at *at, const struct tide_leaving *leaving, struct successor *out)
{
	struct tide_err ignored = { 0 };
	struct tide_dual *dual;

	*out = (struct successor){ 0 };
	if (leaving->pair == NULL || !tide_dual_build(ctx, at, leaving->pair, &dual, &ignored))
		return;
	for (size_t i = 0; i < dual->old.count; i++)
		if (strcmp(dual->old.item[i].name, leaving->column) == 0)
			*out = (struct successor){ &dual->old.item[i], tide_dual_successor(dual, i) };
}

/* A trigger's UPDATE OF is given to the new column; what the new column has as well may go. */
static bool
is_settled(
    const struct tide_catalog *cat, const struct tide_dependent_object *h, const struct successor *pair)
{
	if (pair->old != NULL && strcmp(h->kind, "trigger columns") == 0)
		return true;
	if (pair->new == NULL)
		return false;
	return tide_has_twin(cat, h, pair->old, pair->new, true);
}

/* A column that is dropped is no longer sent: a subscriber that wants a value for it stops. */
static void
check_published_not_null(
    const struct tide_checking *c, const struct tide_leaving *leaving, const struct tide_column *column)
{
	const struct tide_table *table = &c->at->cat->table;

	if (table->publications != NULL && column->not_null && !tide_accepted(leaving->accept, table->name))
		tide_say(c, TIDE_ERROR, "drop-column-published", "column",
		    talloc_asprintf(c->out,
			"ALTER TABLE … DROP NOT NULL on each subscriber first, then say %s",
			tide_accept_text(c->out, table->name)),
		    "publication %s sends \"%s\", which is NOT NULL: a subscriber on which it is NOT NULL "
		    "too stops at the next row without it",
		    table->publications, column->name);
}

static void
check_dependent(const struct tide_checking *c, const struct tide_leaving *leaving,
    const struct tide_dependent_object *h, const struct successor *pair)
{
	const struct tide_inventory_row *row = tide_inventory_find(h->kind);

	if (is_settled(c->at->cat, h, pair))
		return;
	if (!tide_accepted(leaving->accept, h->name))
		tide_inventory_say(c, TIDE_AT_DROP,
		    &(struct tide_dependent_place){ .kind = h->kind,
			.what = h->what,
			.name = h->name,
			.column = leaving->column,
			.other = pair->new == NULL ? NULL : pair->new->name,
			.key = "column" });
	else if (row != NULL && tide_blocks_drop(row))
		tide_say(c, TIDE_WARNING, "drop-column-dependent", "accept", NULL,
		    "%s must be gone before the %s: nothing is ever dropped by CASCADE", h->what,
		    /* What is hidden stays published, by another name. */
		    leaving->hold > 0 && strcmp(h->kind, "publication") == 0 ? "hold" : "drop");
}

/* A sequence that the column owns goes with it, and calls of nextval by its name fail from then on. */
static void
check_sequence(
    const struct tide_checking *c, const struct tide_leaving *leaving, const struct tide_column *column)
{
	void *mem = talloc_new(NULL);
	char *parts[2];
	int count = column->sequence == NULL ? 0 : tide_name_parse(mem, column->sequence, parts);

	if (count > 0 && !tide_accepted(leaving->accept, parts[count - 1]))
		tide_inventory_say(c, TIDE_AT_DROP,
		    &(struct tide_dependent_place){ .kind = "sequence",
			.what = talloc_asprintf(mem, "sequence %s", column->sequence),
			.name = parts[count - 1],
			.column = leaving->column,
			.key = "column" });
	talloc_free(mem);
}

/* The hold takes NOT NULL off where no dual write fills the column: only where the table itself has it. */
static void
check_partitions_hold(const struct tide_checking *c, const struct tide_leaving *leaving,
    const struct tide_dependents *dependents)
{
	if (leaving->hold == 0 || leaving->pair != NULL)
		return;
	for (size_t i = 0; i < dependents->count; i++)
		if (strcmp(dependents->item[i].kind, "not null of a partition") == 0)
			tide_inventory_say(c, TIDE_AT_HOLD,
			    &(struct tide_dependent_place){ .kind = dependents->item[i].kind,
				.what = dependents->item[i].what,
				.name = dependents->item[i].name,
				.column = leaving->column,
				.key = "hold" });
}

/* The drop was to be that of another plan's old column. Without that plan it is one of a column that the application may use alone. */
static void
check_keeper(const struct tide_checking *c, const struct tide_leaving *leaving)
{
	const struct tide_other_run *run = tide_lost_keeper(c->at);
	bool back;

	if (run == NULL || tide_accepted(leaving->accept, run->plan))
		return;
	back = strcmp(run->state, "rolled_back") == 0;
	tide_say(c, TIDE_ERROR, "drop-column-keeper", "column",
	    talloc_asprintf(c->out, "%s; or, when no release uses \"%s\" any more, say %s",
		back ? talloc_asprintf(c->out, "run '%s' to its end first", run->plan)
		     : talloc_asprintf(c->out,
			   "compare the columns yourself, and drop the column only when no row differs"),
		leaving->column, tide_accept_text(c->out, run->plan)),
	    back ? "plan '%s', which replaces \"%s\" by another column, was rolled back: \"%s\" is what the "
		   "application uses, and its values are nowhere else"
		 : "plan '%s' kept \"%s\" in step until this drop, and its triggers are gone: what has been "
		   "written to \"%s\" since then may be nowhere else",
	    run->plan, leaving->column, leaving->column);
}

void
tide_check_drop(const struct tide_checking *c, const struct tide_leaving *leaving)
{
	struct tide_column *column = tide_need_column(c, "column", leaving->column);
	struct tide_dependents dependents = { 0 };
	struct successor pair;
	void *mem;

	if (column == NULL)
		return;
	check_keeper(c, leaving);
	check_indexes(c, column);
	tide_check_columns_of(c);
	tide_check_inherited(c, column);
	tide_check_children(c);
	tide_check_subscribed(c, column, leaving->accept);
	check_published_not_null(c, leaving, column);
	check_sequence(c, leaving, column);
	if (leaving->hold > 0)
		tide_check_published_hold(c, column, leaving->accept);
	mem = talloc_new(NULL);
	find_successor(mem, c->at, leaving, &pair);
	tide_dependents_of(mem, c->at, column, &dependents);
	for (size_t i = 0; i < dependents.count; i++)
		check_dependent(c, leaving, &dependents.item[i], &pair);
	check_partitions_hold(c, leaving, &dependents);
	tide_check_positions(c, TIDE_AT_DROP, leaving->column, leaving->accept);
	talloc_free(mem);
}
