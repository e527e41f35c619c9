#include "cli/options/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>
#include <talloc.h>

#include "cli/options/verbs.h"
#include "tidemark/postgres/conn.h"
#include "tidemark/base/units.h"

/** "NAME=value" words, ends with NULL. */
static const char *
lookup(void *ctx, const char *name)
{
	const char *const *environment = ctx;
	size_t length = strlen(name);

	for (; environment != NULL && *environment != NULL; environment++)
		if (strncmp(*environment, name, length) == 0 && (*environment)[length] == '=')
			return *environment + length + 1;
	return NULL;
}

struct parsed {
	struct tide_options options;
	struct tide_err err;
	bool ok;
};

static struct parsed *
parse(void *ctx, const char *const *environment, const char *words)
{
	struct parsed *p = talloc_zero(ctx, struct parsed);
	char *copy = talloc_strdup(p, words), **argv = talloc_zero_array(p, char *, 32), *save = NULL;
	int argc = 1;
	const void *env = environment;

	argv[0] = talloc_strdup(p, "tidemark");
	for (char *word = strtok_r(copy, " ", &save); word != NULL; word = strtok_r(NULL, " ", &save))
		argv[argc++] = word;
	argv[argc] = NULL;
	p->ok = tide_options_parse(p, argc, argv, lookup, (void *)(uintptr_t)env, &p->options, &p->err);
	return p;
}

static void
flags_may_stand_before_or_after_the_verb(void **state)
{
	void *ctx = talloc_new(NULL);
	static const char *const lines[] = { "--to backfill run p.toml", "run --to=backfill p.toml",
		"run p.toml --to backfill" };

	(void)state;
	for (size_t i = 0; i < TIDE_COUNT(lines); i++) {
		struct parsed *p = parse(ctx, NULL, lines[i]);

		assert_true(p->ok);
		assert_int_equal(p->options.verb, TIDE_VERB_RUN);
		assert_string_equal(p->options.to, "backfill");
		assert_int_equal(p->options.operand_count, 1);
		assert_string_equal(p->options.operand[0], "p.toml");
	}
	talloc_free(ctx);
}

static void
an_abbreviated_option_is_refused(void **state)
{
	struct parsed *p = parse(NULL, NULL, "run p.toml --budge 2h");

	(void)state;
	assert_false(p->ok);
	assert_int_equal(p->err.code, TIDE_USAGE);
	assert_string_equal(p->err.message, "unknown option '--budge'");
	assert_string_equal(p->err.hint, "did you mean --budget?");
	talloc_free(p);
}

static void
a_misspelt_verb_names_the_nearest(void **state)
{
	struct parsed *p = parse(NULL, NULL, "statsu");

	(void)state;
	assert_false(p->ok);
	assert_string_equal(p->err.hint, "did you mean: tidemark status?");
	talloc_free(p);
	p = parse(NULL, NULL, "xylophone");
	assert_false(p->ok);
	assert_string_equal(p->err.hint, "see: tidemark help");
	talloc_free(p);
}

static void
an_option_of_another_verb_says_whose_it_is(void **state)
{
	struct parsed *p = parse(NULL, NULL, "run p.toml --now");

	(void)state;
	assert_false(p->ok);
	assert_string_equal(p->err.message, "--now is not valid for 'run'");
	assert_string_equal(p->err.hint, "--now is valid for: advance");
	talloc_free(p);
}

static void
values_are_checked_by_their_type(void **state)
{
	static const struct {
		const char *line, *message;
	} rows[] = {
		{ "run p --workers 0", "--workers: '0' is not a whole number from 1 to 64" },
		{ "run p --workers 2x", "--workers: '2x' is not a whole number from 1 to 64" },
		{ "run p --workers 99999999999999999999",
		    "--workers: '99999999999999999999' is not a whole number from 1 to 64" },
		{ "run p --budget 90", "--budget: '90' is not a duration" },
		{ "run p --if-locked perhaps", "--if-locked: 'perhaps' is none of fail, wait, skip" },
		{ "run p --budget", "--budget needs a value: --budget DURATION" },
		{ "run p --to --json", "--to needs a value: --to PHASE" },
		{ "run p --to=", "--to: the value is empty" },
		{ "run p --json=yes", "--json takes no value" },
		{ "run", "'run' needs PLAN" },
		{ "run a b", "'run': one argument too many: 'b'" },
		{ "run p -z", "unknown option '-z'" },
	};
	void *ctx = talloc_new(NULL);

	(void)state;
	for (size_t i = 0; i < TIDE_COUNT(rows); i++) {
		struct parsed *p = parse(ctx, NULL, rows[i].line);

		assert_false(p->ok);
		assert_int_equal(p->err.code, TIDE_USAGE);
		assert_string_equal(p->err.message, rows[i].message);
	}
	talloc_free(ctx);
}

