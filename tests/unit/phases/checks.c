/* What the kinds refuse, and what they only mention; offline and against a catalog. */
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

#define HEAD "name = 'p'\ntable = 'public.t'\n"
#define ADD "[[phase]]\nkind = 'add_column'\ncolumn = 'b'\ntype = 'integer'\n"
#define DUAL "[[phase]]\nkind = 'dual_write'\nfrom = 'a'\nto = 'b'\n"
#define RULES DUAL "up = 'a + 1'\ndown = 'b - 1'\n"
#define FILL "[[phase]]\nkind = 'backfill'\n"
#define VERIFY "[[phase]]\nkind = 'verify'\n"
#define SWITCH "[[phase]]\nkind = 'switch'\ngate = 'manual'\n"
#define WHOLE ADD DUAL FILL VERIFY SWITCH
#define DROP "[[phase]]\nkind = 'drop_column'\ncolumn = 'a'\nhold = '1d'\ngate = 'manual'\n"

/* Columns id (the key) and a; what a case adds to the table or to the catalog stands in between. */
#define COLUMNS "{'name':'id','type':'integer','identical':true,'not_null':true}"
#define COLUMN_A "{'name':'a','type':'integer','identical':true}"
#define KEY "{'name':'t_pkey','type':'p','definition':'PRIMARY KEY (id)','columns':['id'],'validated':true}"
#define TABLE(columns, constraints, more)                                                                    \
	"{'server_version':150018,'table':{'schema':'public','name':'t','columns':[" COLUMNS "," columns     \
	"],'constraints':[" KEY constraints "]" more "}}"
#define PLAIN TABLE(COLUMN_A, "", "")

static struct tide_plan *
plan_of(void *ctx, const char *text)
{
	struct tide_plan *plan;
	struct tide_err err = { 0 };

	if (!tide_plan_parse(
		ctx, "plan.toml", text, strlen(text), tide_phase_kinds(), tide_phase_count, &plan, &err))
		fail_msg("%s: %s", err.where, err.message);
	return plan;
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
	const char *rule;
	enum tide_severity severity;
	const char *plan;    /* behind HEAD */
	const char *catalog; /* NULL: offline */
	const char *words;   /* that the message holds, or NULL */
};

static void
check_row(const struct expected *row)
{
	void *ctx = talloc_new(NULL);
	struct tide_plan *plan = plan_of(ctx, talloc_asprintf(ctx, HEAD "%s", row->plan));
	struct tide_findings *findings = talloc_zero(ctx, struct tide_findings);
	struct tide_catalog *cat = row->catalog == NULL ? NULL : catalog_fixture_text(ctx, row->catalog);
	const struct tide_finding *found;

	tide_phase_lint(plan, cat, findings);
	found = find(findings, row->rule);
	if (found == NULL)
		fail_msg("%s is not said about:\n%s", row->rule, row->plan);
	if (found->severity != row->severity)
		fail_msg("%s has another severity: %d", row->rule, (int)found->severity);
	if (row->words != NULL && strstr(found->message, row->words) == NULL)
		fail_msg("%s says: %s", row->rule, found->message);
	if (found->line < 3 || found->column < 1)
		fail_msg("%s has no place: %d:%d", row->rule, found->line, found->column);
	/* What cannot be compiled is an error of compiling too, with the same place. */
	if (cat != NULL && row->severity == TIDE_ERROR) {
		struct tide_steps **steps =
		    talloc_zero_array(ctx, struct tide_steps *, (unsigned)plan->count);
		struct tide_err err = { 0 };

		cat = catalog_fixture_text(ctx, row->catalog);
		assert_false(tide_phase_compile_all(ctx, plan, cat, steps, findings, &err));
		assert_true(err.message[0] != '\0');
		assert_true(strncmp(err.where, "plan.toml:", 10) == 0);
	}
	talloc_free(ctx);
}

#define CHECK_ALL(rows)                                                                                      \
	for (size_t row_at = 0; row_at < sizeof(rows) / sizeof((rows)[0]); row_at++)                         \
	check_row(&(rows)[row_at])

