#include "applying.h"

#include <string.h>

#include <talloc.h>

#include "catalog/change.h"
#include "catalog/lookup.h"
#include "tidemark/base/array.h"
#include "tidemark/base/sqltext.h"

/* Views, functions, triggers, policies, rules and publications in the catalog, after statements of the plan's author. */

/* A view is one of its schema. What is no view has another way to be found. */
static bool
is_view_in(const struct tide_applying *a, const struct tide_dependent *d)
{
	static const char word[] = "view ";
	const char *schema = a->effect->schema != NULL ? a->effect->schema : a->cat->default_schema;
	const char *at = d->identity == NULL ? NULL : strstr(d->identity, word);
	char *parts[2];

	if (strncmp(d->kind, "view", 4) != 0 || at == NULL || schema == NULL ||
	    tide_name_parse(a->cat, at + strlen(word), parts) != 2)
		return true;
	return strcmp(parts[0], schema) == 0;
}

/* Everything of that name and kind goes; `only` limits it to the columns that the new definition does not name. */
static void
drop_dependents(
    const struct tide_applying *a, const char *kind, const char *name, const struct tide_names *named)
{
	struct tide_table *table = &a->cat->table;
	size_t kept = 0;

	for (size_t i = 0; i < table->dependent_count; i++) {
		const struct tide_dependent *d = &table->dependent[i];
		const char *column = tide_column_name(a->cat, d->attnum);
		bool hit = strncmp(d->kind, kind, strlen(kind)) == 0 && strcmp(d->name, name) == 0 &&
			   is_view_in(a, d) &&
			   (named == NULL || column == NULL ||
			       (!tide_names_have(named, column) && !tide_names_have(named, "*")));

		if (!hit)
			table->dependent[kept++] = *d;
	}
	table->dependent_count = kept;
}

static void
add_dependent(const struct tide_applying *a, const char *kind, char *identity, int attnum, bool blocks)
{
	struct tide_table *table = &a->cat->table;

	for (size_t i = 0; i < table->dependent_count; i++)
		if (table->dependent[i].attnum == attnum && strcmp(table->dependent[i].kind, kind) == 0 &&
		    strcmp(table->dependent[i].name, a->effect->name) == 0)
			return;
	table->dependent = talloc_realloc(
	    a->cat, table->dependent, struct tide_dependent, (unsigned)(table->dependent_count + 1));
	table->dependent[table->dependent_count++] = (struct tide_dependent){ .attnum = attnum,
		.kind = talloc_strdup(a->cat, kind),
		.name = a->effect->name,
		.identity = identity,
		.blocks_drop = blocks,
		.in_using = a->effect->in_using,
		.in_check = a->effect->in_check };
}

static bool
names_table(const struct tide_applying *a)
{
	const struct tide_table *table = &a->cat->table;
	const struct tide_names *placed = &a->statement->placed;

	return tide_names_have(placed, tide_relation_text(a->cat, table->schema, table->name)) ||
	       (tide_names_have(placed, tide_relation_text(a->cat, NULL, table->name)) &&
		   (a->cat->default_schema == NULL || strcmp(a->cat->default_schema, table->schema) == 0));
}

void
tide_apply_create_view(const struct tide_applying *a)
{
	struct tide_names columns = a->statement->columns;
	size_t count = 0;
	int *attnums;

	drop_dependents(a, "view", a->effect->name, &columns);
	if (!names_table(a))
		return;
	if (tide_names_have(&columns, "*"))
		columns = tide_all_columns(a->cat, a->cat);
	attnums = tide_apply_numbers(a->cat, &columns, &count);
	for (size_t i = 0; i < count; i++)
		add_dependent(a, "view",
		    talloc_asprintf(a->cat, "view %s.%s",
			a->effect->schema != NULL ? a->effect->schema : a->cat->default_schema,
			a->effect->name),
		    attnums[i], true);
}

/* The columns of the table whose names are words of the text. */
static struct tide_names
named_in(const struct tide_applying *a, const char *text)
{
	struct tide_names named = { 0 };

	for (size_t i = 0; text != NULL && i < a->cat->table.column_count; i++)
		if (tide_script_has_word(text, a->cat->table.column[i].name)) {
			named.item = talloc_realloc(a->cat, named.item, char *, (unsigned)(named.count + 1));
			named.item[named.count++] = a->cat->table.column[i].name;
		}
	return named;
}

