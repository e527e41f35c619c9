/* Columns that another plan, or an earlier dual write of the same plan, uses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <talloc.h>

#include "../../harness/catalog_fixture.h"
#include "checks/overlap.h"
#include "tidemark/phases/phase.h"

/* Plan 'one': a becomes b. */
#define ONE                                                                                                  \
	"name = \\\"one\\\"\\ntable = \\\"public.t\\\"\\n"                                                   \
	"[[phase]]\\nkind = \\\"add_column\\\"\\ncolumn = \\\"b\\\"\\ntype = \\\"integer\\\"\\n"             \
	"[[phase]]\\nkind = \\\"dual_write\\\"\\nfrom = \\\"a\\\"\\nto = \\\"b\\\"\\n"                       \
	"[[phase]]\\nkind = \\\"backfill\\\"\\n[[phase]]\\nkind = \\\"verify\\\"\\n"                         \
	"[[phase]]\\nkind = \\\"switch\\\"\\n"                                                               \
	"[[phase]]\\nkind = \\\"drop_column\\\"\\ncolumn = \\\"a\\\"\\nhold = \\\"1h\\\"\\n"

#define TABLE                                                                                                \
	"'server_version': 150000, 'table': {'oid': 1, 'schema': 'public', 'name': 't', 'columns': ["        \
	"{'name': 'id', 'type': 'integer', 'identical': true, 'not_null': true}, "                           \
	"{'name': 'a', 'type': 'integer', 'identical': true}, {'name': 'b', 'type': 'integer', "             \
	"'identical': true}, {'name': 'c', 'type': 'integer', 'identical': true}, "                          \
	"{'name': 'd', 'type': 'integer', 'identical': true}]}"

/* The catalog with plan 'one' in this state. */
static struct tide_catalog *
with_one(void *ctx, const char *state, const char *phases, bool earlier)
{
	return catalog_fixture_text(
	    ctx, talloc_asprintf(ctx,
		     "{" TABLE
		     ", 'other_runs': [{'plan': 'one', 'state': '%s', 'phase': 'drop_column', 'text': '%s', "
		     "'phases': '%s', 'earlier': %s}]}",
		     state, ONE, phases, earlier ? "true" : "false"));
}

static struct tide_plan *
plan_of(void *ctx, const char *phases)
{
	char *text = talloc_asprintf(ctx, "name = \"two\"\ntable = \"public.t\"\n%s", phases);
	struct tide_plan *plan = NULL;
	struct tide_err err = { 0 };

	if (!tide_plan_parse(
		ctx, "two.toml", text, strlen(text), tide_phase_kinds(), tide_phase_count, &plan, &err))
		fail_msg("%s", err.message);
	return plan;
}

/* "severity rule: message" of the first finding about overlapping; NULL none. */
static char *
first(void *ctx, const struct tide_catalog *cat, const char *phases)
{
	static const char *const words[] = {
		[TIDE_ERROR] = "error", [TIDE_WARNING] = "warning", [TIDE_NOTE] = "note"
	};
	struct tide_plan *plan = plan_of(ctx, phases);
	struct tide_findings *out = talloc_zero(ctx, struct tide_findings);

	for (size_t i = 0; i < plan->count; i++) {
		struct tide_phase_at at = { plan, &plan->phase[i], i, cat };

		tide_check_overlap(&at, out);
	}
	if (out->count == 0)
		return NULL;
	return talloc_asprintf(
	    ctx, "%s %s: %s", words[out->item[0].severity], out->item[0].rule, out->item[0].message);
}

#define DUAL(from, to) "[[phase]]\nkind = \"dual_write\"\nfrom = \"" from "\"\nto = \"" to "\"\n"
#define DROP(column) "[[phase]]\nkind = \"drop_column\"\ncolumn = \"" column "\"\n"
#define BEFORE_SWITCH "done\\ndone\\nrunning\\npending\\npending\\npending"
#define IN_HOLD "done\\ndone\\ndone\\ndone\\ndone\\nrunning"
#define BEGUN "running\\npending\\npending\\npending\\npending\\npending"
#define ALL_DONE "done\\ndone\\ndone\\ndone\\ndone\\ndone"

static void
every_kind_that_touches_a_column_kept_in_step_is_refused(void **state)
{
	static const char *const touching[] = {
		DUAL("b", "c"),
		DUAL("a", "c"),
		DUAL("c", "b"),
		DUAL("c", "a"),
		DROP("b"),
		DROP("a"),
		"[[phase]]\nkind = \"backfill\"\nset = { b = \"1\" }\n",
		"[[phase]]\nkind = \"set_not_null\"\ncolumn = \"b\"\n",
		"[[phase]]\nkind = \"drop_not_null\"\ncolumn = \"a\"\n",
	};
	void *ctx = talloc_new(NULL);

	(void)state;
	for (size_t i = 0; i < sizeof(touching) / sizeof(touching[0]); i++) {
		char *said = first(ctx, with_one(ctx, "waiting", BEFORE_SWITCH, true), touching[i]);

		if (said == NULL || strncmp(said, "error plan-overlap: ", 20) != 0)
			fail_msg("%s gives %s", touching[i], said);
	}
	assert_string_equal(first(ctx, with_one(ctx, "waiting", BEFORE_SWITCH, true), DUAL("b", "c")),
	    "error plan-overlap: \"b\" is in use by another plan: plan 'one' (waiting at drop_column) keeps "
	    "it in step");
	talloc_free(ctx);
}

