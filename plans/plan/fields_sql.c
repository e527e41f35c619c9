#include "field.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <strings.h>

#include <talloc.h>

#include "tidemark/plans/effects.h"
#include "tidemark/plans/expression.h"
#include "tidemark/base/names.h"
#include "tidemark/base/sqltext.h"
#include "tidemark/base/utf8.h"

#include "toml/place.h"

/**
 * The first part of a dotted SQL name, without its quotes, in `out`; returns what follows the part. Only to
 * explain a name that tide_name_parse has refused, so it takes anything.
 */
static const char *
take_part(const char *text, char *out)
{
	bool quoted = *text == '"';

	for (text += quoted; *text != '\0'; text++) {
		if (quoted && *text == '"' && *++text != '"')
			break;
		if (!quoted && *text == '.')
			break;
		*out++ = *text;
	}
	*out = '\0';
	return text;
}

/** Says why `text` is not a name. */
static bool
bad_name(const struct tide_field_at *at, const char *text, const char *wanted)
{
	void *mem = talloc_new(NULL);
	char *part = talloc_size(mem, strlen(text) + 1);
	const char *rest = text;

	do {
		size_t cut;

		rest = take_part(rest, part);
		cut = tide_utf8_fit(part, TIDE_NAME_MAX);
		if (part[cut] == '\0')
			continue;
		tide_field_fail(at, "the name %s has %zu bytes: PostgreSQL would cut it to \"%.*s\"",
		    tide_place_quote(mem, part), strlen(part), (int)cut, part);
		tide_hint(at->err, "names have at most %d bytes", TIDE_NAME_MAX);
		talloc_free(mem);
		return false;
	} while (*rest == '.' && *++rest != '\0');
	tide_field_fail(
	    at, "\"%s\" must be %s, and %s is not", at->field->key, wanted, tide_place_quote(mem, text));
	tide_hint(at->err, "write it as in SQL; what is not only letters, digits and _ goes in double quotes "
			   "inside single ones: '\"User Name\"'");
	talloc_free(mem);
	return false;
}

/** One identifier, unquoted and folded, in `*out` (belongs to ctx). */
static bool
parse_one_name(const struct tide_field_at *at, void *ctx, const char *text, char **out)
{
	char *parts[2] = { NULL, NULL };
	int count = tide_name_parse(ctx, text, parts);

	if (count == 0)
		return bad_name(at, text, "one SQL name");
	if (count != 1) {
		char *quoted = tide_place_quote(NULL, text);

		tide_field_fail(at, "\"%s\" must be one name, and %s has two parts", at->field->key, quoted);
		talloc_free(quoted);
		return tide_hint(at->err,
		    "leave out what is before the dot; a name with a dot in it needs double "
		    "quotes inside single ones: '\"a.b\"'");
	}
	*out = parts[0];
	return true;
}

bool
tide_field_name(const struct tide_field_at *at, void *member)
{
	const char *text = tide_field_string(at);

	return text != NULL && parse_one_name(at, at->spec, text, member);
}

bool
tide_field_relation(const struct tide_field_at *at, void *member)
{
	const char *text = tide_field_string(at);
	void *mem;
	char *parts[2];
	bool ok;

	if (text == NULL)
		return false;
	mem = talloc_new(NULL);
	ok = tide_name_parse(mem, text, parts) > 0 ||
	     bad_name(at, text, "a SQL name, possibly with its schema");
	talloc_free(mem);
	if (ok)
		*(char **)member = talloc_strdup(at->spec, text);
	return ok;
}

static bool
one_name(const struct tide_field_at *at, struct tide_names *out)
{
	const char *text = tide_field_string(at);
	char *name = NULL, *quoted;

	if (text == NULL || !parse_one_name(at, at->spec, text, &name))
		return false;
	for (size_t i = 0; i < out->count; i++) {
		if (strcmp(out->item[i], name) != 0)
			continue;
		quoted = tide_place_quote(NULL, name);
		tide_field_fail(at, "\"%s\" names %s twice", at->field->key, quoted);
		talloc_free(quoted);
		return tide_hint(
		    at->err, "name each only once; unquoted names are the same in upper and lower case");
	}
	tide_field_append(at, out, name);
	return true;
}

bool
tide_field_names(const struct tide_field_at *at, void *member)
{
	return tide_field_each(at, member, one_name);
}

