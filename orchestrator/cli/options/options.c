#include "options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <talloc.h>

#include "tidemark/base/names.h"
#include "tidemark/base/units.h"
#include "verbs.h"

/** One flag as it was given; `value` NULL when none. */
struct given {
	const char *name, *value;
};

struct line {
	struct given *given;
	size_t given_count;
	char *const *rest; /* behind the first "--"; NULL there is none */
	size_t before;     /* operands in front of it */
};

static const struct tide_option *
find_any(const char *name, size_t length)
{
	for (const struct tide_option *row = tide_option_table; row->name != NULL; row++)
		if (strlen(row->name) == length && memcmp(row->name, name, length) == 0)
			return row;
	return NULL;
}

static const struct tide_option *
find_letter(char letter)
{
	for (const struct tide_option *row = tide_option_table; row->name != NULL; row++)
		if (row->letter == letter)
			return row;
	return NULL;
}

const struct tide_option *
tide_option_find(const char *name, enum tide_verb_id verb)
{
	for (const struct tide_option *row = tide_option_table; row->name != NULL; row++)
		if (strcmp(row->name, name) == 0 && (row->verbs & (1u << verb)) != 0)
			return row;
	return NULL;
}

enum tide_origin
tide_option_origin(const struct tide_options *options, const struct tide_option *row)
{
	return options->origin[row - tide_option_table];
}

bool
tide_options_connect(const struct tide_options *options)
{
	return options->dsn != NULL || options->host != NULL || options->port != NULL ||
	       options->dbname != NULL || options->user != NULL;
}

char *
tide_option_show(void *ctx, const struct tide_options *options, const struct tide_option *row)
{
	const void *member = (const char *)options + row->offset;
	char text[64];

	switch (row->type) {
	case TIDE_OPTION_FLAG:
		return talloc_strdup(ctx, *(const bool *)member ? "yes" : "no");
	case TIDE_OPTION_DURATION:
		if (*(const int64_t *)member == 0)
			return NULL;
		return talloc_strdup(ctx, tide_duration_format(*(const int64_t *)member, text, sizeof(text)));
	case TIDE_OPTION_INTEGER:
		if (*(const int64_t *)member == 0)
			return NULL;
		return talloc_asprintf(ctx, "%lld", (long long)*(const int64_t *)member);
	case TIDE_OPTION_LIST:
		return NULL;
	case TIDE_OPTION_TEXT:
	case TIDE_OPTION_CHOICE:
		break;
	}
	if (*(char *const *)member == NULL)
		return NULL;
	return talloc_strdup(ctx, *(char *const *)member);
}

static bool
unknown_option(const char *flag, struct tide_err *err)
{
	const char *names[TIDE_OPTION_MAX];
	const char *name = flag, *near;
	size_t count = 0;

	while (*name == '-')
		name++;
	for (const struct tide_option *row = tide_option_table; row->name != NULL; row++)
		if (!row->hidden)
			names[count++] = row->name;
	near = tide_nearest(name, names, count);
	(void)tide_fail(err, TIDE_USAGE, "unknown option '%s'", flag);
	if (near != NULL)
		return tide_hint(err, "did you mean --%s?", near);
	return tide_hint(err, "see: tidemark help");
}

static void
remember(void *ctx, struct line *line, const char *name, const char *value)
{
	line->given = talloc_realloc(ctx, line->given, struct given, (unsigned)line->given_count + 1);
	line->given[line->given_count++] = (struct given){ name, value };
}