static void
add_named(const struct tide_applying *a, const char *kind, char *name, char *identity,
    const struct tide_names *named)
{
	struct tide_effect effect = { .name = name };
	const struct tide_applying as = { a->cat, &effect, a->statement, a->ours };
	size_t count;
	int *attnums = tide_apply_numbers(a->cat, named, &count);

	for (size_t i = 0; i < count; i++)
		add_dependent(&as, kind, identity, attnums[i], false);
}

static bool
calls(const struct tide_applying *a, const char *function, const char *name)
{
	char *parts[2];
	int count = function == NULL ? 0 : tide_name_parse(a->cat, function, parts);

	return count > 0 && strcmp(parts[count - 1], name) == 0;
}

static void
hang_trigger(const struct tide_applying *a, const struct tide_trigger *t, const struct tide_names *named)
{
	struct tide_table *table = &a->cat->table;
	size_t before = table->dependent_count;

	add_named(a, "trigger function", t->name,
	    talloc_asprintf(a->cat, "trigger %s, which calls %s", t->name, t->function), named);
	for (size_t i = before; i < table->dependent_count; i++)
		table->dependent[i].alters = t->before && t->row && (t->on_insert || t->on_update);
}

/* A trigger's dependents that are there because of what its function calls, and that the new body does not name. */
static void
drop_called(const struct tide_applying *a, const char *name, const struct tide_names *named)
{
	static const char word[] = "which calls ";
	struct tide_table *table = &a->cat->table;
	size_t kept = 0;

	for (size_t i = 0; i < table->dependent_count; i++) {
		const struct tide_dependent *d = &table->dependent[i];
		const char *last = NULL;

		for (const char *at = d->identity; at != NULL && (at = strstr(at, word)) != NULL; last = at)
			at += strlen(word);
		if (strcmp(d->kind, "trigger function") != 0 || last == NULL || !calls(a, last, name) ||
		    tide_names_have(named, tide_column_name(a->cat, d->attnum)))
			table->dependent[kept++] = *d;
	}
	table->dependent_count = kept;
}

/* A function depends on the columns that its body names: of the row that a trigger gives it, or of the table that it names. */
void
tide_apply_create_function(const struct tide_applying *a)
{
	struct tide_catalog *cat = a->cat;
	char *name = a->effect->name, *body = a->effect->definition;
	struct tide_names named = named_in(a, body);
	bool fired = false;

	if (name == NULL)
		return;
	cat->made =
	    talloc_realloc(cat, cat->made, struct tide_made_function, (unsigned)(cat->made_count + 1));
	cat->made[cat->made_count++] = (struct tide_made_function){ name, body };
	drop_dependents(a, "function", name, &named);
	drop_called(a, name, &named);
	/* A trigger's dependent has the trigger's name: its function is in the trigger. */
	for (size_t i = 0; i < cat->table.trigger_count; i++) {
		const struct tide_trigger *t = &cat->table.trigger[i];

		if (!calls(a, t->function, name))
			continue;
		fired = true;
		drop_dependents(a, "trigger function", t->name, &named);
		drop_dependents(a, "trigger row", t->name, NULL);
		hang_trigger(a, t, &named);
	}
	if (!fired && body != NULL && tide_script_has_word(body, cat->table.name))
		add_named(a, "function", name,
		    talloc_asprintf(cat, "function %s.%s",
			a->effect->schema != NULL ? a->effect->schema : cat->default_schema, name),
		    &named);
}

/* Of these kinds: "tc" triggers, "r" rules. */
static void
drop_reactions(const struct tide_applying *a, const char *kinds)
{
	struct tide_table *table = &a->cat->table;
	size_t kept = 0;

	for (size_t i = 0; i < table->reaction_count; i++)
		if (strcmp(table->reaction[i].name, a->effect->name) != 0 ||
		    strchr(kinds, table->reaction[i].kind) == NULL)
			table->reaction[kept++] = table->reaction[i];
	table->reaction_count = kept;
}

