#include "survey.h"

#include <string.h>

#include <talloc.h>

#include "tidemark/base/array.h"
#include "tidemark/base/sqltext.h"

bool
tide_survey_contains(const struct tide_names *names, const char *name)
{
	for (size_t i = 0; names != NULL && i < names->count; i++)
		if (strcmp(names->item[i], name) == 0)
			return true;
	return false;
}

bool
tide_survey_no_memory(struct tide_survey *s)
{
	return tide_fail(s->err, TIDE_UNEXPECTED, "out of memory");
}

static const char *
string_of(const json_t *node)
{
	return json_string_value(json_object_get(json_object_get(node, "String"), "sval"));
}

/* Offset of a node in the user's text. */
static size_t
place_of(const json_t *body)
{
	json_int_t location = json_integer_value(json_object_get(body, "location"));

	return location < (json_int_t)TIDE_SURVEY_HEAD_LENGTH ? 0
							      : (size_t)location - TIDE_SURVEY_HEAD_LENGTH;
}

static bool
refuse(struct tide_survey *s, const json_t *body, const char *message)
{
	return tide_sqltree_fail(s->err, s->text, place_of(body), "%s", message);
}

static bool
refuse_row(struct tide_survey *s, const json_t *body)
{
	refuse(s, body, "the whole row cannot be used as a value");
	return tide_hint(s->err, "name the columns that are needed");
}

static bool
refuse_star(struct tide_survey *s, const json_t *body)
{
	return refuse(s, body, "\"*\" is not one value");
}

static bool
add_reference(struct tide_survey *s, const json_t *body, const char *name, unsigned qualifiers)
{
	struct tide_reference *all =
	    talloc_realloc_size(s->ctx, s->references, (s->count + 1) * sizeof(*s->references));

	if (all == NULL)
		return tide_survey_no_memory(s);
	s->references = all;
	all[s->count++] = (struct tide_reference){ place_of(body), name, qualifiers };
	return true;
}

/* table.a and schema.table.a. */
static bool
visit_table_column(struct tide_survey *s, json_t *body)
{
	const json_t *fields = json_object_get(body, "fields");
	size_t count = json_array_size(fields);
	const char *last = string_of(json_array_get(fields, count - 1));
	const char *table = count < 2 ? NULL : string_of(json_array_get(fields, count - 2));
	const char *schema = count < 3 ? NULL : string_of(json_array_get(fields, count - 3));

	if (last == NULL || table == NULL || count > 3 || strcmp(table, s->row) != 0 || s->shadows > 0 ||
	    (schema != NULL && s->schema != NULL && strcmp(schema, s->schema) != 0))
		return true;
	return add_reference(s, body, last, (unsigned)count - 1);
}

/* a, row.a, other.a, *, row.*, schema.table.a: only the first two are the row's. */
static bool
visit_column(struct tide_survey *s, json_t *body)
{
	const json_t *fields = json_object_get(body, "fields");
	size_t count = json_array_size(fields);
	const char *first = string_of(json_array_get(fields, 0));
	const char *second = string_of(json_array_get(fields, 1));
	const char *last = string_of(json_array_get(fields, count - 1));
	bool row = first != NULL && s->row != NULL && strcmp(first, s->row) == 0 && s->shadows == 0;

	if (s->table)
		return visit_table_column(s, body);
	if (count == 1 && first != NULL && (!row || tide_survey_contains(s->columns, first)))
		return add_reference(s, body, first, 0);
	if (row && (count == 1 || second == NULL))
		return refuse_row(s, body);
	if (last == NULL)
		return s->depth > 0 || refuse_star(s, body);
	if (row && count == 2)
		return add_reference(s, body, second, 1);
	if (row && strcmp(s->row, TIDE_ROW) == 0) {
		refuse(s, body, "a column of the row has no such part");
		return tide_hint(s->err, "a field of a composite column is written (column).field");
	}
	return true;
}

static bool
is_plain(const char *name)
{
	return name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")] == '\0' && *name != '\0' &&
	       (*name < '0' || *name > '9');
}

/* The name as somebody would write it: quoted only where it must be. */
static char *
function_name(struct tide_survey *s, const json_t *parts)
{
	char *name = talloc_strdup(s->ctx, "");

	for (size_t i = 0; name != NULL && i < json_array_size(parts); i++) {
		const char *part = string_of(json_array_get(parts, i));

		if (part == NULL)
			return NULL;
		name = talloc_asprintf_append(
		    name, "%s%s", i > 0 ? "." : "", is_plain(part) ? part : tide_ident(s->ctx, part));
	}
	return name;
}

static bool
visit_function(struct tide_survey *s, json_t *body)
{
	static const char *const many_rows[] = { "agg_star", "agg_distinct", "agg_order", "agg_filter",
		"agg_within_group", "over" };
	char *name = function_name(s, json_object_get(body, "funcname"));

	if (name == NULL)
		return tide_survey_no_memory(s);
	for (size_t i = 0; s->depth == 0 && i < TIDE_COUNT(many_rows); i++)
		if (json_object_get(body, many_rows[i]) != NULL)
			return refuse(s, body, "an aggregate or window function needs more than one row");
	if (!tide_survey_contains(&s->functions, name) &&
	    !tide_sqltree_append(s->ctx, &s->functions, name, strlen(name)))
		return tide_survey_no_memory(s);
	return tide_survey_walk(s, body);
}

static bool
visit_sublink(struct tide_survey *s, json_t *body)
{
	bool ok;

	s->subquery = true;
	s->depth++;
	ok = tide_survey_walk(s, body);
	s->depth--;
	return ok;
}