/** Keeps what the parser said and puts the key before it and the place with it. */
static bool
sql_failed(const struct tide_field_at *at)
{
	at->err->code = TIDE_PLAN;
	tide_wrap(at->err, "\"%s\"", at->field->key);
	if (at->err->hint[0] == '\0')
		tide_hint(at->err, "%s: %s", at->field->key, tide_field_help(at->field));
	return tide_place_set(at->err, at->path, at->node->line, at->node->column);
}

static bool
check_expression(const struct tide_field_at *at, const char *text)
{
	void *mem = talloc_new(NULL);
	struct tide_expression expression = { 0 };
	bool ok = tide_expression_read(mem, text, &expression, at->err);

	talloc_free(mem);
	return ok || sql_failed(at);
}

bool
tide_field_expression(const struct tide_field_at *at, void *member)
{
	const char *text = tide_field_string(at);

	if (text == NULL || !check_expression(at, text))
		return false;
	*(char **)member = talloc_strdup(at->spec, text);
	return true;
}

static struct tide_pair *
append_pair(const struct tide_field_at *at, struct tide_pairs *out)
{
	struct tide_pair *pair;

	out->item = talloc_realloc(at->spec, out->item, struct tide_pair, (unsigned)out->count + 1);
	pair = &out->item[out->count++];
	*pair = (struct tide_pair){ .line = at->node->line, .column = at->node->column };
	return pair;
}

/** Calls `one` for each key of a table, whose keys are SQL names that differ. */
static bool
each_pair(const struct tide_field_at *at, struct tide_pairs *out,
    bool (*one)(const struct tide_field_at *at, struct tide_pair *pair))
{
	struct tide_field_at element = *at;
	char *name = NULL, *quoted;

	if (at->node->count == 0) {
		tide_field_fail(at, "\"%s\" is an empty table", at->field->key);
		return tide_hint(at->err, "leave the key out, or say: %s", tide_field_help(at->field));
	}
	if (at->node->count > TIDE_FIELD_LIST_MAX)
		return tide_field_too_many(at);
	for (size_t i = 0; i < at->node->count; i++) {
		struct tide_pair *pair;

		element.node = at->node->child[i];
		if (!parse_one_name(&element, at->spec, element.node->key, &name))
			return false;
		for (size_t k = 0; k < out->count; k++) {
			if (strcmp(out->item[k].name, name) != 0)
				continue;
			quoted = tide_place_quote(NULL, name);
			tide_field_fail(&element, "\"%s\" says %s twice", at->field->key, quoted);
			talloc_free(quoted);
			return tide_hint(at->err, "unquoted names are the same in upper and lower case");
		}
		pair = append_pair(&element, out);
		pair->name = name;
		if (!one(&element, pair))
			return false;
	}
	return true;
}

static bool
pair_expression(const struct tide_field_at *at, struct tide_pair *pair)
{
	if (at->node->type != TIDE_TOML_STRING) {
		char *quoted = tide_place_quote(NULL, pair->name);

		tide_field_fail(at, "%s in \"%s\" must be an expression as text, not %s", quoted,
		    at->field->key, tide_place_type(at->node));
		talloc_free(quoted);
		return tide_hint(
		    at->err, "write the SQL expression in quotes; a text constant as \"'active'\"");
	}
	return tide_field_expression(at, &pair->value);
}

bool
tide_field_assignments(const struct tide_field_at *at, void *member)
{
	if (at->node->type != TIDE_TOML_TABLE) {
		tide_field_wrong_type(at, "a table of column = expression");
		return tide_hint(at->err, "such as %s = { status = \"'active'\" }", at->field->key);
	}
	return each_pair(at, member, pair_expression);
}

bool
tide_field_down(const struct tide_field_at *at, void *member)
{
	if (at->node->type == TIDE_TOML_TABLE)
		return each_pair(at, member, pair_expression);
	if (at->node->type != TIDE_TOML_STRING)
		return tide_field_wrong_type(at, "an expression, or a table of column = expression");
	return tide_field_expression(at, &append_pair(at, member)->value);
}

/** A storage parameter's value; PostgreSQL takes every one of them as text. */
static bool
pair_parameter(const struct tide_field_at *at, struct tide_pair *pair)
{
	const struct tide_toml *node = at->node;

	if (node->type == TIDE_TOML_STRING)
		pair->value = talloc_strdup(at->spec, node->text);
	else if (node->type == TIDE_TOML_INTEGER)
		pair->value = talloc_asprintf(at->spec, "%" PRId64, node->integer);
	else if (node->type == TIDE_TOML_BOOLEAN)
		pair->value = talloc_strdup(at->spec, node->boolean ? "true" : "false");
	else if (node->type == TIDE_TOML_FLOAT && isfinite(node->real))
		pair->value = talloc_asprintf(at->spec, "%.15g", node->real);
	if (pair->value != NULL)
		return true;
	tide_field_wrong_type(at, "text or a number");
	return tide_hint(at->err, "such as { fillfactor = 90 }");
}

