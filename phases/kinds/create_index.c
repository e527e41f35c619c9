#include <string.h>

#include <talloc.h>

#include "build/build.h"
#include "catalog/change.h"
#include "catalog/indexes.h"
#include "tidemark/plans/expression.h"
#include "tidemark/base/names.h"
#include "tidemark/base/sqltext.h"

struct create_index_spec {
	char *name;
	struct tide_names columns, expressions, include;
	bool unique;
	char *where, *method, *tablespace;
	struct tide_pairs opclasses, with;
};

static const char *const methods[] = { "btree", "hash", "gin", "gist", "spgist", "brin", NULL };

static const struct tide_field fields[] = {
	TIDE_KEY(create_index_spec, name, NAME, .required = true, .help = "name of the index"),
	TIDE_KEY(create_index_spec, columns, NAMES, .help = "the columns it is on"),
	TIDE_KEY(create_index_spec, expressions, TEXTS, .help = "expressions it is on, after the columns"),
	TIDE_KEY(
	    create_index_spec, unique, BOOLEAN, .fallback = "false", .help = "no two rows may have the same"),
	TIDE_KEY(create_index_spec, where, EXPRESSION, .help = "only rows for which this is true"),
	TIDE_KEY(create_index_spec, method, CHOICE, .fallback = "btree", .choices = methods,
	    .help = "the access method"),
	TIDE_KEY(create_index_spec, include, NAMES,
	    .help = "columns that are kept in the index without being searched"),
	TIDE_KEY(create_index_spec, opclasses, PARAMETERS,
	    .help = "operator classes by column, such as { name = \"text_pattern_ops\" }"),
	TIDE_KEY(
	    create_index_spec, with, PARAMETERS, .help = "storage parameters, such as { fillfactor = 70 }"),
	TIDE_KEY(create_index_spec, tablespace, NAME, .help = "tablespace of the index"),
	{ 0 },
};

static void
expressions(const struct tide_phase_at *at, void (*take)(void *ctx, const char *source), void *ctx)
{
	const struct create_index_spec *spec = at->phase->spec;

	for (size_t i = 0; i < spec->expressions.count; i++)
		take(ctx, spec->expressions.item[i]);
	if (spec->where != NULL)
		take(ctx, spec->where);
}

static void
check_expression(const struct tide_checking *c, const char *key, const char *source)
{
	const struct tide_fact *fact = c->at->cat == NULL ? NULL : tide_catalog_fact(c->at->cat, source);

	if (tide_check_expression(c, key, source) && fact != NULL && fact->volatility != 'i')
		tide_say(c, TIDE_ERROR, "create-index-volatile", key, NULL,
		    "an index needs immutable expressions, and this is not: %s", source);
}

static void
refuse_virtual(const struct tide_checking *c, const char *key, const struct tide_column *column)
{
	if (column != NULL && column->generated == 'v')
		tide_say(c, TIDE_ERROR, "create-index-virtual", key,
		    "index the expression that it is generated from",
		    "\"%s\" is a virtual generated column: PostgreSQL cannot index it", column->name);
}

static void
refuse_virtual_in(const struct tide_checking *c, const char *key, const char *source)
{
	struct tide_expression parsed = { 0 };
	struct tide_err ignored = { 0 };

	if (!tide_expression_read(c->out, source, &parsed, &ignored))
		return;
	for (size_t i = 0; i < parsed.columns.count; i++)
		refuse_virtual(c, key, tide_catalog_column(c->at->cat, parsed.columns.item[i]));
}

static void
check_server(const struct tide_checking *c, const struct create_index_spec *spec)
{
	const struct tide_catalog *cat = c->at->cat;

	if (cat->server_version >= 140000 && cat->server_version < 140004)
		tide_say(c, TIDE_ERROR, "create-index-server", NULL, "update the server to 14.4 or later",
		    "on this server (14.0 to 14.3) CREATE INDEX CONCURRENTLY can leave entries out silently");
	if (cat->table.relkind == 'p')
		tide_say(c, TIDE_ERROR, "create-index-partitioned", NULL,
		    "create it on each partition by a plan of its own, then attach them",
		    "PostgreSQL cannot build an index of a partitioned table while writes continue");
	if (tide_catalog_index(cat, spec->name) != NULL)
		tide_say(c, TIDE_ERROR, "create-index-exists", "name",
		    "remove the phase if this is the index that you mean",
		    "an index \"%s\" exists already: %s", spec->name,
		    tide_catalog_index(cat, spec->name)->definition);
	for (size_t i = 0; i < spec->columns.count; i++)
		refuse_virtual(c, "columns", tide_need_column(c, "columns", spec->columns.item[i]));
	for (size_t i = 0; i < spec->include.count; i++)
		refuse_virtual(c, "include", tide_need_column(c, "include", spec->include.item[i]));
	for (size_t i = 0; i < spec->expressions.count; i++)
		refuse_virtual_in(c, "expressions", spec->expressions.item[i]);
	if (spec->where != NULL)
		refuse_virtual_in(c, "where", spec->where);
}

