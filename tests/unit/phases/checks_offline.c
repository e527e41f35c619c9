/* What the kinds refuse and what they only mention without a database: the order of the phases and each phase by itself. */
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
		{ "plan-recurring", TIDE_ERROR, "recurring = true\n" ADD, NULL, "add_column is done once" },
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
		    NULL, "Nothing cancels it" },
		{ "sql-rewrite", TIDE_WARNING, "[[phase]]\nkind = 'sql'\nact = 'CLUSTER x USING i'\n", NULL,
		    "cancelled after 5 seconds" },
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
the_example_plan_has_no_fault(void **state)
{
	(void)state;
	assert_clean(WHOLE DROP, NULL);
	assert_clean(WHOLE DROP, PLAIN);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_order_of_phases_is_checked_without_a_database),
		cmocka_unit_test(a_phase_is_checked_without_a_database),
		cmocka_unit_test(the_example_plan_has_no_fault),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
