#include <string.h>
#include <talloc.h>

#include "help.h"
#include "tidemark/plans/template.h"

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

static void
man_verbs(FILE *out, void *mem)
{
	(void)fprintf(out, ".SH VERBS\n");
	for (int i = 0; i < TIDE_VERB_COUNT; i++) {
		const struct tide_verb *v = &tide_verb_table[i];

		(void)fprintf(out, ".SS %s %s\n%s\n", v->name, roff(mem, v->usage), roff(mem, v->about));
		for (const char *const *kind = i == TIDE_VERB_NEW ? tide_template_kinds() : NULL;
		     kind != NULL && *kind != NULL; kind++)
			(void)fprintf(out, ".br\n\\(bu %s\n", roff(mem, *kind));
		for (const struct tide_option *row = tide_option_table; row->name != NULL; row++)
			if (!row->hidden && !tide_help_common(row) && (row->verbs & (1u << i)) != 0)
				man_option(out, mem, row);
	}
	(void)fprintf(out, ".SH OPTIONS OF EVERY VERB\n");
	for (const struct tide_option *row = tide_option_table; row->name != NULL; row++)
		if (!row->hidden && tide_help_common(row))
			man_option(out, mem, row);
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
	    "PLAN is a file, or the name of a plan whose text is stored in the database.\n"
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

static void
markdown_options(FILE *out, int verb)
{
	bool headed = false;

	for (const struct tide_option *row = tide_option_table; row->name != NULL; row++) {
		bool common = tide_help_common(row);

		if (row->hidden ||
		    (verb == TIDE_VERB_COUNT ? !common : common || (row->verbs & (1u << verb)) == 0))
			continue;
		if (!headed)
			(void)fprintf(out, "\n| option | | default | environment |\n|---|---|---|---|\n");
		headed = true;
		markdown_option(out, row);
	}
}

void
tide_help_markdown(FILE *out)
{
	(void)fprintf(out, "# Command line\n\nThis page is printed by `tidemark help --markdown` from the "
			   "tables that the program itself reads;\n"
			   "a test compares the two.\n\n`tidemark VERB [OPTIONS] [ARGUMENTS]`: options may "
			   "come before or after the verb and are\n"
			   "never abbreviated. `PLAN` is a file, or the name of a plan whose text is stored "
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
		for (const char *const *kind = i == TIDE_VERB_NEW ? tide_template_kinds() : NULL;
		     kind != NULL && *kind != NULL; kind++)
			(void)fprintf(
			    out, "%s`%s`", kind == tide_template_kinds() ? "\nKinds: " : ", ", *kind);
		(void)fprintf(out, "%s", i == TIDE_VERB_NEW ? ".\n" : "");
		markdown_options(out, i);
	}
	(void)fprintf(out, "\n## Options of every verb\n");
	markdown_options(out, TIDE_VERB_COUNT);
	(void)fprintf(out, "\n## Where settings come from\n\nHighest priority first:\n\n");
	for (const struct tide_help_row *row = tide_help_settings; row->term != NULL; row++)
		(void)fprintf(out, "%s. %s\n", row->term, row->text);
	(void)fprintf(out, "\n## Exit status\n\n| status | meaning |\n|---|---|\n");
	for (const struct tide_help_row *row = tide_help_exit_codes; row->term != NULL; row++)
		(void)fprintf(out, "| %s | %s |\n", row->term, row->text);
}
