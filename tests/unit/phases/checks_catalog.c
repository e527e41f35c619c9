/* What the kinds refuse and what they only mention about the columns and the table of a catalog and the server's view of an expression. */
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
columns_and_the_table_are_checked_against_the_catalog(void **state)
{
	static const struct expected rows[] = {
		{ "add-column-exists", TIDE_ERROR, ADD,
		    TABLE(COLUMN_A ",{'name':'b','type':'integer'}", "", ""), "\"b\"" },
		{ "add-column-limit", TIDE_ERROR, ADD, TABLE(COLUMN_A, "", ",'max_attnum':1600"), NULL },
		{ "add-column-limit", TIDE_WARNING, ADD, TABLE(COLUMN_A, "", ",'max_attnum':1300"), NULL },
		{ "column-missing", TIDE_ERROR, DUAL, PLAIN, "no column \"b\"" },
		{ "column-missing", TIDE_ERROR, "[[phase]]\nkind = 'set_not_null'\ncolumn = 'aa'\n", PLAIN,
		    "\"aa\"" },
		{ "dual-write-relation", TIDE_ERROR, ADD DUAL, TABLE(COLUMN_A, "", ",'relkind':'v'"), NULL },
		{ "dual-write-inheritance", TIDE_ERROR, ADD DUAL, TABLE(COLUMN_A, "", ",'has_children':true"),
		    NULL },
		{ "dual-write-partition", TIDE_WARNING, ADD DUAL,
		    TABLE(COLUMN_A, "", ",'is_child_partition':true"), NULL },
		{ "dual-write-trigger-order", TIDE_ERROR, ADD DUAL,
		    TABLE(COLUMN_A, "",
			",'triggers':[{'name':'\xc3\xa9last','enabled':'O','before':true,'row':true,'on_"
			"update':true}]"),
		    "\xc3\xa9last" },
		{ "dual-write-generated", TIDE_ERROR, DUAL,
		    TABLE(COLUMN_A ",{'name':'b','type':'integer','generated':'s'}", "", ""), NULL },
		{ "dual-write-identity", TIDE_ERROR, DUAL,
		    TABLE(COLUMN_A ",{'name':'b','type':'integer','identity':'a'}", "", ""), NULL },
		{ "dual-write-primary-key", TIDE_ERROR,
		    "[[phase]]\nkind = 'dual_write'\nfrom = 'a'\nto = 'id'\n", PLAIN, NULL },
		{ "dual-write-partition-key", TIDE_ERROR,
		    ADD "[[phase]]\nkind = 'dual_write'\nfrom = 'b'\nto = 'a'\n",
		    TABLE(COLUMN_A, "",
			",'relkind':'p','dependents':[{'column':'a','kind':'partition "
			"key','identity':'partition key','blocks_drop':true}]"),
		    NULL },
		{ "dual-write-indexed", TIDE_WARNING, DUAL,
		    TABLE(COLUMN_A ",{'name':'b','type':'integer','identical':true}", "",
			",'indexes':[{'name':'i','definition':'CREATE INDEX i','columns':['b']}]"),
		    NULL },
		{ "dual-write-reads", TIDE_ERROR, ADD DUAL "up = 'a + c'\ndown = 'b'\n",
		    TABLE(COLUMN_A ",{'name':'c','type':'integer'}", "", ""), "reads \"c\"" },
		{ "dual-write-reads-generated", TIDE_ERROR,
		    ADD "[[phase]]\nkind = 'dual_write'\nfrom = 'c'\nto = 'b'\nup = 'c + 1'\ndown = 'b'\n",
		    TABLE(COLUMN_A ",{'name':'c','type':'integer','generated':'s'}", "", ""), NULL },
		{ "dual-write-null", TIDE_ERROR, DUAL,
		    TABLE(COLUMN_A ",{'name':'b','type':'integer','identical':true,'not_null':true,'default_"
				   "expr':'0','default_constant':true}",
			"", ""),
		    NULL },
		{ "set-not-null-already", TIDE_NOTE, "[[phase]]\nkind = 'set_not_null'\ncolumn = 'id'\n",
		    PLAIN, NULL },
		{ "drop-not-null-primary-key", TIDE_ERROR,
		    "[[phase]]\nkind = 'drop_not_null'\ncolumn = 'id'\n", PLAIN, NULL },
		{ "backfill-order-heap", TIDE_ERROR, FILL "set = { a = '1' }\norder = 'heap'\n",
		    TABLE(COLUMN_A, "", ",'not_heap':'public.t'"), "public.t is not stored" },
		{ "backfill-order-keyset", TIDE_ERROR, FILL "set = { a = '1' }\norder = 'keyset'\n",
		    TABLE(COLUMN_A, "", ",'keyless':'public.t'"), "no suitable unique index" },
		{ "sweep-no-order", TIDE_ERROR, FILL "set = { a = '1' }\n",
		    TABLE(COLUMN_A, "", ",'orderless':'public.t_1'"), "public.t_1" },
		{ "sweep-no-order", TIDE_ERROR, VERIFY "condition = 'a > 1'\n",
		    TABLE(COLUMN_A, "", ",'orderless':'public.t'"), NULL },
		{ "sweep-no-order", TIDE_ERROR, "[[phase]]\nkind = 'set_not_null'\ncolumn = 'a'\n",
		    TABLE(COLUMN_A, "", ",'orderless':'public.t'"), NULL },
		{ "backfill-primary-key", TIDE_ERROR, FILL "set = { id = '1' }\n", PLAIN, NULL },
		{ "backfill-vacuum", TIDE_ERROR, FILL "set = { a = '1' }\nvacuum = true\n",
		    "{'may_not_vacuum':true,'server_version':150018,'table':{'schema':'public','name':'t',"
		    "'columns':[" COLUMNS "," COLUMN_A "],'constraints':[" KEY "]}}",
		    "skip it" },
		{ "backfill-unique", TIDE_WARNING, FILL "set = { a = '1' }\n",
		    TABLE(COLUMN_A, "",
			",'indexes':[{'name':'i','definition':'CREATE UNIQUE INDEX "
			"i','unique':true,'columns':['a']}]"),
		    NULL },
	};

	(void)state;
	CHECK_ALL(rows);
}

