#include "sample.h"

#include <stdio.h>

#define PHASE SAMPLE_TOP "[[phase]]\nkind = \"everything\"\n"

static const struct everything *
read_one(void *ctx, const char *lines)
{
	char *text = talloc_asprintf(ctx, PHASE "%s\n", lines);

	return sample_plan(ctx, text)->phase[0].spec;
}

/** The line stands on line 5 of the plan. */
static void
assert_refused(const char *line, int column, const char *message)
{
	char *text = talloc_asprintf(NULL, PHASE "%s\n", line), *where = NULL;

	if (column > 0)
		where = talloc_asprintf(text, "p.toml:5:%d", column);
	sample_refused(text, where, message);
	talloc_free(text);
}

static void
defaults_are_read_by_the_same_code_as_the_plan(void **state)
{
	void *ctx = talloc_new(NULL);
	const struct everything *spec = read_one(ctx, "");

	(void)state;
	assert_true(spec->duration == INT64_C(7) * 24 * 3600 * 1000000);
	assert_int_equal(spec->size, 65536);
	assert_int_equal(spec->integer, 3);
	assert_true(spec->boolean);
	assert_string_equal(spec->choice, "reject");
	assert_null(spec->text);
	assert_int_equal(spec->names.count, 0);
	talloc_free(ctx);
}

static void
scalars_are_read(void **state)
{
	void *ctx = talloc_new(NULL);
	const struct everything *spec =
	    read_one(ctx, "text = \"free\"\nduration = \"1h30m\"\nsize = \"1GB\"\ninteger = -5\nboolean = "
			  "false\nchoice = \"null\"\n");

	(void)state;
	assert_string_equal(spec->text, "free");
	assert_true(spec->duration == INT64_C(5400) * 1000000);
	assert_int_equal(spec->size, 1 << 30);
	assert_int_equal(spec->integer, -5);
	assert_false(spec->boolean);
	assert_string_equal(spec->choice, "null");
	assert_int_equal(read_one(ctx, "size = 0")->size, 0);
	talloc_free(ctx);
}

static void
names_fold_as_in_sql(void **state)
{
	void *ctx = talloc_new(NULL);
	const struct everything *spec = read_one(
	    ctx, "name = 'Balance'\nnames = ['A', '\"A\"', '\"a.b\"']\nrelation = 'S.\"User Table\"'\n");

	(void)state;
	assert_string_equal(spec->name, "balance");
	assert_int_equal(spec->names.count, 3);
	assert_string_equal(spec->names.item[0], "a");
	assert_string_equal(spec->names.item[1], "A");
	assert_string_equal(spec->names.item[2], "a.b");
	assert_string_equal(spec->relation, "S.\"User Table\"");
	assert_int_equal(read_one(ctx, "names = 'one'")->names.count, 1);
	talloc_free(ctx);
}

static void
names_that_postgresql_would_change_or_not_take_are_refused(void **state)
{
	(void)state;
	assert_refused(
	    "name = 'public.balance'", 8, "must be one name, and \"public.balance\" has two parts");
	assert_refused("name = 'User Name'", 8, "\"name\" must be one SQL name, and \"User Name\" is not");
	assert_refused("name = '\"\"'", 8, "is not");
	assert_refused("name = '\"open'", 8, "is not");
	assert_refused("name = ''", 8, "\"name\" is empty");
	assert_refused("name = '1a'", 8, "is not");
	assert_refused("name = 'x; DROP TABLE t'", 8, "is not");
	assert_refused("relation = 'a.b.c'", 12, "must be a SQL name, possibly with its schema");
	assert_refused("name = 'a23456789012345678901234567890123456789012345678901234567890wxyz'", 8,
	    "has 64 bytes: PostgreSQL would cut it to "
	    "\"a23456789012345678901234567890123456789012345678901234567890wxy\"");
	assert_refused("relation = 's.\"b23456789012345678901234567890123456789012345678901234567890ä1 \"'",
	    12,
	    "has 64 bytes: PostgreSQL would cut it to "
	    "\"b23456789012345678901234567890123456789012345678901234567890ä1\"");
	assert_refused("names = ['a', 'A']", 15, "\"names\" names \"a\" twice");
	assert_refused("names = []", 9, "\"names\" is an empty array");
	assert_refused("names = ['a', 1]", 15, "\"names\" must be text, not a whole number");
}

