#include "relations.h"

#include <talloc.h>

#include "catalog/change.h"
#include "dependents.h"
#include "inventory.h"

void
tide_check_columns_of(const struct tide_checking *c)
{
	const struct tide_table *table = &c->at->cat->table;

	if (table->foreign_partition != NULL)
		tide_say(c, TIDE_ERROR, "table-foreign-partition", NULL,
		    "detach it first, and attach it again when the other server's table has changed as well",
		    "partition %s is a foreign table: the column would be declared here and missing on the "
		    "other server, and nothing can keep it in step there",
		    table->foreign_partition);
	if (table->of_type != NULL)
		tide_say(c, TIDE_ERROR, "table-typed", NULL,
		    "ALTER TABLE … NOT OF makes it a table of its own",
		    "%s.%s is a table of type %s: its columns are those of the type", table->schema,
		    table->name, table->of_type);
	if (table->is_child_partition)
		tide_say(c, TIDE_ERROR, "table-partition", NULL, "name the partitioned table itself",
		    "%s.%s is a partition: it has the columns of the partitioned table", table->schema,
		    table->name);
}

void
tide_check_inherited(const struct tide_checking *c, const struct tide_column *column)
{
	if (column->inherited && !c->at->cat->table.is_child_partition)
		tide_say(c, TIDE_ERROR, "column-inherited", NULL,
		    "change the table that it comes from, or ALTER TABLE … NO INHERIT first",
		    "\"%s\" is inherited from another table: PostgreSQL can neither rename nor drop it here",
		    column->name);
}

static bool
knows_table(const struct tide_checking *c, const struct tide_names *accept)
{
	return tide_accepted(accept, c->at->cat->table.name);
}

void
tide_check_published_add(const struct tide_checking *c, const struct tide_names *accept)
{
	const struct tide_table *table = &c->at->cat->table;

	if (table->publications == NULL || knows_table(c, accept))
		return;
	tide_say(c, TIDE_ERROR, "add-column-published", NULL,
	    talloc_asprintf(c->out, "add the column on each subscriber first, then say %s",
		tide_accept_text(c->out, table->name)),
	    "publication %s sends every column: a subscriber whose table lacks the new one stops at the "
	    "next row",
	    table->publications);
}

void
tide_check_published_hold(
    const struct tide_checking *c, const struct tide_column *column, const struct tide_names *accept)
{
	const struct tide_table *table = &c->at->cat->table;

	if (table->publications == NULL || knows_table(c, accept))
		return;
	tide_say(c, TIDE_ERROR, "drop-column-published", "hold",
	    talloc_asprintf(c->out,
		"leave \"hold\" out, and where the column is NOT NULL on a subscriber, drop that there "
		"first; or add a column of the held name on the subscribers and say %s",
		tide_accept_text(c->out, table->name)),
	    "publication %s sends \"%s\": the hold gives it a name that subscribers lack, and they stop",
	    table->publications, column->name);
}

/* By what a row that arrives is found on a subscriber; else all its columns are compared, the new one too. */
static bool
has_key(const struct tide_catalog *cat)
{
	for (size_t i = 0; i < cat->table.index_count; i++)
		if (cat->table.index[i].replica_identity || cat->table.index[i].primary)
			return true;
	return false;
}

void
tide_check_published_updates(const struct tide_checking *c)
{
	const struct tide_table *table = &c->at->cat->table;

	if (table->without_identity != NULL)
		tide_say(c, TIDE_ERROR, "backfill-replica-identity", NULL,
		    "give it a primary key, or ALTER TABLE … REPLICA IDENTITY FULL",
		    "%s is published and has no replica identity: PostgreSQL refuses every UPDATE of it",
		    table->without_identity);
	if (table->narrow_publications != NULL)
		tide_say(c, TIDE_ERROR, "backfill-replica-identity", NULL,
		    "filter by columns of the replica identity only, and list all of them",
		    "the row filter or column list of publication %s is not covered by the replica identity: "
		    "PostgreSQL refuses every UPDATE",
		    table->narrow_publications);
	if (table->subscriptions != NULL && !has_key(c->at->cat))
		tide_say(c, TIDE_ERROR, "backfill-subscribed", NULL, "give the table a primary key",
		    "subscription %s writes to the table, and the table has no key: a row that arrives is "
		    "found by comparing all columns, and no longer found once one of them is filled here",
		    table->subscriptions);
}