static void
what_the_server_says_of_an_expression_counts(void **state)
{
#define FACTS(facts)                                                                                         \
	"{'server_version':150018,'table':{'schema':'public','name':'t','columns':[" COLUMNS "," COLUMN_A    \
	"],'constraints':[" KEY "]},'facts':[" facts "]}"
	static const struct expected rows[] = {
		{ "add-column-volatile-default", TIDE_ERROR, ADD "default = 'random()'\n",
		    FACTS("{'source':'CAST((\\nrandom()\\n) AS "
			  "integer)','canonical':'(random())::integer','volatility':'v','type':'integer'}"),
		    NULL },
		{ "add-column-stable-default", TIDE_WARNING, ADD "default = 'pg_backend_pid()'\n",
		    FACTS("{'source':'CAST((\\npg_backend_pid()\\n) AS "
			  "integer)','canonical':'pg_backend_pid()','volatility':'s','type':'integer'}"),
		    NULL },
		{ "add-column-type", TIDE_ERROR,
		    "[[phase]]\nkind = 'add_column'\ncolumn = 'b'\ntype = 'intger'\n",
		    FACTS(
			"{'source':'CAST(NULL AS intger)','error':'type does not exist','sqlstate':'42704'}"),
		    "type does not exist" },
		{ "dual-write-volatile", TIDE_ERROR,
		    ADD DUAL "up = 'a::text::date - current_date'\ndown = 'b'\n",
		    FACTS("{'source':'a::text::date - current_date','canonical':'tidemark_row.a - "
			  "CURRENT_DATE','volatility':'s','type':'integer'}"),
		    "not immutable" },
		{ "expression-refused", TIDE_ERROR, ADD DUAL "up = 'nosuch(a)'\ndown = 'b'\n",
		    FACTS("{'source':'nosuch(a)','error':'function nosuch(integer) does not "
			  "exist','sqlstate':'42883'}"),
		    "does not exist" },
		{ "expression-refused", TIDE_ERROR, VERIFY "condition = 'zz = 1'\n",
		    FACTS("{'source':'zz = 1','error':'column zz does not exist','sqlstate':'42703'}"),
		    "zz does not exist" },
		{ "create-index-volatile", TIDE_ERROR,
		    "[[phase]]\nkind = 'create_index'\nname = 'i'\nexpressions = ['random()']\n",
		    FACTS("{'source':'random()','canonical':'random()','volatility':'v','type':'double "
			  "precision'}"),
		    NULL },
	};

	(void)state;
	CHECK_ALL(rows);
}

static void
a_cast_that_follows_the_session_is_refused(void **state)
{
	static const struct expected rows[] = {
		{ "dual-write-volatile", TIDE_ERROR,
		    "[[phase]]\nkind = 'add_column'\ncolumn = 'b'\ntype = 'timestamptz'\n" DUAL,
		    TABLE("{'name':'a','type':'timestamp without time zone','identical':true}", "", ""),
		    "TimeZone" },
		{ "dual-write-volatile", TIDE_ERROR,
		    "[[phase]]\nkind = 'add_column'\ncolumn = 'b'\ntype = 'date'\n" DUAL,
		    TABLE("{'name':'a','type':'text','identical':true}", "", ""), NULL },
	};

	(void)state;
	CHECK_ALL(rows);
}

static void
linting_does_not_change_the_catalog(void **state)
{
	void *ctx = talloc_new(NULL);
	struct tide_plan *plan = plan_of(ctx, HEAD WHOLE DROP);
	struct tide_catalog *cat = catalog_fixture_text(ctx, PLAIN);

	(void)state;
	tide_phase_lint(plan, cat, talloc_zero(ctx, struct tide_findings));
	assert_int_equal(cat->table.column_count, 2);
	assert_int_equal(cat->table.trigger_count, 0);
	assert_non_null(tide_catalog_column(cat, "a"));
	assert_null(tide_catalog_column(cat, "b"));
	talloc_free(ctx);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_and_the_table_are_checked_against_the_catalog),
		cmocka_unit_test(what_the_server_says_of_an_expression_counts),
		cmocka_unit_test(a_cast_that_follows_the_session_is_refused),
		cmocka_unit_test(linting_does_not_change_the_catalog),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
