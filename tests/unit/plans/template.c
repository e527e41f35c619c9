#include "sample.h"

#include <stdio.h>

#include "tidemark/plans/template.h"

static struct tide_plan *
render(void *ctx, struct tide_template_args args, char **out)
{
	struct tide_err err = { 0 };
	char *text = tide_template_render(ctx, &args, &err);

	if (text == NULL)
		fail_msg("%s: %s (%s)", args.kind, err.message, err.hint);
	if (out != NULL)
		*out = text;
	return sample_plan(ctx, text);
}

static void
assert_refused(struct tide_template_args args, const char *message, const char *hint)
{
	void *ctx = talloc_new(NULL);
	struct tide_err err = { 0 };

	assert_null(tide_template_render(ctx, &args, &err));
	assert_int_equal(err.code, TIDE_USAGE);
	assert_string_equal(err.where, "");
	if (strstr(err.message, message) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", err.message, message);
	if (strstr(err.hint, hint) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", err.hint, hint);
	assert_int_equal(talloc_total_blocks(ctx), 1);
	talloc_free(ctx);
}

/** The comments and the title aside, `new` writes the example. */
static void
a_renamed_column_gives_the_plan_of_the_example(void **state)
{
	void *ctx = talloc_new(NULL);
	const struct tide_kind *kinds[SAMPLE_KINDS];
	struct tide_plan *example = NULL, *plan;
	struct tide_err err = { 0 };

	(void)state;
	for (size_t i = 0; i < SAMPLE_KINDS; i++)
		kinds[i] = &sample_kinds[i];
	assert_true(tide_plan_load(
	    ctx, TIDEMARK_SOURCE_DIR "/plan.example.toml", kinds, SAMPLE_KINDS, &example, &err));
	plan = render(ctx,
	    (struct tide_template_args){ .kind = "rename-column",
		.table = "public.pgbench_accounts",
		.from = "abalance",
		.to = "balance",
		.type = "integer",
		.name = example->name },
	    NULL);
	plan->path = example->path;
	assert_string_equal(tide_plan_diff(ctx, example, plan),
	    "title: \"Rename pgbench_accounts.abalance to balance\" → "
	    "\"Rename public.pgbench_accounts.abalance to balance\"  (" TIDEMARK_SOURCE_DIR
	    "/plan.example.toml:4:9)\n");
	talloc_free(ctx);
}

static void
the_name_is_made_from_table_and_columns(void **state)
{
	void *ctx = talloc_new(NULL);
	struct tide_template_args args = { .kind = "rename-column",
		.table = "public.pgbench_accounts",
		.from = "abalance",
		.to = "Balance",
		.type = "integer" };
	char *long_name = talloc_zero_size(ctx, 64), *first, *second;

	(void)state;
	assert_string_equal(render(ctx, args, NULL)->name, "pgbench_accounts-abalance-to-balance");
	args.table = "\"User Table\".\"select\"";
	args.from = "\"a -- b\"";
	assert_string_equal(render(ctx, args, NULL)->name, "select-a-b-to-balance");
	args.from = "\"größe\"";
	first = render(ctx, args, NULL)->name;
	args.from = "\"grüße\"";
	second = render(ctx, args, NULL)->name;
	assert_true(strncmp(first, "select-gr-e-to-balance-", 23) == 0);
	assert_string_not_equal(first, second);
	memset(long_name, 'n', 63);
	args.table = args.from = long_name;
	first = render(ctx, args, NULL)->name;
	assert_int_equal(strlen(first), 100);
	args.to = "other";
	assert_string_not_equal(first, render(ctx, args, NULL)->name);
	args.from = "_x";
	args.table = "\"ü\"";
	args.to = "\"ö\"";
	assert_true(tide_plan_name_valid(render(ctx, args, NULL)->name));
	talloc_free(ctx);
}

static void
every_kind_is_read_back_with_hostile_names(void **state)
{
	static const char *const names[] = { "plain", "\"select\"", "\"User Table\"", "\"it's\"",
		"\"a\"\"b\"", "\"''' \"\"\"\"\"\" \\\"", "\"new\nline\"", "\"[[phase]]\"",
		"\"# no\tcomment\"", "\"größe 😀\"", "\"%s%n%c:to%\"", "\"\\u0041\"", "\"\001\"", "UPPER",
		"\"a.b\"", "\"}\"", "\"$$; DROP TABLE t; --\"",
		"n23456789012345678901234567890123456789012345678901234567890wxy" };
	void *ctx = talloc_new(NULL);

	(void)state;
	for (const char *const *kind = tide_template_kinds(); *kind != NULL; kind++) {
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
			char *table = talloc_asprintf(ctx, "%s.%s", names[i], names[(i + 1) % 3]), *text;
			const struct tide_plan *plan = render(ctx,
			    (struct tide_template_args){ .kind = *kind,
				.table = table,
				.from = names[i],
				.to = "\"other one\"",
				.type = "numeric(10, 2)[]" },
			    &text);

			assert_string_equal(plan->table, table);
			assert_non_null(plan->title);
			assert_null(strchr(plan->title, '\n'));
			assert_true(text[strlen(text) - 1] == '\n');
		}
	}
	talloc_free(ctx);
}

static void
names_arrive_as_sql_reads_them(void **state)
{
	void *ctx = talloc_new(NULL);
	struct tide_template_args args = {
		.kind = "backfill", .table = "T", .from = "\"Old\"\"One\"", .to = "\"it's\"", .type = "int"
	};
	const struct loose *spec = render(ctx, args, NULL)->phase[0].spec;

	(void)state;
	assert_string_equal(spec->set.item[0].name, "it's");
	assert_string_equal(spec->set.item[0].value, "\"Old\"\"One\"");
	assert_string_equal(spec->where, "\"it's\" IS NULL");
	args.kind = "add-index";
	spec = render(ctx, args, NULL)->phase[0].spec;
	assert_string_equal(spec->name, "it's");
	assert_string_equal(spec->columns.item[0], "Old\"One");
	args.to = NULL;
	spec = render(ctx, args, NULL)->phase[0].spec;
	assert_string_equal(spec->name, "t_Old\"One_idx");
	args.from = "\"n2345678901234567890123456789012345678901234567890123456789äxy\"";
	assert_true(strlen(((const struct loose *)render(ctx, args, NULL)->phase[0].spec)->name) <= 63);
	args.kind = "add-column";
	args.from = NULL;
	args.to = "Fresh";
	spec = render(ctx, args, NULL)->phase[0].spec;
	assert_string_equal(spec->column, "fresh");
	assert_string_equal(spec->type, "int");
	talloc_free(ctx);
}

static void
what_is_missing_is_named_with_how_to_find_it(void **state)
{
	struct tide_template_args args = { .kind = "rename-column" };

	(void)state;
	assert_refused(
	    args, "rename-column needs the table", "tidemark new rename-column TABLE FROM TO --type TYPE");
	args.table = "t";
	assert_refused(args, "needs the existing column", "tidemark new rename-column");
	args.from = "a";
	assert_refused(args, "needs the name of the new column", "tidemark new rename-column");
	args.to = "b";
	assert_refused(args, "needs the type of the new column", "`\\d t` in psql shows the types");
	args.kind = "drop-column";
	args.from = args.to = NULL;
	assert_refused(args, "drop-column needs a name", "tidemark new drop-column TABLE COLUMN");
}

static void
what_cannot_be_meant_is_refused(void **state)
{
	const struct tide_template_args good = {
		.kind = "rename-column", .table = "t", .from = "a", .to = "b", .type = "int"
	};
	struct tide_template_args args = good;

	(void)state;
	args.kind = "rename-colum";
	assert_refused(args, "there is no template for 'rename-colum'", "tidemark help new");
	args.kind = NULL;
	assert_refused(args, "there is no template", "tidemark help new");
	args = good;
	args.table = "a b";
	assert_refused(args, "\"table\" must be a SQL name", "");
	args = good;
	args.from = "s.a";
	assert_refused(args, "\"from\" must be one name", "");
	args = good;
	args.to = "n23456789012345678901234567890123456789012345678901234567890wxyz";
	assert_refused(args, "PostgreSQL would cut it", "63 bytes");
	args = good;
	args.to = "";
	assert_refused(args, "\"to\" is empty", "");
	args = good;
	args.to = "A";
	assert_refused(args, "old and new column are the same", "upper and lower case");
	args = good;
	args.type = "int NOT NULL";
	assert_refused(args, "must be a SQL type", "");
	args = good;
	args.from = "\"\xff\"";
	assert_refused(args, "not valid UTF-8", "");
	args = good;
	args.name = "my plan";
	assert_refused(args, "a plan cannot be called 'my plan'", "letters, digits");
}

static void
comments_stand_in_one_column(void **state)
{
	void *ctx = talloc_new(NULL);
	char *text;

	(void)state;
	render(ctx,
	    (struct tide_template_args){
		.kind = "rename-column", .table = "t", .from = "\"größe\"", .to = "b", .type = "int" },
	    &text);
	assert_non_null(
	    strstr(text, "\nlock_timeout   = \"200ms\"                         # longest wait of one"));
	assert_non_null(strstr(text,
	    "\nkind = \"dual_write\"                              # from here on b follows \"größe\"\n"));
	assert_non_null(strstr(text, "\nfrom = '\"größe\"'\n"));
	assert_null(strchr(text, '\t'));
	assert_null(strchr(text, '%'));
	talloc_free(ctx);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_renamed_column_gives_the_plan_of_the_example),
		cmocka_unit_test(the_name_is_made_from_table_and_columns),
		cmocka_unit_test(every_kind_is_read_back_with_hostile_names),
		cmocka_unit_test(names_arrive_as_sql_reads_them),
		cmocka_unit_test(what_is_missing_is_named_with_how_to_find_it),
		cmocka_unit_test(what_cannot_be_meant_is_refused),
		cmocka_unit_test(comments_stand_in_one_column),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
