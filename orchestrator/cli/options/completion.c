
#include "help.h"

#include <string.h>

#include "tidemark/plans/steering.h"
#include "tidemark/plans/template.h"

static bool
belongs(const struct tide_option *row, int verb)
{
	return !row->hidden && (row->verbs & (1u << verb)) != 0;
}

/** The words that an operand may be, separated by spaces. */
static void
operand_words(FILE *out, enum tide_operand operand)
{
	const char *const *word = operand == TIDE_OPERAND_KIND ? tide_template_kinds() : tide_shells;

	if (operand == TIDE_OPERAND_VERB)
		for (int i = 0; i < TIDE_VERB_COUNT; i++)
			(void)fprintf(out, "%s%s", i > 0 ? " " : "", tide_verb_table[i].name);
	else if (operand == TIDE_OPERAND_PLAN_KEYS)
		for (word = tide_steering_keys(); *word != NULL; word++)
			(void)fprintf(out, "%s%s=", word == tide_steering_keys() ? "" : " ", *word);
	else if (operand == TIDE_OPERAND_KIND || operand == TIDE_OPERAND_SHELL)
		for (size_t i = 0; word[i] != NULL; i++)
			(void)fprintf(out, "%s%s", i > 0 ? " " : "", word[i]);
}

static bool
is_path(const struct tide_option *row)
{
	return row->argument != NULL && strcmp(row->argument, "PATH") == 0;
}

/** Cases of the options that take a value: the choices, files, or nothing that could be guessed. */
static void
bash_values(FILE *out)
{
	(void)fprintf(out, "\tcase \"$prev\" in\n");
	for (const struct tide_option *row = tide_option_table; row->name != NULL; row++) {
		if (row->argument == NULL || row->hidden)
			continue;
		(void)fprintf(
		    out, "\t--%s)\n\t\tCOMPREPLY=($(compgen %s-W \"", row->name, is_path(row) ? "-f " : "");
		for (size_t i = 0; row->choices != NULL && row->choices[i] != NULL; i++)
			(void)fprintf(out, "%s%s", i > 0 ? " " : "", row->choices[i]);
		(void)fprintf(out, "\" -- \"$cur\"))\n\t\treturn\n\t\t;;\n");
	}
	(void)fprintf(out, "\tesac\n");
}

void
tide_completion_bash(FILE *out)
{
	(void)fprintf(out,
	    "# bash completion for tidemark, printed by: tidemark completion bash\n_tidemark()\n{\n"
	    "\tlocal cur prev verb word options arguments\n"
	    "\tcur=\"${COMP_WORDS[COMP_CWORD]}\"\n\tprev=\"${COMP_WORDS[COMP_CWORD-1]}\"\n\tCOMPREPLY=()\n");
	bash_values(out);
	(void)fprintf(
	    out, "\tfor word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n\t\tcase \"$word\" in\n\t\t");
	for (int i = 0; i < TIDE_VERB_COUNT; i++)
		(void)fprintf(out, "%s%s", i > 0 ? "|" : "", tide_verb_table[i].name);
	(void)fprintf(out, ")\n\t\t\tverb=\"$word\"\n\t\t\tbreak\n\t\t\t;;\n\t\tesac\n\tdone\n\targuments="
			   "\"\"\n\tcase \"$verb\" in\n");
	for (int i = 0; i < TIDE_VERB_COUNT; i++) {
		(void)fprintf(out, "\t%s)\n\t\toptions=\"", tide_verb_table[i].name);
		for (const struct tide_option *row = tide_option_table; row->name != NULL; row++)
			if (belongs(row, i))
				(void)fprintf(out, "--%s ", row->name);
		(void)fprintf(out, "\"\n\t\targuments=\"");
		operand_words(out, tide_verb_table[i].operand);
		(void)fprintf(out, "\"\n\t\t;;\n");
	}
	(void)fprintf(out, "\t*)\n\t\toptions=\"--help --version\"\n\t\targuments=\"");
	operand_words(out, TIDE_OPERAND_VERB);
	(void)fprintf(out,
	    "\"\n\t\t;;\n\tesac\n\tif [[ \"$cur\" == -* ]]; then\n\t\tCOMPREPLY=($(compgen -W "
	    "\"$options\" -- \"$cur\"))\n"
	    "\telif [[ \"$arguments\" == *= && \"$prev\" != \"$verb\" ]]; then\n"
	    "\t\tcompopt -o nospace 2>/dev/null\n\t\tCOMPREPLY=($(compgen -W \"$arguments\" "
	    "-- \"$cur\"))\n"
	    "\telif [[ -n \"$arguments\" && \"$arguments\" != *= ]]; then\n\t\tCOMPREPLY=($(compgen -W \"$arguments\" "
	    "-- \"$cur\"))\n\telse\n"
	    "\t\tcompopt -o filenames 2>/dev/null\n\t\tCOMPREPLY=($(compgen -f -X '!*.toml' "
	    "-- \"$cur\") $(compgen -d -- \"$cur\"))\n"
	    "\tfi\n}\ncomplete -F _tidemark tidemark\n");
}

/** Inside '…' of a shell, and without what _arguments and _describe would read. */
static void
plain(FILE *out, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '\'')
			(void)fprintf(out, "'\\''");
		else if (*text == ':' || *text == '[' || *text == ']')
			(void)fprintf(out, "\\%c", *text);
		else
			(void)fputc(*text, out);
	}
}

