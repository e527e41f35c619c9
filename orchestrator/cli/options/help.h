#ifndef TIDE_HELP_H
#define TIDE_HELP_H

#include <stdio.h>

#include "cli/output/output.h"
#include "verbs.h"

/** Everything below prints from the tables of verbs and options and from these. */
struct tide_help_row {
	const char *term, *text;
};
extern const struct tide_help_row tide_help_exit_codes[]; /* end with term NULL */
extern const struct tide_help_row tide_help_settings[];

void tide_help_overview(struct tide_stream *out);
/** The words that an operand of this verb may be, with their heading, or NULL. Ends with NULL. */
const char *const *tide_help_words(enum tide_verb_id verb, const char **heading);
void tide_help_verb(struct tide_stream *out, enum tide_verb_id verb);
void tide_help_man(FILE *out);
/** docs/cli.md. */
void tide_help_markdown(FILE *out);
void tide_completion_bash(FILE *out);
void tide_completion_zsh(FILE *out);
void tide_completion_fish(FILE *out);

/** "--name ARGUMENT", with the letter before it when there is one. */
const char *tide_help_flag(const struct tide_option *row, char *out, size_t size);
/** Whether the option is of every verb. */
bool tide_help_common(const struct tide_option *row);
/** Whether the option says where to connect: these are of the same verbs, and a manual prints them once. */
bool tide_help_connects(const struct tide_option *row);

#endif
