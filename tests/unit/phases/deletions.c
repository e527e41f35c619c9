/* What a purge meets: triggers, rules, foreign keys, publications, the index it follows, and what the planner expects. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <talloc.h>

#include "../../harness/catalog_fixture.h"
#include "tidemark/phases/phase.h"

#define FACT(more)                                                                                             \
	"'facts':[{'source':'a < 5','canonical':'(tidemark_row.a < 5)','volatility':'i','type':'boolean'" more \
	"}]"
#define TABLE(members)                                                                                       \
	"'table':{'schema':'public','name':'t','bytes':100000,'columns':[{'name':'id','type':'integer'},"    \
	"{'name':'a','type':'integer'}]" members "}"
#define CATALOG(members) "{'server_version':150018,'may_skip_triggers':true," TABLE(members) "," FACT("") "}"
#define ROW(name_, kind_, more)                                                                              \
	"{'name':'" name_ "','kind':'" kind_                                                                 \
	"','timing':'BEFORE DELETE FOR EACH ROW','does':'public.f'" more "}"
#define KEY(action, more)                                                                                       \
	",'constraints':[{'name':'k','type':'f','columns':['id'],'referencing':'public.o','on_delete':'" action \
	"'" more "}]"
#define PURGE(more) "[[phase]]\nkind = 'purge'\nwhere = 'a < 5'\n" more

struct compiled {
	struct tide_findings *findings;
	struct tide_steps *steps;
	bool ok;
};

static struct compiled
compile(void *ctx, const char *text, const char *catalog)
{
	char *toml = talloc_asprintf(ctx, "name = 'p'\ntable = 'public.t'\n%s", text);
	struct tide_err err = { 0 };
	struct tide_plan *plan;
	struct compiled out = { .findings = talloc_zero(ctx, struct tide_findings) };

	if (!tide_plan_parse(
		ctx, "plan.toml", toml, strlen(toml), tide_phase_kinds(), tide_phase_count, &plan, &err))
		fail_msg("%s: %s", err.where, err.message);
	out.ok = tide_phase_compile_all(
	    ctx, plan, catalog_fixture_text(ctx, catalog), &out.steps, out.findings, &err);
	return out;
}

/* What is said of the plan, but for what is said of every purge; NULL: nothing. */
struct expected {
	const char *rule, *plan, *catalog, *words;
	enum tide_severity severity;
};

static void
check_row(const struct expected *row)
{
	void *ctx = talloc_new(NULL);
	struct compiled c = compile(ctx, row->plan, row->catalog);
	const struct tide_finding *found = NULL;

	for (size_t i = 0; i < c.findings->count; i++) {
		const struct tide_finding *f = &c.findings->item[i];

		if (strcmp(f->rule, "purge-loses") == 0)
			continue;
		if (row->rule == NULL)
			fail_msg("%s is said of:\n%s%s: %s", f->rule, row->plan, row->catalog, f->message);
		if (strcmp(f->rule, row->rule) == 0)
			found = f;
	}
	if (row->rule != NULL && found == NULL)
		fail_msg("%s is not said of:\n%s%s", row->rule, row->plan, row->catalog);
	if (found != NULL) {
		assert_int_equal(found->severity, row->severity);
		if (row->words != NULL && strstr(found->message, row->words) == NULL)
			fail_msg("%s says: %s", found->rule, found->message);
	}
	talloc_free(ctx);
}

#define CHECK_ALL(rows)                                                                                      \
	for (size_t row_at = 0; row_at < sizeof(rows) / sizeof((rows)[0]); row_at++)                         \
	check_row(&(rows)[row_at])

