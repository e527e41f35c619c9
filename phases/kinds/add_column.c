#include <string.h>

#include <talloc.h>

#include "build/build.h"
#include "catalog/change.h"
#include "checks/overlap.h"
#include "checks/properties.h"
#include "checks/relations.h"
#include "tidemark/plans/expression.h"
#include "tidemark/base/names.h"
#include "tidemark/base/sqltext.h"
#include "catalog/types.h"

struct add_column_spec {
	char *column, *type, *collation, *fallback, *comment;
	bool not_null;
	struct tide_names accept;
};

static const struct tide_field fields[] = {
	TIDE_KEY(add_column_spec, column, NAME, .required = true, .help = "name of the new column"),
	TIDE_KEY(add_column_spec, type, TYPE, .required = true, .help = "its type, as in CREATE TABLE"),
	TIDE_KEY(add_column_spec, collation, RELATION,
	    .help = "its collation; without it that of the column it will be a copy of, else the type's"),
	{ "default", TIDE_FIELD_EXPRESSION, offsetof(struct add_column_spec, fallback),
	    .help = "default value; must not be volatile, existing rows get it without being written" },
	TIDE_KEY(add_column_spec, not_null, BOOLEAN, .fallback = "false",
	    .help = "NOT NULL from the start; needs a default"),
	TIDE_KEY(add_column_spec, comment, TEXT, .help = "comment on the column"),
	TIDE_KEY(add_column_spec, accept, NAMES,
	    .help = "the table, when it is published and the subscribers have the column already"),
	{ 0 },
};

/* The default as a value of the column's type: 'good' alone would be a text. Belongs to ctx; NULL without one. */
static char *
default_question(void *ctx, const struct add_column_spec *spec)
{
	if (spec->fallback == NULL)
		return NULL;
	return talloc_asprintf(ctx, "CAST((\n%s\n) AS %s)", spec->fallback, spec->type);
}

/* What the loader is asked about the collation. Belongs to ctx; NULL without one. */
static char *
collation_question(void *ctx, const struct add_column_spec *spec)
{
	char *parts[2];
	int count = spec->collation == NULL ? 0 : tide_name_parse(ctx, spec->collation, parts);
	char *name = count == 0 ? NULL : tide_ident(ctx, parts[count - 1]);

	if (count == 2)
		name = tide_sqlf(ctx, "%I.%s", parts[0], name);
	return name == NULL ? NULL : talloc_asprintf(ctx, "CAST(NULL AS %s) COLLATE %s", spec->type, name);
}

/* The plan's collation with its schema, as the catalog would say it; NULL without one. */
static char *
planned_collation(void *ctx, const struct tide_catalog *cat, const struct add_column_spec *spec)
{
	static const char collate[] = " COLLATE ";
	char *question = collation_question(ctx, spec);
	const struct tide_fact *fact = question == NULL ? NULL : tide_catalog_fact(cat, question);
	const char *text = fact != NULL && fact->canonical != NULL ? fact->canonical : question, *last = NULL;
	size_t length;

	for (const char *at = text; at != NULL && (at = strstr(at, collate)) != NULL; at += strlen(collate))
		last = at + strlen(collate);
	if (last == NULL)
		return NULL;
	length = strlen(last);
	if (last[length - 1] == ')' && fact != NULL && fact->canonical != NULL)
		length--;
	return talloc_asprintf(
	    ctx, "%s%.*s", strchr(last, '.') != NULL ? "" : "pg_catalog.", (int)length, last);
}

/* The column as it will be. */
static void
describe(void *ctx, const struct tide_phase_at *at, struct tide_catalog *cat, struct tide_column *out)
{
	const struct add_column_spec *spec = at->phase->spec;
	const struct tide_column *from = tide_copied_column(at, spec->column);

	*out = (struct tide_column){
		.name = spec->column, .not_null = spec->not_null, .comment = spec->comment
	};
	tide_type_describe(cat, tide_type_text(cat, cat, spec->type), out);
	out->collation = planned_collation(ctx, cat, spec);
	if (out->collation == NULL && tide_takes_collation(from, out))
		out->collation = from->collation;
	if (from != NULL)
		tide_properties_apply(from, out, spec->comment != NULL);
}

