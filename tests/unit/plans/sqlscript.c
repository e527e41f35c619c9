#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <talloc.h>

#include "tidemark/plans/effects.h"
#include "tidemark/plans/expression.h"
#include "../../harness/repeated.h"

struct splitting {
	const char *text;
	const char *pieces; /* joined by "|" */
};

static void
a_script_is_split_as_the_server_would(void **state)
{
	static const struct splitting rows[] = {
		{ "", "" },
		{ " ; ;; -- nothing\n", "" },
		{ "select 1", "select 1" },
		{ "select 1; select 2", "select 1|select 2" },
		{ "select ';'; select \"a;b\"; select $x$;$x$", "select ';'|select \"a;b\"|select $x$;$x$" },
		{ "-- lead;\nselect 1 /* in; */ + 2; -- tail;", "select 1 /* in; */ + 2" },
		{ "select 1 -- swallows", "select 1" },
		{ "create rule r as on insert to t do (select 1; select 2); select 3",
		    "create rule r as on insert to t do (select 1; select 2)|select 3" },
		{ "create function f() returns int begin atomic select 1; select 2; end; select 3",
		    "create function f() returns int begin atomic select 1; select 2; end|select 3" },
		{ "do $$ begin perform 1; end $$; select '\xc3\xa4;'",
		    "do $$ begin perform 1; end $$|select '\xc3\xa4;'" },
		{ "select x is json; select ';'", "select x is json|select ';'" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		void *ctx = talloc_new(NULL);
		struct tide_names names = { 0 };
		struct tide_err err = { 0 };
		char *joined = talloc_strdup(ctx, "");

		if (!tide_sql_split(ctx, rows[i].text, &names, &err))
			fail_msg("%s: %s", rows[i].text, err.message);
		for (size_t k = 0; k < names.count; k++)
			joined = talloc_asprintf_append(joined, "%s%s", k > 0 ? "|" : "", names.item[k]);
		assert_string_equal(joined, rows[i].pieces);
		talloc_free(ctx);
	}
}

static void
a_script_that_cannot_be_scanned_is_an_error_with_its_place(void **state)
{
	void *ctx = talloc_new(NULL);
	struct tide_names names = { 0 };
	struct tide_err err = { 0 };

	(void)state;
	assert_false(tide_sql_split(ctx, "select 1;\nselect 'x", &names, &err));
	assert_int_equal(err.code, TIDE_PLAN);
	assert_non_null(strstr(err.message, "unterminated quoted string"));
	assert_non_null(strstr(err.message, "(at line 2, character 8)"));
	assert_null(names.item);
	assert_int_equal(talloc_total_blocks(ctx), 1);
	talloc_free(ctx);
}

static void
a_long_script_is_split_in_one_pass(void **state)
{
	void *ctx = talloc_new(NULL);
	struct tide_names names = { 0 };
	struct tide_err err = { 0 };

	(void)state;
	assert_true(tide_sql_split(ctx, repeated(ctx, "", "select 1, 2;", 30000), &names, &err));
	assert_int_equal(names.count, 30000);
	assert_string_equal(names.item[29999], "select 1, 2");
	talloc_free(ctx);
}

struct traits_row {
	const char *sql;
	unsigned traits;
};

enum {
	CONTROL = TIDE_SQL_TRANSACTION_CONTROL,
	ALONE = TIDE_SQL_CONCURRENT,
	CASCADE = TIDE_SQL_CASCADE,
	UNPARSED = TIDE_SQL_UNPARSED,
	READS = TIDE_SQL_READ_ONLY
};

static void
has_traits(const struct traits_row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		unsigned traits = tide_sql_traits(rows[i].sql);

		if (traits != rows[i].traits)
			fail_msg("%s: %u, not %u", rows[i].sql, traits, rows[i].traits);
	}
}

#define HAS_TRAITS(rows) has_traits(rows, sizeof(rows) / sizeof((rows)[0]))

