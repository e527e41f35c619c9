#include "help.h"

#include <string.h>

#include "tidemark/plans/steering.h"
#include "tidemark/plans/template.h"

const struct tide_help_row tide_help_exit_codes[] = {
	{ "0", "done, or nothing to do" },
	{ "1", "unexpected failure" },
	{ "2", "command line or configuration" },
	{ "3", "plan invalid, or changed since it started" },
	{ "4", "precondition, drift, or a missing privilege" },
	{ "5", "verification found differences" },
	{ "6", "database unreachable" },
	{ "7", "lock not obtained within the policy" },
	{ "8", "another executor holds the run" },
	{ "10", "work is pending (only with --exit-code)" },
	{ "11", "waiting at a gate (only with --exit-code)" },
	{ "12", "paused (only with --exit-code)" },
	{ "13", "time budget used up, or outside the time window (only with --exit-code)" },
	{ "126", "the command of `ensure` cannot be run" },
	{ "127", "there is no such command" },
	{ "130", "interrupted by SIGINT, after a clean checkpoint" },
	{ "143", "terminated by SIGTERM, after a clean checkpoint" },
	{ NULL, NULL },
};

const struct tide_help_row tide_help_settings[] = {
	{ "1", "flags" },
	{ "2",
	    "TIDEMARK_DATABASE_URL and the other TIDEMARK_* variables: of the process, then of --env-file, as for all variables" },
	{ "3", "the plan" },
	{ "4", "DATABASE_URL" },
	{ "5", "SQLALCHEMY_DATABASE_URL" },
	{ "6", "DATABASE_HOST, DATABASE_PORT, DATABASE_NAME, DATABASE_USER, DATABASE_PASSWORD" },
	{ "7", "POSTGRES_HOST, POSTGRES_PORT, POSTGRES_DB, POSTGRES_USER, POSTGRES_PASSWORD" },
	{ "8", "libpq's own: PG* variables, service file, ~/.pgpass" },
	{ NULL, NULL },
};

const char *
tide_help_flag(const struct tide_option *row, char *out, size_t size)
{
	char letter[8] = "";

	if (row->letter != 0)
		(void)snprintf(letter, sizeof(letter), "-%c, ", row->letter);
	(void)snprintf(out, size, "%s--%s%s%s", letter, row->name, row->argument != NULL ? " " : "",
	    row->argument != NULL ? row->argument : "");
	return out;
}

bool
tide_help_common(const struct tide_option *row)
{
	return row->verbs == ~0u;
}

bool
tide_help_connects(const struct tide_option *row)
{
	return row->verbs == tide_option_table[0].verbs;
}

static void
print_option(struct tide_stream *out, const struct tide_option *row)
{
	char flag[64];

	tide_output_say(out, TIDE_PLAIN, "  %-28s %s", tide_help_flag(row, flag, sizeof(flag)), row->help);
	if (row->choices != NULL) {
		tide_output_say(out, TIDE_DIM, " [");
		for (size_t i = 0; row->choices[i] != NULL; i++)
			tide_output_say(out, TIDE_DIM, "%s%s", i > 0 ? "|" : "", row->choices[i]);
		tide_output_say(out, TIDE_DIM, "]");
	}
	if (row->fallback != NULL)
		tide_output_say(out, TIDE_DIM, " [default: %s]", row->fallback);
	if (row->env != NULL)
		tide_output_say(out, TIDE_DIM, " [%s]", row->env);
	tide_output_say(out, TIDE_PLAIN, "\n");
}

static void
print_common(struct tide_stream *out)
{
	tide_output_say(out, TIDE_BOLD, "\nOptions of every verb\n");
	for (const struct tide_option *row = tide_option_table; row->name != NULL; row++)
		if (!row->hidden && tide_help_common(row))
			print_option(out, row);
}

void
tide_help_overview(struct tide_stream *out)
{
	tide_output_say(out, TIDE_BOLD, "tidemark");
	tide_output_say(out, TIDE_PLAIN,
	    ": changes large, live PostgreSQL tables without downtime\n\n"
	    "usage: tidemark VERB [OPTIONS] [ARGUMENTS]\n");
	tide_output_say(out, TIDE_BOLD, "\nVerbs\n");
	for (int i = 0; i < TIDE_VERB_COUNT; i++)
		tide_output_say(
		    out, TIDE_PLAIN, "  %-12s %s\n", tide_verb_table[i].name, tide_verb_table[i].summary);
	print_common(out);
	tide_output_say(out, TIDE_PLAIN,
	    "\nPLAN is a file, - for standard input, or the name of a plan whose text is stored in the database.\n"
	    "A first plan: tidemark new rename-column TABLE OLD NEW > plan.toml\n"
	    "See: tidemark help VERB, man tidemark\n");
}

static void
print_wrapped(struct tide_stream *out, const char *text)
{
	size_t column = 0;

	while (*text != '\0') {
		size_t length = strcspn(text, " ");

		if (column > 0 && column + 1 + length > 78) {
			tide_output_say(out, TIDE_PLAIN, "\n");
			column = 0;
		}
		tide_output_say(out, TIDE_PLAIN, "%s%.*s", column > 0 ? " " : "", (int)length, text);
		column += length + (column > 0);
		text += length + (text[length] == ' ');
	}
	tide_output_say(out, TIDE_PLAIN, "\n");
}

const char *const *
tide_help_words(enum tide_verb_id verb, const char **heading)
{
	*heading = verb == TIDE_VERB_NEW ? "Kinds" : "Keys";
	return verb == TIDE_VERB_NEW   ? tide_template_kinds()
	       : verb == TIDE_VERB_SET ? tide_steering_keys()
				       : NULL;
}

void
tide_help_verb(struct tide_stream *out, enum tide_verb_id verb)
{
	const struct tide_verb *v = &tide_verb_table[verb];
	const char *heading, *const *word = tide_help_words(verb, &heading);
	bool headed = false;

	tide_output_say(out, TIDE_PLAIN, "usage: tidemark %s [OPTIONS]%s%s\n\n", v->name,
	    v->usage[0] != '\0' ? " " : "", v->usage);
	print_wrapped(out, v->about);
	if (word != NULL)
		tide_output_say(out, TIDE_BOLD, "\n%s\n", heading);
	for (; word != NULL && *word != NULL; word++)
		tide_output_say(out, TIDE_PLAIN, "  %s\n", *word);
	for (const struct tide_option *row = tide_option_table; row->name != NULL; row++) {
		if (row->hidden || tide_help_common(row) || (row->verbs & (1u << verb)) == 0)
			continue;
		if (!headed)
			tide_output_say(out, TIDE_BOLD, "\nOptions\n");
		headed = true;
		print_option(out, row);
	}
	print_common(out);
}