static void
the_order_of_phases_is_checked_without_a_database(void **state)
{
	static const struct expected rows[] = {
		{ "backfill-without-dual-write", TIDE_ERROR, FILL, NULL, NULL },
		{ "backfill-after-switch", TIDE_ERROR, WHOLE FILL, NULL, "overwrite" },
		{ "backfill-where", TIDE_ERROR, ADD DUAL FILL "where = 'a > 1'\n", NULL, NULL },
		{ "verify-without-dual-write", TIDE_ERROR, VERIFY, NULL, NULL },
		{ "verify-before-backfill", TIDE_ERROR, ADD DUAL VERIFY, NULL, NULL },
		{ "verify-after-switch", TIDE_ERROR, WHOLE VERIFY, NULL, NULL },
		{ "switch-without-dual-write", TIDE_ERROR, SWITCH, NULL, NULL },
		{ "switch-before-backfill", TIDE_ERROR, ADD DUAL SWITCH, NULL, NULL },
		{ "switch-without-verify", TIDE_ERROR, ADD DUAL FILL SWITCH, NULL, NULL },
		{ "switch-without-verify", TIDE_ERROR, ADD DUAL VERIFY FILL SWITCH, NULL, NULL },
		{ "switch-twice", TIDE_ERROR, WHOLE SWITCH, NULL, NULL },
		{ "switch-without-gate", TIDE_NOTE, ADD DUAL FILL VERIFY "[[phase]]\nkind = 'switch'\n", NULL,
		    NULL },
		{ "drop-column-in-step", TIDE_ERROR, ADD DUAL FILL VERIFY DROP, NULL, "not switched" },
		{ "drop-column-in-step", TIDE_ERROR, WHOLE "[[phase]]\nkind = 'drop_column'\ncolumn = 'b'\n",
		    NULL, "new release" },
		{ "drop-column-without-gate", TIDE_WARNING,
		    WHOLE "[[phase]]\nkind = 'drop_column'\ncolumn = 'a'\n", NULL, NULL },
		{ "drop-column-without-hold", TIDE_NOTE,
		    WHOLE "[[phase]]\nkind = 'drop_column'\ncolumn = 'a'\n", NULL, NULL },
		{ "add-column-twice", TIDE_ERROR, ADD ADD, NULL, "line 3" },
		{ "dual-write-without-backfill", TIDE_WARNING, ADD DUAL, NULL, NULL },
		{ "dual-write-without-switch", TIDE_NOTE, ADD DUAL FILL, NULL, NULL },
		{ "dual-write-without-drop", TIDE_WARNING, WHOLE, NULL, "never drops \"a\"" },
	};

	(void)state;
	CHECK_ALL(rows);
}

