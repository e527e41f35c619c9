#include "tidemark/plans/template.h"

#include <stdio.h>
#include <string.h>

#include <talloc.h>

#include "tidemark/base/names.h"
#include "tidemark/plans/plan.h"
#include "tidemark/base/sqltext.h"
#include "tidemark/base/utf8.h"

#include "plan/field.h"
#include "template_texts.h"
#include "plan/growing_text.h"

/** Column at which comments after values begin, as in plan.example.toml. */
#define COMMENT_COLUMN 50

struct values {
	const char *item[TIDE_VALUE_COUNT];
};

/** What the placeholders are called, and what a missing one is called in messages. */
static const struct {
	const char *key, *words;
} value_names[TIDE_VALUE_COUNT] = {
	[TIDE_VALUE_TABLE] = { "table", "the table" },
	[TIDE_VALUE_FROM] = { "from", "the existing column" },
	[TIDE_VALUE_TO] = { "to", "the name of the new column" },
	[TIDE_VALUE_TYPE] = { "type", "the type of the new column" },
	[TIDE_VALUE_COLUMN] = { "column", "a name" },
	[TIDE_VALUE_INDEX] = { "index", "the name of the index" },
	[TIDE_VALUE_NAME] = { "name", "the name of the plan" },
	[TIDE_VALUE_TITLE] = { "title", "the title" },
};

const char *const *
tide_template_kinds(void)
{
	static const char *const kinds[] = { "add-column", "add-index", "backfill", "drop-column",
		"drop-index", "purge", "rename-column", "set-not-null", NULL };

	return kinds;
}

static const struct tide_template *
find_template(const char *kind)
{
	for (size_t i = 0; kind != NULL && i < tide_template_count; i++)
		if (strcmp(tide_templates[i].kind, kind) == 0)
			return &tide_templates[i];
	return NULL;
}