static void
statements_that_must_run_alone_are_known(void **state)
{
	static const struct traits_row rows[] = {
		{ "CREATE INDEX CONCURRENTLY i ON t (a)", ALONE },
		{ "DROP INDEX CONCURRENTLY i", ALONE },
		{ "DROP INDEX i", 0 },
		{ "REINDEX INDEX CONCURRENTLY i", ALONE },
		{ "REINDEX (CONCURRENTLY) TABLE t", ALONE },
		{ "REINDEX (CONCURRENTLY false) TABLE t", 0 },
		{ "REINDEX DATABASE d", ALONE },
		{ "VACUUM t", ALONE },
		{ "ANALYZE t", 0 },
		{ "ALTER TABLE t DETACH PARTITION p CONCURRENTLY", ALONE },
		{ "ALTER TABLE t DETACH PARTITION p", 0 },
		{ "CREATE DATABASE d", ALONE },
		{ "DROP DATABASE d", ALONE },
		{ "ALTER DATABASE d SET TABLESPACE x", ALONE },
		{ "ALTER DATABASE d WITH CONNECTION LIMIT 5", 0 },
		{ "ALTER SYSTEM SET work_mem = '1MB'", ALONE },
		{ "CREATE TABLESPACE x LOCATION '/x'", ALONE },
		{ "DISCARD ALL", ALONE },
		{ "DISCARD PLANS", 0 },
		{ "REFRESH MATERIALIZED VIEW CONCURRENTLY m", 0 },
	};

	(void)state;
	HAS_TRAITS(rows);
}

/* VACUUM FULL and its options: what decides whether it may be in a transaction is not in them. */
static void
vacuum_runs_alone_however_it_is_said(void **state)
{
	static const struct traits_row rows[] = {
		{ "VACUUM FULL t", ALONE },
		{ "VACUUM (FULL off) t", ALONE },
		{ "CLUSTER", ALONE },
		{ "CLUSTER t USING i", 0 },
	};

	(void)state;
	HAS_TRAITS(rows);
}

static void
cascade_is_found_anywhere(void **state)
{
	static const struct traits_row rows[] = {
		{ "DROP TABLE t CASCADE", CASCADE },
		{ "DROP TABLE t RESTRICT", 0 },
		{ "ALTER TABLE t DROP COLUMN a CASCADE", CASCADE },
		{ "ALTER TABLE t DROP CONSTRAINT a CASCADE, ADD COLUMN x int", CASCADE },
		{ "TRUNCATE t CASCADE", CASCADE },
		{ "DROP INDEX CONCURRENTLY i CASCADE", ALONE | CASCADE },
		{ "SELECT 'drop table t cascade'", READS },
	};

	(void)state;
	HAS_TRAITS(rows);
}

static void
transaction_control_is_known(void **state)
{
	static const struct traits_row rows[] = {
		{ "BEGIN", CONTROL },
		{ "COMMIT", CONTROL },
		{ "ROLLBACK TO SAVEPOINT s", CONTROL },
		{ "SAVEPOINT s", CONTROL },
		{ "PREPARE TRANSACTION 'x'", CONTROL },
		{ "SELECT 1; COMMIT", CONTROL },
	};

	(void)state;
	HAS_TRAITS(rows);
}

static void
only_what_reads_throughout_is_read_only(void **state)
{
	static const struct traits_row rows[] = {
		{ "SELECT 1", READS },
		{ "VALUES (1)", READS },
		{ "TABLE t", READS },
		{ "WITH x AS (SELECT 1) SELECT * FROM x", READS },
		{ "SELECT 1; SELECT 2", READS },
		{ "SELECT 1; DROP TABLE t", 0 },
		{ "DROP TABLE t; SELECT 1", 0 },
		{ "SELECT 1 FROM t FOR UPDATE", 0 },
		{ "SELECT 1 FROM (SELECT 1 FROM t FOR KEY SHARE) q", 0 },
		{ "SELECT 1 INTO x", 0 },
		{ "WITH d AS (DELETE FROM t RETURNING 1) SELECT 1 FROM d", 0 },
		{ "INSERT INTO t SELECT 1", 0 },
		{ "CREATE TABLE x AS SELECT 1", 0 },
		{ "", 0 },
		{ "-- nothing", 0 },
	};

	(void)state;
	HAS_TRAITS(rows);
}