/* Whether this entry of a FROM list gives the row's name to something else. */
static bool
binds(const char *row, const json_t *entry)
{
	json_t *body = NULL;
	const char *type = tide_sqltree_node(entry, &body);
	const char *alias = json_string_value(json_object_get(json_object_get(body, "alias"), "aliasname"));

	if (type == NULL)
		return false;
	if (alias == NULL && strcmp(type, "RangeVar") == 0)
		alias = json_string_value(json_object_get(body, "relname"));
	if (alias != NULL && strcmp(alias, row) == 0)
		return true;
	return strcmp(type, "JoinExpr") == 0 &&
	       (binds(row, json_object_get(body, "larg")) || binds(row, json_object_get(body, "rarg")));
}

static bool
any_binds(const char *row, const json_t *from)
{
	for (size_t i = 0; row != NULL && i < json_array_size(from); i++)
		if (binds(row, json_array_get(from, i)))
			return true;
	return false;
}

/* ORDER BY total, where the query itself says AS total, is about that and not about a column. */
static bool
names_output(const json_t *select, const json_t *item)
{
	const json_t *targets = json_object_get(select, "targetList");
	const json_t *sorted = json_object_get(json_object_get(item, "SortBy"), "node");
	const json_t *column = json_object_get(sorted != NULL ? sorted : item, "ColumnRef");
	const json_t *fields = json_object_get(column, "fields");
	const char *name = string_of(json_array_get(fields, 0));

	for (size_t i = 0; name != NULL && json_array_size(fields) == 1 && i < json_array_size(targets);
	     i++) {
		const json_t *target = json_object_get(json_array_get(targets, i), "ResTarget");
		const char *alias = json_string_value(json_object_get(target, "name"));

		if (alias != NULL && strcmp(alias, name) == 0)
			return true;
	}
	return false;
}

static bool
walk_outputs(struct tide_survey *s, const json_t *select, const json_t *items)
{
	for (size_t i = 0; i < json_array_size(items); i++) {
		json_t *item = json_array_get(items, i);

		if (!names_output(select, item) && !tide_survey_walk(s, item))
			return false;
	}
	return true;
}

static bool
visit_select(struct tide_survey *s, json_t *body)
{
	static const char *const outputs[] = { "sortClause", "groupClause", "distinctClause" };
	static const char *const plain[] = { "targetList", "fromClause", "whereClause", "havingClause",
		"windowClause", "valuesLists", "limitOffset", "limitCount" };
	static const char *const sides[] = { "larg", "rarg" };
	bool shadow = any_binds(s->row, json_object_get(body, "fromClause"));
	bool ok = true;

	if (json_object_get(body, "intoClause") != NULL)
		return refuse(s, body, "a query inside an expression cannot create a table");
	if (json_object_get(body, "lockingClause") != NULL)
		return refuse(s, body, "a query inside an expression must not lock rows");
	/* WITH stands outside of what FROM names. */
	if (!tide_survey_walk(s, json_object_get(body, "withClause")))
		return false;
	s->shadows += shadow;
	for (size_t i = 0; ok && i < TIDE_COUNT(plain); i++)
		ok = tide_survey_walk(s, json_object_get(body, plain[i]));
	for (size_t i = 0; ok && i < TIDE_COUNT(outputs); i++)
		ok = walk_outputs(s, body, json_object_get(body, outputs[i]));
	for (size_t i = 0; ok && i < TIDE_COUNT(sides); i++)
		ok = json_object_get(body, sides[i]) == NULL ||
		     visit_select(s, json_object_get(body, sides[i]));
	s->shadows -= shadow;
	return ok;
}

static bool
visit_star(struct tide_survey *s, json_t *body)
{
	return s->depth > 0 || refuse_star(s, body);
}

static bool
visit_parameter(struct tide_survey *s, json_t *body)
{
	return refuse(s, body, "a parameter has no value in an expression");
}

static bool
visit_default(struct tide_survey *s, json_t *body)
{
	return refuse(s, body, "DEFAULT is not a value");
}

static bool
visit_change(struct tide_survey *s, json_t *body)
{
	return refuse(s, body, "a query inside an expression must only read");
}

/* The types and the lengths of a cast look like columns to the parser: geometry(Point, 4326). */
static bool
visit_nothing(struct tide_survey *s, json_t *body)
{
	(void)s;
	(void)body;
	return true;
}

static const struct {
	const char *key;
	bool (*visit)(struct tide_survey *s, json_t *body);
} visitors[] = {
	{ "ColumnRef", visit_column },
	{ "FuncCall", visit_function },
	{ "SubLink", visit_sublink },
	{ "SelectStmt", visit_select },
	{ "A_Star", visit_star },
	{ "ParamRef", visit_parameter },
	{ "SetToDefault", visit_default },
	{ "InsertStmt", visit_change },
	{ "UpdateStmt", visit_change },
	{ "DeleteStmt", visit_change },
	{ "MergeStmt", visit_change },
	{ "typmods", visit_nothing },
};

static bool
walk_member(struct tide_survey *s, const char *key, json_t *value)
{
	for (size_t i = 0; i < TIDE_COUNT(visitors); i++)
		if (strcmp(visitors[i].key, key) == 0)
			return visitors[i].visit(s, value);
	return tide_survey_walk(s, value);
}

bool
tide_survey_walk(struct tide_survey *s, json_t *node)
{
	const char *key;
	json_t *child;
	size_t i;

	json_array_foreach (node, i, child) {
		if (!tide_survey_walk(s, child))
			return false;
	}
	json_object_foreach (node, key, child) {
		if (!walk_member(s, key, child))
			return false;
	}
	return true;
}