void
tide_apply_drop_trigger(const struct tide_applying *a)
{
	if (a->effect->name == NULL)
		return;
	tide_change_drop_trigger(a->cat, a->effect->name);
	drop_dependents(a, "trigger", a->effect->name, NULL);
	drop_reactions(a, "tc");
}

void
tide_apply_create_trigger(const struct tide_applying *a)
{
	const struct tide_effect *effect = a->effect;
	struct tide_trigger trigger = { .name = effect->name,
		.definition = effect->definition,
		.function = effect->to,
		.enabled = 'O',
		.row = (effect->trigger & 1) != 0,
		.before = (effect->trigger & 2) != 0,
		.on_insert = (effect->trigger & 4) != 0,
		.on_update = (effect->trigger & 16) != 0 };

	if (effect->name == NULL)
		return;
	tide_apply_drop_trigger(a);
	trigger.attnums = tide_apply_numbers(a->cat, &effect->columns, &trigger.attnum_count);
	if (trigger.attnum_count > 0)
		trigger.columns =
		    talloc_asprintf(a->cat, "UPDATE OF %s", tide_join_idents(a->cat, &effect->columns, ", "));
	tide_change_add_trigger(a->cat, &trigger);
	for (size_t i = 0; i < trigger.attnum_count; i++)
		add_dependent(a, "trigger columns", talloc_asprintf(a->cat, "trigger %s", effect->name),
		    trigger.attnums[i], true);
	/* The last one that the plan made under this name. What was there before is not known by its body. */
	for (size_t i = a->cat->made_count; i-- > 0;)
		if (calls(a, trigger.function, a->cat->made[i].name)) {
			struct tide_names named = named_in(a, a->cat->made[i].body);

			hang_trigger(a, &trigger, &named);
			break;
		}
}

void
tide_apply_drop_object(const struct tide_applying *a)
{
	static const struct {
		const char *object, *kind;
	} kinds[] = { { "view", "view" }, { "materialized view", "view" }, { "policy", "policy" },
		{ "rule", "rule" }, { "function", "function" }, { "extended statistics", "statistics" },
		{ "publication", "publication" } };
	const struct tide_effect *effect = a->effect;

	if (effect->name == NULL || effect->object == NULL)
		return;
	/* Each table has policies and rules of its own names. */
	if (!a->ours && (strcmp(effect->object, "policy") == 0 || strcmp(effect->object, "rule") == 0))
		return;
	for (size_t i = 0; i < TIDE_COUNT(kinds); i++)
		if (strcmp(kinds[i].object, effect->object) == 0)
			drop_dependents(a, kinds[i].kind, effect->name, NULL);
	if (strcmp(effect->object, "rule") == 0)
		drop_reactions(a, "r");
	if (strcmp(effect->object, "publication") == 0)
		tide_apply_unpublish(a);
	if (strcmp(effect->object, "sequence") == 0)
		tide_apply_lose_sequence(a, tide_relation_text(a->cat, effect->schema, effect->relation));
}

/* The columns that it names, where the table is its own or stands in it. */
static struct tide_names
read_columns(const struct tide_applying *a)
{
	if (!a->ours && !names_table(a))
		return (struct tide_names){ 0 };
	return tide_names_have(&a->statement->columns, "*") ? tide_all_columns(a->cat, a->cat)
							    : a->statement->columns;
}

/* Each table has policies of its own names: one of another table says which. */
static bool
is_policy_of(const struct tide_applying *a, const struct tide_dependent *d)
{
	static const char word[] = "policy on ";
	const char *schema = a->effect->schema != NULL ? a->effect->schema : a->cat->default_schema;
	bool of_other = strncmp(d->identity, word, strlen(word)) == 0;
	const char *at = of_other ? d->identity + strlen(word) : d->identity, *end = strstr(at, " named ");
	char *parts[2];

	if (a->ours || !of_other || end == NULL || schema == NULL)
		return a->ours && !of_other;
	return tide_name_parse(a->cat, talloc_strndup(a->cat, at, (size_t)(end - at)), parts) == 2 &&
	       strcmp(parts[0], schema) == 0 && strcmp(parts[1], a->effect->relation) == 0;
}