static bool
is_bare_key(const char *text)
{
	static const char bare[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";

	return *text != '\0' && text[strspn(text, bare)] == '\0';
}

/** Single quotes where they avoid escapes, as people write SQL names. */
static void
put_string(struct tide_text *out, const char *text)
{
	bool control = false;

	for (const char *c = text; *c != '\0'; c++)
		control |= (unsigned char)*c < 0x20 || *c == 0x7f;
	if (strpbrk(text, "\"\\") == NULL || strchr(text, '\'') != NULL || control)
		tide_text_quoted(out, text);
	else
		tide_text_printf(out, "'%s'", text);
}

static void
put_key(struct tide_text *out, const char *text)
{
	if (is_bare_key(text))
		tide_text_puts(out, text);
	else
		put_string(out, text);
}

/** A comment and a title are one line. */
static void
put_words(struct tide_text *out, const char *text)
{
	for (; *text != '\0'; text++)
		tide_text_add(out, (unsigned char)*text < 0x20 || *text == 0x7f ? "?" : text, 1);
}

/** `text` names a column as SQL does; here as SQL that stands in an expression. */
static char *
quoted_column(void *ctx, const char *text)
{
	char *parts[2] = { NULL, NULL };

	return tide_name_parse(ctx, text, parts) == 1 ? tide_ident(ctx, parts[0]) : NULL;
}

static void
put_expression(struct tide_text *out, const char *text)
{
	put_string(out, quoted_column(out->data, text));
}

static void
put_null_test(struct tide_text *out, const char *text)
{
	put_string(out, talloc_asprintf(out->data, "%s IS NULL", quoted_column(out->data, text)));
}

static void
put_age_test(struct tide_text *out, const char *text)
{
	put_string(out,
	    talloc_asprintf(out->data, "%s < now() - interval '90 days'", quoted_column(out->data, text)));
}

static const struct {
	char letter;
	void (*put)(struct tide_text *out, const char *text);
} writers[] = {
	{ 's', put_string },
	{ 'k', put_key },
	{ 'e', put_expression },
	{ 'n', put_null_test },
	{ 'o', put_age_test },
	{ 'c', put_words },
};

/** Writes one placeholder, %w:value%; returns what follows it. */
static const char *
put_value(struct tide_text *out, const char *at, const struct values *values)
{
	const char *name = at + 3, *end = strchr(name, '%');
	size_t length = (size_t)(end - name), value = 0, writer = 0;

	while (strlen(value_names[value].key) != length || strncmp(value_names[value].key, name, length) != 0)
		value++;
	while (writers[writer].letter != at[1])
		writer++;
	writers[writer].put(out, values->item[value]);
	return end + 1;
}

/** Characters of the last line of `out`. */
static size_t
line_width(const struct tide_text *out)
{
	const char *line = strrchr(out->data, '\n');
	size_t width = 0;

	for (line = line != NULL ? line + 1 : out->data; *line != '\0'; line++)
		width += ((unsigned char)*line & 0xc0) != 0x80;
	return width;
}

static void
expand(struct tide_text *out, const char *text, const struct values *values)
{
	while (*text != '\0') {
		size_t plain = strcspn(text, "%\t");

		tide_text_add(out, text, plain);
		text += plain;
		if (*text == '%') {
			text = put_value(out, text, values);
		} else if (*text == '\t') {
			do
				tide_text_puts(out, " ");
			while (line_width(out) < COMMENT_COLUMN - 1);
			text++;
		}
	}
}

/** The table without its schema, or the column, as SQL reads it: for names of plans and indexes. */
static const char *
plain_name(void *ctx, const char *text)
{
	char *parts[2] = { NULL, NULL };
	int count = text != NULL ? tide_name_parse(ctx, text, parts) : 0;

	return count > 0 ? parts[count - 1] : "";
}

/**
 * A plan name out of `text`: what it may not hold becomes one dash. A hash tells names apart that lost letters
 * or their end.
 */
static char *
plan_name(void *ctx, const char *text)
{
	char *name = talloc_size(ctx, strlen(text) + 1);
	char *hash = tide_sha256(ctx, text, strlen(text));
	size_t length = 0, limit = TIDE_PLAN_NAME_MAX - 9;
	bool lost = false;

	for (; *text != '\0'; text++) {
		bool accepted = is_bare_key((char[]){ *text, '\0' }) && *text != '-';

		lost |= (unsigned char)*text >= 0x80;
		if (accepted && (length > 0 || *text != '_'))
			name[length++] = *text;
		else if (!accepted && length > 0 && name[length - 1] != '-')
			name[length++] = '-';
	}
	while (length > 0 && name[length - 1] == '-')
		length--;
	lost |= length > limit;
	length = length > limit ? limit : length;
	name[length] = '\0';
	return lost || length == 0 ? talloc_asprintf(ctx, "%s%s%.8s", name, length > 0 ? "-" : "plan-", hash)
				   : name;
}

/** A name as a plan writes it: quoted only where SQL would read it as another one. */
static char *
sql_name(void *ctx, const char *name)
{
	static const char rest[] = "abcdefghijklmnopqrstuvwxyz0123456789_";

	if (*name != '\0' && name[strspn(name, rest)] == '\0' && strchr("0123456789", name[0]) == NULL)
		return talloc_strdup(ctx, name);
	return tide_ident(ctx, name);
}

static char *
index_name(void *ctx, const char *table, const char *column)
{
	const char *relation = plain_name(ctx, table), *key = plain_name(ctx, column);
	char *name = talloc_asprintf(ctx, "%s_%s_idx", relation, key);

	if (strlen(name) > TIDE_NAME_MAX)
		name = tide_generated_name(ctx, "idx_", name, key);
	return sql_name(ctx, name);
}

static char *
expand_line(void *ctx, const char *text, const struct values *values)
{
	struct tide_text out;

	tide_text_init(&out, ctx);
	expand(&out, text, values);
	return out.data;
}

/** An argument goes through the reader of the plan's key, so that what is written can be read. */
static bool
check_value(enum tide_template_value value, const char *text, struct tide_err *err)
{
	const struct tide_field field = { .key = value_names[value].key, .help = value_names[value].words };
	struct tide_toml node = { .type = TIDE_TOML_STRING, .line = 1, .column = 1 };
	struct tide_field_at at = { .field = &field, .node = &node, .path = "", .err = err };
	char *out = NULL;
	bool ok;

	for (size_t step, i = 0; text[i] != '\0'; i += step) {
		step = tide_utf8_sequence(text + i);
		if (step == 0)
			return tide_fail(err, TIDE_USAGE, "%s is not valid UTF-8", value_names[value].words);
	}
	at.spec = talloc_new(NULL);
	node.text = talloc_strdup(at.spec, text);
	if (value == TIDE_VALUE_TABLE)
		ok = tide_field_relation(&at, &out);
	else if (value == TIDE_VALUE_TYPE)
		ok = tide_field_type(&at, &out);
	else
		ok = tide_field_name(&at, &out);
	talloc_free(at.spec);
	if (ok)
		return true;
	err->code = TIDE_USAGE;
	err->where[0] = '\0';
	err->line = err->column = 0;
	return false;
}

static bool
missing(const struct tide_template *template, enum tide_template_value value, const struct values *values,
    struct tide_err *err)
{
	const char *table = values->item[TIDE_VALUE_TABLE];

	tide_fail(err, TIDE_USAGE, "%s needs %s", template->kind, value_names[value].words);
	if (value == TIDE_VALUE_TYPE && table != NULL)
		return tide_hint(err, "`\\d %s` in psql shows the types: tidemark new %s %s", table,
		    template->kind, template->usage);
	return tide_hint(err, "tidemark new %s %s", template->kind, template->usage);
}

static bool
check_values(const struct tide_template *template, const struct values *values, struct tide_err *err)
{
	void *mem;
	bool same;

	for (enum tide_template_value value = 0; value <= TIDE_VALUE_COLUMN; value++)
		if ((template->needs & 1u << value) != 0 && values->item[value] == NULL)
			return missing(template, value, values, err);
	for (enum tide_template_value value = 0; value <= TIDE_VALUE_COLUMN; value++)
		if (values->item[value] != NULL && !check_value(value, values->item[value], err))
			return false;
	mem = talloc_new(NULL);
	same =
	    (template->needs & TIDE_NEEDS(TO)) != 0 && strcmp(plain_name(mem, values->item[TIDE_VALUE_FROM]),
							   plain_name(mem, values->item[TIDE_VALUE_TO])) == 0;
	talloc_free(mem);
	if (!same)
		return true;
	tide_fail(err, TIDE_USAGE, "old and new column are the same: %s", values->item[TIDE_VALUE_TO]);
	return tide_hint(err, "unquoted names are the same in upper and lower case");
}

static bool
name_plan(void *ctx, const struct tide_template *template, const char *given, struct values *values,
    struct tide_err *err)
{
	struct values plain = { { NULL } };

	if (given != NULL && !tide_plan_name_valid(given)) {
		tide_fail(err, TIDE_USAGE, "a plan cannot be called '%.120s'", given);
		return tide_hint(
		    err, "letters, digits, and . _ - after the first; at most %d", TIDE_PLAN_NAME_MAX);
	}
	for (int value = 0; value <= TIDE_VALUE_COLUMN; value++)
		plain.item[value] = plain_name(ctx, values->item[value]);
	if (given == NULL)
		given = plan_name(ctx, expand_line(ctx, template->name, &plain));
	values->item[TIDE_VALUE_NAME] = given;
	values->item[TIDE_VALUE_TITLE] = expand_line(ctx, template->title, values);
	return true;
}

char *
tide_template_render(void *ctx, const struct tide_template_args *args, struct tide_err *err)
{
	const struct tide_template *template = find_template(args->kind);
	struct values values = { {
	    [TIDE_VALUE_TABLE] = args->table,
	    [TIDE_VALUE_FROM] = args->from,
	    [TIDE_VALUE_TO] = args->to,
	    [TIDE_VALUE_TYPE] = args->type,
	    [TIDE_VALUE_COLUMN] = args->from != NULL ? args->from : args->to,
	} };
	struct tide_text out;
	void *mem;
	bool ok;

	if (template == NULL) {
		tide_fail(err, TIDE_USAGE, "there is no template for '%.120s'",
		    args->kind != NULL ? args->kind : "");
		tide_hint(err, "`tidemark help new` lists them");
		return NULL;
	}
	if (!check_values(template, &values, err))
		return NULL;
	mem = talloc_new(NULL);
	values.item[TIDE_VALUE_INDEX] = args->from != NULL && args->to != NULL
					    ? args->to
					    : index_name(mem, args->table, values.item[TIDE_VALUE_COLUMN]);
	ok = name_plan(mem, template, args->name, &values, err);
	if (ok) {
		tide_text_init(&out, ctx);
		expand(&out, template->text, &values);
	}
	talloc_free(mem);
	return ok ? out.data : NULL;
}