static void
expressions(const struct tide_phase_at *at, void (*take)(void *ctx, const char *source), void *ctx)
{
	const struct add_column_spec *spec = at->phase->spec;
	void *mem = talloc_new(NULL);

	if (!tide_type_is_serial(spec->type)) {
		take(ctx, tide_type_question(mem, spec->type));
		if (spec->collation != NULL)
			take(ctx, collation_question(mem, spec));
		if (spec->fallback != NULL)
			take(ctx, default_question(mem, spec));
	}
	talloc_free(mem);
}

static void
check_default(const struct tide_checking *c, const struct add_column_spec *spec)
{
	char *question = default_question(c->out, spec);
	const struct tide_fact *fact;

	if (question == NULL || tide_type_is_serial(spec->type) ||
	    !tide_check_expression(c, "default", question) || c->at->cat == NULL)
		return;
	fact = tide_catalog_fact(c->at->cat, question);
	if (fact != NULL && fact->volatility == 'v')
		tide_say(c, TIDE_ERROR, "add-column-volatile-default", "default",
		    "add the column without it, set the default and backfill in phases of their own",
		    "a volatile default would rewrite the whole table while nobody can read it");
	else if (fact != NULL && fact->volatility == 's')
		tide_say(c, TIDE_WARNING, "add-column-stable-default", "default", NULL,
		    "all existing rows get the one value that the default has when the phase runs");
}

static void
check_collation(const struct tide_checking *c, const struct add_column_spec *spec)
{
	char *question = collation_question(c->out, spec);
	const struct tide_fact *fact = question == NULL ? NULL : tide_catalog_fact(c->at->cat, question);

	if (fact != NULL && fact->error != NULL && fact->sqlstate[0] != '\0' &&
	    strncmp(fact->sqlstate, "42", 2) == 0)
		tide_say(c, TIDE_ERROR, "add-column-collation", "collation",
		    "names are folded as in SQL: one with capitals is written collation = '\"de_DE\"'",
		    "the server refuses the collation: %s", fact->error);
}

static void
check(const struct tide_phase_at *at, struct tide_findings *out)
{
	const struct tide_checking c = { at, out };
	const struct add_column_spec *spec = at->phase->spec;
	const struct tide_fact *fact;

	if (tide_type_is_serial(spec->type))
		tide_say(&c, TIDE_ERROR, "add-column-serial", "type",
		    "add a nullable bigint, fill it, and give it a sequence in phases of their own",
		    "%s would rewrite the whole table while nobody can read it", spec->type);
	if (spec->not_null && spec->fallback == NULL)
		tide_say(&c, TIDE_ERROR, "add-column-not-null", "not_null",
		    "leave not_null out and add a phase of kind \"set_not_null\" after the backfill",
		    "a column that is NOT NULL from the start needs a default: the old release does not "
		    "write it");
	check_default(&c, spec);
	if (at->cat == NULL)
		return;
	if (tide_catalog_column(at->cat, spec->column) != NULL)
		tide_say(&c, TIDE_ERROR, "add-column-exists", "column",
		    "remove the phase if this is the column that you mean",
		    "table %s.%s has a column \"%s\" already", at->cat->table.schema, at->cat->table.name,
		    spec->column);
	fact = tide_type_fact(at->cat, spec->type);
	if (fact != NULL && fact->error != NULL && !tide_type_is_serial(spec->type) &&
	    (fact->sqlstate[0] == '\0' || strncmp(fact->sqlstate, "42", 2) == 0))
		tide_say(&c, TIDE_ERROR, "add-column-type", "type",
		    strcmp(fact->sqlstate, "42704") == 0 ? "write it with its schema: a schema in which "
							   "others may create objects is left out of "
							   "search_path"
							 : NULL,
		    "the server refuses the type: %s", fact->error);
	check_collation(&c, spec);
	tide_check_columns_of(&c);
	tide_check_published_add(&c, &spec->accept);
	tide_check_positions(&c, TIDE_AT_ADD, spec->column, &spec->accept);
	fact = tide_type_fact(at->cat, spec->type);
	if (fact != NULL && fact->rewrites)
		tide_say(&c, TIDE_ERROR, "add-column-rewrite", "type",
		    "add it with the type below the domain, or with a domain that has no constraint yet",
		    "%s is a domain with a constraint: adding the column would rewrite the whole table",
		    spec->type);
	/* MaxHeapAttributeNumber. A dropped column keeps its number until the table is created anew. */
	if (at->cat->table.max_attnum >= 1600)
		tide_say(&c, TIDE_ERROR, "add-column-limit", "column", NULL,
		    "the table has used all 1600 columns it may ever have (dropped ones count)");
	else if (at->cat->table.max_attnum > 1200)
		tide_say(&c, TIDE_WARNING, "add-column-limit", "column", NULL,
		    "the table has used %d of the 1600 columns it may ever have (dropped ones count)",
		    at->cat->table.max_attnum);
}