static void
check(const struct tide_phase_at *at, struct tide_findings *out)
{
	const struct tide_checking c = { at, out };
	const struct create_index_spec *spec = at->phase->spec;

	if (spec->columns.count + spec->expressions.count == 0)
		tide_say(&c, TIDE_ERROR, "create-index-empty", NULL,
		    "say columns = [\"…\"] or expressions = [\"…\"]",
		    "no columns or expressions given for the index");
	for (size_t i = 0; i < spec->expressions.count; i++)
		check_expression(&c, "expressions", spec->expressions.item[i]);
	if (spec->where != NULL)
		check_expression(&c, "where", spec->where);
	for (size_t i = 0; i < spec->opclasses.count; i++) {
		char *parts[2];

		if (!tide_names_have(&spec->columns, spec->opclasses.item[i].name))
			tide_say(&c, TIDE_ERROR, "create-index-opclass", "opclasses", NULL,
			    "\"%s\" is not one of the index's columns", spec->opclasses.item[i].name);
		if (tide_name_parse(out, spec->opclasses.item[i].value, parts) == 0)
			tide_say(&c, TIDE_ERROR, "create-index-opclass", "opclasses", NULL,
			    "%s is not the name of an operator class", spec->opclasses.item[i].value);
	}
	if (at->cat != NULL)
		check_server(&c, spec);
}

static char *
name_text(void *ctx, const char *name)
{
	char *parts[2];
	int count = tide_name_parse(ctx, name, parts);

	return count == 2 ? tide_sqlf(ctx, "%I.%I", parts[0], parts[1])
			  : tide_ident(ctx, count == 1 ? parts[0] : name);
}

/* An expression about the row alone, without a qualifier: as CREATE INDEX wants it. */
static char *
bare(const struct tide_phase_at *at, struct tide_steps *out, const char *key, const char *source,
    struct tide_err *err)
{
	char *canonical = tide_canonical(out, at, key, source, NULL, err);

	return canonical == NULL ? NULL : tide_requalify(out, at->cat, canonical, "", err);
}

static char *
keys(const struct tide_phase_at *at, struct tide_steps *out, struct tide_err *err)
{
	const struct create_index_spec *spec = at->phase->spec;
	char *list = NULL, *text;

	for (size_t i = 0; i < spec->columns.count; i++) {
		text = tide_ident(out, spec->columns.item[i]);
		for (size_t k = 0; k < spec->opclasses.count; k++)
			if (strcmp(spec->opclasses.item[k].name, spec->columns.item[i]) == 0)
				text = tide_sqlf(
				    out, "%s %s", text, name_text(out, spec->opclasses.item[k].value));
		list = tide_append(out, list, ", ", text);
	}
	for (size_t i = 0; i < spec->expressions.count; i++) {
		if ((text = bare(at, out, "expressions", spec->expressions.item[i], err)) == NULL)
			return NULL;
		list = tide_append(out, list, ", ", tide_sqlf(out, "(\n%s\n)", text));
	}
	return list;
}

static char *
tail(const struct tide_phase_at *at, struct tide_steps *out, struct tide_err *err)
{
	const struct create_index_spec *spec = at->phase->spec;
	char *text = talloc_strdup(out, ""), *with = NULL, *where;

	if (spec->include.count > 0)
		text = tide_sqlf(out, " INCLUDE (%s)", tide_join_idents(out, &spec->include, ", "));
	for (size_t i = 0; i < spec->with.count; i++)
		with = tide_append(out, with, ", ",
		    tide_sqlf(out, "%I = %L", spec->with.item[i].name, spec->with.item[i].value));
	if (with != NULL)
		text = tide_sqlf(out, "%s WITH (%s)", text, with);
	if (spec->tablespace != NULL)
		text = tide_sqlf(out, "%s TABLESPACE %I", text, spec->tablespace);
	if (spec->where == NULL)
		return text;
	if ((where = bare(at, out, "where", spec->where, err)) == NULL)
		return NULL;
	return tide_sqlf(out, "%s WHERE (\n%s\n)", text, where);
}

