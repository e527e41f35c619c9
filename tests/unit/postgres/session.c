#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <talloc.h>

#include "tidemark/postgres/session.h"

static bool
sets(int version, const char *line)
{
	char *sql = tide_session_sql(NULL, version);
	bool found = strstr(sql, line) != NULL;

	talloc_free(sql);
	return found;
}

static void
what_could_change_or_kill_a_migration_is_pinned(void **state)
{
	static const char *const lines[] = {
		"SET search_path = pg_catalog, pg_temp;",
		"SET statement_timeout = 0;",
		"SET lock_timeout = 0;",
		"SET idle_session_timeout = 0;",
		"SET idle_in_transaction_session_timeout = '30s';",
		"SET row_security = off;",
		"SET default_transaction_isolation = 'read committed';",
		"SET default_transaction_read_only = off;",
		"SET TimeZone = 'UTC';",
		"SET DateStyle = 'ISO, MDY';",
		"SET extra_float_digits = 1;",
		"set_config('client_encoding', CASE pg_catalog.getdatabaseencoding() WHEN 'SQL_ASCII' THEN "
		"'SQL_ASCII' ELSE 'UTF8' END, false)",
		"SET standard_conforming_strings = on;",
		"SET quote_all_identifiers = off;",
		"'client_connection_check_interval', '500ms'",
		"'session_replication_role', 'origin'",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (!sets(140000, lines[i]))
			fail_msg("not pinned: %s", lines[i]);
}

static void
the_timeout_comes_first_and_the_process_last(void **state)
{
	char *sql = tide_session_sql(NULL, 180000);
	const char *last = strrchr(sql, ';');

	(void)state;
	assert_int_equal(strncmp(sql, "SET statement_timeout = 0;", 26), 0);
	assert_string_equal(last, ";\nSELECT pg_catalog.pg_backend_pid()");
	talloc_free(sql);
}

static void
a_setting_is_left_to_the_servers_that_know_it(void **state)
{
	(void)state;
	assert_false(sets(160000, "transaction_timeout = 0;\nSET idle_in"));
	assert_true(sets(170000, "SET transaction_timeout = 0;"));
	assert_false(sets(160009, "SET transaction_timeout"));
}

static void
the_check_of_the_client_is_asked_for_where_the_server_can_do_it(void **state)
{
	(void)state;
	assert_true(sets(140000, "~* 'linux'"));
	assert_true(sets(150000, "~* 'linux|bsd|darwin|illumos'"));
}

static void
what_sweeps_set_themselves_is_not_touched(void **state)
{
	(void)state;
	assert_false(sets(180000, "synchronous_commit"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_could_change_or_kill_a_migration_is_pinned),
		cmocka_unit_test(the_timeout_comes_first_and_the_process_last),
		cmocka_unit_test(a_setting_is_left_to_the_servers_that_know_it),
		cmocka_unit_test(the_check_of_the_client_is_asked_for_where_the_server_can_do_it),
		cmocka_unit_test(what_sweeps_set_themselves_is_not_touched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
