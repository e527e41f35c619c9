/* Triggers, rules and checks of the table that a backfill meets: what the plan must say, what may not be skipped, what is told. */
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
#include "tidemark/phases/phase.h"

#define COLUMN(name) "{'name':'" name "','type':'integer','cast_type':'integer','identical':true}"
#define CATALOG(version, right, reactions)                                                                   \
	"{'server_version':" version "," right                                                               \
	"'table':{'schema':'public','name':'t','rows':1000,'columns':[" COLUMN("id") "," COLUMN(             \
	    "a") "," COLUMN("b") "],'constraints':[],'reactions':[" reactions "]},"                          \
				 "'facts':[{'source':'1','canonical':'1','volatility':'i','type':'integer'}" \
				 ","                                                                         \
				 "{'source':'CAST((\\n\\\"a\\\"\\n) AS "                                     \
				 "integer)','canonical':'tidemark_row.a','volatility':'i'},"                 \
				 "{'source':'CAST((\\n\\\"b\\\"\\n) AS "                                     \
				 "integer)','canonical':'tidemark_row.b','volatility':'i'}]}"
#define MAY(reactions) CATALOG("150018", "'may_skip_triggers':true,", reactions)

#define ROW "'timing':'BEFORE UPDATE FOR EACH ROW','does':'public.touch','alters':true"
#define TOUCH "{'name':'touch','kind':'t'," ROW "}"
#define AUDIT                                                                                                \
	"{'name':'audit','kind':'t','table':'public.t_1','timing':'AFTER UPDATE OF b FOR EACH ROW',"         \
	"'does':'public.note','condition':'(new.b > 1)','columns':['b']}"
#define ALWAYS "{'name':'strict','kind':'t','enabled':'A'," ROW "}"
#define LATER "{'name':'later','kind':'c','timing':'AFTER UPDATE FOR EACH ROW','does':'public.late'}"
#define KEY_A "{'name':'t_a_fkey','kind':'k','does':'FOREIGN KEY (a) REFERENCES o(id)','columns':['a']}"
#define KEY_B "{'name':'t_b_fkey','kind':'k','does':'FOREIGN KEY (b) REFERENCES o(id)','columns':['b']}"
#define RULE "{'name':'also','kind':'r','timing':'ON UPDATE'}"

#define SET(more) "[[phase]]\nkind = 'backfill'\nset = { a = '1' }\n" more
#define DUAL(more) "[[phase]]\nkind = 'dual_write'\nfrom = 'a'\nto = 'b'\n[[phase]]\nkind = 'backfill'\n" more
#define FIRE "other_triggers = 'fire'\n"
#define SKIP "other_triggers = 'skip'\n"

struct compiled {
	struct tide_findings *findings;
	struct tide_steps **steps;
	size_t count;
	bool ok;
};

static struct compiled
compile(void *ctx, const char *text, const char *catalog)
{
	char *toml = talloc_asprintf(ctx, "name = 'p'\ntable = 'public.t'\n%s", text);
	struct tide_err err = { 0 };
	struct tide_plan *plan;
	struct compiled out;

	if (!tide_plan_parse(
		ctx, "plan.toml", toml, strlen(toml), tide_phase_kinds(), tide_phase_count, &plan, &err))
		fail_msg("%s: %s", err.where, err.message);
	out.findings = talloc_zero(ctx, struct tide_findings);
	out.steps = talloc_zero_array(ctx, struct tide_steps *, (unsigned)plan->count);
	out.count = plan->count;
	out.ok = tide_phase_compile_all(
	    ctx, plan, catalog_fixture_text(ctx, catalog), out.steps, out.findings, &err);
	return out;
}

static const struct tide_finding *
find(const struct tide_findings *findings, const char *rule)
{
	for (size_t i = 0; i < findings->count; i++)
		if (strcmp(findings->item[i].rule, rule) == 0)
			return &findings->item[i];
	return NULL;
}

struct expected {
	const char *rule; /* NULL: nothing about triggers is said, and it compiles */
	const char *plan, *catalog;
	const char *words, *hint; /* that are said; NULL */
	int line;                 /* of the finding */
};

