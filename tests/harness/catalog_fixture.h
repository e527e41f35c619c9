#ifndef TIDE_TEST_CATALOG_FIXTURE_H
#define TIDE_TEST_CATALOG_FIXTURE_H

/*
 * A catalog read from a JSON file, for tests without a server. The members are called like those of the
 * structs; what is left out is zero. attnum counts from 1 when it is left out; of a constraint, an index, a reaction and a dependent
 * `columns` gives names.
 */

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <talloc.h>

#include "tidemark/catalog/catalog.h"
#include "tidemark/base/sqltext.h"

static char *
fixture_text(void *ctx, const json_t *row, const char *key)
{
	const char *text = json_string_value(json_object_get(row, key));

	return text == NULL ? NULL : talloc_strdup(ctx, text);
}

static char
fixture_char(const json_t *row, const char *key)
{
	const char *text = json_string_value(json_object_get(row, key));

	return text == NULL ? 0 : text[0];
}

static bool
fixture_flag(const json_t *row, const char *key)
{
	return json_is_true(json_object_get(row, key));
}

static int64_t
fixture_number(const json_t *row, const char *key)
{
	return json_integer_value(json_object_get(row, key));
}

static void
fixture_column(void *ctx, const json_t *row, struct tide_column *out)
{
	out->name = fixture_text(ctx, row, "name");
	out->attnum = (int)fixture_number(row, "attnum");
	out->type = fixture_text(ctx, row, "type");
	out->cast_type = fixture_text(ctx, row, "cast_type");
	if (out->cast_type == NULL)
		out->cast_type = out->type;
	out->collation = fixture_text(ctx, row, "collation");
	out->collated = fixture_text(ctx, row, "collated");
	out->identical = fixture_flag(row, "identical");
	out->inherited = fixture_flag(row, "inherited");
	out->unpadded = fixture_text(ctx, row, "unpadded");
	out->parts = fixture_text(ctx, row, "parts");
	out->composites = fixture_flag(row, "composites");
	out->not_null = fixture_flag(row, "not_null");
	out->not_null_unproved = fixture_flag(row, "not_null_unproved");
	out->default_expr = fixture_text(ctx, row, "default_expr");
	out->default_constant = fixture_flag(row, "default_constant");
	out->default_of_type = fixture_flag(row, "default_of_type");
	out->identity = fixture_char(row, "identity");
	out->generated = fixture_char(row, "generated");
	out->sequence = fixture_text(ctx, row, "sequence");
	out->comment = fixture_text(ctx, row, "comment");
	out->acl = fixture_text(ctx, row, "acl");
	out->grants = fixture_text(ctx, row, "grants");
	out->storage = fixture_char(row, "storage");
	out->type_storage = fixture_char(row, "type_storage");
	out->compression = fixture_char(row, "compression");
	out->statistics = fixture_text(ctx, row, "statistics");
	out->options = fixture_text(ctx, row, "options");
	out->not_null_constraint = fixture_text(ctx, row, "not_null_constraint");
}

static int
fixture_attnum(const struct tide_table *table, const json_t *name)
{
	for (size_t i = 0; i < table->column_count; i++)
		if (strcmp(table->column[i].name, json_string_value(name)) == 0)
			return table->column[i].attnum;
	fprintf(stderr, "catalog fixture: no column \"%s\"\n", json_string_value(name));
	abort();
}

static int *
fixture_attnums(void *ctx, const struct tide_table *table, const json_t *row, size_t *count)
{
	const json_t *names = json_object_get(row, "columns"), *name;
	int *out;
	size_t i;

	*count = json_array_size(names);
	out = talloc_array(ctx, int, (unsigned)*count);
	json_array_foreach (names, i, name)
		out[i] = fixture_attnum(table, name);
	return out;
}

