/* What `tidemark verify` compares, read off the table; and the texts the phases share. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <talloc.h>

#include "../../harness/catalog_fixture.h"
#include "build/build.h"
#include "pair/mirror.h"
#include "pair/pair.h"
#include "tidemark/plans/expression.h"
#include "catalog/types.h"

#define PLAN                                                                                                 \
	"name = 'p'\ntable = 'public.t'\n"                                                                   \
	"[[phase]]\nkind = 'add_column'\ncolumn = 'b'\ntype = 'bigint'\n"                                    \
	"[[phase]]\nkind = 'dual_write'\nfrom = 'a'\nto = 'b'\n%s"                                           \
	"[[phase]]\nkind = 'backfill'\n[[phase]]\nkind = 'verify'\n"                                         \
	"[[phase]]\nkind = 'switch'\ngate = 'manual'\n%s"                                                    \
	"[[phase]]\nkind = 'drop_column'\ncolumn = '%s'\nhold = '1d'\n"

struct table {
	void *ctx;
	struct tide_plan *plan;
	struct tide_catalog *cat;
};

static struct table
table_of(bool swap, const char *rules)
{
	struct table t = { .ctx = talloc_new(NULL) };
	char *text = talloc_asprintf(t.ctx, PLAN, rules, swap ? "swap_names = true\n" : "", swap ? "b" : "a");
	struct tide_err err = { 0 };

	if (!tide_plan_parse(
		t.ctx, "plan.toml", text, strlen(text), tide_phase_kinds(), tide_phase_count, &t.plan, &err))
		fail_msg("%s: %s", err.where, err.message);
	t.cat = catalog_fixture_text(t.ctx, "{'server_version':150018,'table':{'schema':'public','name':'t','"
					    "columns':[{'name':'id','type':'integer','identical':true},"
					    "{'name':'a','type':'integer','identical':true}]}}");
	return t;
}

/* Brings the catalog to where it stands when `phases` of the plan are done. */
static void
advance(struct table *t, size_t phases)
{
	for (size_t i = 0; i < phases; i++) {
		struct tide_phase_at at = { t->plan, &t->plan->phase[i], i, t->cat };
		const struct tide_phase_ops *ops = tide_ops(at.phase);

		if (ops->apply != NULL)
			ops->apply(&at, t->cat);
	}
}

static const char *
residual(struct table *t)
{
	struct tide_sweep_spec *sweep;
	struct tide_err err = { 0 };

	if (!tide_phase_compare_spec(t->ctx, t->plan, t->cat, &sweep, &err))
		fail_msg("%s", err.message);
	assert_false(sweep->write);
	assert_non_null(sweep->key);
	return sweep->residual;
}

static void
before_the_switch_new_is_compared_with_what_old_gives(void **state)
{
	struct table t = table_of(false, "");

	(void)state;
	advance(&t, 2);
	assert_string_equal(
	    residual(&t), "tidemark_row.\"b\" IS DISTINCT FROM CAST((\ntidemark_row.\"a\"\n) AS bigint)");
	talloc_free(t.ctx);
}

static void
since_the_switch_what_down_makes_is_no_difference(void **state)
{
	struct table t = table_of(false, "");

	(void)state;
	advance(&t, 5);
	assert_string_equal(residual(&t),
	    "CASE WHEN tidemark_row.\"b\" IS DISTINCT FROM CAST((\ntidemark_row.\"a\"\n) AS bigint) THEN "
	    "tidemark_row.\"a\" IS DISTINCT FROM CAST((\ntidemark_row.\"b\"\n) AS integer) ELSE false END");
	talloc_free(t.ctx);
}

static void
behind_an_exchange_of_names_the_sides_are_exchanged(void **state)
{
	struct table t = table_of(true, "");

	(void)state;
	advance(&t, 5);
	assert_string_equal(tide_catalog_column(t.cat, "a")->type, "bigint");
	assert_string_equal(residual(&t),
	    "CASE WHEN tidemark_row.\"a\" IS DISTINCT FROM CAST((\ntidemark_row.\"b\"\n) AS bigint) THEN "
	    "tidemark_row.\"b\" IS DISTINCT FROM CAST((\ntidemark_row.\"a\"\n) AS integer) ELSE false END");
	talloc_free(t.ctx);
}

