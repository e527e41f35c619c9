#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <talloc.h>

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
	for (size_t i = 0; i < TIDE_PHASE_STATES; i++) {
		const struct tide_phase_word *word = tide_phase_word((enum tide_phase_state)i);
		char *line = talloc_asprintf(ctx, "| `%s` | %s |\n", word->word, word->meaning);

		if (strstr(page, line) == NULL)
			fail_msg("docs/operations.md has no line %s", line);
	}
	talloc_free(ctx);
}

/* What stands between the parentheses of the n-th CHECK of a column called state. */
static char *
allowed(void *ctx, const char *schema, int n)
{
	static const char begins[] = "CHECK (state IN (";
	const char *at = schema;

	for (int i = 0; i <= n; i++) {
		at = strstr(at, begins);
		assert_non_null(at);
		at += strlen(begins);
	}
	return talloc_strndup(ctx, at, strcspn(at, ")"));
}

static size_t
words_in(const char *list)
{
	size_t quotes = 0;

	for (; *list != '\0'; list++)
		quotes += *list == '\'';
	return quotes / 2;
}

/* The words are also those that the tables allow, but for the one that is only shown. */
static void
the_schema_allows_each_state_and_no_other(void **state)
{
	void *ctx = talloc_new(NULL);
	char *schema = read_all(ctx, TIDEMARK_SOURCE_DIR "/orchestrator/state/schema.sql");
	char *list = allowed(ctx, schema, 0);

	(void)state;
	for (size_t i = TIDE_RUN_READY; i < TIDE_RUN_STATES; i++) {
		const char *word = tide_run_word((enum tide_run_state)i)->word;
		bool there = strstr(list, talloc_asprintf(ctx, "'%s'", word)) != NULL;

		if (there == (i == TIDE_RUN_PAUSING))
			fail_msg("schema.sql %s %s", there ? "allows" : "does not know", word);
	}
	assert_int_equal(words_in(list), TIDE_RUN_STATES - TIDE_RUN_READY - 1);
	list = allowed(ctx, schema, 1);
	/* One of them is only shown. */
	for (size_t i = 0; i < TIDE_PHASE_STATES; i++) {
		const char *word = tide_phase_word((enum tide_phase_state)i)->word;
		bool there = strstr(list, talloc_asprintf(ctx, "'%s'", word)) != NULL;

		if (there == (i == TIDE_PHASE_BEGUN))
			fail_msg("schema.sql %s %s", there ? "allows" : "does not know", word);
	}
	assert_int_equal(words_in(list), TIDE_PHASE_STATES - 1);
	talloc_free(ctx);
}

/* All that can be come to from a state, step by step. */
static unsigned
reached_from(enum tide_run_state from)
{
	unsigned reached = 1u << from, before = 0;

	while (reached != before) {
		before = reached;
		for (size_t i = 0; i < TIDE_RUN_STATES; i++)
			for (size_t k = 0; k < TIDE_RUN_STATES; k++)
				if ((before & (1u << i)) != 0 &&
				    tide_run_may((enum tide_run_state)i, (enum tide_run_state)k))
					reached |= 1u << k;
	}
	return reached;
}

static void
every_state_is_reached_and_leads_to_both_ends(void **state)
{
	unsigned from_start = reached_from(TIDE_RUN_NONE);

	(void)state;
	for (size_t i = TIDE_RUN_READY; i < TIDE_RUN_STATES; i++) {
		unsigned ahead = reached_from((enum tide_run_state)i);

		/* Only shown: the state beside it is in the row. */
		if (i == TIDE_RUN_PAUSING) {
			assert_int_equal(from_start & (1u << i), 0);
			continue;
		}
		if ((from_start & (1u << i)) == 0)
			fail_msg("nothing comes to %s", tide_run_word((enum tide_run_state)i)->word);
		/* What is rolled back is over: to do it once more is another run. */
		if (i != TIDE_RUN_ROLLED_BACK &&
		    ((ahead & (1u << TIDE_RUN_COMPLETE)) == 0 || (ahead & (1u << TIDE_RUN_ROLLED_BACK)) == 0))
			fail_msg("no way out of %s", tide_run_word((enum tide_run_state)i)->word);
	}
	assert_int_equal(reached_from(TIDE_RUN_ROLLED_BACK), 1u << TIDE_RUN_ROLLED_BACK);
}

/* A rollback ends as one: not as a run that goes forward, and not as a failure. */
static void
a_rollback_stays_one(void **state)
{
	(void)state;
	assert_false(tide_run_may(TIDE_RUN_ROLLING_BACK, TIDE_RUN_RUNNING));
	assert_false(tide_run_may(TIDE_RUN_ROLLING_BACK, TIDE_RUN_COMPLETE));
	assert_false(tide_run_may(TIDE_RUN_ROLLING_BACK, TIDE_RUN_FAILED));
	assert_false(tide_run_may(TIDE_RUN_COMPLETE, TIDE_RUN_FAILED));
	assert_false(tide_run_may(TIDE_RUN_RUNNING, TIDE_RUN_ROLLED_BACK));
}

/* In every combination. */
static void
a_pause_is_shown_as_what_is_wanted_and_what_was_done(void **state)
{
	(void)state;
	for (size_t i = TIDE_RUN_READY; i < TIDE_RUN_STATES; i++)
		for (int back = 0; back < 2; back++)
			for (int live = 0; live < 2; live++)
				for (int want = 0; want < TIDE_WANTS; want++) {
					enum tide_run_state stored = (enum tide_run_state)i;
					enum tide_run_state shown = tide_run_shown(stored,
					    (enum tide_direction)back, (enum tide_wanted)want, live != 0);
					bool over = tide_run_word(stored)->over;
					bool paused = shown == TIDE_RUN_PAUSED || shown == TIDE_RUN_PAUSING;

					if (stored == TIDE_RUN_PAUSING)
						continue;
					if (want == TIDE_WANT_PAUSE)
						assert_true(paused == !over);
					if (shown == TIDE_RUN_PAUSING)
						assert_true(live && stored != TIDE_RUN_PAUSED);
					/* The executor is about to continue. */
					if (want != TIDE_WANT_PAUSE && paused)
						assert_true(live && stored == TIDE_RUN_PAUSED);
					if (want != TIDE_WANT_PAUSE && stored != TIDE_RUN_PAUSED)
						assert_int_equal(shown, stored);
				}
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
a_phase_runs_only_while_somebody_works_on_it(void **state)
{
	(void)state;
	for (size_t run = 0; run < TIDE_RUN_STATES; run++)
		for (size_t stored = 0; stored < TIDE_PHASE_STATES; stored++)
			for (int live = 0; live < 2; live++) {
				bool works = live && (run == TIDE_RUN_RUNNING || run == TIDE_RUN_PAUSING);

				assert_int_equal(tide_phase_shown((enum tide_phase_state)stored,
						     (enum tide_run_state)run, live),
				    stored == TIDE_PHASE_RUNNING && !works ? TIDE_PHASE_BEGUN : stored);
			}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_page_says_what_the_table_says),
		cmocka_unit_test(the_schema_allows_each_state_and_no_other),
		cmocka_unit_test(every_state_is_reached_and_leads_to_both_ends),
		cmocka_unit_test(a_rollback_stays_one),
		cmocka_unit_test(a_pause_is_shown_as_what_is_wanted_and_what_was_done),
		cmocka_unit_test(every_word_is_read_back),
		cmocka_unit_test(a_phase_runs_only_while_somebody_works_on_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