static void
a_name_of_63_bytes_is_taken(void **state)
{
	void *ctx = talloc_new(NULL);

	(void)state;
	assert_int_equal(
	    strlen(read_one(ctx, "name = 'a23456789012345678901234567890123456789012345678901234567890wxy'")
		       ->name),
	    63);
	talloc_free(ctx);
}

static void
wrong_types_say_what_was_wanted(void **state)
{
	(void)state;
	assert_refused("text = 1", 8, "\"text\" must be text, not a whole number");
	assert_refused("text = 2024-01-01", 8, "must be text, not a date or time");
	assert_refused("text = { a = 1 }", 8, "must be text, not a table");
	assert_refused("text = []", 8, "must be text, not an array");
	assert_refused("text = true", 8, "must be text, not true or false");
	assert_refused("text = nan", 8, "must be text, not a decimal number");
	assert_refused("integer = \"1\"", 11, "\"integer\" must be a whole number, not text");
	assert_refused("integer = 1.0", 11, "must be a whole number, not a decimal number");
	assert_refused("integer = inf", 11, "must be a whole number, not a decimal number");
	assert_refused("boolean = \"true\"", 11, "\"boolean\" must be true or false, not text");
	assert_refused("boolean = 1", 11, "must be true or false");
	assert_refused("duration = 5", 12, "\"duration\" must be a duration, not a whole number");
	assert_refused("duration = 1.5", 12, "must be a duration, not a decimal number");
	assert_refused("size = 5", 8, "\"size\" must be a size, not a whole number");
	assert_refused("assignments = 'a = 1'", 15, "must be a table of column = expression, not text");
	assert_refused("parameters = 5", 14, "must be a table of parameter = value");
	assert_refused("down = 5", 8, "must be an expression, or a table of column = expression");
	assert_refused(
	    "down = { a = 1 }", 14, "\"a\" in \"down\" must be an expression as text, not a whole number");
}

static void
values_out_of_range_show_the_range(void **state)
{
	(void)state;
	assert_refused("integer = 11", 11, "\"integer\" is 11; it must be between -5 and 10");
	assert_refused("integer = -9223372036854775808", 11, "it must be between -5 and 10");
	assert_refused("duration = \"1us\"", 12, "");
	assert_refused("duration = \"11d\"", 12, "\"duration\" is 11d; it must be between 1ms and 10d");
	assert_refused("duration = 0", 12, "it must be between 1ms and 10d");
	assert_refused("duration = \"5\"", 12, "\"5\" is not a duration");
	assert_refused("duration = \"soon\"", 12, "\"soon\" is not a duration");
	assert_refused("size = \"5 apples\"", 8, "\"5 apples\" is not a size");
	assert_refused("choice = \"nul\"", 10, "\"choice\" cannot be \"nul\"; did you mean \"null\"?");
	assert_refused("choice = \"something else\"", 10, "\"choice\" cannot be \"something else\"");
}

static void
an_unknown_key_names_the_nearest(void **state)
{
	(void)state;
	assert_refused("boolaen = true", 1, "unknown key \"boolaen\"; did you mean \"boolean\"?");
	assert_refused("tittle = ''", 1, "unknown key \"tittle\"; did you mean \"title\"?");
	assert_refused("  quite_different = 1", 3, "unknown key \"quite_different\"");
	assert_refused("\"a\\nb\\u001b[31m\" = 1", 1, "unknown key \"a b?[31m\"");
	assert_refused("\"\" = 1", 1, "unknown key \"\"");
}

static void
a_long_value_does_not_hide_what_is_wrong_with_it(void **state)
{
	char *long_name = talloc_zero_size(NULL, 5001);
	char *line;

	(void)state;
	memset(long_name, 'x', 5000);
	line = talloc_asprintf(long_name, "choice = '%s'", long_name);
	assert_refused(line, 10, "x...\"");
	line = talloc_asprintf(long_name, "%s = 1", long_name);
	assert_refused(line, 1, "x...\"");
	line = talloc_asprintf(long_name, "name = '%s'", long_name);
	assert_refused(line, 8, "has 5000 bytes: PostgreSQL would cut it to");
	talloc_free(long_name);
}

static void
too_long_lists_are_refused(void **state)
{
	char *line = talloc_strdup(NULL, "names = [");

	(void)state;
	for (int i = 0; i < 1601; i++)
		line = talloc_asprintf_append_buffer(line, "'c%d',", i);
	line = talloc_asprintf_append_buffer(line, "]");
	assert_refused(line, 9, "\"names\" has 1601 entries; at most 1600 are accepted");
	talloc_free(line);
}