/** `--name`, `--name=value`, `--name value`; *at is moved past a value of its own. */
static bool
take_long(void *ctx, struct line *line, char *const *argv, int *at, struct tide_err *err)
{
	const char *text = argv[*at] + 2, *equals = strchr(text, '=');
	size_t length = equals != NULL ? (size_t)(equals - text) : strlen(text);
	const struct tide_option *row = find_any(text, length);
	const char *value = equals != NULL ? equals + 1 : NULL;

	if (row == NULL)
		return unknown_option(talloc_asprintf(ctx, "--%.*s", (int)length, text), err);
	if (row->argument == NULL && value != NULL)
		return tide_fail(err, TIDE_USAGE, "--%s takes no value", row->name);
	if (row->argument != NULL && value == NULL) {
		value = argv[*at + 1];
		if (value == NULL ||
		    (strncmp(value, "--", 2) == 0 && find_any(value + 2, strcspn(value + 2, "=")) != NULL)) {
			(void)tide_fail(err, TIDE_USAGE, "--%s needs a value: --%s %s", row->name, row->name,
			    row->argument);
			return value == NULL
				   ? false
				   : tide_hint(err, "a value that looks like an option is written --%s=VALUE",
					 row->name);
		}
		(*at)++;
	}
	remember(ctx, line, row->name, value);
	return true;
}

/** `-q`, `-qv`; of a letter with a value what follows is the value: `-p5433`, `-p 5433`. *at is moved past a value of its own. */
static bool
take_letters(void *ctx, struct line *line, char *const *argv, int *at, struct tide_err *err)
{
	const char *word = argv[*at];

	for (const char *letter = word + 1; *letter != '\0'; letter++) {
		const struct tide_option *row = find_letter(*letter);

		if (row == NULL)
			return unknown_option(word, err);
		if (row->argument == NULL) {
			remember(ctx, line, row->name, NULL);
			continue;
		}
		if (letter[1] == '\0' && argv[*at + 1] == NULL)
			return tide_fail(
			    err, TIDE_USAGE, "-%c needs a value: -%c %s", *letter, *letter, row->argument);
		remember(ctx, line, row->name, letter[1] != '\0' ? letter + 1 : argv[++*at]);
		break;
	}
	return true;
}

/** Splits the words into flags and operands; the first operand is the verb. */
static bool
split(
    void *ctx, int argc, char *const *argv, struct line *line, struct tide_options *out, struct tide_err *err)
{
	bool ended = false;

	out->operand = talloc_zero_array(ctx, char *, (unsigned)argc + 1);
	for (int i = 1; i < argc; i++) {
		const char *word = argv[i];

		if (ended || word[0] != '-' || word[1] == '\0')
			out->operand[out->operand_count++] = talloc_strdup(out->operand, word);
		else if (strcmp(word, "--") == 0) {
			ended = true;
			line->rest = argv + i + 1;
			line->before = out->operand_count;
		} else if (word[1] == '-' ? !take_long(ctx, line, argv, &i, err)
					  : !take_letters(ctx, line, argv, &i, err))
			return false;
	}
	return true;
}

static bool
not_among(const struct tide_option *row, const char *name, const char *value, struct tide_err *err)
{
	size_t count = 0;
	char all[256] = "";
	const char *near;

	for (; row->choices[count] != NULL; count++) {
		size_t used = strlen(all);

		(void)snprintf(
		    all + used, sizeof(all) - used, "%s%s", count > 0 ? ", " : "", row->choices[count]);
	}
	near = tide_nearest(value, row->choices, count);
	(void)tide_fail(err, TIDE_USAGE, "%s: '%s' is none of %s", name, value, all);
	return near != NULL ? tide_hint(err, "did you mean %s?", near) : false;
}

static bool
out_of_range(const struct tide_option *row, int64_t value)
{
	return (row->min != 0 || row->max != 0) && (value < row->min || value > row->max);
}

static bool
read_integer(
    const struct tide_option *row, const char *name, const char *value, int64_t *out, struct tide_err *err)
{
	char *end;
	long long number;

	errno = 0;
	number = strtoll(value, &end, 10);
	if (end == value || *end != '\0' || errno != 0 || out_of_range(row, number))
		return tide_fail(err, TIDE_USAGE, "%s: '%s' is not a whole number from %lld to %lld", name,
		    value, (long long)row->min, (long long)row->max);
	*out = number;
	return true;
}