static void
triggers_and_rules_that_a_deletion_meets(void **state)
{
	static const struct expected rows[] = {
		{ NULL, PURGE(""), CATALOG(""), NULL, TIDE_NOTE },
		{ "purge-other-triggers", PURGE(""), CATALOG(",'deletions':[" ROW("look", "t", "") "]"),
		    "\"look\" (BEFORE DELETE", TIDE_ERROR },
		{ NULL, PURGE(""), CATALOG(",'deletions':[" ROW("off", "t", ",'enabled':'D'") "]"), NULL,
		    TIDE_NOTE },
		/* Those of an UPDATE are of no interest. */
		{ NULL, PURGE(""), CATALOG(",'reactions':[" ROW("u", "t", "") "]"), NULL, TIDE_NOTE },
		{ "purge-kept", PURGE("other_triggers = 'fire'\n"),
		    CATALOG(",'deletions':[" ROW("keep", "t", ",'alters':true") "]"), "returns NULL stays",
		    TIDE_NOTE },
		{ NULL, PURGE("other_triggers = 'skip'\n"),
		    CATALOG(",'deletions':[" ROW("keep", "t", ",'alters':true") "]"), NULL, TIDE_NOTE },
		{ "purge-fires-anyway", PURGE("other_triggers = 'skip'\n"),
		    CATALOG(",'deletions':[" ROW("a", "t", ",'enabled':'A'") "]"), "ENABLE ALWAYS",
		    TIDE_WARNING },
		{ "purge-skip-check", PURGE("other_triggers = 'skip'\n"),
		    CATALOG(",'deletions':[" ROW("k", "k", "") "]"), "rows that refer to deleted ones",
		    TIDE_ERROR },
		{ "purge-skip-check", PURGE("other_triggers = 'skip'\n"),
		    CATALOG(",'deletions':[" ROW("c", "c", "") "]"), "constraint trigger", TIDE_ERROR },
		{ "purge-rule", PURGE(""), CATALOG(",'deletions':[" ROW("r", "r", "") "]"), "rule \"r\"",
		    TIDE_ERROR },
		{ "purge-skip-privilege", PURGE("other_triggers = 'skip'\n"),
		    "{'server_version':150018," TABLE("") "," FACT("") "}", "mover", TIDE_ERROR },
	};

	(void)state;
	CHECK_ALL(rows);
}

static void
foreign_keys_publications_and_the_index(void **state)
{
	static const struct expected rows[] = {
		{ "purge-referenced", PURGE(""), CATALOG(KEY("CASCADE", "")), "are deleted with it",
		    TIDE_WARNING },
		{ "purge-referenced", PURGE(""), CATALOG(KEY("SET NULL", "")), "are changed with it",
		    TIDE_WARNING },
		{ "purge-referenced", PURGE(""), CATALOG(KEY("NO ACTION", "")), "ends the sweep", TIDE_NOTE },
		{ "purge-referenced-index", PURGE(""), CATALOG(KEY("RESTRICT", ",'unindexed':'t_id'")),
		    "begins with (t_id)", TIDE_ERROR },
		{ "purge-replica-identity", PURGE(""), CATALOG(",'without_identity_deletes':'public.t'"),
		    "every DELETE", TIDE_ERROR },
		{ "purge-replica-identity", PURGE(""), CATALOG(",'narrow_publications_deletes':'p'"),
		    "every DELETE", TIDE_ERROR },
		{ NULL, PURGE(""), CATALOG(",'without_identity':'public.t'"), NULL, TIDE_NOTE },
		{ "purge-by-index", PURGE("by = 'a'\n"), CATALOG(""), "no index begins with \"a\"",
		    TIDE_ERROR },
		{ "purge-by-index", PURGE("by = 'a'\n"),
		    CATALOG(",'indexes':[{'name':'i','columns':['a','id'],'leads':'id'}]"), NULL,
		    TIDE_ERROR },
		{ "purge-by-index", PURGE("by = 'a'\n"),
		    CATALOG(",'indexes':[{'name':'i','columns':['a'],'leads':'a','valid':false}]"), NULL,
		    TIDE_ERROR },
		{ "purge-by-index", PURGE("by = 'a'\n"),
		    CATALOG(",'indexes':[{'name':'i','columns':['a'],'leads':'a','table':'public.t_1'}]"),
		    NULL, TIDE_ERROR },
		{ NULL, PURGE("by = 'a'\n"), CATALOG(",'indexes':[{'name':'i','columns':['a'],'leads':'a'}]"),
		    NULL, TIDE_NOTE },
		{ "purge-by-unused", PURGE("by = 'id'\n"),
		    CATALOG(",'indexes':[{'name':'i','columns':['id'],'leads':'id'}]"),
		    "does not read \"id\"", TIDE_WARNING },
		{ "sweep-order-encoding", PURGE("by = 's'\n"),
		    "{'server_version':150018,'encoding_gaps':'WIN1252','table':{'schema':'public','name':'t','columns':[{'name':'a',"
		    "'type':'integer'},{'name':'s','type':'text','collated':'x'}],'indexes':[{'name':'i','columns':['s'],'leads':'s'}]}," FACT(
			"") "}",
		    "WIN1252", TIDE_WARNING },
		{ "purge-every-row", "[[phase]]\nkind = 'purge'\nwhere = 'true'\n", CATALOG(""), NULL,
		    TIDE_WARNING },
		{ "table-inheritance", PURGE(""), CATALOG(",'has_children':true"), NULL, TIDE_ERROR },
		{ "purge-condition", PURGE(""),
		    "{'server_version':150018," TABLE(
			"") ",'facts':[{'source':'a < 5','canonical':'x','volatility':'v','type':'boolean'}]}",
		    "volatile", TIDE_ERROR },
		{ "purge-condition", PURGE(""),
		    "{'server_version':150018," TABLE(
			"") ",'facts':[{'source':'a < 5','canonical':'x','volatility':'i','type':'integer'}]}",
		    "not integer", TIDE_ERROR },
	};

	(void)state;
	CHECK_ALL(rows);
}

