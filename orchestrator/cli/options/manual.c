#include <ctype.h>
#include <string.h>
#include <talloc.h>

#include "help.h"
#include "tidemark/base/array.h"

/** Text for roff: nothing in it is a request or an escape. */
static char *
roff(void *ctx, const char *text)
{
	char *out = talloc_strdup(ctx, text[0] == '.' || text[0] == '\'' ? "\\&" : "");

	for (; *text != '\0'; text++) {
		if (*text == '\\')
			out = talloc_strdup_append(out, "\\e");
		else if (*text == '-')
			out = talloc_strdup_append(out, "\\-");
		else if (*text == '`' || *text == '~')
			out = talloc_strdup_append(out, *text == '`' ? "\\(ga" : "\\(ti");
		else
			out = talloc_strndup_append(out, text, 1);
	}
	return out;
}

static void
man_option(FILE *out, void *mem, const struct tide_option *row)
{
	char flag[64];

	(void)fprintf(
	    out, ".TP\n.B %s\n%s", roff(mem, tide_help_flag(row, flag, sizeof(flag))), roff(mem, row->help));
	for (size_t i = 0; row->choices != NULL && row->choices[i] != NULL; i++)
		(void)fprintf(out, "%s%s", i == 0 ? "; one of " : ", ", row->choices[i]);
	if (row->fallback != NULL)
		(void)fprintf(out, "; default %s", row->fallback);
	if (row->env != NULL)
		(void)fprintf(out, " (environment: %s)", row->env);
	(void)fprintf(out, ".\n");
}

static void
man_rows(FILE *out, void *mem, const char *heading, const struct tide_help_row *rows)
{
	(void)fprintf(out, ".SH %s\n", heading);
	for (; rows->term != NULL; rows++)
		(void)fprintf(out, ".TP\n.B %s\n%s\n", rows->term, roff(mem, rows->text));
}

/* Options that many verbs have are printed once, after the verbs. */
static const struct shared {
	const char *title;
	bool (*has)(const struct tide_option *row);
} shared_options[] = {
	{ "Connection options", tide_help_connects },
	{ "Options of every verb", tide_help_common },
};

static bool
own_option(const struct tide_option *row, int verb)
{
	for (size_t i = 0; i < TIDE_COUNT(shared_options); i++)
		if (shared_options[i].has(row))
			return false;
	return !row->hidden && (row->verbs & (1u << verb)) != 0;
}

static bool
verb_connects(int verb)
{
	return (tide_option_table[0].verbs & (1u << verb)) != 0;
}

static void
man_shared(FILE *out, void *mem, const struct shared *shared)
{
	(void)fprintf(out, ".SH ");
	for (const char *c = shared->title; *c != '\0'; c++)
		(void)fputc(toupper((unsigned char)*c), out);
	(void)fputc('\n', out);
	for (const struct tide_option *row = tide_option_table; row->name != NULL; row++)
		if (!row->hidden && shared->has(row))
			man_option(out, mem, row);
}

static void
man_verbs(FILE *out, void *mem)
{
	(void)fprintf(out, ".SH VERBS\n");
	for (int i = 0; i < TIDE_VERB_COUNT; i++) {
		const struct tide_verb *v = &tide_verb_table[i];

		(void)fprintf(out, ".SS %s %s\n%s\n", v->name, roff(mem, v->usage), roff(mem, v->about));
		for (const char *heading, *const *word = tide_help_words((enum tide_verb_id)i, &heading);
		     word != NULL && *word != NULL; word++)
			(void)fprintf(out, ".br\n\\(bu %s\n", roff(mem, *word));
		for (const struct tide_option *row = tide_option_table; row->name != NULL; row++)
			if (own_option(row, i))
				man_option(out, mem, row);
		if (verb_connects(i))
			(void)fprintf(out, ".PP\nAlso: the connection options.\n");
	}
	for (size_t i = 0; i < TIDE_COUNT(shared_options); i++)
		man_shared(out, mem, &shared_options[i]);
}

void
tide_help_man(FILE *out)
{
	void *mem = talloc_new(NULL);

	(void)fprintf(out, ".TH TIDEMARK 1 \"\" \"tidemark %s\" \"User Commands\"\n", TIDEMARK_VERSION);
	(void)fprintf(out, ".SH NAME\ntidemark \\- change large, live PostgreSQL tables without downtime\n");
	(void)fprintf(out, ".SH SYNOPSIS\n.B tidemark\n.I VERB\n.RI [ OPTIONS ]\n.RI [ ARGUMENTS ]\n");
	(void)fprintf(out,
	    ".SH DESCRIPTION\nA plan, one TOML file, describes a change as ordered phases: expand the "
	    "schema, keep\n"
	    "old and new in step while both releases of the application run, backfill the old rows, prove\n"
	    "them equal, switch, and contract. A run can be paused, resumed and rolled back from any "
	    "machine;\n"
	    "its state lives in the schema tidemark of the database it changes.\n.PP\n"
	    "PLAN is a file, - for standard input, or the name of a plan whose text is stored in the database.\n"
	    "Options may come before or after the verb; their names are not abbreviated.\n");
	man_verbs(out, mem);
	man_rows(out, mem, "SETTINGS, HIGHEST PRIORITY FIRST", tide_help_settings);
	man_rows(out, mem, "EXIT STATUS", tide_help_exit_codes);
	(void)fprintf(out, ".SH SEE ALSO\n.BR psql (1),\n.BR pg_dump (1)\n");
	talloc_free(mem);
}

