#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <talloc.h>

#include "cli/context/cli.h"
#include "tidemark/orchestrator/store.h"
#include "tidemark/orchestrator/words.h"

static char *
read_all(void *ctx, const char *path)
{
	FILE *file = fopen(path, "r");
	char *text = talloc_strdup(ctx, ""), line[4096];

	assert_non_null(file);
	while (fgets(line, sizeof(line), file) != NULL)
		text = talloc_strdup_append_buffer(text, line);
	fclose(file);
	return text;
}

static void
the_page_says_what_the_table_says(void **state)
{
	void *ctx = talloc_new(NULL);
	char *page = read_all(ctx, TIDEMARK_SOURCE_DIR "/docs/operations.md");

	(void)state;
	for (size_t i = TIDE_RUN_READY; i < TIDE_RUN_STATES; i++) {
		const struct tide_run_word *word = tide_run_word((enum tide_run_state)i);
		char *line = i == TIDE_RUN_FAILED ? talloc_asprintf(ctx, "| `%s` | %s | that of the error |",
							word->word, word->meaning)
						  : talloc_asprintf(ctx, "| `%s` | %s | %d |", word->word,
							word->meaning, (int)word->exit);

		if (strstr(page, line) == NULL)
			fail_msg("docs/operations.md has no line %s", line);
	}
	talloc_free(ctx);
}

/* The words are also those that the table allows. */
static void
the_schema_allows_each_state_and_no_other(void **state)
{
	void *ctx = talloc_new(NULL);
	char *schema = read_all(ctx, TIDEMARK_SOURCE_DIR "/orchestrator/state/schema.sql");

	(void)state;
	for (size_t i = TIDE_RUN_READY; i < TIDE_RUN_STATES; i++)
		if (strstr(schema,
			talloc_asprintf(ctx, "'%s'", tide_run_word((enum tide_run_state)i)->word)) == NULL)
			fail_msg("schema.sql does not know %s", tide_run_word((enum tide_run_state)i)->word);
	for (size_t i = 0; i < TIDE_PHASE_STATES; i++)
		if (strstr(schema, talloc_asprintf(
				       ctx, "'%s'", tide_phase_word((enum tide_phase_state)i)->word)) == NULL)
			fail_msg(
			    "schema.sql does not know %s", tide_phase_word((enum tide_phase_state)i)->word);
	talloc_free(ctx);
}

static void
every_word_is_read_back(void **state)
{
	(void)state;
	for (size_t i = TIDE_RUN_READY; i < TIDE_RUN_STATES; i++)
		assert_int_equal(tide_run_state_of(tide_run_word((enum tide_run_state)i)->word), i);
	for (size_t i = 0; i < TIDE_PHASE_STATES; i++)
		assert_int_equal(tide_phase_state_of(tide_phase_word((enum tide_phase_state)i)->word), i);
	assert_int_equal(tide_direction_of("back"), TIDE_BACK);
	assert_int_equal(tide_direction_of("forward"), TIDE_FORWARD);
	/* A word of a later version needs a person. */
	assert_int_equal(tide_run_state_of("sleeping"), TIDE_RUN_FAILED);
	assert_int_equal(tide_run_state_of(NULL), TIDE_RUN_FAILED);
}

static void
every_state_that_is_not_over_names_a_way_on(void **state)
{
	void *ctx = talloc_new(NULL);

	(void)state;
	for (size_t i = TIDE_RUN_READY; i < TIDE_RUN_STATES; i++)
		for (int back = 0; back < 2; back++)
			for (int live = 0; live < 2; live++)
				for (int pause = 0; pause < 2; pause++) {
					struct tide_run_status s = { .found = true,
						.state = (enum tide_run_state)i,
						.direction = back ? TIDE_BACK : TIDE_FORWARD,
						.live = live,
						.wanted = pause ? "pause" : "run" };

					if (tide_run_word(s.state)->over)
						continue;
					assert_non_null(tide_cli_next(ctx, &s, "p"));
				}
	talloc_free(ctx);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_page_says_what_the_table_says),
		cmocka_unit_test(the_schema_allows_each_state_and_no_other),
		cmocka_unit_test(every_word_is_read_back),
		cmocka_unit_test(every_state_that_is_not_over_names_a_way_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