static bool
read_duration(
    const struct tide_option *row, const char *name, const char *value, int64_t *out, struct tide_err *err)
{
	char least[32], most[32];
	int64_t us;

	if (!tide_duration_parse(value, &us)) {
		(void)tide_fail(err, TIDE_USAGE, "%s: '%s' is not a duration", name, value);
		return tide_hint(err, "durations carry their unit: 200ms, 1.5s, 2h30m, 7d");
	}
	if (out_of_range(row, us))
		return tide_fail(err, TIDE_USAGE, "%s: '%s' is not between %s and %s", name, value,
		    tide_duration_format(row->min, least, sizeof(least)),
		    tide_duration_format(row->max, most, sizeof(most)));
	*out = us;
	return true;
}

/** Puts a value into the member of the row; `name` is how the user knows it. */
static bool
store(void *ctx, struct tide_options *out, const struct tide_option *row, const char *name, const char *value,
    struct tide_err *err)
{
	void *member = (char *)out + row->offset;

	if (row->type == TIDE_OPTION_FLAG) {
		*(bool *)member = true;
		return true;
	}
	if (value[0] == '\0')
		return tide_fail(err, TIDE_USAGE, "%s: the value is empty", name);
	if (row->type == TIDE_OPTION_LIST) {
		struct tide_option_list *list = member;

		list->item = talloc_realloc(ctx, list->item, const char *, (unsigned)list->count + 1);
		list->item[list->count++] = talloc_strdup(ctx, value);
		return true;
	}
	if (row->type == TIDE_OPTION_INTEGER)
		return read_integer(row, name, value, member, err);
	if (row->type == TIDE_OPTION_DURATION)
		return read_duration(row, name, value, member, err);
	if (row->type == TIDE_OPTION_CHOICE) {
		size_t i = 0;

		while (row->choices[i] != NULL && strcmp(row->choices[i], value) != 0)
			i++;
		if (row->choices[i] == NULL)
			return not_among(row, name, value, err);
	}
	*(char **)member = talloc_strdup(ctx, value);
	return true;
}

static bool
wrong_verb(const char *name, enum tide_verb_id verb, struct tide_err *err)
{
	char verbs[256] = "";

	for (int i = 0; i < TIDE_VERB_COUNT; i++) {
		size_t used = strlen(verbs);

		if (tide_option_find(name, (enum tide_verb_id)i) != NULL)
			(void)snprintf(verbs + used, sizeof(verbs) - used, "%s%s", used > 0 ? ", " : "",
			    tide_verb_table[i].name);
	}
	(void)tide_fail(err, TIDE_USAGE, "--%s is not valid for '%s'", name, tide_verb_table[verb].name);
	return tide_hint(err, "--%s is valid for: %s", name, verbs);
}

/** `config` shows the settings of other verbs too, and refuses what those would refuse. */
static bool
shown_value(void *ctx, const struct tide_option *row, const char *value, struct tide_err *err)
{
	struct tide_options ignored = { 0 };

	return value == NULL || value[0] == '\0' || store(ctx, &ignored, row, row->env, value, err);
}

/** First of all: what is in the files counts as the environment for the others. */
static bool
read_environment(void *ctx, const struct line *line, struct tide_options *out, struct tide_err *err)
{
	for (size_t i = 0; i < line->given_count; i++)
		if (strcmp(line->given[i].name, "env-file") == 0 &&
		    !tide_environment_read(ctx, &out->environment, line->given[i].value, err))
			return false;
	return true;
}