/* As the hold leaves it: the column renamed, the triggers those that name it so. */
static void
hold(struct table *t, const char *column)
{
	struct tide_phase_at at = { t->plan, &t->plan->phase[5], 5, t->cat };
	struct tide_dual_state held;
	struct tide_dual *dual;
	struct tide_err err = { 0 };

	tide_catalog_column(t->cat, column)->name = tide_held_name(t->ctx, t->plan, column);
	tide_dual_state_at(t->ctx, t->plan, 1, 5, &held);
	tide_dual_state_held(t->ctx, t->plan, column, &held);
	assert_true(tide_dual_build(t->ctx, &at, &held, &dual, &err));
	tide_triggers_apply(t->cat, tide_both_ways_triggers(t->ctx, dual, column), true);
}

static void
while_it_is_held_the_column_is_compared_under_its_other_name(void **state)
{
	struct table t = table_of(false, "up = 'abs(a)'\ndown = 'b'\n");
	const char *text;

	(void)state;
	advance(&t, 5);
	hold(&t, "a");
	text = residual(&t);
	assert_non_null(strstr(text, "tidemark_row.\"b\" IS DISTINCT FROM"));
	assert_non_null(strstr(text, "abs(tidemark_row.\"tidemark_held_"));
	talloc_free(t.ctx);
}

static void
when_a_side_is_missing_there_is_nothing_to_compare(void **state)
{
	struct table t = table_of(false, "");
	struct tide_sweep_spec *sweep = NULL;
	struct tide_err err = { 0 };

	(void)state;
	assert_false(tide_phase_compare_spec(t.ctx, t.plan, t.cat, &sweep, &err));
	assert_int_equal(err.code, TIDE_PRECONDITION);
	advance(&t, 6);
	assert_null(tide_catalog_column(t.cat, "a"));
	assert_false(tide_phase_compare_spec(t.ctx, t.plan, t.cat, &sweep, &err));
	assert_int_equal(err.code, TIDE_PRECONDITION);
	assert_null(sweep);
	talloc_free(t.ctx);
}

static void
a_plan_without_dual_write_has_nothing_to_compare(void **state)
{
	void *ctx = talloc_new(NULL);
	static const char text[] =
	    "name = 'p'\ntable = 't'\n[[phase]]\nkind = 'set_not_null'\ncolumn = 'a'\n";
	struct tide_plan *plan;
	struct tide_sweep_spec *sweep = NULL;
	struct tide_err err = { 0 };

	(void)state;
	assert_true(
	    tide_plan_parse(ctx, "p", text, strlen(text), tide_phase_kinds(), tide_phase_count, &plan, &err));
	assert_false(tide_phase_compare_spec(ctx, plan, talloc_zero(ctx, struct tide_catalog), &sweep, &err));
	assert_int_equal(err.code, TIDE_PRECONDITION);
	talloc_free(ctx);
}

static void
the_loader_is_asked_for_every_spelling_of_an_expression(void **state)
{
	struct table t = table_of(true, "up = 'abs(a)'\ndown = 'b'\n");
	struct tide_names all = tide_phase_expressions(t.ctx, t.plan);
	struct tide_pairs future = tide_phase_future_columns(t.ctx, t.plan);
	size_t swapped = 0, held = 0;

	(void)state;
	assert_true(tide_names_have(&all, "abs(a)"));
	assert_true(tide_names_have(&all, "CAST(NULL AS bigint)"));
	for (size_t i = 0; i < all.count; i++) {
		swapped += strcmp(all.item[i], "abs(b)") == 0 || strcmp(all.item[i], "abs(\"b\")") == 0;
		held += strstr(all.item[i], "tidemark_held_") != NULL;
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(all.item[k], all.item[i]);
	}
	assert_int_equal(swapped, 1);
	assert_true(held >= 1);
	assert_int_equal(future.count, 1);
	assert_string_equal(future.item[0].name, "b");
	assert_string_equal(future.item[0].value, "bigint");
	talloc_free(t.ctx);
}

static void
columns_are_renamed_where_they_are_columns_and_nowhere_else(void **state)
{
	void *ctx = talloc_new(NULL);
	char *before_names[] = { "a", "b" }, *after_names[] = { "b", "we\"ird" };
	struct tide_names before = { before_names, 2 }, after = { after_names, 2 };
	struct tide_err err = { 0 };
	char *text;

	(void)state;
	text = tide_rename_columns(
	    ctx, "a || 'a' || b || ' b tidemark_mark.' || a(c)", NULL, &before, &after, &err);
	assert_non_null(text);
	assert_non_null(strstr(text, "'a'"));
	assert_non_null(strstr(text, "' b tidemark_mark.'"));
	assert_non_null(strstr(text, "\"we\"\"ird\""));
	assert_non_null(strstr(text, "a("));
	assert_null(strstr(text, "tidemark_mark1"));
	text = tide_rename_columns(ctx, "tidemark_row.a + x.a", TIDE_ROW, &before, &after, &err);
	assert_non_null(strstr(text, "x.a"));
	assert_non_null(strstr(text, "tidemark_row."));
	assert_null(tide_rename_columns(ctx, "a +", NULL, &before, &after, &err));
	assert_true(err.message[0] != '\0');
	talloc_free(ctx);
}