static void
independent_columns_and_harmless_kinds_pass(void **state)
{
	static const char *const harmless[] = {
		DUAL("c", "d"),
		DROP("c"),
		"[[phase]]\nkind = \"create_index\"\nname = \"t_b\"\ncolumns = \"b\"\n",
		"[[phase]]\nkind = \"sql\"\nact = \"ALTER TABLE public.t ALTER c SET STATISTICS 100\"\n",
		/* Another table's column of the same name, and a name that only begins with it. */
		"[[phase]]\nkind = \"sql\"\nact = \"ALTER TABLE public.u ALTER b SET STATISTICS 100\"\n",
		"[[phase]]\nkind = \"sql\"\nact = \"ALTER TABLE public.t ALTER bb SET STATISTICS 100\"\n",
	};
	void *ctx = talloc_new(NULL);

	(void)state;
	for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++) {
		char *said = first(ctx, with_one(ctx, "waiting", BEFORE_SWITCH, true), harmless[i]);

		if (said != NULL)
			fail_msg("%s gives %s", harmless[i], said);
	}
	assert_string_equal(first(ctx, with_one(ctx, "waiting", BEFORE_SWITCH, true),
				"[[phase]]\nkind = \"sql\"\nact = \"UPDATE public.t SET \\\"b\\\" = 1\"\n"),
	    "warning plan-overlap-sql: the statements name \"b\": plan 'one' (waiting at drop_column) keeps "
	    "it in step");
	talloc_free(ctx);
}

static void
a_held_name_may_not_be_taken(void **state)
{
	void *ctx = talloc_new(NULL);
	const struct tide_catalog *cat = with_one(ctx, "waiting", IN_HOLD, true);
	char *said = first(ctx, cat, "[[phase]]\nkind = \"add_column\"\ncolumn = \"a\"\ntype = \"text\"\n");

	(void)state;
	assert_string_equal(said, "error plan-overlap: \"a\" is in use by another plan: plan 'one' (waiting "
				  "at drop_column) holds it");
	assert_null(first(ctx, cat, "[[phase]]\nkind = \"add_column\"\ncolumn = \"e\"\ntype = \"text\"\n"));
	talloc_free(ctx);
}

static void
of_two_that_only_mean_to_the_later_one_gives_way(void **state)
{
	void *ctx = talloc_new(NULL);

	(void)state;
	assert_string_equal(first(ctx, with_one(ctx, "ready", BEGUN, true), DUAL("a", "c")),
	    "error plan-overlap: \"a\" is in use by another plan: plan 'one' (ready at drop_column) is going "
	    "to keep it in step");
	assert_memory_equal(first(ctx, with_one(ctx, "ready", BEGUN, false), DUAL("a", "c")), "warning", 7);
	/* What has begun counts whoever came first. */
	assert_memory_equal(
	    first(ctx, with_one(ctx, "ready", BEFORE_SWITCH, false), DUAL("a", "c")), "error", 5);
	talloc_free(ctx);
}

static void
a_finished_plan_gives_its_columns_back(void **state)
{
	void *ctx = talloc_new(NULL);

	(void)state;
	assert_null(first(ctx, with_one(ctx, "complete", ALL_DONE, true), DUAL("b", "c")));
	talloc_free(ctx);
}

static void
triggers_tell_what_the_rows_do_not(void **state)
{
	void *ctx = talloc_new(NULL);
	const struct tide_catalog *cat = catalog_fixture_text(
	    ctx, "{" TABLE ", 'keepers': [{'plan': 'gone', 'column': 'a', 'trigger': '~~~~tidemark_1'}]}");

	(void)state;
	assert_string_equal(first(ctx, cat, DUAL("a", "c")),
	    "error plan-overlap: \"a\" is in use by another plan: plan "
	    "'gone' (state unknown) keeps it in step");
	assert_null(first(ctx, cat, DUAL("c", "d")));
	talloc_free(ctx);
}