static void
check_row(const struct expected *row)
{
	static const char *const rules[] = { "backfill-other-triggers", "backfill-rule",
		"backfill-skip-privilege", "backfill-skip-check", "backfill-fires-anyway" };
	void *ctx = talloc_new(NULL);
	struct compiled c = compile(ctx, row->plan, row->catalog);

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		const struct tide_finding *found = find(c.findings, rules[i]);
		bool wanted = row->rule != NULL && strcmp(row->rule, rules[i]) == 0;

		if ((found != NULL) != wanted)
			fail_msg("%s is %s about:\n%s%s", rules[i], wanted ? "not said" : "said", row->plan,
			    row->catalog);
		if (!wanted)
			continue;
		if (row->words != NULL && strstr(found->message, row->words) == NULL)
			fail_msg("%s says: %s", rules[i], found->message);
		if (row->hint != NULL && (found->hint == NULL || strstr(found->hint, row->hint) == NULL))
			fail_msg("%s hints: %s", rules[i], found->hint);
		assert_int_equal(found->line, row->line);
		assert_int_equal(c.ok, found->severity != TIDE_ERROR);
	}
	assert_true(row->rule != NULL || c.ok);
	talloc_free(ctx);
}

#define CHECK_ALL(rows)                                                                                      \
	for (size_t row_at = 0; row_at < sizeof(rows) / sizeof((rows)[0]); row_at++)                         \
	check_row(&(rows)[row_at])

static void
what_would_fire_must_be_spoken_of(void **state)
{
	static const struct expected rows[] = {
		{ NULL, SET(""), MAY(""), NULL, NULL, 0 },
		{ NULL, SET(FIRE), MAY(TOUCH), NULL, NULL, 0 },
		{ "backfill-other-triggers", SET(""), MAY(TOUCH),
		    "\"touch\" (BEFORE UPDATE FOR EACH ROW, calls public.touch)", "other_triggers = \"skip\"",
		    3 },
		{ "backfill-other-triggers", SET(""), MAY(TOUCH "," LATER), ", \"later\" (AFTER", "\"fire\"",
		    3 },
		{ "backfill-other-triggers", DUAL(""), MAY(AUDIT), "\"audit\" on public.t_1", NULL, 7 },
		{ "backfill-other-triggers", SET(""), MAY(ALWAYS), NULL, NULL, 3 },
		/* UPDATE OF another column; not enabled, or only for replicas; what the server checks by itself. */
		{ NULL, SET(""), MAY(AUDIT), NULL, NULL, 0 },
		{ NULL, SET(""), MAY("{'name':'d','kind':'t','enabled':'D'," ROW "}"), NULL, NULL, 0 },
		{ NULL, SET(""), MAY("{'name':'r','kind':'t','enabled':'R'," ROW "}"), NULL, NULL, 0 },
		{ NULL, SET(""), MAY(KEY_A), NULL, NULL, 0 },
	};

	(void)state;
	CHECK_ALL(rows);
}

static void
skipping_needs_the_right_to_it(void **state)
{
	static const struct expected rows[] = {
		{ NULL, SET(SKIP), MAY(TOUCH), NULL, NULL, 0 },
		{ "backfill-skip-privilege", SET(SKIP), CATALOG("150018", "", TOUCH), "role mover",
		    "GRANT SET ON PARAMETER session_replication_role TO \"mover\"", 6 },
		{ "backfill-skip-privilege", DUAL(SKIP), CATALOG("140012", "", TOUCH), NULL, "superuser", 9 },
		{ NULL, SET(FIRE), CATALOG("150018", "", TOUCH), NULL, NULL, 0 },
	};

	(void)state;
	CHECK_ALL(rows);
}

