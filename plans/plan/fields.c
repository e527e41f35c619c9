#include "tidemark/plans/fields.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <talloc.h>

#include "tidemark/base/names.h"
#include "tidemark/base/units.h"

#include "field.h"
#include "toml/place.h"
#include "growing_text.h"

bool
tide_field_fail(const struct tide_field_at *at, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	tide_place_vfail(at->err, at->path, at->node->line, at->node->column, fmt, args);
	va_end(args);
	return false;
}

bool
tide_field_wrong_type(const struct tide_field_at *at, const char *wanted)
{
	tide_field_fail(at, "\"%s\" must be %s, not %s", at->field->key, wanted, tide_place_type(at->node));
	return tide_hint(at->err, "%s: %s", at->field->key, tide_field_help(at->field));
}

const char *
tide_field_help(const struct tide_field *field)
{
	return field->help != NULL ? field->help : field->key;
}

bool
tide_field_too_many(const struct tide_field_at *at)
{
	tide_field_fail(at, "\"%s\" has %zu entries; at most %d are accepted", at->field->key,
	    at->node->count, TIDE_FIELD_LIST_MAX);
	return tide_hint(at->err, "not even the columns of a table can be more");
}

const char *
tide_field_string(const struct tide_field_at *at)
{
	if (at->node->type != TIDE_TOML_STRING) {
		tide_field_wrong_type(at, "text");
		tide_hint(at->err, "write it in quotes: %s", tide_field_help(at->field));
		return NULL;
	}
	if (at->node->text[strspn(at->node->text, " \t\n")] == '\0') {
		tide_field_fail(at, "\"%s\" is empty", at->field->key);
		tide_hint(at->err, "leave the key out, or say: %s", tide_field_help(at->field));
		return NULL;
	}
	return at->node->text;
}

void
tide_field_append(const struct tide_field_at *at, struct tide_names *out, const char *text)
{
	out->item = talloc_realloc(at->spec, out->item, char *, (unsigned)out->count + 1);
	out->item[out->count++] = talloc_strdup(at->spec, text);
}

bool
tide_field_each(const struct tide_field_at *at, void *member,
    bool (*one)(const struct tide_field_at *at, struct tide_names *out))
{
	struct tide_field_at element = *at;

	if (at->node->type != TIDE_TOML_ARRAY)
		return one(at, member);
	if (at->node->count == 0) {
		tide_field_fail(at, "\"%s\" is an empty array", at->field->key);
		return tide_hint(at->err, "leave the key out, or say: %s", tide_field_help(at->field));
	}
	if (at->node->count > TIDE_FIELD_LIST_MAX)
		return tide_field_too_many(at);
	for (size_t i = 0; i < at->node->count; i++) {
		element.node = at->node->child[i];
		if (!one(&element, member))
			return false;
	}
	return true;
}

static bool
read_text(const struct tide_field_at *at, void *member)
{
	const char *text = tide_field_string(at);

	if (text != NULL)
		*(char **)member = talloc_strdup(at->spec, text);
	return text != NULL;
}

static bool
one_text(const struct tide_field_at *at, struct tide_names *out)
{
	const char *text = tide_field_string(at);

	if (text != NULL)
		tide_field_append(at, out, text);
	return text != NULL;
}

static bool
read_texts(const struct tide_field_at *at, void *member)
{
	return tide_field_each(at, member, one_text);
}

/** How a number of this type is shown in messages. */
static const char *
format_number(const struct tide_field *field, int64_t number, char *out, size_t size)
{
	if (field->type == TIDE_FIELD_DURATION)
		return tide_duration_format(number, out, size);
	if (field->type == TIDE_FIELD_SIZE)
		return tide_size_format(number, out, size);
	return tide_count_format(number, out, size);
}

static bool
take_number(const struct tide_field_at *at, int64_t number, void *member)
{
	const struct tide_field *field = at->field;
	char is[48], min[48], max[48];

	if ((field->min != 0 || field->max != 0) && (number < field->min || number > field->max)) {
		tide_field_fail(at, "\"%s\" is %s; it must be between %s and %s", field->key,
		    format_number(field, number, is, sizeof(is)),
		    format_number(field, field->min, min, sizeof(min)),
		    format_number(field, field->max, max, sizeof(max)));
		return tide_hint(at->err, "%s: %s", field->key, tide_field_help(field));
	}
	*(int64_t *)member = number;
	return true;
}

static bool
read_integer(const struct tide_field_at *at, void *member)
{
	const char *word = at->field->word;

	if (word != NULL && at->node->type == TIDE_TOML_STRING && strcmp(at->node->text, word) == 0) {
		*(int64_t *)member = 0;
		return true;
	}
	if (at->node->type == TIDE_TOML_INTEGER)
		return take_number(at, at->node->integer, member);
	tide_field_wrong_type(at, "a whole number");
	if (word != NULL)
		tide_hint(at->err, "%s is a number without quotes, or \"%s\"", at->field->key, word);
	return false;
}