/* Remembers the table's file, for `assert_same_file`. */
static char *
remember_file(void *ctx, const struct tide_catalog *cat)
{
	return tide_sqlf(ctx,
	    "SELECT pg_catalog.set_config('tidemark.filenode', coalesce(CAST(pg_catalog.pg_relation_filenode("
	    "CAST(%L AS pg_catalog.regclass)) AS pg_catalog.text), ''), true)",
	    tide_table_text(ctx, cat));
}

static char *
assert_same_file(void *ctx, const struct tide_catalog *cat)
{
	return tide_do_block(ctx, tide_sqlf(ctx,
				      "BEGIN\n\tIF coalesce(CAST(pg_catalog.pg_relation_filenode(CAST(%L AS "
				      "pg_catalog.regclass)) AS "
				      "pg_catalog.text), '') IS DISTINCT FROM "
				      "pg_catalog.current_setting('tidemark.filenode') THEN\n"
				      "\t\tRAISE EXCEPTION 'adding the column would rewrite the table'\n"
				      "\t\t\tUSING ERRCODE = 'feature_not_supported', "
				      "HINT = 'Use a type without a constraint of its own.';\n"
				      "\tEND IF;\nEND",
				      tide_table_text(ctx, cat)));
}

/*
 * Whether a dual write of the plan fills the column: once that is undone, the application has written nothing
 * of its own to it.
 */
static bool
is_derived(const struct tide_plan *plan, const char *column)
{
	for (size_t i = 0; i < plan->count; i++) {
		const struct dual_write_spec *dual = tide_opens(&plan->phase[i]);

		if (dual != NULL && tide_names_have(&dual->to, column))
			return true;
	}
	return false;
}

/*
 * Nothing is lost with values that this plan derives from other columns. With a default, rows that were
 * written cannot be told from those that were not: then they are not counted.
 */
static void
add_undo(const struct tide_phase_at *at, struct tide_steps *out, struct tide_step *step)
{
	const struct add_column_spec *spec = at->phase->spec;
	struct tide_action *undo = tide_step_add_undo(out, step);
	char *names[] = { spec->column };

	tide_action_sql(out, at->cat, undo, TIDE_ACCESS_EXCLUSIVE,
	    talloc_asprintf(out, "Drop the column %s", tide_display_column(out, at->cat, spec->column)));
	undo->probe =
	    tide_probe(out, tide_sqlf(out, "NOT %s", tide_when_column(out, at->cat, spec->column)), NULL);
	tide_overlap_guard(out, undo, &(struct tide_names){ names, 1 });
	tide_action_add(out, undo,
	    tide_sqlf(
		out, "ALTER TABLE %s DROP COLUMN IF EXISTS %I", tide_table_text(out, at->cat), spec->column));
	if (is_derived(at->plan, spec->column))
		return;
	undo->loss = TIDE_LOSSY;
	undo->loss_note = talloc_asprintf(out, "what was written to %s since it was added", spec->column);
	if (spec->fallback == NULL)
		undo->lost = tide_sqlf(out, TIDE_ROW ".%I IS DISTINCT FROM NULL", spec->column);
}

