#include "lookup.h"

#include <string.h>

#include <talloc.h>

#include "change.h"

struct tide_column *
tide_catalog_column(const struct tide_catalog *cat, const char *name)
{
	for (size_t i = 0; i < cat->table.column_count; i++)
		if (strcmp(cat->table.column[i].name, name) == 0)
			return &cat->table.column[i];
	return NULL;
}

const struct tide_fact *
tide_catalog_fact(const struct tide_catalog *cat, const char *source)
{
	for (size_t i = 0; i < cat->fact_count; i++)
		if (strcmp(cat->fact[i].source, source) == 0)
			return &cat->fact[i];
	return NULL;
}

const struct tide_index *
tide_catalog_index(const struct tide_catalog *cat, const char *name)
{
	for (size_t i = 0; i < cat->table.index_count; i++)
		if (strcmp(cat->table.index[i].name, name) == 0 && cat->table.index[i].table == NULL)
			return &cat->table.index[i];
	return NULL;
}

bool
tide_uses(const int *attnums, size_t count, int attnum)
{
	for (size_t i = 0; i < count; i++)
		if (attnums[i] == attnum)
			return true;
	return false;
}

static void *
copy_array(void *ctx, const void *array, size_t size, size_t count)
{
	return count == 0 ? NULL : talloc_memdup(ctx, array, size * count);
}

#define COPY(member, count) out->member = copy_array(out, cat->member, sizeof(*cat->member), cat->count)

struct tide_catalog *
tide_change_copy(void *ctx, const struct tide_catalog *cat)
{
	struct tide_catalog *out = talloc_memdup(ctx, cat, sizeof(*cat));

	COPY(table.column, table.column_count);
	COPY(table.constraint, table.constraint_count);
	COPY(table.index, table.index_count);
	COPY(table.trigger, table.trigger_count);
	COPY(table.reaction, table.reaction_count);
	COPY(made, made_count);
	COPY(table.dependent, table.dependent_count);
	COPY(fact, fact_count);
	return out;
}

struct tide_column *
tide_change_add_column(struct tide_catalog *cat, const struct tide_column *column)
{
	struct tide_table *table = &cat->table;
	struct tide_column *added;

	table->column =
	    talloc_realloc(cat, table->column, struct tide_column, (unsigned)(table->column_count + 1));
	added = &table->column[table->column_count++];
	*added = *column;
	added->attnum = ++table->max_attnum;
	return added;
}

static void
drop_constraints_on(struct tide_table *table, int attnum)
{
	size_t kept = 0;

	for (size_t i = 0; i < table->constraint_count; i++)
		if (!tide_uses(table->constraint[i].attnums, table->constraint[i].attnum_count, attnum))
			table->constraint[kept++] = table->constraint[i];
	table->constraint_count = kept;
}

static void
drop_indexes_on(struct tide_table *table, int attnum)
{
	size_t kept = 0;

	for (size_t i = 0; i < table->index_count; i++)
		if (!tide_uses(table->index[i].attnums, table->index[i].attnum_count, attnum))
			table->index[kept++] = table->index[i];
	table->index_count = kept;
}

static void
drop_dependents_on(struct tide_table *table, int attnum)
{
	size_t kept = 0;

	for (size_t i = 0; i < table->dependent_count; i++)
		if (table->dependent[i].attnum != attnum)
			table->dependent[kept++] = table->dependent[i];
	table->dependent_count = kept;
}

void
tide_change_drop_column(struct tide_catalog *cat, const char *name)
{
	struct tide_table *table = &cat->table;
	struct tide_column *column = tide_catalog_column(cat, name);
	size_t at;

	if (column == NULL)
		return;
	drop_constraints_on(table, column->attnum);
	drop_indexes_on(table, column->attnum);
	drop_dependents_on(table, column->attnum);
	at = (size_t)(column - table->column);
	memmove(column, column + 1, (--table->column_count - at) * sizeof(*column));
}