/* Plan 'one' without its last phase, complete; 'here' false: it ran on a partition of the table. */
static struct tide_catalog *
with_switched(void *ctx, const char *switch_phase, const char *state, bool here)
{
	return catalog_fixture_text(
	    ctx, talloc_asprintf(ctx,
		     "{" TABLE
		     ", 'other_runs': [{'plan': 'one', 'state': '%s', 'text': 'name = \\\"one\\\"\\ntable = "
		     "\\\"public.t\\\"\\n[[phase]]\\nkind = \\\"dual_write\\\"\\nfrom = \\\"a\\\"\\nto = "
		     "\\\"b\\\"\\n%s', 'phases': 'done\\ndone', 'same_table': %s}], 'keepers': ["
		     "{'plan': 'one', 'column': 'a', 'trigger': 't'}, {'plan': 'one', 'column': 'b', "
		     "'trigger': 't'}]}",
		     state, switch_phase, here ? "true" : "false"));
}

#define SWITCH "[[phase]]\\nkind = \\\"switch\\\"\\n"

static void
only_the_old_side_of_a_complete_switched_plan_is_taken_over(void **state)
{
	void *ctx = talloc_new(NULL);

	(void)state;
	assert_null(first(ctx, with_switched(ctx, SWITCH, "complete", true), DROP("a")));
	assert_non_null(first(ctx, with_switched(ctx, SWITCH, "complete", true), DROP("b")));
	assert_non_null(first(ctx, with_switched(ctx, SWITCH, "complete", false), DROP("a")));
	assert_non_null(first(ctx, with_switched(ctx, SWITCH, "waiting", true), DROP("a")));
	assert_non_null(first(ctx, with_switched(ctx, "", "complete", true), DROP("a")));
	/* After the drop the new column is free again, before the drop it is not. */
	assert_null(first(ctx, with_switched(ctx, SWITCH, "complete", true), DROP("a") DUAL("b", "c")));
	assert_non_null(first(ctx, with_switched(ctx, SWITCH, "complete", true), DUAL("b", "c") DROP("a")));
	talloc_free(ctx);
}

static void
an_unreadable_plan_is_said_to_be_unknown(void **state)
{
	void *ctx = talloc_new(NULL);
	const struct tide_catalog *cat = catalog_fixture_text(ctx,
	    "{" TABLE
	    ", 'other_runs': [{'plan': 'odd', 'state': 'ready', 'text': 'no plan', 'phases': 'done'}]}");
	char *said = first(ctx, cat, DUAL("c", "d"));

	(void)state;
	assert_non_null(said);
	assert_memory_equal(said, "warning plan-overlap-unknown", 28);
	talloc_free(ctx);
}

static void
one_plan_ends_a_dual_write_before_the_next_one_takes_a_column(void **state)
{
	void *ctx = talloc_new(NULL);

	(void)state;
	assert_string_equal(first(ctx, NULL, DUAL("a", "b") DUAL("b", "c")),
	    "error dual-write-overlap: \"b\" is still kept in step by the dual_write on line 3");
	assert_non_null(first(ctx, NULL, DUAL("a", "b") DUAL("a", "c")));
	assert_non_null(first(ctx, NULL, DUAL("a", "b") DUAL("c", "b")));
	assert_non_null(first(ctx, NULL, DUAL("a", "b") "[[phase]]\nkind = \"switch\"\n" DUAL("b", "c")));
	assert_null(first(ctx, NULL, DUAL("a", "b") DUAL("c", "d")));
	assert_null(
	    first(ctx, NULL, DUAL("a", "b") "[[phase]]\nkind = \"switch\"\n" DROP("a") DUAL("b", "c")));
	talloc_free(ctx);
}

static void
the_guard_names_columns_as_texts(void **state)
{
	void *ctx = talloc_new(NULL);
	struct tide_action action = { .lock_table = "\"public\".\"t\"", .guards = "a\nit's" };
	char *sql = tide_action_guard(ctx, &action, "o'clock");

	(void)state;
	assert_non_null(strstr(sql, "used.name IN ('a', 'it''s')"));
	assert_non_null(strstr(sql, "<> 'o''clock'"));
	assert_non_null(strstr(sql, "'TM002'"));
	action.guards = NULL;
	assert_null(tide_action_guard(ctx, &action, "p"));
	talloc_free(ctx);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_that_touches_a_column_kept_in_step_is_refused),
		cmocka_unit_test(independent_columns_and_harmless_kinds_pass),
		cmocka_unit_test(a_held_name_may_not_be_taken),
		cmocka_unit_test(of_two_that_only_mean_to_the_later_one_gives_way),
		cmocka_unit_test(a_finished_plan_gives_its_columns_back),
		cmocka_unit_test(triggers_tell_what_the_rows_do_not),
		cmocka_unit_test(only_the_old_side_of_a_complete_switched_plan_is_taken_over),
		cmocka_unit_test(an_unreadable_plan_is_said_to_be_unknown),
		cmocka_unit_test(one_plan_ends_a_dual_write_before_the_next_one_takes_a_column),
		cmocka_unit_test(the_guard_names_columns_as_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