static void
the_quoting_tag_is_never_in_the_body(void **state)
{
	void *ctx = talloc_new(NULL);

	(void)state;
	assert_string_equal(tide_dollar_tag(ctx, "x"), "$tidemark$");
	assert_string_equal(tide_dollar_tag(ctx, "$tidemark$ $tidemark1$"), "$tidemark2$");
	talloc_free(ctx);
}

static void
lists_of_names_never_give_the_same_identity(void **state)
{
	void *ctx = talloc_new(NULL);
	struct tide_plan plan = { .name = "p", .table = "t" };
	char *one[] = { "a 1:b" }, *two[] = { "a", "b" };

	(void)state;
	assert_string_not_equal(tide_identity(ctx, &plan, "r", &(struct tide_names){ one, 1 }),
	    tide_identity(ctx, &plan, "r", &(struct tide_names){ two, 2 }));
	talloc_free(ctx);
}

static void
types_are_described_as_the_server_would(void **state)
{
	static const struct {
		const char *written, *type, *cast_type;
		bool identical;
	} rows[] = {
		{ "int", "integer", "integer", true },
		{ "BIGINT", "bigint", "bigint", true },
		{ "varchar(10)", "character varying(10)", "character varying", true },
		{ "char(3)", "character(3)", "bpchar", true },
		{ "char", "character(1)", "bpchar", true },
		{ "numeric(10,2)", "numeric(10,2)", "numeric(10,2)", false },
		{ "timestamptz", "timestamp with time zone", "timestamp with time zone", true },
		{ "timestamptz(3)", "timestamp(3) with time zone", "timestamp(3) with time zone", true },
		{ "bit(5)", "bit(5)", "\"bit\"", true },
		{ "text[]", "text[]", "text[]", false },
		{ "app.\"Mood\"", "app.\"Mood\"", "app.\"Mood\"", false },
		{ "citext", "citext", "citext", false },
	};
	void *ctx = talloc_new(NULL);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct tide_column column = { 0 };

		tide_type_describe(talloc_zero(ctx, struct tide_catalog), rows[i].written, &column);
		assert_string_equal(column.type, rows[i].type);
		assert_string_equal(column.cast_type, rows[i].cast_type);
		assert_int_equal(column.identical, rows[i].identical);
	}
	talloc_free(ctx);
}

static void
casts_between_dates_and_text_follow_the_session(void **state)
{
	(void)state;
	assert_true(tide_cast_follows_session("timestamp without time zone", "timestamp with time zone"));
	assert_true(tide_cast_follows_session("text", "date"));
	assert_true(tide_cast_follows_session("interval", "character varying(20)"));
	assert_false(tide_cast_follows_session("date", "timestamp without time zone"));
	assert_false(tide_cast_follows_session("text", "integer"));
	assert_false(tide_cast_follows_session("integer", "bigint"));
	assert_true(tide_type_is_serial("BigSerial"));
	assert_false(tide_type_is_serial("bigint"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(before_the_switch_new_is_compared_with_what_old_gives),
		cmocka_unit_test(since_the_switch_what_down_makes_is_no_difference),
		cmocka_unit_test(behind_an_exchange_of_names_the_sides_are_exchanged),
		cmocka_unit_test(while_it_is_held_the_column_is_compared_under_its_other_name),
		cmocka_unit_test(when_a_side_is_missing_there_is_nothing_to_compare),
		cmocka_unit_test(a_plan_without_dual_write_has_nothing_to_compare),
		cmocka_unit_test(the_loader_is_asked_for_every_spelling_of_an_expression),
		cmocka_unit_test(columns_are_renamed_where_they_are_columns_and_nowhere_else),
		cmocka_unit_test(the_quoting_tag_is_never_in_the_body),
		cmocka_unit_test(lists_of_names_never_give_the_same_identity),
		cmocka_unit_test(types_are_described_as_the_server_would),
		cmocka_unit_test(casts_between_dates_and_text_follow_the_session),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