/** A duration or a size: text with a unit, or the number 0, which needs none. */
static bool
read_quantity(const struct tide_field_at *at, void *member, bool (*parse)(const char *text, int64_t *out),
    const char *what, const char *examples)
{
	int64_t number = 0;
	void *mem;

	if (at->node->type == TIDE_TOML_INTEGER && at->node->integer == 0)
		return take_number(at, 0, member);
	if (at->node->type != TIDE_TOML_STRING) {
		tide_field_wrong_type(at, what);
		return tide_hint(at->err, "write it with its unit, in quotes, such as %s", examples);
	}
	if (parse(at->node->text, &number))
		return take_number(at, number, member);
	mem = talloc_new(NULL);
	tide_field_fail(at, "%s is not %s", tide_place_quote(mem, at->node->text), what);
	talloc_free(mem);
	return tide_hint(at->err, "write %s with its unit, such as %s", at->field->key, examples);
}

static bool
read_duration(const struct tide_field_at *at, void *member)
{
	return read_quantity(
	    at, member, tide_duration_parse, "a duration", "\"200ms\", \"15s\", \"2h30m\" or \"7d\"");
}

static bool
read_size(const struct tide_field_at *at, void *member)
{
	return read_quantity(at, member, tide_size_parse, "a size", "\"512B\", \"64kB\" or \"1GB\"");
}

static bool
read_boolean(const struct tide_field_at *at, void *member)
{
	if (at->node->type != TIDE_TOML_BOOLEAN) {
		tide_field_wrong_type(at, "true or false");
		return tide_hint(at->err, "without quotes: %s = true", at->field->key);
	}
	*(bool *)member = at->node->boolean;
	return true;
}

/** "a", "b" or "c". */
static char *
list_words(void *ctx, const char *const *words, size_t count)
{
	struct tide_text text;

	tide_text_init(&text, ctx);
	for (size_t i = 0; i < count; i++)
		tide_text_printf(&text, "%s%s", i == 0 ? "" : ", ", words[i]);
	return text.data;
}

static bool
read_choice(const struct tide_field_at *at, void *member)
{
	const char *text = tide_field_string(at), *near;
	size_t count = 0;
	void *mem;

	if (text == NULL)
		return false;
	for (; at->field->choices[count] != NULL; count++) {
		if (strcmp(at->field->choices[count], text) == 0) {
			*(char **)member = talloc_strdup(at->spec, text);
			return true;
		}
	}
	mem = talloc_new(NULL);
	near = tide_nearest(text, at->field->choices, count);
	tide_field_fail(at, "\"%s\" cannot be %s%s%s%s", at->field->key, tide_place_quote(mem, text),
	    near != NULL ? "; did you mean \"" : "", near != NULL ? near : "", near != NULL ? "\"?" : "");
	tide_hint(at->err, "%s is one of: %s", at->field->key, list_words(mem, at->field->choices, count));
	talloc_free(mem);
	return false;
}

static bool (*const readers[])(const struct tide_field_at *at, void *member) = {
	[TIDE_FIELD_TEXT] = read_text,
	[TIDE_FIELD_NAME] = tide_field_name,
	[TIDE_FIELD_RELATION] = tide_field_relation,
	[TIDE_FIELD_NAMES] = tide_field_names,
	[TIDE_FIELD_EXPRESSION] = tide_field_expression,
	[TIDE_FIELD_ASSIGNMENTS] = tide_field_assignments,
	[TIDE_FIELD_SQL] = tide_field_sql,
	[TIDE_FIELD_TYPE] = tide_field_type,
	[TIDE_FIELD_DURATION] = read_duration,
	[TIDE_FIELD_SIZE] = read_size,
	[TIDE_FIELD_INTEGER] = read_integer,
	[TIDE_FIELD_BOOLEAN] = read_boolean,
	[TIDE_FIELD_CHOICE] = read_choice,
	[TIDE_FIELD_PARAMETERS] = tide_field_parameters,
	[TIDE_FIELD_DOWN] = tide_field_down,
	[TIDE_FIELD_TEXTS] = read_texts,
	[TIDE_FIELD_QUERY] = tide_field_query,
};

static bool
parse_boolean(const char *text, bool *out)
{
	*out = strcmp(text, "true") == 0;
	return *out || strcmp(text, "false") == 0;
}

/** A text as the value that the plan would have had to say. */
static struct tide_toml *
text_node(void *ctx, const struct tide_field *field, const char *text, int line, int column)
{
	struct tide_toml *node = talloc_zero(ctx, struct tide_toml);
	char *end;

	node->line = line;
	node->column = column;
	node->type = TIDE_TOML_STRING;
	node->text = talloc_strdup(node, text);
	if (field->type == TIDE_FIELD_INTEGER) {
		errno = 0;
		node->integer = strtoimax(text, &end, 10);
		if (errno == 0 && end != text && *end == '\0')
			node->type = TIDE_TOML_INTEGER;
	} else if (field->type == TIDE_FIELD_BOOLEAN && parse_boolean(text, &node->boolean)) {
		node->type = TIDE_TOML_BOOLEAN;
	}
	return node;
}

