/* What the tables print must be what the documentation says, and what shells can read. */
#include "cli/options/help.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/options/options.h"

static char *
printed(void (*print)(FILE *))
{
	char *text = NULL;
	size_t size = 0;
	FILE *file = open_memstream(&text, &size);

	print(file);
	(void)fclose(file);
	return text;
}

static char *
contents(const char *path)
{
	char *text = NULL, buffer[4096];
	size_t size = 0, got;
	FILE *in = fopen(path, "r"), *out = open_memstream(&text, &size);

	assert_non_null(in);
	while ((got = fread(buffer, 1, sizeof(buffer), in)) > 0)
		(void)fwrite(buffer, 1, got, out);
	(void)fclose(in);
	(void)fclose(out);
	return text;
}

static void
the_reference_page_is_what_the_tables_print(void **state)
{
	char *page = contents(TIDEMARK_SOURCE_DIR "/docs/cli.md"), *tables = printed(tide_help_markdown);

	(void)state;
	assert_string_equal(page, tables);
	free(page);
	free(tables);
}

static void
every_option_and_verb_is_in_the_manual_and_in_the_completions(void **state)
{
	void (*const prints[])(FILE *) = { tide_help_man, tide_help_markdown, tide_completion_bash,
		tide_completion_zsh, tide_completion_fish };

	(void)state;
	for (size_t i = 0; i < sizeof(prints) / sizeof(prints[0]); i++) {
		char *text = printed(prints[i]);

		for (int verb = 0; verb < TIDE_VERB_COUNT; verb++)
			assert_non_null(strstr(text, tide_verb_table[verb].name));
		for (const struct tide_option *row = tide_option_table; row->name != NULL; row++) {
			char word[64];

			/* The manual writes its dashes escaped, fish has long names after -l. */
			(void)snprintf(word, sizeof(word),
			    i == 4   ? "-l %s"
			    : i == 0 ? "%s"
				     : "--%s",
			    row->name);
			if (!row->hidden && (i != 0 || strchr(row->name, '-') == NULL))
				assert_non_null(strstr(text, word));
		}
		free(text);
	}
}

static void
no_line_of_the_manual_is_a_stray_request(void **state)
{
	static const char *const requests[] = { ".TH ", ".SH ", ".SS ", ".TP", ".B ", ".I ", ".RI ", ".BR ",
		".PP", ".br" };
	char *text = printed(tide_help_man), *save = NULL;

	(void)state;
	for (char *line = strtok_r(text, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save)) {
		bool known = line[0] != '.' && line[0] != '\'';

		for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
			known |= strncmp(line, requests[i], strlen(requests[i])) == 0;
		assert_true(known);
	}
	free(text);
}

static void
bash_can_read_its_completion(void **state)
{
	char *text = printed(tide_completion_bash);
	FILE *bash = popen("bash -n", "w");

	(void)state;
	(void)fputs(text, bash);
	assert_int_equal(pclose(bash), 0);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_reference_page_is_what_the_tables_print),
		cmocka_unit_test(every_option_and_verb_is_in_the_manual_and_in_the_completions),
		cmocka_unit_test(no_line_of_the_manual_is_a_stray_request),
		cmocka_unit_test(bash_can_read_its_completion),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