static void
expressions_are_checked_and_kept_as_written(void **state)
{
	void *ctx = talloc_new(NULL);
	const struct everything *spec = read_one(ctx, "expression = \" lower( A ) \"\n");

	(void)state;
	assert_string_equal(spec->expression, " lower( A ) ");
	assert_refused("expression = 'a +'", 14, "\"expression\"");
	assert_refused("expression = 'a; DROP TABLE t'", 14, "\"expression\"");
	assert_refused("expression = 'a, b'", 14, "\"expression\"");
	assert_refused("expression = '-- nothing'", 14, "\"expression\"");
	assert_refused("expression = '   '", 14, "\"expression\" is empty");
	talloc_free(ctx);
}

static void
assignments_keep_their_order_and_place(void **state)
{
	void *ctx = talloc_new(NULL);
	const struct everything *spec =
	    read_one(ctx, "assignments = { Status = \"'active'\", '\"At\"' = \"now()\" }\n");

	(void)state;
	assert_int_equal(spec->assignments.count, 2);
	assert_string_equal(spec->assignments.item[0].name, "status");
	assert_string_equal(spec->assignments.item[0].value, "'active'");
	assert_int_equal(spec->assignments.item[0].line, 5);
	assert_int_equal(spec->assignments.item[0].column, 26);
	assert_string_equal(spec->assignments.item[1].name, "At");
	assert_refused("assignments = { a = \"1\", A = \"2\" }", 30, "\"assignments\" says \"a\" twice");
	assert_refused("assignments = { a = \"1 +\" }", 21, "\"assignments\"");
	assert_refused("assignments = { a.b = \"1\" }", 17, "must be an expression as text, not a table");
	assert_refused("assignments = {}", 15, "is an empty table");
	talloc_free(ctx);
}

static void
the_way_back_is_one_expression_or_one_for_each_column(void **state)
{
	void *ctx = talloc_new(NULL);
	const struct everything *spec = read_one(ctx, "down = \"split_part(n, ' ', 1)\"\n");

	(void)state;
	assert_int_equal(spec->down.count, 1);
	assert_null(spec->down.item[0].name);
	assert_string_equal(spec->down.item[0].value, "split_part(n, ' ', 1)");
	assert_int_equal(spec->down.item[0].line, 5);
	spec = read_one(ctx, "down = { a = \"x\", b = \"y\" }\n");
	assert_int_equal(spec->down.count, 2);
	assert_string_equal(spec->down.item[1].name, "b");
	assert_refused("down = ['x']", 8, "not an array");
	talloc_free(ctx);
}

static void
storage_parameters_become_text(void **state)
{
	void *ctx = talloc_new(NULL);
	const struct everything *spec = read_one(
	    ctx, "parameters = { fillfactor = 90, fastupdate = false, scale = 0.2, buffering = 'auto' }\n");
	static const char *const values[] = { "90", "false", "0.2", "auto" };

	(void)state;
	assert_int_equal(spec->parameters.count, 4);
	for (size_t i = 0; i < 4; i++)
		assert_string_equal(spec->parameters.item[i].value, values[i]);
	assert_refused(
	    "parameters = { fillfactor = nan }", 29, "must be text or a number, not a decimal number");
	assert_refused("parameters = { fillfactor = inf }", 29, "must be text or a number");
	assert_refused("parameters = { fillfactor = [] }", 29, "must be text or a number, not an array");
	talloc_free(ctx);
}

static void
statements_are_split_as_the_server_would(void **state)
{
	void *ctx = talloc_new(NULL);
	const struct everything *spec = read_one(ctx, "sql = \"SELECT ';'; DROP TABLE a\"\n");

	(void)state;
	assert_int_equal(spec->sql.count, 2);
	assert_non_null(strstr(spec->sql.item[0], "';'"));
	assert_int_equal(read_one(ctx, "sql = ['SELECT 1', 'SELECT 2; SELECT 3;']\n")->sql.count, 3);
	assert_refused("sql = ';'", 7, "\"sql\"");
	assert_refused("sql = ['SELECT 1', '']", 20, "\"sql\" is empty");
	assert_refused("sql = \"SELECT 'open\"", 7, "\"sql\"");
	talloc_free(ctx);
}