static bool
is_list(const struct tide_field *field)
{
	return field->type == TIDE_FIELD_NAMES || field->type == TIDE_FIELD_TEXTS;
}

/** A list is written as in the plan: it is the parser that knows where a text of it ends. NULL: that is no list. */
static const struct tide_toml *
list_node(void *ctx, const char *text)
{
	char *line = talloc_asprintf(ctx, "list = %s", text);
	struct tide_toml *root;
	struct tide_err ignored = { 0 };

	if (!tide_toml_parse(ctx, "", line, strlen(line), &root, &ignored) || root->count != 1)
		return NULL;
	return root->child[0]->type == TIDE_TOML_ARRAY ? root->child[0] : NULL;
}

bool
tide_field_read_text(const struct tide_field *field, const char *text, void *spec, struct tide_err *err)
{
	void *mem = talloc_new(NULL), *member = (char *)spec + field->offset;
	struct tide_field_at at = { .field = field, .path = "", .spec = spec, .err = err };
	bool ok;

	if (is_list(field)) {
		*(struct tide_names *)member = (struct tide_names){ 0 };
		at.node = list_node(mem, text);
	}
	if (at.node == NULL)
		at.node = text_node(mem, field, text, 0, 0);
	/* The plan leaves the key out where there is nothing to list: here that has to be said. */
	ok = (at.node->type == TIDE_TOML_ARRAY && at.node->count == 0) || readers[field->type](&at, member);
	talloc_free(mem);
	if (!ok) {
		err->where[0] = '\0';
		err->line = err->column = 0;
	}
	return ok;
}

bool
tide_field_read(const struct tide_toml *table, const char *path, const struct tide_field *field, void *spec,
    struct tide_err *err)
{
	struct tide_field_at at = { .field = field, .path = path, .spec = spec, .err = err };
	struct tide_toml *made = NULL;
	bool ok;

	at.node = tide_toml_get(table, field->key);
	if (at.node == NULL && field->required) {
		tide_place_fail(err, path, table->line, table->column, "\"%s\" is missing", field->key);
		return tide_hint(err, "%s: %s", field->key, tide_field_help(field));
	}
	if (at.node == NULL && field->fallback == NULL)
		return true;
	if (at.node == NULL)
		at.node = made = text_node(NULL, field, field->fallback, table->line, table->column);
	ok = readers[field->type](&at, (char *)spec + field->offset);
	talloc_free(made);
	return ok;
}

static size_t
collect_keys(void *ctx, const struct tide_field *fields, const char *const *also, const char ***out)
{
	size_t count = 0, fill = 0;

	for (const struct tide_field *field = fields; field->key != NULL; field++)
		count++;
	for (size_t i = 0; also != NULL && also[i] != NULL; i++)
		count++;
	*out = talloc_array(ctx, const char *, (unsigned)count + 1);
	for (size_t i = 0; also != NULL && also[i] != NULL; i++)
		(*out)[fill++] = also[i];
	for (const struct tide_field *field = fields; field->key != NULL; field++)
		(*out)[fill++] = field->key;
	return count;
}

static bool
unknown_key(const struct tide_toml *node, const char *path, const char *const *keys, size_t count,
    struct tide_err *err)
{
	void *mem = talloc_new(NULL);
	const char *near = tide_nearest(node->key, keys, count);

	tide_place_fail(err, path, node->key_line, node->key_column, "unknown key %s%s%s%s",
	    tide_place_quote(mem, node->key), near != NULL ? "; did you mean \"" : "",
	    near != NULL ? near : "", near != NULL ? "\"?" : "");
	tide_hint(err, "accepted here: %s", list_words(mem, keys, count));
	talloc_free(mem);
	return false;
}

static bool
check_keys(const struct tide_toml *table, const char *path, const char *const *keys, size_t count,
    struct tide_err *err)
{
	for (size_t i = 0; i < table->count; i++) {
		size_t k = 0;

		while (k < count && strcmp(keys[k], table->child[i]->key) != 0)
			k++;
		if (k == count)
			return unknown_key(table->child[i], path, keys, count, err);
	}
	return true;
}

bool
tide_fields_read(const struct tide_toml *table, const char *path, const struct tide_field *fields,
    const char *const *also, void *spec, struct tide_err *err)
{
	const char **keys;
	size_t count;
	bool ok;

	if (table->type != TIDE_TOML_TABLE) {
		tide_place_fail(err, path, table->line, table->column, "%s%s%smust be a table, not %s",
		    table->key != NULL ? "\"" : "", table->key != NULL ? table->key : "this value ",
		    table->key != NULL ? "\" " : "", tide_place_type(table));
		return tide_hint(err, "a table is a [section], or { key = value }");
	}
	count = collect_keys(NULL, fields, also, &keys);
	ok = check_keys(table, path, keys, count, err);
	talloc_free(keys);
	for (const struct tide_field *field = fields; ok && field->key != NULL; field++)
		ok = tide_field_read(table, path, field, spec, err);
	return ok;
}
