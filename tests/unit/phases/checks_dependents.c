/* What depends on a column or an index and does not follow it: before the switch, the exchange of names and the drop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <talloc.h>

#include "../../harness/phase_findings.h"

static void
what_the_old_column_demands_is_listed_before_the_switch(void **state)
{
#define K(name, type, definition, columns)                                                                   \
	",{'name':'" name "','type':'" type "','definition':'" definition "','columns':[" columns            \
	"],'validated':true}"
	static const struct expected rows[] = {
		{ "switch-constraint", TIDE_ERROR, WHOLE,
		    TABLE(COLUMN_A, K("a_positive", "c", "CHECK ((a > 0))", "'a'"), ""),
		    "check constraint \"a_positive\"" },
		{ "switch-constraint", TIDE_ERROR, WHOLE,
		    TABLE(COLUMN_A, K("a_fk", "f", "FOREIGN KEY (a) REFERENCES u(id)", "'a'"), ""),
		    "foreign key \"a_fk\"" },
		{ "switch-constraint", TIDE_ERROR, DUAL FILL VERIFY SWITCH,
		    TABLE(COLUMN_A ",{'name':'b','type':'integer','identical':true}",
			K("a_positive", "c", "CHECK ((a > 0))", "'a'")
			    K("b_positive", "c", "CHECK ((b > 1))", "'b'"),
			""),
		    "a_positive" },
		{ "switch-unique", TIDE_ERROR, WHOLE,
		    TABLE(COLUMN_A, "",
			",'indexes':[{'name':'a_once','definition':'CREATE UNIQUE INDEX "
			"a_once','unique':true,'columns':['a']}]"),
		    "a_once" },
		{ "switch-sequence", TIDE_ERROR, WHOLE,
		    TABLE("{'name':'a','type':'integer','identical':true,'identity':'d'}", "", ""), NULL },
		{ "switch-default", TIDE_ERROR, DUAL FILL VERIFY SWITCH,
		    TABLE(COLUMN_A
			",{'name':'b','type':'integer','identical':true,'default_expr':'pg_backend_pid()'}",
			"", ""),
		    NULL },
		{ "switch-grant", TIDE_ERROR, DUAL FILL VERIFY SWITCH,
		    TABLE("{'name':'a','type':'integer','identical':true,'acl':'{x=r/y}'},{'name':'b','type':"
			  "'integer','identical':true}",
			"", ""),
		    "\"a\" has privileges of its own that \"b\" lacks" },
		{ "switch-collation", TIDE_ERROR, DUAL FILL VERIFY SWITCH,
		    TABLE("{'name':'a','type':'text','collation':'public.ci'},{'name':'b','type':'text'}", "",
			""),
		    "collation public.ci" },
		{ "switch-property", TIDE_WARNING, DUAL FILL VERIFY SWITCH,
		    TABLE(
			"{'name':'a','type':'integer','identical':true,'statistics':'77'},{'name':'b','type':"
			"'integer','identical':true}",
			"", ""),
		    "statistics target 77" },
		{ "switch-grant", TIDE_ERROR, DUAL FILL VERIFY SWITCH,
		    TABLE("{'name':'a','type':'integer','identical':true,'acl':'{x=r/y}'},{'name':'b','type':"
			  "'integer','identical':true,'acl':'{x=w/y}'}",
			"", ""),
		    NULL },
		{ "switch-not-null", TIDE_ERROR, ADD RULES FILL VERIFY SWITCH,
		    TABLE("{'name':'a','type':'integer','identical':true,'not_null':true}", "", ""),
		    "a NULL that the new release writes would be rejected" },
		{ "switch-not-null", TIDE_WARNING, RULES FILL VERIFY SWITCH,
		    TABLE("{'name':'a','type':'integer','identical':true,'not_null':true},"
			  "{'name':'b','type':'integer','identical':true,'not_null':true}",
			"", ""),
		    "for which \"down\" returns NULL" },
		{ "swap-index", TIDE_ERROR, WHOLE "swap_names = true\n",
		    TABLE(COLUMN_A, "",
			",'indexes':[{'name':'a_idx','definition':'CREATE INDEX a_idx','columns':['a']}]"),
		    "a_idx" },
		{ "swap-dependent", TIDE_ERROR, WHOLE "swap_names = true\n",
		    TABLE(COLUMN_A, "",
			",'dependents':[{'column':'a','kind':'view','identity':'view "
			"public.v','blocks_drop':true}]"),
		    "view public.v" },
		{ "swap-published", TIDE_ERROR, WHOLE "swap_names = true\n",
		    TABLE(COLUMN_A, "", ",'published':true"), NULL },
	};

	(void)state;
	CHECK_ALL(rows);
}

static void
what_hangs_on_a_column_is_listed_before_it_is_dropped(void **state)
{
	static const char drop[] = "[[phase]]\nkind = 'drop_column'\ncolumn = 'a'\nhold = '1d'\n";
	const struct expected rows[] = {
		{ "drop-column-dependent", TIDE_ERROR, drop,
		    TABLE(COLUMN_A, "",
			",'indexes':[{'name':'a_idx','definition':'CREATE INDEX "
			"a_idx','columns':['id','a']}]"),
		    "index \"a_idx\"" },
		{ "drop-column-dependent", TIDE_ERROR, drop,
		    TABLE(COLUMN_A, "",
			",'dependents':[{'column':'a','kind':'view','identity':'view public.\\\"My "
			"View\\\"','blocks_drop':true}]"),
		    "refuse" },
		{ "drop-column-dependent", TIDE_ERROR, drop,
		    TABLE(COLUMN_A, "",
			",'dependents':[{'column':'a','kind':'function','identity':'function public.f'}]"),
		    "would fail" },
		{ "drop-column-dependent", TIDE_ERROR, drop,
		    TABLE(COLUMN_A, K("fk", "f", "FOREIGN KEY (a) REFERENCES u(id)", "'a'"), ""),
		    "foreign key \"fk\"" },
		{ "drop-column-primary-key", TIDE_ERROR, "[[phase]]\nkind = 'drop_column'\ncolumn = 'id'\n",
		    PLAIN, NULL },
		{ "drop-column-replica-identity", TIDE_ERROR, drop,
		    TABLE(COLUMN_A, "",
			",'indexes':[{'name':'ri','definition':'CREATE UNIQUE INDEX "
			"ri','unique':true,'replica_identity':true,'columns':['a']}]"),
		    "ri" },
	};

	(void)state;
	CHECK_ALL(rows);
}

static void
an_index_that_could_not_come_back_is_not_dropped(void **state)
{
	static const char drop[] = "[[phase]]\nkind = 'drop_index'\nname = 'a_idx'\n";
#define INDEX(more)                                                                                          \
	TABLE(COLUMN_A, "",                                                                                  \
	    ",'indexes':[{'name':'a_idx','definition':'CREATE INDEX a_idx ON public.t USING btree "          \
	    "(a)','columns':['a']" more "}]")
	const struct expected rows[] = {
		{ "drop-index-missing", TIDE_ERROR, "[[phase]]\nkind = 'drop_index'\nname = 'a_idy'\n",
		    INDEX(""), "a_idy" },
		{ "drop-index-bound", TIDE_ERROR, drop, INDEX(",'constraint':'a_key','unique':true"),
		    "a_key" },
		{ "drop-index-bound", TIDE_ERROR, drop, INDEX(",'replica_identity':true"),
		    "replica identity" },
		{ "drop-index-bound", TIDE_ERROR, drop, INDEX(",'clustered':true"), "CLUSTER" },
		{ "drop-index-bound", TIDE_ERROR, drop, INDEX(",'has_statistics':true"), "statistics" },
		{ "drop-index-unique", TIDE_WARNING, drop, INDEX(",'unique':true"), NULL },
		{ "create-index-exists", TIDE_ERROR,
		    "[[phase]]\nkind = 'create_index'\nname = 'a_idx'\ncolumns = ['a']\n", INDEX(""),
		    "a_idx" },
		{ "create-index-partitioned", TIDE_ERROR,
		    "[[phase]]\nkind = 'create_index'\nname = 'i'\ncolumns = ['a']\n",
		    TABLE(COLUMN_A, "", ",'relkind':'p'"), NULL },
		{ "create-index-server", TIDE_ERROR,
		    "[[phase]]\nkind = 'create_index'\nname = 'i'\ncolumns = ['a']\n",
		    "{'server_version':140003,'table':{'schema':'public','name':'t','columns':[" COLUMN_A
		    "]}}",
		    "14.3" },
	};

	(void)state;
	CHECK_ALL(rows);
}

static void
what_does_not_follow_a_name_is_listed_before_the_exchange(void **state)
{
	static const struct expected rows[] = {
		{ "swap-grant", TIDE_ERROR, DUAL FILL VERIFY SWITCH "swap_names = true\n",
		    TABLE("{'name':'a','type':'integer','identical':true,'acl':'{x=r/y}'},{'name':'b','type':"
			  "'integer','identical':true}",
			"", ""),
		    NULL },
		{ "swap-comment", TIDE_ERROR, DUAL FILL VERIFY SWITCH "swap_names = true\n",
		    TABLE("{'name':'a','type':'integer','identical':true,'comment':'old'},{'name':'b','type':"
			  "'integer','identical':true}",
			"", ""),
		    NULL },
	};

	(void)state;
	CHECK_ALL(rows);
}

static void
what_is_accepted_by_name_is_not_refused(void **state)
{
	(void)state;
	assert_clean(WHOLE "accept = 'a_positive'\n",
	    TABLE(COLUMN_A, K("a_positive", "c", "CHECK ((a > 0))", "'a'"), ""));
	assert_clean(DUAL FILL VERIFY SWITCH "accept = 'a'\n",
	    TABLE(
		"{'name':'a','type':'integer','identical':true,'acl':'{x=r/y}'},{'name':'b','type':'integer',"
		"'identical':true}",
		"", ""));
	assert_clean(WHOLE "swap_names = true\naccept = ['v', 'a_idx', 'a']\n",
	    TABLE("{'name':'a','type':'integer','identical':true,'comment':'c','acl':'{x=r/y}'}", "",
		",'indexes':[{'name':'a_idx','definition':'CREATE INDEX "
		"a_idx','columns':['a']}],'dependents':[{'column':'a','kind':'view',"
		"'identity':'view public.v','blocks_drop':true}]"));
	assert_clean("[[phase]]\nkind = 'drop_column'\ncolumn = 'a'\naccept = ['\"My View\"', 'a_idx']\n",
	    TABLE(COLUMN_A, "",
		",'indexes':[{'name':'a_idx','definition':'CREATE INDEX "
		"a_idx','columns':['a']}],'dependents':[{'column':'a','kind':'view',"
		"'identity':'view public.\\\"My View\\\"','blocks_drop':true}]"));
}

static void
the_same_privileges_on_the_new_column_satisfy_the_switch(void **state)
{
	(void)state;
	assert_clean(DUAL FILL VERIFY SWITCH,
	    TABLE(
		"{'name':'a','type':'integer','identical':true,'acl':'{x=r/y}'},{'name':'b','type':'integer',"
		"'identical':true,'acl':'{x=r/y}'}",
		"", ""));
}

static void
an_old_column_that_may_not_be_null_is_no_news_when_the_plan_sets_the_new_one_not_null(void **state)
{
	void *ctx = talloc_new(NULL);
	struct tide_findings *findings = talloc_zero(ctx, struct tide_findings);

	(void)state;
	tide_phase_lint(plan_of(ctx, HEAD ADD DUAL FILL
			    "[[phase]]\nkind = 'set_not_null'\ncolumn = 'b'\n" VERIFY SWITCH DROP),
	    catalog_fixture_text(
		ctx, TABLE("{'name':'a','type':'integer','identical':true,'not_null':true}", "", "")),
	    findings);
	assert_null(find(findings, "switch-not-null"));
	assert_null(find(findings, "dual-write-without-drop"));
	talloc_free(ctx);
}

static void
an_index_that_an_earlier_phase_drops_is_no_dependent_of_the_column(void **state)
{
	(void)state;
	assert_clean(
	    "[[phase]]\nkind = 'drop_index'\nname = 'a_idx'\n[[phase]]\nkind = 'drop_column'\ncolumn = 'a'\n",
	    TABLE(COLUMN_A, "",
		",'indexes':[{'name':'a_idx','definition':'CREATE INDEX a_idx ON public.t "
		"(a)','columns':['a']}]"));
}

static void
the_same_constraint_on_the_new_column_satisfies_the_switch(void **state)
{
	(void)state;
	assert_clean(DUAL FILL VERIFY SWITCH,
	    TABLE(COLUMN_A ",{'name':'b','type':'integer','identical':true}",
		K("a_positive", "c", "CHECK ((a > 0))", "'a'") K("b_positive", "c", "CHECK ((b > 0))", "'b'")
		    K("a_fk", "f", "FOREIGN KEY (a) REFERENCES u(id)", "'a'")
			K("b_fk", "f", "FOREIGN KEY (b) REFERENCES u(id)", "'b'"),
		""));
}

/* Unique indexes on two old columns and on the one new column are about different things: none is the other's twin. */
static void
where_two_columns_become_one_neither_has_a_successor_of_its_own(void **state)
{
#define TOGETHER                                                                                             \
	"[[phase]]\nkind = 'dual_write'\nfrom = ['a', 'c']\nto = 'b'\nup = 'a + c'\n"                        \
	"down = { a = 'b', c = '0' }\n" FILL VERIFY SWITCH
#define UNIQUE(name, column)                                                                                 \
	"{'name':'" name "','definition':'CREATE UNIQUE INDEX " name " ON public.t USING btree (" column     \
	")','unique':true,'columns':['" column "']}"
	static const char catalog[] = TABLE(COLUMN_A
	    ",{'name':'b','type':'integer','identical':true},{'name':'c','type':'integer',"
	    "'identical':true}",
	    "", ",'indexes':[" UNIQUE("a_once", "a") "," UNIQUE("b_once", "b") "," UNIQUE("c_once", "c") "]");
	static const struct expected rows[] = {
		{ "switch-unique", TIDE_ERROR, TOGETHER, catalog, "a_once" },
		{ "drop-column-dependent", TIDE_ERROR, TOGETHER "accept = ['a_once', 'c_once']\n" DROP,
		    catalog, "a_once" },
	};
	void *ctx = talloc_new(NULL);
	struct tide_findings *findings = talloc_zero(ctx, struct tide_findings);

	(void)state;
	CHECK_ALL(rows);
	tide_phase_lint(plan_of(ctx, HEAD TOGETHER), catalog_fixture_text(ctx, catalog), findings);
	assert_null(find(findings, "switch-on-conflict"));
	talloc_free(ctx);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_old_column_demands_is_listed_before_the_switch),
		cmocka_unit_test(what_hangs_on_a_column_is_listed_before_it_is_dropped),
		cmocka_unit_test(an_index_that_could_not_come_back_is_not_dropped),
		cmocka_unit_test(what_does_not_follow_a_name_is_listed_before_the_exchange),
		cmocka_unit_test(what_is_accepted_by_name_is_not_refused),
		cmocka_unit_test(the_same_privileges_on_the_new_column_satisfy_the_switch),
		cmocka_unit_test(
		    an_old_column_that_may_not_be_null_is_no_news_when_the_plan_sets_the_new_one_not_null),
		cmocka_unit_test(an_index_that_an_earlier_phase_drops_is_no_dependent_of_the_column),
		cmocka_unit_test(the_same_constraint_on_the_new_column_satisfies_the_switch),
		cmocka_unit_test(where_two_columns_become_one_neither_has_a_successor_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
