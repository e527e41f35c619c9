#include "recreate.h"

#include <string.h>

#include <talloc.h>

#include "build/build.h"
#include "catalog/change.h"
#include "tidemark/base/array.h"
#include "tidemark/base/sqltext.h"

/** The columns of a list by their numbers. */
struct numbers {
	int *item;
	size_t count;
};

bool
tide_may_recreate(const struct tide_trigger *trigger)
{
	return !trigger->uneven;
}

static bool
names_old(const struct tide_trigger *t, const struct tide_dual *dual)
{
	for (size_t i = 0; i < dual->old.count; i++)
		if (tide_uses(t->attnums, t->attnum_count, dual->old.item[i].column->attnum))
			return true;
	return false;
}

static bool
is_left(const struct tide_trigger *t, const struct tide_dual *dual, const struct tide_names *accept)
{
	return t->columns == NULL || t->internal || !tide_may_recreate(t) || !names_old(t, dual) ||
	       tide_names_have(accept, t->name);
}

/* The list with every new column, and without the dropped one. */
static struct numbers
new_list(
    void *ctx, const struct tide_trigger *t, const struct tide_dual *dual, const struct tide_column *dropped)
{
	struct numbers out = { .item =
				   talloc_array(ctx, int, (unsigned)(t->attnum_count + dual->new.count)) };

	for (size_t i = 0; i < t->attnum_count; i++)
		if (dropped == NULL || t->attnums[i] != dropped->attnum)
			out.item[out.count++] = t->attnums[i];
	for (size_t i = 0; i < dual->new.count; i++)
		if (!tide_uses(out.item, out.count, dual->new.item[i].column->attnum))
			out.item[out.count++] = dual->new.item[i].column->attnum;
	return out;
}

static char *
list_text(void *ctx, const struct tide_catalog *cat, const struct numbers *list)
{
	char *names = NULL;

	for (size_t i = 0; i < list->count; i++)
		names = tide_append(ctx, names, ", ", tide_ident(ctx, tide_column_name(cat, list->item[i])));
	return talloc_asprintf(ctx, "UPDATE OF %s", names);
}

/* After CREATE [CONSTRAINT] TRIGGER and the name, which may look like anything. */
static const char *
after_name(const char *definition)
{
	const char *at = strstr(definition, "TRIGGER ");

	if (at == NULL)
		return definition;
	at += strlen("TRIGGER ");
	if (*at != '"')
		return at + strcspn(at, " ");
	for (at++; *at != '\0' && (*at != '"' || at[1] == '"'); at++)
		if (*at == '"')
			at++;
	return at;
}

/* The definition with another list in the place of its own. */
static char *
with_list(void *ctx, const struct tide_trigger *t, const char *list)
{
	const char *at = strstr(after_name(t->definition), t->columns);

	if (at == NULL)
		return talloc_strdup(ctx, t->definition);
	return talloc_asprintf(
	    ctx, "%.*s%s%s", (int)(at - t->definition), t->definition, list, at + strlen(t->columns));
}

static void
create_again(struct tide_steps *steps, struct tide_action *action, const struct tide_catalog *cat,
    const struct tide_trigger *t, char *definition)
{
	static const struct {
		char state;
		const char *words;
	} states[] = { { 'D', "DISABLE" }, { 'R', "ENABLE REPLICA" }, { 'A', "ENABLE ALWAYS" } };
	const char *table = t->table != NULL ? t->table : tide_table_text(steps, cat);

	tide_action_add(steps, action, tide_sqlf(steps, "DROP TRIGGER %I ON %s", t->name, table));
	tide_action_add(steps, action, definition);
	for (size_t i = 0; i < TIDE_COUNT(states); i++)
		if (states[i].state == t->enabled)
			tide_action_add(steps, action,
			    tide_sqlf(
				steps, "ALTER TABLE %s %s TRIGGER %I", table, states[i].words, t->name));
	if (t->comment != NULL)
		tide_action_add(steps, action,
		    tide_sqlf(steps, "COMMENT ON TRIGGER %I ON %s IS %L", t->name, table, t->comment));
}

static void
recreate(struct tide_steps *steps, struct tide_action *action, const struct tide_dual *dual,
    const struct tide_column *dropped, const struct tide_names *accept)
{
	const struct tide_table *table = &dual->cat->table;

	for (size_t i = 0; i < table->trigger_count; i++) {
		const struct tide_trigger *t = &table->trigger[i];
		struct numbers list;

		if (is_left(t, dual, accept) ||
		    (dropped != NULL && !tide_uses(t->attnums, t->attnum_count, dropped->attnum)))
			continue;
		list = new_list(steps, t, dual, dropped);
		create_again(
		    steps, action, dual->cat, t, with_list(steps, t, list_text(steps, dual->cat, &list)));
	}
}

void
tide_recreate_with_new(struct tide_steps *steps, struct tide_action *action, const struct tide_dual *dual,
    const struct tide_names *accept)
{
	recreate(steps, action, dual, NULL, accept);
}

void
tide_recreate_without(struct tide_steps *steps, struct tide_action *action, const struct tide_dual *dual,
    const struct tide_column *dropped, const struct tide_names *accept)
{
	recreate(steps, action, dual, dropped, accept);
}

void
tide_recreate_as_before(struct tide_steps *steps, struct tide_action *action, const struct tide_dual *dual,
    const struct tide_names *accept)
{
	const struct tide_table *table = &dual->cat->table;

	for (size_t i = 0; i < table->trigger_count; i++)
		if (!is_left(&table->trigger[i], dual, accept))
			create_again(steps, action, dual->cat, &table->trigger[i],
			    talloc_strdup(steps, table->trigger[i].definition));
}

/* The new columns' dependents, of which the trigger is one now. */
static void
depend(struct tide_catalog *cat, const struct tide_trigger *t, int attnum)
{
	struct tide_table *table = &cat->table;

	for (size_t i = 0; i < table->dependent_count; i++)
		if (table->dependent[i].attnum == attnum &&
		    strcmp(table->dependent[i].kind, "trigger columns") == 0 &&
		    strcmp(table->dependent[i].name, t->name) == 0)
			return;
	table->dependent = talloc_realloc(
	    cat, table->dependent, struct tide_dependent, (unsigned)(table->dependent_count + 1));
	table->dependent[table->dependent_count++] = (struct tide_dependent){ .attnum = attnum,
		.kind = talloc_strdup(cat, "trigger columns"),
		.name = t->name,
		.identity = talloc_asprintf(cat, "trigger %s", t->name),
		.blocks_drop = true };
}

void
tide_recreate_apply(struct tide_catalog *cat, const struct tide_dual *dual, const struct tide_column *dropped,
    const struct tide_names *accept)
{
	for (size_t i = 0; i < cat->table.trigger_count; i++) {
		struct tide_trigger *t = &cat->table.trigger[i];
		struct numbers list;
		char *text;

		if (is_left(t, dual, accept))
			continue;
		list = new_list(cat, t, dual, dropped);
		text = list_text(cat, cat, &list);
		t->definition = with_list(cat, t, text);
		t->columns = text;
		t->attnums = list.item;
		t->attnum_count = list.count;
		for (size_t k = 0; k < dual->new.count; k++)
			depend(cat, t, dual->new.item[k].column->attnum);
	}
}