static void
markdown_option(FILE *out, const struct tide_option *row)
{
	char flag[64];

	(void)fprintf(out, "| `%s` | ", tide_help_flag(row, flag, sizeof(flag)));
	for (const char *c = row->help; *c != '\0'; c++)
		(void)fprintf(out, "%s%c", *c == '|' ? "\\" : "", *c);
	for (size_t i = 0; row->choices != NULL && row->choices[i] != NULL; i++)
		(void)fprintf(out, "%s`%s`", i == 0 ? "; one of " : ", ", row->choices[i]);
	(void)fprintf(out, " | ");
	if (row->fallback != NULL)
		(void)fprintf(out, "`%s`", row->fallback);
	(void)fprintf(out, " | ");
	if (row->env != NULL)
		(void)fprintf(out, "`%s`", row->env);
	(void)fprintf(out, " |\n");
}

static const char markdown_head[] = "\n| option | | default | environment |\n|---|---|---|---|\n";

static void
markdown_options(FILE *out, int verb)
{
	bool headed = false;

	for (const struct tide_option *row = tide_option_table; row->name != NULL; row++) {
		if (!own_option(row, verb))
			continue;
		(void)fprintf(out, "%s", headed ? "" : markdown_head);
		headed = true;
		markdown_option(out, row);
	}
	if (verb_connects(verb))
		(void)fprintf(out, "\nAlso: the [connection options](#connection-options).\n");
}

static void
markdown_shared(FILE *out, const struct shared *shared)
{
	(void)fprintf(out, "\n## %s\n%s", shared->title, markdown_head);
	for (const struct tide_option *row = tide_option_table; row->name != NULL; row++)
		if (!row->hidden && shared->has(row))
			markdown_option(out, row);
}

static void
markdown_words(FILE *out, enum tide_verb_id verb)
{
	const char *heading, *const *word = tide_help_words(verb, &heading);

	for (size_t i = 0; word != NULL && word[i] != NULL; i++)
		(void)fprintf(out, i == 0 ? "\n%s: `%s`" : "%.0s, `%s`", heading, word[i]);
	(void)fprintf(out, "%s", word != NULL ? ".\n" : "");
}

void
tide_help_markdown(FILE *out)
{
	(void)fprintf(out,
	    "# Command line\n\n<!-- Printed by tidemark help --markdown; a test compares the two. -->\n\n"
	    "`tidemark VERB [OPTIONS] [ARGUMENTS]`: options may come before or after the verb and are\n"
	    "never abbreviated. `PLAN` is a file, `-` for standard input, or the name of a plan whose text is stored "
	    "in the database.\n"
	    "Standard output carries the result, standard error progress and logs.\n\n| verb "
	    "| |\n|---|---|\n");
	for (int i = 0; i < TIDE_VERB_COUNT; i++)
		(void)fprintf(out, "| [`%s`](#%s) | %s |\n", tide_verb_table[i].name, tide_verb_table[i].name,
		    tide_verb_table[i].summary);
	for (int i = 0; i < TIDE_VERB_COUNT; i++) {
		const struct tide_verb *v = &tide_verb_table[i];

		(void)fprintf(out, "\n## %s\n\n`tidemark %s%s%s`\n\n%s\n", v->name, v->name,
		    v->usage[0] != '\0' ? " " : "", v->usage, v->about);
		markdown_words(out, (enum tide_verb_id)i);
		markdown_options(out, i);
	}
	for (size_t i = 0; i < TIDE_COUNT(shared_options); i++)
		markdown_shared(out, &shared_options[i]);
	(void)fprintf(out, "\n## Where settings come from\n\nHighest priority first:\n\n");
	for (const struct tide_help_row *row = tide_help_settings; row->term != NULL; row++)
		(void)fprintf(out, "%s. %s\n", row->term, row->text);
	(void)fprintf(out, "\n## Exit status\n\n| status | meaning |\n|---|---|\n");
	for (const struct tide_help_row *row = tide_help_exit_codes; row->term != NULL; row++)
		(void)fprintf(out, "| %s | %s |\n", row->term, row->text);
}