void
tide_change_swap_columns(struct tide_catalog *cat, const char *a, const char *b)
{
	struct tide_column *left = tide_catalog_column(cat, a), *right = tide_catalog_column(cat, b);
	char *name;

	if (left == NULL || right == NULL)
		return;
	name = left->name;
	left->name = right->name;
	right->name = name;
	/* What is bound by the text of a function follows the name. */
	for (size_t i = 0; i < cat->table.dependent_count; i++) {
		struct tide_dependent *d = &cat->table.dependent[i];

		if (strcmp(d->kind, "trigger function") == 0 || strcmp(d->kind, "function") == 0)
			d->attnum = d->attnum == left->attnum    ? right->attnum
				    : d->attnum == right->attnum ? left->attnum
								 : d->attnum;
	}
}

void
tide_change_add_trigger(struct tide_catalog *cat, const struct tide_trigger *trigger)
{
	struct tide_table *table = &cat->table;

	table->trigger =
	    talloc_realloc(cat, table->trigger, struct tide_trigger, (unsigned)(table->trigger_count + 1));
	table->trigger[table->trigger_count++] = *trigger;
}

void
tide_change_drop_trigger(struct tide_catalog *cat, const char *name)
{
	struct tide_table *table = &cat->table;
	size_t kept = 0;

	for (size_t i = 0; i < table->trigger_count; i++)
		if (strcmp(table->trigger[i].name, name) != 0)
			table->trigger[kept++] = table->trigger[i];
	table->trigger_count = kept;
}

void
tide_change_add_index(struct tide_catalog *cat, const struct tide_index *index)
{
	struct tide_table *table = &cat->table;

	table->index =
	    talloc_realloc(cat, table->index, struct tide_index, (unsigned)(table->index_count + 1));
	table->index[table->index_count++] = *index;
}

void
tide_change_drop_index(struct tide_catalog *cat, const char *name)
{
	struct tide_table *table = &cat->table;
	size_t kept = 0;

	for (size_t i = 0; i < table->index_count; i++)
		if (strcmp(table->index[i].name, name) != 0)
			table->index[kept++] = table->index[i];
	table->index_count = kept;
}

void
tide_change_add_constraint(struct tide_catalog *cat, const struct tide_constraint *constraint)
{
	struct tide_table *table = &cat->table;

	table->constraint = talloc_realloc(
	    cat, table->constraint, struct tide_constraint, (unsigned)(table->constraint_count + 1));
	table->constraint[table->constraint_count++] = *constraint;
}

void
tide_change_drop_constraint(struct tide_catalog *cat, const char *name)
{
	struct tide_table *table = &cat->table;
	size_t kept = 0;

	for (size_t i = 0; i < table->constraint_count; i++)
		if (strcmp(table->constraint[i].name, name) != 0)
			table->constraint[kept++] = table->constraint[i];
	table->constraint_count = kept;
}

void
tide_change_set_fact(struct tide_catalog *cat, const struct tide_fact *fact)
{
	for (size_t i = 0; i < cat->fact_count; i++)
		if (strcmp(cat->fact[i].source, fact->source) == 0) {
			cat->fact[i] = *fact;
			return;
		}
	cat->fact = talloc_realloc(cat, cat->fact, struct tide_fact, (unsigned)(cat->fact_count + 1));
	cat->fact[cat->fact_count++] = *fact;
}

bool
tide_in_partition_key(const struct tide_catalog *cat, const struct tide_column *column)
{
	for (size_t i = 0; i < cat->table.dependent_count; i++)
		if (cat->table.dependent[i].attnum == column->attnum &&
		    strcmp(cat->table.dependent[i].kind, "partition key") == 0)
			return true;
	return false;
}

bool
tide_is_tool_trigger(const struct tide_trigger *trigger)
{
	static const char schema[] = "tidemark.";

	return trigger->function != NULL && strncmp(trigger->function, schema, sizeof(schema) - 1) == 0;
}
