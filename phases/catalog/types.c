#include "types.h"

#include <string.h>
#include <strings.h>

#include <talloc.h>

#include "tidemark/base/array.h"

/* Spellings that people use and the name that format_type gives. */
static const char *const aliases[][2] = {
	{ "int", "integer" },
	{ "int4", "integer" },
	{ "int8", "bigint" },
	{ "int2", "smallint" },
	{ "bool", "boolean" },
	{ "varchar", "character varying" },
	{ "char", "character" },
	{ "bpchar", "character" },
	{ "varbit", "bit varying" },
	{ "decimal", "numeric" },
	{ "float8", "double precision" },
	{ "float", "double precision" },
	{ "float4", "real" },
	{ "timestamptz", "timestamp with time zone" },
	{ "timestamp", "timestamp without time zone" },
	{ "timetz", "time with time zone" },
	{ "time", "time without time zone" },
};

/* Types in which equal values have equal bytes. numeric keeps its scale, float its negative zero, interval its units. */
static const char *const byte_equal[] = { "smallint", "integer", "bigint", "boolean", "text",
	"character varying", "character", "uuid", "date", "timestamp with time zone",
	"timestamp without time zone", "time without time zone", "bytea", "oid", "bit", "bit varying", "inet",
	"macaddr" };

static const char *const zoned[] = { "timestamp with time zone", "time with time zone" };
static const char *const dated[] = { "date", "time without time zone", "timestamp without time zone",
	"timestamp with time zone", "time with time zone", "interval", "money" };
static const char *const textual[] = { "text", "character varying", "character", "citext", "name", "json",
	"jsonb" };

#define COUNT(array) (TIDE_COUNT(array))

/* The length of the name without its modifier: "numeric(10,2)" → 7. */
static size_t
base_length(const char *type)
{
	const char *paren = type[0] == '"' ? NULL : strchr(type, '(');
	size_t length = paren == NULL ? strlen(type) : (size_t)(paren - type);

	while (length > 0 && type[length - 1] == ' ')
		length--;
	return length;
}

/* "timestamp(3) with time zone" → "timestamp with time zone". */
static char *
base_name(void *ctx, const char *type)
{
	size_t length = base_length(type);
	const char *close = strchr(type + length, ')');
	char *name = talloc_strndup(ctx, type, length);

	if (close != NULL && close[1] != '\0')
		name = talloc_asprintf(ctx, "%s%s", name, close + 1);
	if (strncmp(name, "pg_catalog.", 11) == 0)
		name += 11;
	for (size_t i = 0; i < COUNT(aliases); i++)
		if (strcasecmp(name, aliases[i][0]) == 0)
			return talloc_strdup(ctx, aliases[i][1]);
	return name;
}

static bool
is_one_of(const char *type, const char *const *list, size_t count)
{
	void *mem = talloc_new(NULL);
	const char *base = base_name(mem, type);
	bool found = false;

	for (size_t i = 0; i < count && !found; i++)
		found = strcasecmp(base, list[i]) == 0;
	talloc_free(mem);
	return found;
}