static void
a_misspelt_choice_names_the_nearest(void **state)
{
	struct parsed *p = parse(NULL, NULL, "status --color=nevr");

	(void)state;
	assert_false(p->ok);
	assert_string_equal(p->err.hint, "did you mean never?");
	talloc_free(p);
}

static void
flags_are_stronger_than_the_environment_and_that_than_defaults(void **state)
{
	static const char *const environment[] = { "TIDEMARK_WORKERS=3", "TIDEMARK_LOCK_TIMEOUT=50ms",
		"TIDEMARK_BUDGET=", NULL };
	struct parsed *p = parse(NULL, environment, "run p.toml --workers 5");

	(void)state;
	assert_true(p->ok);
	assert_int_equal(p->options.workers, 5);
	assert_int_equal(p->options.lock_timeout, 50 * TIDE_MS);
	assert_int_equal(p->options.budget, 0);
	assert_string_equal(p->options.if_locked, "fail");
	assert_int_equal(
	    tide_option_origin(&p->options, tide_option_find("workers", TIDE_VERB_RUN)), TIDE_ORIGIN_FLAG);
	assert_int_equal(tide_option_origin(&p->options, tide_option_find("lock-timeout", TIDE_VERB_RUN)),
	    TIDE_ORIGIN_ENVIRONMENT);
	assert_int_equal(tide_option_origin(&p->options, tide_option_find("if-locked", TIDE_VERB_RUN)),
	    TIDE_ORIGIN_DEFAULT);
	talloc_free(p);
}

static void
a_bad_value_in_the_environment_names_its_variable(void **state)
{
	static const char *const environment[] = { "TIDEMARK_WORKERS=many", NULL };
	struct parsed *p = parse(NULL, environment, "run p.toml");

	(void)state;
	assert_false(p->ok);
	assert_string_equal(p->err.message, "TIDEMARK_WORKERS: 'many' is not a whole number from 1 to 64");
	talloc_free(p);
	p = parse(NULL, environment, "config"); /* it shows the settings of all verbs */
	assert_false(p->ok);
	assert_int_equal(p->err.code, TIDE_USAGE);
	talloc_free(p);
	p = parse(NULL, environment, "status"); /* not a setting of this verb */
	assert_true(p->ok);
	talloc_free(p);
}

static void
two_dashes_end_the_options(void **state)
{
	struct parsed *p = parse(NULL, NULL, "status -- --json");

	(void)state;
	assert_true(p->ok);
	assert_false(p->options.json);
	assert_string_equal(p->options.operand[0], "--json");
	talloc_free(p);
}

static void
letters_may_stand_together(void **state)
{
	struct parsed *p = parse(NULL, NULL, "status -qv");

	(void)state;
	assert_true(p->ok);
	assert_true(p->options.quiet);
	assert_true(p->options.verbose);
	talloc_free(p);
}

static void
without_a_verb_it_is_help(void **state)
{
	struct parsed *p = parse(NULL, NULL, "");

	(void)state;
	assert_true(p->ok);
	assert_int_equal(p->options.verb, TIDE_VERB_HELP);
	talloc_free(p);
}

static void
help_needs_no_operands(void **state)
{
	struct parsed *p = parse(NULL, NULL, "run --help");

	(void)state;
	assert_true(p->ok);
	assert_true(p->options.help);
	talloc_free(p);
}

static void
json_is_known_even_when_the_rest_is_wrong(void **state)
{
	struct parsed *p = parse(NULL, NULL, "run --nonsense --json");

	(void)state;
	assert_false(p->ok);
	assert_true(p->options.json);
	talloc_free(p);
}

static void
the_same_name_always_takes_a_value_or_never(void **state)
{
	size_t count = 0;

	(void)state;
	for (const struct tide_option *a = tide_option_table; a->name != NULL; a++, count++) {
		assert_true(a->help[0] != '\0');
		assert_int_equal(a->argument == NULL, a->type == TIDE_OPTION_FLAG);
		assert_int_equal(a->choices != NULL, a->type == TIDE_OPTION_CHOICE);
		for (const struct tide_option *b = a + 1; b->name != NULL; b++) {
			if (strcmp(a->name, b->name) != 0)
				continue;
			assert_int_equal(a->argument == NULL, b->argument == NULL);
			assert_int_equal(a->verbs & b->verbs, 0);
		}
	}
	assert_true(count < TIDE_OPTION_MAX);
}