static void
fixture_constraint(void *ctx, const struct tide_table *table, const json_t *row, struct tide_constraint *out)
{
	out->name = fixture_text(ctx, row, "name");
	out->type = fixture_char(row, "type");
	out->definition = fixture_text(ctx, row, "definition");
	out->attnums = fixture_attnums(ctx, table, row, &out->attnum_count);
	out->validated = fixture_flag(row, "validated");
	out->comment = fixture_text(ctx, row, "comment");
	out->referencing = fixture_text(ctx, row, "referencing");
	out->on_delete = fixture_text(ctx, row, "on_delete");
	out->unindexed = fixture_text(ctx, row, "unindexed");
	out->table = fixture_text(ctx, row, "table");
}

static void
fixture_index(void *ctx, const struct tide_table *table, const json_t *row, struct tide_index *out)
{
	out->schema = fixture_text(ctx, row, "schema");
	if (out->schema == NULL)
		out->schema = table->schema;
	out->name = fixture_text(ctx, row, "name");
	out->definition = fixture_text(ctx, row, "definition");
	out->unique = fixture_flag(row, "unique");
	out->primary = fixture_flag(row, "primary");
	out->valid = !json_is_false(json_object_get(row, "valid"));
	out->ready = !json_is_false(json_object_get(row, "ready"));
	out->replica_identity = fixture_flag(row, "replica_identity");
	out->clustered = fixture_flag(row, "clustered");
	out->constraint = fixture_text(ctx, row, "constraint");
	out->attnums = fixture_attnums(ctx, table, row, &out->attnum_count);
	out->comment = fixture_text(ctx, row, "comment");
	out->has_statistics = fixture_flag(row, "has_statistics");
	out->deferrable = fixture_flag(row, "deferrable");
	if (json_object_get(row, "leads") != NULL)
		out->leads = fixture_attnum(table, json_object_get(row, "leads"));
	out->table = fixture_text(ctx, row, "table");
}

static void
fixture_trigger(void *ctx, const struct tide_table *table, const json_t *row, struct tide_trigger *out)
{
	out->name = fixture_text(ctx, row, "name");
	out->definition = fixture_text(ctx, row, "definition");
	out->function = fixture_text(ctx, row, "function");
	out->enabled = fixture_char(row, "enabled");
	out->before = fixture_flag(row, "before");
	out->row = fixture_flag(row, "row");
	out->on_insert = fixture_flag(row, "on_insert");
	out->on_update = fixture_flag(row, "on_update");
	out->internal = fixture_flag(row, "internal");
	out->table = fixture_text(ctx, row, "table");
	if (json_array_size(json_object_get(row, "columns")) > 0)
		out->columns = fixture_text(ctx, row, "update_of");
	out->attnums = fixture_attnums(ctx, table, row, &out->attnum_count);
	out->comment = fixture_text(ctx, row, "comment");
	out->uneven = fixture_flag(row, "uneven");
}

static void
fixture_reaction(void *ctx, const struct tide_table *table, const json_t *row, struct tide_reaction *out)
{
	out->name = fixture_text(ctx, row, "name");
	out->kind = fixture_char(row, "kind");
	out->table = fixture_text(ctx, row, "table");
	out->does = fixture_text(ctx, row, "does");
	out->timing = fixture_text(ctx, row, "timing");
	out->condition = fixture_text(ctx, row, "condition");
	out->enabled = fixture_char(row, "enabled") == 0 ? 'O' : fixture_char(row, "enabled");
	out->alters = fixture_flag(row, "alters");
	out->attnums = fixture_attnums(ctx, table, row, &out->attnum_count);
}

static void
fixture_fact(void *ctx, const json_t *row, struct tide_fact *out)
{
	const char *state = json_string_value(json_object_get(row, "sqlstate"));

	out->source = fixture_text(ctx, row, "source");
	out->canonical = fixture_text(ctx, row, "canonical");
	out->volatility = fixture_char(row, "volatility");
	out->type = fixture_text(ctx, row, "type");
	out->share =
	    json_object_get(row, "share") != NULL ? json_number_value(json_object_get(row, "share")) : -1;
	out->error = fixture_text(ctx, row, "error");
	snprintf(out->sqlstate, sizeof(out->sqlstate), "%s", state == NULL ? "" : state);
}