static void
a_type_is_only_a_type(void **state)
{
	static const char *const good[] = { "integer", "numeric(10, 2)", "text[]", "timestamp with time zone",
		"\"My Schema\".\"Type\"", "int[3][]", "interval day to second", "double precision",
		"bit varying(3)", "setofthings", NULL };
	static const char *const bad[] = { "integer NOT NULL", "integer DEFAULT 1", "integer) + (1",
		"integer) -- ", "integer /* x */", "integer; DROP TABLE t", "text COLLATE \"C\"",
		"SETOF integer", "numeric(", "numeric)", "1", "a b c", "integer) FROM t", "int, int",
		"int AS x", "\"open", "text)::(text", NULL };
	void *ctx = talloc_new(NULL);

	(void)state;
	for (size_t i = 0; good[i] != NULL; i++)
		assert_string_equal(
		    read_one(ctx, talloc_asprintf(ctx, "type = '%s'", good[i]))->type, good[i]);
	for (size_t i = 0; bad[i] != NULL; i++)
		assert_refused(talloc_asprintf(ctx, "type = '%s'", bad[i]), 8, "must be a SQL type");
	talloc_free(ctx);
}

static void
a_query_is_one_select_that_only_reads(void **state)
{
	static const char *const bad[] = { "DELETE FROM t", "SELECT 1; SELECT 2", "SELECT 1 FOR UPDATE",
		"SELECT 1 FROM t FOR UPDATE", "WITH d AS (DELETE FROM t RETURNING 1) SELECT * FROM d",
		"SELECT 1 INTO u", "SELEC 1", "BEGIN", NULL };
	void *ctx = talloc_new(NULL);

	(void)state;
	assert_string_equal(read_one(ctx, "query = 'SELECT true;'")->query, "SELECT true");
	for (size_t i = 0; bad[i] != NULL; i++)
		assert_refused(talloc_asprintf(ctx, "query = '%s'", bad[i]), 9, "\"query\"");
	assert_refused("query = ['SELECT true']", 9, "one query as text, not an array");
	talloc_free(ctx);
}

static void
texts_are_kept_as_written(void **state)
{
	void *ctx = talloc_new(NULL);
	const struct everything *spec = read_one(ctx, "texts = ['Standby-1', 'b c']\n");

	(void)state;
	assert_int_equal(spec->texts.count, 2);
	assert_string_equal(spec->texts.item[0], "Standby-1");
	assert_int_equal(read_one(ctx, "texts = 'one'")->texts.count, 1);
	talloc_free(ctx);
}

static void
a_fallback_that_cannot_be_read_is_an_error_and_not_a_zero(void **state)
{
	static const struct tide_field fields[] = {
		TIDE_KEY(everything, integer, INTEGER, .fallback = "many", .help = "n"), { 0 }
	};
	const struct tide_toml table = { .type = TIDE_TOML_TABLE, .line = 3, .column = 4 };
	struct everything *spec = talloc_zero(NULL, struct everything);
	struct tide_err err = { 0 };

	(void)state;
	assert_false(tide_fields_read(&table, "p.toml", fields, NULL, spec, &err));
	assert_string_equal(err.where, "p.toml:3:4");
	talloc_free(spec);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_read_by_the_same_code_as_the_plan),
		cmocka_unit_test(scalars_are_read),
		cmocka_unit_test(names_fold_as_in_sql),
		cmocka_unit_test(names_that_postgresql_would_change_or_not_take_are_refused),
		cmocka_unit_test(a_name_of_63_bytes_is_taken),
		cmocka_unit_test(wrong_types_say_what_was_wanted),
		cmocka_unit_test(values_out_of_range_show_the_range),
		cmocka_unit_test(an_unknown_key_names_the_nearest),
		cmocka_unit_test(a_long_value_does_not_hide_what_is_wrong_with_it),
		cmocka_unit_test(too_long_lists_are_refused),
		cmocka_unit_test(expressions_are_checked_and_kept_as_written),
		cmocka_unit_test(assignments_keep_their_order_and_place),
		cmocka_unit_test(the_way_back_is_one_expression_or_one_for_each_column),
		cmocka_unit_test(storage_parameters_become_text),
		cmocka_unit_test(statements_are_split_as_the_server_would),
		cmocka_unit_test(a_type_is_only_a_type),
		cmocka_unit_test(a_query_is_one_select_that_only_reads),
		cmocka_unit_test(texts_are_kept_as_written),
		cmocka_unit_test(a_fallback_that_cannot_be_read_is_an_error_and_not_a_zero),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