static void
every_verb_has_a_row(void **state)
{
	(void)state;
	for (int i = 0; i < TIDE_VERB_COUNT; i++) {
		assert_non_null(tide_verb_table[i].name);
		assert_non_null(tide_verb_table[i].run);
		assert_true(tide_verb_table[i].about[0] != '\0');
		assert_int_equal(tide_verb_find(tide_verb_table[i].name), i);
	}
}

static void
letters_with_a_value_are_those_of_psql(void **state)
{
	static const char *const lines[] = { "run p.toml -p 5433 -d shop -U ann -q",
		"run -p5433 -dshop -qUann p.toml", "-qp5433 -d shop run -Uann p.toml",
		"run p.toml --port=5433 --dbname shop --user ann --quiet" };
	void *ctx = talloc_new(NULL);
	struct parsed *p;

	(void)state;
	for (size_t i = 0; i < TIDE_COUNT(lines); i++) {
		p = parse(ctx, NULL, lines[i]);
		assert_true(p->ok);
		assert_string_equal(p->options.port, "5433");
		assert_string_equal(p->options.dbname, "shop");
		assert_string_equal(p->options.user, "ann");
		assert_true(p->options.quiet);
		assert_int_equal(p->options.operand_count, 1);
	}
	p = parse(ctx, NULL, "run p.toml -d");
	assert_false(p->ok);
	assert_string_equal(p->err.message, "-d needs a value: -d NAME");
	p = parse(ctx, NULL, "run p.toml -x");
	assert_false(p->ok);
	assert_string_equal(p->err.message, "unknown option '-x'");
	/* Taken long before there was a letter for the host. */
	p = parse(ctx, NULL, "run -h");
	assert_true(p->ok && p->options.help);
	talloc_free(ctx);
}

static void
what_follows_two_dashes_is_the_command_of_ensure(void **state)
{
	void *ctx = talloc_new(NULL);
	struct parsed *p = parse(ctx, NULL, "ensure a.toml b.toml --to x -- serve --json -q -- y");

	(void)state;
	assert_true(p->ok);
	assert_int_equal(p->options.operand_count, 2);
	assert_false(p->options.json || p->options.quiet);
	assert_string_equal(p->options.command[0], "serve");
	assert_string_equal(p->options.command[3], "--");
	assert_string_equal(p->options.command[4], "y");
	assert_null(p->options.command[5]);
	p = parse(ctx, NULL, "ensure a.toml --");
	assert_true(p->ok);
	assert_null(p->options.command);
	p = parse(ctx, NULL, "ensure -- serve");
	assert_false(p->ok);
	assert_string_equal(p->err.message, "'ensure' needs PLAN... [-- CMD [ARG...]]");
	p = parse(ctx, NULL, "run -- -odd-name");
	assert_true(p->ok);
	assert_null(p->options.command);
	assert_string_equal(p->options.operand[0], "-odd-name");
	talloc_free(ctx);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(letters_with_a_value_are_those_of_psql),
		cmocka_unit_test(what_follows_two_dashes_is_the_command_of_ensure),
		cmocka_unit_test(flags_may_stand_before_or_after_the_verb),
		cmocka_unit_test(an_abbreviated_option_is_refused),
		cmocka_unit_test(a_misspelt_verb_names_the_nearest),
		cmocka_unit_test(an_option_of_another_verb_says_whose_it_is),
		cmocka_unit_test(values_are_checked_by_their_type),
		cmocka_unit_test(a_misspelt_choice_names_the_nearest),
		cmocka_unit_test(flags_are_stronger_than_the_environment_and_that_than_defaults),
		cmocka_unit_test(a_bad_value_in_the_environment_names_its_variable),
		cmocka_unit_test(two_dashes_end_the_options),
		cmocka_unit_test(letters_may_stand_together),
		cmocka_unit_test(without_a_verb_it_is_help),
		cmocka_unit_test(help_needs_no_operands),
		cmocka_unit_test(json_is_known_even_when_the_rest_is_wrong),
		cmocka_unit_test(the_same_name_always_takes_a_value_or_never),
		cmocka_unit_test(every_verb_has_a_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