static void
a_phase_is_checked_without_a_database(void **state)
{
	static const struct expected rows[] = {
		{ "add-column-serial", TIDE_ERROR,
		    "[[phase]]\nkind = 'add_column'\ncolumn = 'b'\ntype = 'bigserial'\n", NULL, NULL },
		{ "add-column-not-null", TIDE_ERROR, ADD "not_null = true\n", NULL, NULL },
		{ "dual-write-count", TIDE_ERROR,
		    "[[phase]]\nkind = 'dual_write'\nfrom = ['a', 'c']\nto = 'b'\n", NULL,
		    "2 old and 1 new" },
		{ "dual-write-direction", TIDE_ERROR, DUAL "up = 'a + 1'\n", NULL, "\"down\" is not" },
		{ "dual-write-direction", TIDE_ERROR, DUAL "down = 'b - 1'\n", NULL, "\"up\" is not" },
		{ "dual-write-same", TIDE_ERROR, "[[phase]]\nkind = 'dual_write'\nfrom = 'a'\nto = 'a'\n",
		    NULL, NULL },
		{ "dual-write-rules", TIDE_ERROR, DUAL "up = { c = 'a' }\ndown = 'b'\n", NULL, "\"c\"" },
		{ "dual-write-rules", TIDE_ERROR,
		    "[[phase]]\nkind = 'dual_write'\nfrom = ['a', 'c']\nto = 'b'\nup = 'a + c'\ndown = { a = "
		    "'b' }\n",
		    NULL, "\"c\"" },
		{ "dual-write-rules", TIDE_ERROR,
		    "[[phase]]\nkind = 'dual_write'\nfrom = ['a', 'c']\nto = 'b'\nup = 'a + c'\ndown = 'b'\n",
		    NULL, "2 columns" },
		{ "create-index-empty", TIDE_ERROR, "[[phase]]\nkind = 'create_index'\nname = 'i'\n", NULL,
		    NULL },
		{ "create-index-opclass", TIDE_ERROR,
		    "[[phase]]\nkind = 'create_index'\nname = 'i'\ncolumns = ['a']\nopclasses = { c = "
		    "'int4_ops' }\n",
		    NULL, NULL },
		{ "sql-transaction-control", TIDE_ERROR, "[[phase]]\nkind = 'sql'\nact = 'COMMIT'\n", NULL,
		    NULL },
		{ "sql-concurrent", TIDE_ERROR, "[[phase]]\nkind = 'sql'\nact = 'VACUUM t'\n", NULL, NULL },
		{ "sql-cascade", TIDE_WARNING, "[[phase]]\nkind = 'sql'\nact = 'DROP TABLE x CASCADE'\n",
		    NULL, NULL },
		{ "sql-rewrite", TIDE_WARNING,
		    "[[phase]]\nkind = 'sql'\nact = 'VACUUM FULL x'\ntransaction = false\nprobe = 'SELECT "
		    "true'\n",
		    NULL, "Nothing ends it" },
		{ "sql-rewrite", TIDE_WARNING, "[[phase]]\nkind = 'sql'\nact = 'CLUSTER x USING i'\n", NULL,
		    "ended after 5 seconds" },
		{ "sql-lock-held", TIDE_WARNING,
		    "[[phase]]\nkind = 'sql'\n"
		    "act = ['ALTER TABLE x ADD CONSTRAINT c CHECK (a > 0) NOT VALID', 'ALTER TABLE x "
		    "VALIDATE CONSTRAINT c']\n",
		    NULL, "while statement 1 holds ACCESS EXCLUSIVE on x" },
		{ "sql-not-null", TIDE_WARNING,
		    "[[phase]]\nkind = 'sql'\nact = 'ALTER TABLE x ADD COLUMN c int NOT NULL'\n", NULL,
		    "\"c\"" },
		{ "sql-drops", TIDE_WARNING, "[[phase]]\nkind = 'sql'\nact = 'TRUNCATE x'\n", NULL, "in x" },
		{ "sql-renames", TIDE_WARNING,
		    "[[phase]]\nkind = 'sql'\nact = 'ALTER TABLE x RENAME a TO b'\n", NULL, "\"a\"" },
		{ "sql-unqualified", TIDE_WARNING, "[[phase]]\nkind = 'sql'\nact = 'ANALYZE x'\n", NULL,
		    "\"x\"" },
		{ "sql-unknown", TIDE_WARNING, "[[phase]]\nkind = 'sql'\nact = 'DO $$BEGIN END$$'\n", NULL,
		    NULL },
		{ "sql-unparsed", TIDE_WARNING, "[[phase]]\nkind = 'sql'\nact = 'nonsense of a kind'\n", NULL,
		    NULL },
		{ "sql-pair", TIDE_ERROR,
		    "[[phase]]\nkind = 'dual_write'\nfrom = 'a'\nto = 'b'\n[[phase]]\nkind = 'sql'\n"
		    "act = 'ALTER TABLE t DISABLE TRIGGER USER'\n",
		    NULL, "stops the triggers" },
		{ "sql-blocking", TIDE_WARNING, "[[phase]]\nkind = 'sql'\nact = 'CREATE INDEX i ON t (a)'\n",
		    NULL, NULL },
		{ "sql-irreversible", TIDE_WARNING, "[[phase]]\nkind = 'sql'\nact = 'DELETE FROM x'\n", NULL,
		    NULL },
		{ "sql-probe", TIDE_ERROR, "[[phase]]\nkind = 'sql'\nact = 'VACUUM t'\ntransaction = false\n",
		    NULL, NULL },
		{ "sql-count", TIDE_ERROR,
		    "[[phase]]\nkind = 'sql'\nact = ['VACUUM t', 'VACUUM u']\ntransaction = false\nprobe = "
		    "'SELECT true'\n",
		    NULL, "there are 2" },
	};

	(void)state;
	CHECK_ALL(rows);
}

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
		    "for which \"down\" gives NULL" },
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
assert_clean(const char *text, const char *catalog)
{
	void *ctx = talloc_new(NULL);
	struct tide_plan *plan = plan_of(ctx, talloc_asprintf(ctx, HEAD "%s", text));
	struct tide_findings *findings = talloc_zero(ctx, struct tide_findings);

	tide_phase_lint(plan, catalog == NULL ? NULL : catalog_fixture_text(ctx, catalog), findings);
	for (size_t i = 0; i < findings->count; i++)
		if (findings->item[i].severity == TIDE_ERROR)
			fail_msg("%s: %s", findings->item[i].rule, findings->item[i].message);
	talloc_free(ctx);
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

static void
the_example_plan_has_no_fault(void **state)
{
	(void)state;
	assert_clean(WHOLE DROP, NULL);
	assert_clean(WHOLE DROP, PLAIN);
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
		cmocka_unit_test(the_order_of_phases_is_checked_without_a_database),
		cmocka_unit_test(a_phase_is_checked_without_a_database),
		cmocka_unit_test(columns_and_the_table_are_checked_against_the_catalog),
		cmocka_unit_test(what_the_server_says_of_an_expression_counts),
		cmocka_unit_test(a_cast_that_follows_the_session_is_refused),
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
		cmocka_unit_test(the_example_plan_has_no_fault),
		cmocka_unit_test(linting_does_not_change_the_catalog),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