/* The planner's share of the rows; a table that was never analyzed has an unknown number of them, whatever the planner says. */
static void
the_estimate_is_the_planners_and_not_none(void **state)
{
	static const struct {
		const char *rows, *share, *plan;
		int64_t estimate, looked_at;
	} rows[] = {
		{ "1000", ",'share':0.1", PURGE(""), 100, 1000 },
		{ "1000", ",'share':0.1", PURGE("by = 'a'\n"), 100, 0 },
		{ "1000", ",'share':0.1", PURGE("limit = 10\n"), 10, 100 },
		{ "1000", ",'share':0.1", PURGE("limit = 500\n"), 100, 1000 },
		{ "1000", "", PURGE(""), 1000, 0 },
		{ "0", ",'share':1", PURGE(""), 0, 0 },
		{ "-1", ",'share':0.3", PURGE(""), -1, 0 },
		{ "-1", "", PURGE("limit = 5\n"), -1, 0 },
		{ "1000", ",'share':0.1",
		    "[[phase]]\nkind = 'backfill'\nset = { id = 'id' }\nwhere = 'a < 5'\n", 100, 1000 },
		{ "-1", "", "[[phase]]\nkind = 'verify'\ncondition = 'a < 5'\n", -1, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		void *ctx = talloc_new(NULL);
		char *catalog = talloc_asprintf(ctx,
		    "{'server_version':150018," TABLE(
			",'indexes':[{'name':'i','columns':['a'],'leads':'a'}],'rows':%s") "," FACT("%s") "}",
		    rows[i].rows, rows[i].share);
		struct compiled c = compile(ctx, rows[i].plan, catalog);

		assert_true(c.ok);
		if (c.steps->item[0].forward.rows != rows[i].estimate ||
		    c.steps->item[0].forward.looked_at != rows[i].looked_at)
			fail_msg("%s of %s rows%s: %lld, looks at %lld", rows[i].plan, rows[i].rows,
			    rows[i].share, (long long)c.steps->item[0].forward.rows,
			    (long long)c.steps->item[0].forward.looked_at);
		talloc_free(ctx);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(triggers_and_rules_that_a_deletion_meets),
		cmocka_unit_test(foreign_keys_publications_and_the_index),
		cmocka_unit_test(the_estimate_is_the_planners_and_not_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