/*
 * The table's file is compared before and after: should the server rewrite the table after all, the
 * transaction fails instead.
 */
static bool
compile(const struct tide_phase_at *at, struct tide_steps *out, struct tide_err *err)
{
	const struct add_column_spec *spec = at->phase->spec;
	struct tide_step *step = tide_steps_add(out, "add-column");
	char *table = tide_table_text(out, at->cat), *fallback = talloc_strdup(out, ""), *value;
	const struct tide_column *from = tide_copied_column(at, spec->column);
	struct tide_column column;

	if (spec->fallback != NULL) {
		if ((value = tide_canonical(out, at, "default", default_question(out, spec), NULL, err)) ==
		    NULL)
			return false;
		fallback = tide_sqlf(out, " DEFAULT (%s)", value);
	}
	tide_action_sql(out, at->cat, &step->forward, TIDE_ACCESS_EXCLUSIVE,
	    talloc_asprintf(out, "Add the column %s", tide_display_column(out, at->cat, spec->column)));
	step->forward.flags = TIDE_CREATES;
	step->forward.probe = tide_probe(out, tide_when_column(out, at->cat, spec->column), NULL);
	tide_action_add(out, &step->forward, remember_file(out, at->cat));
	describe(out, at, tide_change_copy(out, at->cat), &column);
	tide_action_add(out, &step->forward,
	    tide_sqlf(out, "ALTER TABLE %s ADD COLUMN %I %s%s%s%s", table, spec->column,
		tide_type_text(out, at->cat, spec->type),
		column.collation == NULL ? "" : talloc_asprintf(out, " COLLATE %s", column.collation),
		fallback, spec->not_null ? " NOT NULL" : ""));
	if (spec->comment != NULL)
		tide_action_add(out, &step->forward,
		    tide_sqlf(out, "COMMENT ON COLUMN %s.%I IS %L", table, spec->column, spec->comment));
	if (from != NULL)
		tide_properties_carry(out, at->cat, &step->forward, from, &column, spec->comment != NULL);
	tide_action_add(out, &step->forward, assert_same_file(out, at->cat));
	add_undo(at, out, step);
	return true;
}

static void
apply(const struct tide_phase_at *at, struct tide_catalog *cat)
{
	const struct add_column_spec *spec = at->phase->spec;
	char *question = default_question(cat, spec);
	const struct tide_fact *fact = question == NULL ? NULL : tide_catalog_fact(cat, question);
	struct tide_column column;

	describe(cat, at, cat, &column);
	if (spec->fallback != NULL) {
		column.default_expr =
		    fact != NULL && fact->canonical != NULL ? fact->canonical : spec->fallback;
		column.default_constant = fact == NULL || fact->volatility == 'i';
	}
	tide_change_add_column(cat, &column);
}

/* A column of that name would keep a held one from being renamed back. */
static const struct tide_touched touches[] = {
	{ "column", TIDE_USE_HELD, 0 },
	{ 0 },
};

static struct tide_added
adds(const struct tide_phase *phase)
{
	const struct add_column_spec *spec = phase->spec;

	return (struct tide_added){ spec->column, spec->type, spec->fallback != NULL };
}

const struct tide_phase_ops tide_phase_add_column = {
	.kind = { "add_column", "adds a column; existing rows are not written", fields,
	    sizeof(struct add_column_spec) },
	.check = check,
	.compile = compile,
	.apply = apply,
	.expressions = expressions,
	.touches = touches,
	.adds = adds,
};