/** Defaults first, then the environment, then the command line. */
static bool
fill(void *ctx, const struct line *line, struct tide_options *out, struct tide_err *err)
{
	for (const struct tide_option *row = tide_option_table; row->name != NULL; row++) {
		/* Where to connect is resolved by tide_settings_resolve, from the environment as well. */
		const char *value = row->env != NULL && row->offset != offsetof(struct tide_options, dsn)
					? tide_environment_get(&out->environment, row->env)
					: NULL;

		if (out->verb == TIDE_VERB_CONFIG && !shown_value(ctx, row, value, err))
			return false;
		if ((row->verbs & (1u << out->verb)) == 0)
			continue;
		if (value != NULL && value[0] != '\0') {
			if (!store(ctx, out, row, row->env, value, err))
				return false;
			out->origin[row - tide_option_table] = TIDE_ORIGIN_ENVIRONMENT;
		} else if (row->fallback != NULL && !store(ctx, out, row, row->name, row->fallback, err)) {
			return false;
		}
	}
	for (size_t i = 0; i < line->given_count; i++) {
		const struct given *given = &line->given[i];
		const struct tide_option *row = tide_option_find(given->name, out->verb);

		if (row == NULL)
			return wrong_verb(given->name, out->verb, err);
		if (!store(ctx, out, row, talloc_asprintf(ctx, "--%s", row->name), given->value, err))
			return false;
		out->origin[row - tide_option_table] = TIDE_ORIGIN_FLAG;
	}
	return true;
}

static bool
find_verb(struct tide_options *out, struct tide_err *err)
{
	const char *near;

	if (out->operand_count == 0) {
		out->verb = TIDE_VERB_HELP;
		return true;
	}
	out->verb = tide_verb_find(out->operand[0]);
	if (out->verb != TIDE_VERB_COUNT) {
		out->operand++;
		out->operand_count--;
		return true;
	}
	near = tide_verb_nearest(out->operand[0]);
	(void)tide_fail(err, TIDE_USAGE, "unknown verb '%s'", out->operand[0]);
	return near != NULL ? tide_hint(err, "did you mean: tidemark %s?", near)
			    : tide_hint(err, "see: tidemark help");
}

/** What follows "--" is a command for the one verb that starts one; for the others it is operands that begin with '-'. */
static void
take_command(const struct line *line, struct tide_options *out)
{
	if (out->verb != TIDE_VERB_ENSURE || line->rest == NULL || line->before == 0)
		return;
	out->operand_count = line->before - 1;
	out->command = line->rest[0] != NULL ? line->rest : NULL;
}

static bool
count_operands(const struct tide_options *out, struct tide_err *err)
{
	const struct tide_verb *verb = &tide_verb_table[out->verb];

	if (out->help || out->version)
		return true;
	if (out->operand_count < verb->least) {
		(void)tide_fail(err, TIDE_USAGE, "'%s' needs %s", verb->name, verb->usage);
		return tide_hint(err, "see: tidemark help %s", verb->name);
	}
	if (out->operand_count > verb->most) {
		(void)tide_fail(err, TIDE_USAGE, "'%s': one argument too many: '%s'", verb->name,
		    out->operand[verb->most]);
		return tide_hint(err, "usage: tidemark %s %s", verb->name, verb->usage);
	}
	for (size_t i = 0; i < out->operand_count; i++)
		if (out->operand[i][0] == '\0') {
			(void)tide_fail(err, TIDE_USAGE, "'%s': argument %zu is empty", verb->name, i + 1);
			return tide_hint(err, "usage: tidemark %s %s", verb->name, verb->usage);
		}
	return true;
}

bool
tide_options_parse(void *ctx, int argc, char *const *argv, tide_getenv *getenv_fn, void *getenv_ctx,
    struct tide_options *out, struct tide_err *err)
{
	struct line line = { 0 };

	*out = (struct tide_options){ .verb = TIDE_VERB_COUNT, .environment = { getenv_fn, getenv_ctx } };
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--json") == 0)
			out->json = true;
	if (!split(ctx, argc, argv, &line, out, err) || !find_verb(out, err))
		return false;
	take_command(&line, out);
	return read_environment(ctx, &line, out, err) && fill(ctx, &line, out, err) &&
	       count_operands(out, err);
}