bool
tide_field_parameters(const struct tide_field_at *at, void *member)
{
	if (at->node->type != TIDE_TOML_TABLE) {
		tide_field_wrong_type(at, "a table of parameter = value");
		return tide_hint(at->err, "such as %s = { fillfactor = 90 }", at->field->key);
	}
	return each_pair(at, member, pair_parameter);
}

static bool
one_sql(const struct tide_field_at *at, struct tide_names *out)
{
	const char *text = tide_field_string(at);
	struct tide_names statements = { 0 };
	void *mem;
	bool ok;

	if (text == NULL)
		return false;
	mem = talloc_new(NULL);
	ok = tide_sql_split(mem, text, &statements, at->err) || sql_failed(at);
	if (ok && statements.count == 0) {
		ok = tide_field_fail(at, "\"%s\" holds no statement", at->field->key);
		tide_hint(at->err, "%s: %s", at->field->key, tide_field_help(at->field));
	}
	for (size_t i = 0; ok && i < statements.count; i++)
		tide_field_append(at, out, statements.item[i]);
	talloc_free(mem);
	return ok;
}

bool
tide_field_sql(const struct tide_field_at *at, void *member)
{
	return tide_field_each(at, member, one_sql);
}

bool
tide_field_query(const struct tide_field_at *at, void *member)
{
	struct tide_names statements = { 0 };
	unsigned traits;

	if (at->node->type == TIDE_TOML_ARRAY)
		return tide_field_wrong_type(at, "one query as text");
	if (!one_sql(at, &statements))
		return false;
	traits = tide_sql_traits(at->node->text);
	if (statements.count != 1 ||
	    (traits & (TIDE_SQL_READ_ONLY | TIDE_SQL_UNPARSED)) != TIDE_SQL_READ_ONLY) {
		tide_field_fail(at, "\"%s\" must be one SELECT that only reads", at->field->key);
		return tide_hint(at->err,
		    "a query that returns true or false and changes and locks nothing, such as "
		    "\"SELECT count(*) > 0 FROM django_migrations WHERE name = '0042_balance'\"");
	}
	*(char **)member = statements.item[0];
	return true;
}

/**
 * Whether nothing in `text` can end a CAST(NULL AS …) around it: brackets are balanced and never close more than
 * they opened, and there is no comment, semicolon or string.
 */
static bool
type_is_closed(const char *text)
{
	int depth = 0;
	bool quoted = false;

	for (; *text != '\0'; text++) {
		if (*text == '"')
			quoted = !quoted;
		if (quoted)
			continue;
		if (*text == '(' || *text == '[')
			depth++;
		else if ((*text == ')' || *text == ']') && depth-- == 0)
			return false;
		if (strchr(";'$\\", *text) != NULL || strncmp(text, "--", 2) == 0 ||
		    strncmp(text, "/*", 2) == 0)
			return false;
	}
	return depth == 0 && !quoted;
}

/** SETOF is grammar of a type, but no column can have it. */
static bool
is_set(const char *text)
{
	text += strspn(text, " \t\n");
	return strncasecmp(text, "setof", 5) == 0 && strchr(" \t\n", text[5]) != NULL;
}

bool
tide_field_type(const struct tide_field_at *at, void *member)
{
	const char *text = tide_field_string(at);
	struct tide_expression expression = { 0 };
	struct tide_err why = { 0 };
	void *mem;
	bool ok;

	if (text == NULL)
		return false;
	mem = talloc_new(NULL);
	ok = type_is_closed(text) && !is_set(text) &&
	     tide_expression_read(mem, talloc_asprintf(mem, "CAST(NULL AS %s)", text), &expression, &why) &&
	     !expression.unparsed;
	if (ok) {
		*(char **)member = talloc_strdup(at->spec, text);
	} else {
		tide_field_fail(at, "\"%s\" must be a SQL type, and %s is not", at->field->key,
		    tide_place_quote(mem, text));
		tide_hint(at->err, "only the type, such as \"integer\", \"numeric(10,2)\" or \"text[]\"; NOT "
				   "NULL, DEFAULT and COLLATE are not part of it");
	}
	talloc_free(mem);
	return ok;
}