void
tide_check_subscribed(
    const struct tide_checking *c, const struct tide_column *column, const struct tide_names *accept)
{
	const struct tide_table *table = &c->at->cat->table;

	if (table->subscriptions == NULL || knows_table(c, accept))
		return;
	tide_say(c, TIDE_ERROR, "table-subscribed", NULL,
	    talloc_asprintf(c->out, "stop the publisher from sending the column first, then say %s",
		tide_accept_text(c->out, table->name)),
	    "subscription %s writes to the table by the names of its columns: without \"%s\" it stops",
	    table->subscriptions, column->name);
}

void
tide_check_children(const struct tide_checking *c)
{
	const struct tide_table *table = &c->at->cat->table;

	if (table->relkind == 'r' && table->has_children)
		tide_say(c, TIDE_ERROR, "table-inheritance", NULL,
		    "change the tables one by one, after ALTER TABLE … NO INHERIT",
		    "tables inherit from %s.%s: what depends on their columns is not known", table->schema,
		    table->name);
}

void
tide_check_published_state(const struct tide_checking *c)
{
	const struct tide_table *table = &c->at->cat->table;

	if (table->state_publications != NULL && c->at->index == 0)
		tide_say(c, TIDE_WARNING, "plan-published-state", NULL,
		    "before the first run create schema \"tidemark\" on each subscriber (docs/operations.md "
		    "says how), or publish the tables by name",
		    "publication %s sends the state of tidemark as well: subscribers without schema "
		    "\"tidemark\" stop",
		    table->state_publications);
}

void
tide_check_positions(const struct tide_checking *c, enum tide_moment moment, const char *column,
    const struct tide_names *accept)
{
	const struct tide_table *table = &c->at->cat->table;

	for (size_t i = 0; i < table->dependent_count; i++) {
		const struct tide_dependent *d = &table->dependent[i];

		if (d->attnum == 0 && !tide_accepted(accept, d->name))
			tide_inventory_say(c, moment,
			    &(struct tide_dependent_place){ .kind = d->kind,
				.what = d->identity,
				.name = d->name,
				.column = column,
				.key = tide_authored(c->at->phase) != NULL ? "act" : "column" });
	}
}

/* Every unique index that a sweep could follow has a text among its columns. */
static bool
has_text_key(const struct tide_table *table)
{
	bool any = false;

	for (size_t i = 0; i < table->index_count; i++) {
		const struct tide_index *index = &table->index[i];
		bool text = false;

		for (size_t k = 0; k < table->column_count; k++)
			text = text ||
			       (table->column[k].collated != NULL &&
				   tide_uses(index->attnums, index->attnum_count, table->column[k].attnum));
		if (index->unique && index->valid && !text)
			return false;
		any = any || (index->unique && text);
	}
	return any;
}

static void
say_text_key(const struct tide_checking *c, const char *key)
{
	tide_say(c, TIDE_WARNING, "sweep-order-encoding", key, NULL,
	    "rows are scanned in the order of a text key, and the database's encoding %s has codes "
	    "that Unicode lacks: at a key with one of them the sweep ends (SQLSTATE 22P05)",
	    c->at->cat->encoding_gaps);
}

void
tide_check_text_key(const struct tide_checking *c, const struct tide_column *column, const char *key)
{
	if (c->at->cat->encoding_gaps != NULL && column->collated != NULL)
		say_text_key(c, key);
}

void
tide_check_keys(const struct tide_checking *c, bool always, const char *key)
{
	const struct tide_catalog *cat = c->at->cat;

	if (cat->encoding_gaps != NULL && (always || cat->table.not_heap != NULL) &&
	    has_text_key(&cat->table))
		say_text_key(c, key);
}

/* VACUUM leaves out what the role may not vacuum, and only warns. */
void
tide_check_vacuum(const struct tide_checking *c)
{
	const struct tide_catalog *cat = c->at->cat;
	bool leaves;

	if (cat == NULL || cat->may_vacuum)
		return;
	leaves = cat->table.relkind == 'p';
	tide_say(c, TIDE_ERROR, "backfill-vacuum", "vacuum",
	    cat->server_version >= 170000 ? "make the role a member of the owner, or GRANT MAINTAIN to it"
					  : "make the role a member of the owner",
	    "role %s may not vacuum %s%s.%s: the server would skip it", cat->role,
	    leaves ? "every partition of " : "", cat->table.schema, cat->table.name);
}