static void
what_cannot_be_parsed_hides_no_neighbour(void **state)
{
	static const struct traits_row rows[] = {
		{ "SELECT x IS JSON", UNPARSED },
		{ "nonsense", UNPARSED },
		{ "SELECT 'x", UNPARSED },
		{ "SELECT x IS JSON; DROP TABLE t CASCADE", UNPARSED | CASCADE },
		{ "SELECT x IS JSON; SELECT 1", UNPARSED },
	};
	char *deep = repeated(NULL, "SELECT 1", "+1", 200000);

	(void)state;
	HAS_TRAITS(rows);
	assert_int_equal(tide_sql_traits(deep), UNPARSED);
	talloc_free(deep);
}

struct masking {
	const char *sql;
	size_t width;
	const char *expected;
};

static void
nothing_secret_is_left_of_a_statement(void **state)
{
	static const struct masking rows[] = {
		{ "SELECT * FROM t WHERE a = 'secret' AND b = 42", 0,
		    "SELECT * FROM t WHERE a = $1 AND b = $2" },
		{ "UPDATE t SET a = $1, b = 1.5e3 WHERE c = $3", 0,
		    "UPDATE t SET a = $1, b = $4 WHERE c = $3" },
		{ "SELECT 1 -- secret\n  , /* secret */\n\t2", 0, "SELECT $1 , $2" },
		{ "ALTER ROLE u PASSWORD 'secret'", 0, "ALTER ROLE u PASSWORD $1" },
		{ "SET x = 'secret'", 0, "SET x = $1" },
		{ "DO $$ secret $$", 0, "DO $1" },
		{ "SELECT E'a\\'b', U&'c', x'1F', b'01', N'n'", 0, "SELECT $1, $2, $3, $4, N$5" },
		{ "SELECT a+-5", 0, "SELECT a+-$1" },
		{ "SELECT 'cut by the server", 0, "SELECT ..." },
		{ "  update t set a = 'cut", 0, "UPDATE ..." },
		{ "hunter2 'x", 0, "..." },
		{ "selecting 'x", 0, "..." },
		{ "", 0, "" },
		{ "newer IS JSON 'x'", 0, "newer IS JSON $1" },
		{ "SELECT abcdef", 13, "SELECT abcdef" },
		{ "SELECT abcdef", 12, "SELECT ab..." },
		{ "SELECT abcdef", 3, "..." },
		{ "SELECT \"\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\"", 12, "SELECT \"\xc3\xa4..." },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		void *ctx = talloc_new(NULL);

		assert_string_equal(tide_sql_mask(ctx, rows[i].sql, rows[i].width), rows[i].expected);
		assert_int_equal(talloc_total_blocks(ctx), 2);
		talloc_free(ctx);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_script_is_split_as_the_server_would),
		cmocka_unit_test(a_script_that_cannot_be_scanned_is_an_error_with_its_place),
		cmocka_unit_test(a_long_script_is_split_in_one_pass),
		cmocka_unit_test(statements_that_must_run_alone_are_known),
		cmocka_unit_test(vacuum_runs_alone_however_it_is_said),
		cmocka_unit_test(cascade_is_found_anywhere),
		cmocka_unit_test(transaction_control_is_known),
		cmocka_unit_test(only_what_reads_throughout_is_read_only),
		cmocka_unit_test(what_cannot_be_parsed_hides_no_neighbour),
		cmocka_unit_test(nothing_secret_is_left_of_a_statement),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