/* An expression that the statement says takes the place of the old one; a policy that is said with neither keeps both. */
static void
restate_policy(const struct tide_applying *a, const struct tide_names *named)
{
	const struct tide_effect *effect = a->effect;
	struct tide_table *table = &a->cat->table;
	size_t kept = 0;

	for (size_t i = 0; i < table->dependent_count; i++) {
		struct tide_dependent *d = &table->dependent[i];
		bool policy = strcmp(d->kind, "policy") == 0 && strcmp(d->name, effect->name) == 0 &&
			      is_policy_of(a, d);
		bool read = tide_names_have(named, tide_column_name(a->cat, d->attnum));

		/* Neither is known to name it where a whole row does. */
		if (policy && !d->in_using && !d->in_check)
			d->in_using = d->in_check = true;
		if (policy) {
			d->in_using = effect->in_using ? read : d->in_using;
			d->in_check = effect->in_check ? read : d->in_check;
		}
		if (!policy || d->in_using || d->in_check || !(effect->in_using || effect->in_check))
			table->dependent[kept++] = *d;
	}
	table->dependent_count = kept;
}

/* A policy or rule, of this table or of another one that reads it. */
void
tide_apply_create_object(const struct tide_applying *a)
{
	const struct tide_effect *effect = a->effect;
	struct tide_names named = read_columns(a);
	size_t count;
	int *attnums;

	if (effect->name == NULL)
		return;
	if (strcmp(effect->object, "policy") == 0)
		restate_policy(a, &named);
	else
		drop_dependents(a, effect->object, effect->name, &named);
	attnums = tide_apply_numbers(a->cat, &named, &count);
	for (size_t i = 0; i < count; i++)
		add_dependent(a, effect->object,
		    a->ours ? talloc_asprintf(a->cat, "%s %s", effect->object, effect->name)
			    : talloc_asprintf(a->cat, "%s on %s.%s named %s", effect->object,
				  effect->schema != NULL ? effect->schema : a->cat->default_schema,
				  effect->relation, effect->name),
		    attnums[i], true);
	if (!a->ours || (effect->trigger & 16) == 0)
		return;
	drop_reactions(a, "r");
	a->cat->table.reaction = talloc_realloc(a->cat, a->cat->table.reaction, struct tide_reaction,
	    (unsigned)(a->cat->table.reaction_count + 1));
	a->cat->table.reaction[a->cat->table.reaction_count++] = (struct tide_reaction){ .name = effect->name,
		.kind = 'r',
		.timing = talloc_strdup(a->cat, "ON UPDATE"),
		.enabled = 'O' };
}

/* Of this kind, under its old name; what people read says the new one. */
static void
rename_dependents(const struct tide_applying *a, const char *kind, const char *old)
{
	for (size_t i = 0; i < a->cat->table.dependent_count; i++) {
		struct tide_dependent *d = &a->cat->table.dependent[i];

		if (strncmp(d->kind, kind, strlen(kind)) != 0 || strcmp(d->name, old) != 0 ||
		    !is_view_in(a, d))
			continue;
		d->name = a->effect->to;
		d->identity = talloc_asprintf(a->cat, "%s, now named %s", d->identity, a->effect->to);
	}
}

void
tide_apply_rename_trigger(const struct tide_applying *a)
{
	for (size_t i = 0; a->effect->name != NULL && i < a->cat->table.trigger_count; i++)
		if (strcmp(a->cat->table.trigger[i].name, a->effect->name) == 0)
			a->cat->table.trigger[i].name = a->effect->to;
	for (size_t i = 0; a->effect->name != NULL && i < a->cat->table.reaction_count; i++)
		if (a->cat->table.reaction[i].kind != 'r' &&
		    strcmp(a->cat->table.reaction[i].name, a->effect->name) == 0)
			a->cat->table.reaction[i].name = a->effect->to;
	if (a->effect->name != NULL)
		rename_dependents(a, "trigger", a->effect->name);
}