static void
a_check_that_matters_is_not_skipped(void **state)
{
	static const struct expected rows[] = {
		{ "backfill-skip-check", SET(SKIP), MAY(KEY_A), "t_a_fkey", "fire", 6 },
		{ "backfill-skip-check", DUAL(SKIP), MAY(KEY_B), "FOREIGN KEY (b)", NULL, 9 },
		{ "backfill-skip-check", SET(SKIP), MAY(LATER), "constraint trigger \"later\"",
		    "ALTER TABLE \"public\".\"t\" ENABLE ALWAYS TRIGGER \"later\"", 6 },
		{ NULL, SET(SKIP), MAY(KEY_B), NULL, NULL, 0 },
		{ NULL, DUAL(SKIP), MAY(KEY_A), NULL, NULL, 0 },
		{ NULL, SET(FIRE), MAY(KEY_A "," LATER), NULL, NULL, 0 },
		{ NULL, SET(SKIP),
		    MAY("{'name':'off','kind':'k','enabled':'D','does':'FOREIGN KEY (a)','columns':['a']}"),
		    NULL, NULL, 0 },
	};
	void *ctx = talloc_new(NULL);
	struct compiled c = compile(ctx, SET(SKIP), MAY(ALWAYS "," KEY_B));
	const struct tide_finding *found = find(c.findings, "backfill-skip-check");

	(void)state;
	CHECK_ALL(rows);
	/* One that fires all the same may change any column. */
	assert_false(c.ok);
	assert_non_null(found);
	assert_non_null(strstr(found->message, "what trigger \"strict\" changes"));
	talloc_free(ctx);
}

static void
what_fires_although_others_are_skipped_is_mentioned(void **state)
{
	static const struct expected rows[] = {
		{ "backfill-fires-anyway", SET(SKIP), MAY(ALWAYS "," TOUCH), "\"strict\"", NULL, 6 },
		{ "backfill-fires-anyway", SET(SKIP), MAY("{'name':'r','kind':'t','enabled':'R'," ROW "}"),
		    "only because", NULL, 6 },
		{ NULL, SET(FIRE), MAY(ALWAYS), NULL, NULL, 0 },
	};

	(void)state;
	CHECK_ALL(rows);
}

static void
a_rule_on_updates_is_refused_where_it_would_apply(void **state)
{
	static const struct expected rows[] = {
		{ "backfill-rule", SET(""), MAY(RULE), "\"also\"", "DISABLE RULE \"also\"", 3 },
		{ "backfill-rule", SET(FIRE), MAY(RULE), NULL, NULL, 3 },
		{ NULL, SET(SKIP), MAY(RULE), NULL, NULL, 0 },
		{ NULL, SET(""), MAY("{'name':'off','kind':'r','enabled':'D'}"), NULL, NULL, 0 },
	};

	(void)state;
	CHECK_ALL(rows);
}

static void
a_message_ends_however_many_there_are(void **state)
{
	void *ctx = talloc_new(NULL);
	struct compiled c = compile(ctx, SET(""),
	    MAY(TOUCH "," TOUCH "," TOUCH "," TOUCH "," TOUCH "," TOUCH "," TOUCH "," TOUCH "," TOUCH
		      "," LATER));
	const struct tide_finding *found = find(c.findings, "backfill-other-triggers");

	(void)state;
	assert_non_null(found);
	assert_non_null(strstr(found->message, "and 2 more"));
	assert_null(strstr(found->message, "later"));
	talloc_free(ctx);
}

static void
nothing_is_said_without_a_database(void **state)
{
	void *ctx = talloc_new(NULL);
	const char *toml = "name = 'p'\ntable = 'public.t'\n" SET(SKIP);
	struct tide_findings *findings = talloc_zero(ctx, struct tide_findings);
	struct tide_err err = { 0 };
	struct tide_plan *plan;

	(void)state;
	assert_true(tide_plan_parse(
	    ctx, "plan.toml", toml, strlen(toml), tide_phase_kinds(), tide_phase_count, &plan, &err));
	tide_phase_lint(plan, NULL, findings);
	assert_int_equal(findings->count, 0);
	talloc_free(ctx);
}