static void
zsh_option(FILE *out, const struct tide_option *row)
{
	(void)fprintf(out, "\t\t\t'--%s%s[", row->name, row->argument != NULL ? "=" : "");
	plain(out, row->help);
	(void)fprintf(out, "]");
	if (row->argument != NULL) {
		(void)fprintf(out, ":");
		plain(out, row->argument);
		(void)fprintf(out, ":");
		for (size_t i = 0; row->choices != NULL && row->choices[i] != NULL; i++)
			(void)fprintf(out, "%s%s", i == 0 ? "(" : " ", row->choices[i]);
		(void)fprintf(out, "%s", row->choices != NULL ? ")" : is_path(row) ? "_files" : "");
	}
	(void)fprintf(out, "' \\\n");
}

void
tide_completion_zsh(FILE *out)
{
	(void)fprintf(out, "#compdef tidemark\n# zsh completion for tidemark, printed by: tidemark "
			   "completion zsh\n_tidemark()\n{\n"
			   "\tlocal -a verbs\n\tverbs=(\n");
	for (int i = 0; i < TIDE_VERB_COUNT; i++) {
		(void)fprintf(out, "\t\t'%s:", tide_verb_table[i].name);
		plain(out, tide_verb_table[i].summary);
		(void)fprintf(out, "'\n");
	}
	(void)fprintf(out, "\t)\n\tlocal word verb\n\tfor word in ${words[2,CURRENT-1]}; do\n\t\tif (( "
			   "${verbs[(I)$word:*]} )); then\n"
			   "\t\t\tverb=$word\n\t\t\tbreak\n\t\tfi\n\tdone\n\tcase $verb in\n");
	for (int i = 0; i < TIDE_VERB_COUNT; i++) {
		enum tide_operand operand = tide_verb_table[i].operand;

		(void)fprintf(out, "\t%s)\n\t\t_arguments \\\n", tide_verb_table[i].name);
		for (const struct tide_option *row = tide_option_table; row->name != NULL; row++)
			if (belongs(row, i))
				zsh_option(out, row);
		(void)fprintf(out, "\t\t\t'1:verb:(%s)' ", tide_verb_table[i].name);
		if (operand == TIDE_OPERAND_PLAN || operand == TIDE_OPERAND_PLAN_KEYS)
			(void)fprintf(
			    out, "'%s:plan:_files -g \"*.toml\"' ", operand == TIDE_OPERAND_PLAN ? "*" : "2");
		if (operand != TIDE_OPERAND_PLAN && operand != TIDE_OPERAND_NONE) {
			(void)fprintf(out, "'%s:argument:(", operand == TIDE_OPERAND_PLAN_KEYS ? "*" : "2");
			operand_words(out, operand);
			(void)fprintf(out, ")'");
		}
		(void)fprintf(out, "\n\t\t;;\n");
	}
	(void)fprintf(out, "\t*)\n\t\t_describe verb verbs\n\t\t;;\n\tesac\n}\n_tidemark \"$@\"\n");
}

static void
fish_text(FILE *out, const char *text)
{
	(void)fputc('\'', out);
	for (; *text != '\0'; text++)
		(void)fprintf(out, "%s%c", *text == '\'' || *text == '\\' ? "\\" : "", *text);
	(void)fputc('\'', out);
}

static void
fish_option(FILE *out, const struct tide_option *row)
{
	(void)fprintf(out, "complete -c tidemark");
	if (!tide_help_common(row)) {
		(void)fprintf(out, " -n '__fish_seen_subcommand_from");
		for (int i = 0; i < TIDE_VERB_COUNT; i++)
			if (belongs(row, i))
				(void)fprintf(out, " %s", tide_verb_table[i].name);
		(void)fprintf(out, "'");
	}
	(void)fprintf(out, " -l %s", row->name);
	if (row->letter != 0)
		(void)fprintf(out, " -s %c", row->letter);
	if (row->argument != NULL)
		(void)fprintf(out, is_path(row) ? " -r -F" : " -x");
	for (size_t i = 0; row->choices != NULL && row->choices[i] != NULL; i++)
		(void)fprintf(out, "%s%s", i == 0 ? " -a '" : " ", row->choices[i]);
	(void)fprintf(out, "%s -d ", row->choices != NULL ? "'" : "");
	fish_text(out, row->help);
	(void)fprintf(out, "\n");
}

void
tide_completion_fish(FILE *out)
{
	(void)fprintf(out, "# fish completion for tidemark, printed by: tidemark completion fish\ncomplete "
			   "-c tidemark -f\n");
	for (int i = 0; i < TIDE_VERB_COUNT; i++) {
		const struct tide_verb *v = &tide_verb_table[i];

		(void)fprintf(out, "complete -c tidemark -n __fish_use_subcommand -a %s -d ", v->name);
		fish_text(out, v->summary);
		(void)fprintf(out, "\n");
		if (v->operand == TIDE_OPERAND_NONE)
			continue;
		(void)fprintf(out, "complete -c tidemark -n '__fish_seen_subcommand_from %s' ", v->name);
		if (v->operand == TIDE_OPERAND_PLAN) {
			(void)fprintf(out, "-a '(__fish_complete_suffix .toml)'\n");
			continue;
		}
		(void)fprintf(out, "-a '%s",
		    v->operand == TIDE_OPERAND_PLAN_KEYS ? "(__fish_complete_suffix .toml) " : "");
		operand_words(out, v->operand);
		(void)fprintf(out, "'\n");
	}
	for (const struct tide_option *row = tide_option_table; row->name != NULL; row++)
		if (!row->hidden)
			fish_option(out, row);
}