/* Policies and rules have their own table, views are relations themselves. */
void
tide_apply_rename_object(const struct tide_applying *a)
{
	const char *old = a->effect->name != NULL ? a->effect->name : a->effect->relation;
	bool of_table = a->effect->name != NULL && a->effect->relation != NULL;

	if (old == NULL || (of_table && !a->ours))
		return;
	rename_dependents(a, a->effect->object, old);
	for (size_t i = 0; of_table && i < a->cat->table.reaction_count; i++)
		if (a->cat->table.reaction[i].kind == 'r' && strcmp(a->cat->table.reaction[i].name, old) == 0)
			a->cat->table.reaction[i].name = a->effect->to;
}

/* Updates of a published table need a replica identity: a primary key, unless the index or the whole row was said to be it. */
static bool
has_identity(const struct tide_table *table)
{
	for (size_t i = 0; i < table->index_count; i++)
		if (table->index[i].primary || table->index[i].replica_identity)
			return true;
	return false;
}

/* Of every schema, where the statement says none. */
static bool
is_schema(const struct tide_applying *a, const char *schema)
{
	const char *said = a->effect->schema;

	if (said != NULL && strcmp(said, "current_schema") == 0)
		said = a->cat->default_schema;
	return said == NULL || strcmp(said, schema) == 0;
}

void
tide_apply_publish(const struct tide_applying *a)
{
	struct tide_table *table = &a->cat->table;
	const struct tide_effect *effect = a->effect;
	char *name = effect->name;
	size_t count;
	int *attnums = tide_apply_numbers(a->cat, &effect->columns, &count);

	if (!a->ours && (effect->relation != NULL || !is_schema(a, table->schema))) {
		if (effect->relation == NULL && is_schema(a, "tidemark"))
			table->state_publications =
			    tide_append(a->cat, table->state_publications, ", ", tide_ident(a->cat, name));
		return;
	}
	table->published = true;
	if (effect->columns.count == 0)
		table->publications =
		    tide_append(a->cat, table->publications, ", ", tide_ident(a->cat, name));
	if (effect->relation == NULL && is_schema(a, "tidemark"))
		table->state_publications =
		    tide_append(a->cat, table->state_publications, ", ", tide_ident(a->cat, name));
	if (table->without_identity == NULL && !has_identity(table))
		table->without_identity = tide_table_text(a->cat, a->cat);
	for (size_t i = 0; i < count; i++)
		add_dependent(a, "publication", talloc_asprintf(a->cat, "publication %s", effect->name),
		    attnums[i], false);
}

/* The comma after the first name of a list, which may have one itself. */
static char *
comma(char *list)
{
	bool quoted = false;

	for (; *list != '\0'; list++) {
		quoted = quoted != (*list == '"');
		if (*list == ',' && !quoted)
			return list;
	}
	return NULL;
}

/* The list without the name. */
static char *
without(void *ctx, char *list, const char *name)
{
	struct tide_names kept = { 0 };
	char *rest = list == NULL ? NULL : talloc_strdup(ctx, list), *next, *parts[2];

	for (; rest != NULL; rest = next) {
		next = comma(rest);
		if (next != NULL) {
			*next = '\0';
			next += 2;
		}
		if (tide_name_parse(ctx, rest, parts) == 1 && strcmp(parts[0], name) == 0)
			continue;
		kept.item = talloc_realloc(ctx, kept.item, char *, (unsigned)(kept.count + 1));
		kept.item[kept.count++] = rest;
	}
	return kept.count == 0 ? NULL : tide_join_plain(ctx, &kept, ", ");
}

/* DROP PUBLICATION, or DROP TABLE of one. */
void
tide_apply_unpublish(const struct tide_applying *a)
{
	struct tide_table *table = &a->cat->table;
	const char *name = a->effect->name;

	if (a->effect->relation != NULL && !a->ours)
		return;
	drop_dependents(a, "publication", a->effect->name, NULL);
	table->publications = without(a->cat, table->publications, name);
	table->state_publications = without(a->cat, table->state_publications, name);
	table->narrow_publications = without(a->cat, table->narrow_publications, name);
	table->published = table->publications != NULL || table->narrow_publications != NULL;
	for (size_t i = 0; i < table->dependent_count; i++)
		table->published = table->published || strcmp(table->dependent[i].kind, "publication") == 0;
	if (!table->published)
		table->without_identity = NULL;
}