static bool
same_text(const char *a, const char *b)
{
	return (a == NULL && b == NULL) || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

bool
tide_same_type(const struct tide_column *a, const struct tide_column *b)
{
	return same_text(a->type, b->type) && same_text(a->collation, b->collation);
}

bool
tide_cast_follows_session(const char *from, const char *to)
{
	bool from_dated = is_one_of(from, dated, COUNT(dated)), to_dated = is_one_of(to, dated, COUNT(dated));
	bool from_zoned = is_one_of(from, zoned, COUNT(zoned)), to_zoned = is_one_of(to, zoned, COUNT(zoned));
	bool from_text = is_one_of(from, textual, COUNT(textual)),
	     to_text = is_one_of(to, textual, COUNT(textual));

	return (from_dated && to_dated && from_zoned != to_zoned) || (from_dated && to_text) ||
	       (from_text && to_dated);
}

bool
tide_is_text(const char *type)
{
	static const char *const texts[] = { "text", "character varying", "character", "citext", "name" };

	return is_one_of(type, texts, COUNT(texts));
}

static const char *const serials[][2] = { { "serial", "integer" }, { "bigserial", "bigint" },
	{ "smallserial", "smallint" }, { "serial2", "smallint" }, { "serial4", "integer" },
	{ "serial8", "bigint" } };

const char *
tide_type_of_serial(const char *type)
{
	for (size_t i = 0; i < COUNT(serials); i++)
		if (strcasecmp(serials[i][0], type) == 0)
			return serials[i][1];
	return type;
}

bool
tide_type_is_serial(const char *type)
{
	void *mem = talloc_new(NULL);
	const char *base = base_name(mem, type);
	bool found = tide_type_of_serial(base) != base;

	talloc_free(mem);
	return found;
}

/* Without the modifier where a cast would cut silently. */
static const char *
cast_type(void *ctx, const char *type, const char *base)
{
	if (strcmp(base, "character varying") == 0 || strcmp(base, "bit varying") == 0)
		return base;
	if (strcmp(base, "character") == 0)
		return "bpchar";
	return strcmp(base, "bit") == 0 ? "\"bit\"" : talloc_strdup(ctx, type);
}

/* The name that format_type would give: aliases resolved, modifier kept. */
static char *
full_name(void *ctx, const char *type, const char *base)
{
	const char *open = type + base_length(type), *close = strchr(open, ')');
	int modifier = close == NULL || *open != '(' ? 0 : (int)(close + 1 - open);
	size_t word = strncmp(base, "time", 4) == 0 ? strcspn(base, " ") : strlen(base);

	if (strcmp(base, "character") == 0 && modifier == 0)
		return talloc_strdup(ctx, strncasecmp(type, "bp", 2) == 0 ? "bpchar" : "character(1)");
	return talloc_asprintf(ctx, "%.*s%.*s%s", (int)word, base, modifier, open, base + word);
}

/* Names without quotes are folded, as the server does it. */
static const char *
folded(void *ctx, const char *type)
{
	char *copy = talloc_strdup(ctx, type);

	for (char *s = copy; strchr(type, '"') == NULL && *s != '\0'; s++)
		if (*s >= 'A' && *s <= 'Z')
			*s = (char)(*s - 'A' + 'a');
	return copy;
}

/*
 * "numeric(10,2)[3][]" and "numeric(10,2) array" → "numeric(10,2)"; NULL when it is no array. How many dimensions does not
 * matter to the server.
 */
static char *
element_name(void *ctx, const char *type)
{
	const char *quote = strrchr(type, '"'), *bracket = strchr(quote == NULL ? type : quote, '[');
	const char *word = strstr(quote == NULL ? type : quote, " array");
	const char *end = bracket != NULL ? bracket : word;

	if (end == NULL || (bracket == NULL && word[6] != '\0' && word[6] != ' '))
		return NULL;
	if (word != NULL && word < end)
		end = word;
	while (end > type && end[-1] == ' ')
		end--;
	return talloc_strndup(ctx, type, (size_t)(end - type));
}

static void
describe(struct tide_catalog *cat, const char *type, struct tide_column *out)
{
	char *element = element_name(cat, type), *base = base_name(cat, element != NULL ? element : type);
	char *name = full_name(cat, element != NULL ? element : type, base);
	bool padded = strcmp(base, "character") == 0 && strchr(name, '(') != NULL;

	out->type = element == NULL ? name : talloc_asprintf(cat, "%s[]", name);
	out->cast_type = talloc_strdup(cat, cast_type(cat, name, base));
	if (element != NULL)
		out->cast_type = talloc_asprintf(cat, "%s[]", out->cast_type);
	out->identical = element == NULL && is_one_of(type, byte_equal, COUNT(byte_equal)) &&
			 (padded || strcmp(base, "character") != 0);
	if (padded)
		out->unpadded = talloc_strdup(cat, element == NULL ? "pg_catalog.text" : "pg_catalog.text[]");
}

void
tide_type_describe(struct tide_catalog *cat, const char *written, struct tide_column *out)
{
	describe(cat, folded(cat, written), out);
	for (size_t i = 0; i < cat->table.column_count; i++) {
		const struct tide_column *like = &cat->table.column[i];

		if (strcmp(like->type, out->type) != 0 || like->collation != NULL)
			continue;
		out->cast_type = like->cast_type;
		out->identical = like->identical;
		out->unpadded = like->unpadded;
		out->collated = like->collated;
		out->parts = like->parts;
		out->composites = like->composites;
		return;
	}
}

char *
tide_type_question(void *ctx, const char *type)
{
	return talloc_asprintf(ctx, "CAST(NULL AS %s)", type);
}

const struct tide_fact *
tide_type_fact(const struct tide_catalog *cat, const char *type)
{
	char *question = tide_type_question(NULL, type);
	const struct tide_fact *fact = tide_catalog_fact(cat, question);

	talloc_free(question);
	return fact;
}

/* After the last cast of `NULL::text` or `(NULL::numeric)::numeric(10,2)`. */
char *
tide_type_text(void *ctx, const struct tide_catalog *cat, const char *type)
{
	const struct tide_fact *fact = tide_type_fact(cat, type);
	const char *text = fact == NULL ? NULL : fact->canonical, *last = NULL;

	if (text == NULL || strchr(text, '"') != NULL)
		return talloc_strdup(
		    ctx, text == NULL || fact->type == NULL || strchr(type, '(') != NULL ? type : fact->type);
	for (const char *at = strstr(text, "::"); at != NULL; at = strstr(at + 2, "::"))
		last = at + 2;
	return talloc_strdup(ctx, last == NULL ? type : last);
}