static void
fixture_other_run(void *ctx, const json_t *row, struct tide_other_run *out)
{
	out->plan = fixture_text(ctx, row, "plan");
	out->state = fixture_text(ctx, row, "state");
	out->phase = fixture_text(ctx, row, "phase");
	out->text = fixture_text(ctx, row, "text");
	out->phases = fixture_text(ctx, row, "phases");
	out->earlier = !json_is_false(json_object_get(row, "earlier"));
	out->same_table = !json_is_false(json_object_get(row, "same_table"));
}

/* "v" of `view public.v`, "My View" of `view public."My View"`. */
static char *
fixture_last_name(void *ctx, const char *identity)
{
	const char *rest = identity;

	for (; rest != NULL; rest = strchr(rest, ' ') == NULL ? NULL : strchr(rest, ' ') + 1) {
		char *parts[2];
		int count = tide_name_parse(ctx, rest, parts);

		if (count > 0)
			return parts[count - 1];
	}
	return talloc_strdup(ctx, identity);
}

#define FIXTURE_ROWS(owner, json, key, type, member, counter)                                                \
	const json_t *key##_rows = json_object_get(json, #key), *key##_row;                                  \
	size_t key##_at;                                                                                     \
	(owner)->counter = json_array_size(key##_rows);                                                      \
	(owner)->member = talloc_zero_array(cat, struct type, (unsigned)(owner)->counter);                   \
	json_array_foreach (key##_rows, key##_at, key##_row)

static void
fixture_table(struct tide_catalog *cat, const json_t *json, struct tide_table *out)
{
	out->oid = fixture_number(json, "oid");
	out->filenode = fixture_number(json, "filenode");
	out->schema = fixture_text(cat, json, "schema");
	out->name = fixture_text(cat, json, "name");
	out->relkind = fixture_char(json, "relkind") == 0 ? 'r' : fixture_char(json, "relkind");
	out->access_method = talloc_strdup(cat, "heap");
	out->not_heap = fixture_text(cat, json, "not_heap");
	out->keyless = fixture_text(cat, json, "keyless");
	out->orderless = fixture_text(cat, json, "orderless");
	out->has_children = fixture_flag(json, "has_children");
	out->publications = fixture_text(cat, json, "publications");
	out->state_publications = fixture_text(cat, json, "state_publications");
	out->without_identity = fixture_text(cat, json, "without_identity");
	out->without_identity_deletes = fixture_text(cat, json, "without_identity_deletes");
	out->narrow_publications_deletes = fixture_text(cat, json, "narrow_publications_deletes");
	out->narrow_publications = fixture_text(cat, json, "narrow_publications");
	out->subscriptions = fixture_text(cat, json, "subscriptions");
	out->foreign_partition = fixture_text(cat, json, "foreign_partition");
	out->of_type = fixture_text(cat, json, "of_type");
	out->is_child_partition = fixture_flag(json, "is_child_partition");
	out->published = fixture_flag(json, "published");
	out->rows = (double)fixture_number(json, "rows");
	out->bytes = fixture_number(json, "bytes");
	out->max_attnum = (int)fixture_number(json, "max_attnum");
	FIXTURE_ROWS(out, json, columns, tide_column, column, column_count)
	{
		fixture_column(cat, columns_row, &out->column[columns_at]);
		if (out->column[columns_at].attnum == 0)
			out->column[columns_at].attnum = (int)columns_at + 1;
		if (out->max_attnum < out->column[columns_at].attnum)
			out->max_attnum = out->column[columns_at].attnum;
	}
	FIXTURE_ROWS(out, json, constraints, tide_constraint, constraint, constraint_count)
	fixture_constraint(cat, out, constraints_row, &out->constraint[constraints_at]);
	FIXTURE_ROWS(out, json, indexes, tide_index, index, index_count)
	fixture_index(cat, out, indexes_row, &out->index[indexes_at]);
	FIXTURE_ROWS(out, json, triggers, tide_trigger, trigger, trigger_count)
	fixture_trigger(cat, out, triggers_row, &out->trigger[triggers_at]);
	FIXTURE_ROWS(out, json, reactions, tide_reaction, reaction, reaction_count)
	fixture_reaction(cat, out, reactions_row, &out->reaction[reactions_at]);
	FIXTURE_ROWS(out, json, deletions, tide_reaction, deletion, deletion_count)
	fixture_reaction(cat, out, deletions_row, &out->deletion[deletions_at]);
	FIXTURE_ROWS(out, json, dependents, tide_dependent, dependent, dependent_count)
	{
		struct tide_dependent *d = &out->dependent[dependents_at];

		/* Of the whole table without one. */
		if (json_object_get(dependents_row, "column") != NULL)
			d->attnum = fixture_attnum(out, json_object_get(dependents_row, "column"));
		d->kind = fixture_text(cat, dependents_row, "kind");
		d->identity = fixture_text(cat, dependents_row, "identity");
		d->name = fixture_text(cat, dependents_row, "name");
		if (d->name == NULL)
			d->name = fixture_last_name(cat, d->identity);
		d->alters = fixture_flag(dependents_row, "alters");
		d->blocks_drop = fixture_flag(dependents_row, "blocks_drop");
	}
}

static struct tide_catalog *
catalog_from_json(void *ctx, json_t *json)
{
	struct tide_catalog *cat = talloc_zero(ctx, struct tide_catalog);

	cat->server_version = (int)fixture_number(json, "server_version");
	cat->default_schema = talloc_strdup(cat, "public");
	cat->owns_table = true;
	cat->encoding_gaps = fixture_text(cat, json, "encoding_gaps");
	cat->may_skip_triggers = fixture_flag(json, "may_skip_triggers");
	cat->role = talloc_strdup(cat, "mover");
	cat->may_vacuum = !fixture_flag(json, "may_not_vacuum");
	fixture_table(cat, json_object_get(json, "table"), &cat->table);
	FIXTURE_ROWS(cat, json, facts, tide_fact, fact, fact_count)
	fixture_fact(cat, facts_row, &cat->fact[facts_at]);
	FIXTURE_ROWS(cat, json, other_runs, tide_other_run, other_run, other_run_count)
	fixture_other_run(cat, other_runs_row, &cat->other_run[other_runs_at]);
	FIXTURE_ROWS(cat, json, keepers, tide_keeper, keeper, keeper_count)
	{
		cat->keeper[keepers_at].plan = fixture_text(cat, keepers_row, "plan");
		cat->keeper[keepers_at].trigger = fixture_text(cat, keepers_row, "trigger");
		cat->keeper[keepers_at].column = fixture_text(cat, keepers_row, "column");
	}
	json_decref(json);
	return cat;
}

/* Aborts when the file is no such catalog: a test's own mistake. */
static inline struct tide_catalog *
catalog_fixture(void *ctx, const char *path)
{
	json_error_t error;
	json_t *json = json_load_file(path, 0, &error);

	if (json == NULL) {
		fprintf(stderr, "%s:%d: %s\n", path, error.line, error.text);
		abort();
	}
	return catalog_from_json(ctx, json);
}

/* The same from a text, in which ' stands for ". */
static inline struct tide_catalog *
catalog_fixture_text(void *ctx, const char *text)
{
	char *copy = talloc_strdup(ctx, text);
	json_error_t error;
	json_t *json;

	for (char *s = copy; *s != '\0'; s++)
		if (*s == '\'')
			*s = '"';
	json = json_loads(copy, 0, &error);
	if (json == NULL) {
		fprintf(stderr, "catalog fixture, line %d: %s\n", error.line, error.text);
		abort();
	}
	return catalog_from_json(ctx, json);
}

#endif
