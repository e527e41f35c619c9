/* Steps of a table that was renamed after they were compiled. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <talloc.h>

#include "tidemark/phases/step.h"

#define FROM "\"public\".\"t\""
#define TO "\"archive\".\"it's\""

static const struct tide_renaming table[] = { { FROM, TO, "public.t", "archive.\"it's\"" } };

/* One statement, renamed. */
static char *
act(void *ctx, char *sql, unsigned flags)
{
	struct tide_action action = { .act = &sql, .act_count = 1, .flags = flags };

	return tide_action_renamed(ctx, &action, table, 1)->act[0];
}

static void
our_texts_name_the_table_as_it_is_called_now(void **state)
{
	void *ctx = talloc_new(NULL);

	(void)state;
	assert_string_equal(
	    act(ctx, "ALTER TABLE " FROM " DROP COLUMN \"t\"", 0), "ALTER TABLE " TO " DROP COLUMN \"t\"");
	assert_string_equal(
	    act(ctx, "SELECT to_regclass('" FROM "')", 0), "SELECT to_regclass('\"archive\".\"it''s\"')");
	/* Neither another table whose name is longer, nor one of another schema. */
	assert_string_equal(act(ctx, "LOCK \"public\".\"t2\"", 0), "LOCK \"public\".\"t2\"");
	talloc_free(ctx);
}

static void
definitions_of_the_server_are_found_where_a_table_is_due(void **state)
{
	void *ctx = talloc_new(NULL);

	(void)state;
	assert_string_equal(act(ctx, "CREATE INDEX x ON public.t USING btree (a)", 0),
	    "CREATE INDEX x ON archive.\"it's\" USING btree (a)");
	assert_string_equal(act(ctx, "CREATE INDEX x ON ONLY public.t USING btree (a)", 0),
	    "CREATE INDEX x ON ONLY archive.\"it's\" USING btree (a)");
	assert_string_equal(act(ctx, "FOREIGN KEY (a) REFERENCES public.t(id)", 0),
	    "FOREIGN KEY (a) REFERENCES archive.\"it's\"(id)");
	assert_string_equal(act(ctx, "CREATE INDEX x ON public.t2 USING btree (a)", 0),
	    "CREATE INDEX x ON public.t2 USING btree (a)");
	assert_string_equal(act(ctx, "SELECT 'public.t.a'", 0), "SELECT 'public.t.a'");
	talloc_free(ctx);
}

static void
statements_of_the_author_stay_and_the_lock_around_them_does_not(void **state)
{
	char *sql = "ALTER TABLE " FROM " RENAME TO x";
	struct tide_action action = { .act = &sql,
		.act_count = 1,
		.flags = TIDE_ROLE_SEARCH_PATH,
		.probe = "SELECT to_regclass('" FROM "') IS NULL",
		.lock_table = FROM,
		.table = FROM };
	void *ctx = talloc_new(NULL);
	const struct tide_action *now = tide_action_renamed(ctx, &action, table, 1);

	(void)state;
	assert_string_equal(now->act[0], sql);
	assert_string_equal(now->probe, action.probe);
	assert_string_equal(now->lock_table, TO);
	assert_string_equal(now->table, TO);
	assert_true(tide_action_mentions(&action, "t"));
	assert_false(tide_action_mentions(&action, "tt"));
	talloc_free(ctx);
}

static void
a_sweep_and_its_original_are_two(void **state)
{
	struct tide_sweep_spec sweep = { .set = "a = (SELECT max(a) FROM " FROM ")", .residual = "true" };
	struct tide_action action = { .kind = TIDE_STEP_SWEEP, .sweep = &sweep };
	void *ctx = talloc_new(NULL);
	const struct tide_action *now = tide_action_renamed(ctx, &action, table, 1);

	(void)state;
	assert_string_equal(now->sweep->set, "a = (SELECT max(a) FROM " TO ")");
	assert_string_equal(sweep.set, "a = (SELECT max(a) FROM " FROM ")");
	assert_null(now->sweep->again);
	talloc_free(ctx);
}

static void
names_of_a_schema_are_listed_once(void **state)
{
	char *sql[] = { "DROP INDEX \"public\".\"t_b\"", "LOCK TABLE " FROM,
		"DROP INDEX \"public\".\"we\"\"ird\"",
		"SELECT \"public\".\"t_b\", \"other\".\"x\", \"public\".bare" };
	struct tide_action action = { .act = sql, .act_count = 4, .probe = "SELECT '\"public\".\"p\"'" };
	void *ctx = talloc_new(NULL);
	struct tide_names names = tide_action_names_in(ctx, &action, "public");

	(void)state;
	assert_int_equal(names.count, 4);
	assert_string_equal(names.item[0], "\"public\".\"p\"");
	assert_string_equal(names.item[1], "\"public\".\"t_b\"");
	assert_string_equal(names.item[2], FROM);
	assert_string_equal(names.item[3], "\"public\".\"we\"\"ird\"");
	talloc_free(ctx);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(our_texts_name_the_table_as_it_is_called_now),
		cmocka_unit_test(definitions_of_the_server_are_found_where_a_table_is_due),
		cmocka_unit_test(statements_of_the_author_stay_and_the_lock_around_them_does_not),
		cmocka_unit_test(a_sweep_and_its_original_are_two),
		cmocka_unit_test(names_of_a_schema_are_listed_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