static void
the_sweep_knows_what_it_meets(void **state)
{
	void *ctx = talloc_new(NULL);
	const char *catalog = MAY(TOUCH "," AUDIT "," ALWAYS "," KEY_A);
	const struct tide_sweep_spec *fire, *skip;

	(void)state;
	fire = compile(ctx, DUAL(FIRE), catalog).steps[1]->item[0].forward.sweep;
	assert_null(fire->replication_role);
	assert_int_equal(fire->other_count, 3);
	assert_true(fire->other[0].fires && fire->other[1].fires && fire->other[2].fires);
	assert_string_equal(fire->other[1].name, "audit");
	assert_string_equal(fire->other[1].table, "public.t_1");
	assert_string_equal(fire->other[1].condition, "(new.b > 1)");
	assert_string_equal(fire->other[1].function, "public.note");
	catalog = MAY(TOUCH "," AUDIT "," ALWAYS);
	skip = compile(ctx, DUAL(SKIP), catalog).steps[1]->item[0].forward.sweep;
	assert_string_equal(skip->replication_role, "replica");
	assert_false(skip->other[0].fires || skip->other[1].fires);
	assert_true(skip->other[2].fires);
	talloc_free(ctx);
}

/* The last undo of a lossy switch that is compiled by itself, against a table that reacts so. */
static const struct tide_sweep_spec *
filled_again(void *ctx, const char *reactions)
{
	const char *text =
	    "name = 'p'\ntable = 'public.t'\n"
	    "[[phase]]\nkind = 'dual_write'\nfrom = 'a'\nto = 'b'\nup = 'a + 1'\ndown = 'b - 1'\n"
	    "[[phase]]\nkind = 'backfill'\n" SKIP "[[phase]]\nkind = 'verify'\n"
	    "[[phase]]\nkind = 'switch'\ngate = 'manual'\n";
	struct tide_catalog *cat = catalog_fixture_text(
	    ctx, talloc_asprintf(ctx, "%s%s%s",
		     "{'server_version':150018,'may_skip_triggers':true,'table':{'schema':'public','name':'t'"
		     ",'columns':[" COLUMN("a") "," COLUMN("b") "],'constraints':[],'reactions':[",
		     reactions,
		     "]},'facts':[{'source':'CAST((\\na + 1\\n) AS integer)','canonical':'(tidemark_row.a + "
		     "1)','volatility':'i'},{'source':'CAST((\\nb - 1\\n) AS "
		     "integer)','canonical':'(tidemark_row.b - 1)','volatility':'i'}]}"));
	struct tide_err err = { 0 };
	struct tide_steps *steps;
	struct tide_plan *plan;
	const struct tide_step *step;

	if (!tide_plan_parse(
		ctx, "plan.toml", text, strlen(text), tide_phase_kinds(), tide_phase_count, &plan, &err) ||
	    !tide_phase_compile(ctx, plan, 3, cat, &steps, &err))
		fail_msg("%s: %s", err.where, err.message);
	step = &steps->item[steps->count - 1];
	assert_true((step->undo[step->undo_count - 1].flags & TIDE_RESYNC) != 0);
	return step->undo[step->undo_count - 1].sweep;
}

/* Unless a key has come since that must be checked: then all of them fire. */
static void
the_way_back_of_a_switch_skips_what_the_backfill_skipped(void **state)
{
	void *ctx = talloc_new(NULL);
	const struct tide_sweep_spec *before = filled_again(ctx, TOUCH "," KEY_A),
				     *since = filled_again(ctx, TOUCH "," KEY_B);

	(void)state;
	assert_string_equal(before->replication_role, "replica");
	assert_int_equal(before->other_count, 1);
	assert_false(before->other[0].fires);
	assert_null(since->replication_role);
	assert_int_equal(since->other_count, 1);
	assert_true(since->other[0].fires);
	talloc_free(ctx);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_would_fire_must_be_spoken_of),
		cmocka_unit_test(skipping_needs_the_right_to_it),
		cmocka_unit_test(a_check_that_matters_is_not_skipped),
		cmocka_unit_test(what_fires_although_others_are_skipped_is_mentioned),
		cmocka_unit_test(a_rule_on_updates_is_refused_where_it_would_apply),
		cmocka_unit_test(a_message_ends_however_many_there_are),
		cmocka_unit_test(nothing_is_said_without_a_database),
		cmocka_unit_test(the_sweep_knows_what_it_meets),
		cmocka_unit_test(the_way_back_of_a_switch_skips_what_the_backfill_skipped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