/* CREATE INDEX, with `concurrently` between INDEX and the name. */
static char *
create_sql(
    const struct tide_phase_at *at, struct tide_steps *out, const char *concurrently, struct tide_err *err)
{
	const struct create_index_spec *spec = at->phase->spec;
	char *on = keys(at, out, err), *rest = on == NULL ? NULL : tail(at, out, err);

	if (rest == NULL)
		return NULL;
	return tide_sqlf(out, "CREATE %sINDEX %s%I ON %s USING %s (%s)%s", spec->unique ? "UNIQUE " : "",
	    concurrently, spec->name, tide_table_text(out, at->cat), spec->method, on, rest);
}

static bool
compile(const struct tide_phase_at *at, struct tide_steps *out, struct tide_err *err)
{
	const struct create_index_spec *spec = at->phase->spec;
	const char *schema = at->cat->table.schema;
	char *sql = create_sql(at, out, "CONCURRENTLY ", err);
	struct tide_step *step;

	if (sql == NULL)
		return false;
	step = tide_steps_add(out, "create-index");
	tide_action_build(out, at->cat, &step->forward, schema, spec->name, sql);
	step->forward.title = talloc_asprintf(out, "Build the %sindex %s while writes continue%s",
	    spec->unique ? "unique " : "", spec->name,
	    spec->unique ? "; it rejects duplicates of the application before it is complete" : "");
	tide_action_unbuild(out, at->cat, tide_step_add_undo(out, step), schema, spec->name);
	return true;
}

static void
collect(void *ctx, struct tide_names *used, const struct tide_names *more)
{
	used->item = talloc_realloc(ctx, used->item, char *, (unsigned)(used->count + more->count + 1));
	for (size_t i = 0; i < more->count; i++)
		used->item[used->count++] = more->item[i];
}

static void
collect_read(void *ctx, struct tide_names *used, const char *source)
{
	struct tide_expression parsed = { 0 };
	struct tide_err ignored = { 0 };

	if (source != NULL && tide_expression_read(ctx, source, &parsed, &ignored))
		collect(ctx, used, &parsed.columns);
}

/* Every column that the index uses, those of its expressions and its predicate among them. */
static void
add_columns(struct tide_catalog *cat, const struct create_index_spec *spec, struct tide_index *index)
{
	void *mem = talloc_new(NULL);
	struct tide_names used = { 0 };

	collect(mem, &used, &spec->columns);
	collect(mem, &used, &spec->include);
	for (size_t i = 0; i < spec->expressions.count; i++)
		collect_read(mem, &used, spec->expressions.item[i]);
	collect_read(mem, &used, spec->where);
	index->attnums = talloc_array(cat, int, (unsigned)used.count);
	for (size_t i = 0; i < used.count; i++) {
		const struct tide_column *column = tide_catalog_column(cat, used.item[i]);

		if (column != NULL && !tide_uses(index->attnums, index->attnum_count, column->attnum))
			index->attnums[index->attnum_count++] = column->attnum;
	}
	talloc_free(mem);
}

static void
apply(const struct tide_phase_at *at, struct tide_catalog *cat)
{
	const struct create_index_spec *spec = at->phase->spec;
	struct tide_steps *room = talloc_zero(cat, struct tide_steps);
	struct tide_err ignored = { 0 };
	struct tide_index index = { .schema = cat->table.schema,
		.name = spec->name,
		.unique = spec->unique,
		.valid = true,
		.ready = true,
		.definition = create_sql(at, room, "", &ignored) };

	if (index.definition == NULL)
		return;
	add_columns(cat, spec, &index);
	tide_change_add_index(cat, &index);
}

const struct tide_phase_ops tide_phase_create_index = {
	.kind = { "create_index", "builds an index while writes continue", fields,
	    sizeof(struct create_index_spec) },
	.check = check,
	.compile = compile,
	.apply = apply,
	.expressions = expressions,
};
