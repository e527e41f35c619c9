#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <talloc.h>

#include "tidemark/base/sqltext.h"

static void
identifiers_are_always_quoted(void **state)
{
	void *ctx = talloc_new(NULL);

	(void)state;
	assert_string_equal(tide_ident(ctx, "user"), "\"user\"");
	assert_string_equal(tide_ident(ctx, "plain"), "\"plain\"");
	assert_string_equal(tide_ident(ctx, "a\"b\"\"c"), "\"a\"\"b\"\"\"\"c\"");
	assert_string_equal(tide_ident(ctx, "back\\slash'"), "\"back\\slash'\"");
	assert_string_equal(tide_ident(ctx, ""), "\"\"");
	talloc_free(ctx);
}

static void
literals_double_quotes_and_say_when_backslashes_count(void **state)
{
	void *ctx = talloc_new(NULL);

	(void)state;
	assert_string_equal(tide_literal(ctx, "O'Neil"), "'O''Neil'");
	assert_string_equal(tide_literal(ctx, ""), "''");
	assert_string_equal(tide_literal(ctx, "a\\'b"), "E'a\\\\''b'");
	assert_string_equal(tide_literal(ctx, "say \"x\""), "'say \"x\"'");
	assert_string_equal(tide_literal(ctx, NULL), "NULL");
	talloc_free(ctx);
}

static void
parameters_become_literals(void **state)
{
	void *ctx = talloc_new(NULL);
	const char *const values[] = { "7", "it's $1", NULL };

	(void)state;
	assert_string_equal(tide_sql_bind(ctx, "SELECT $1::bigint, $2, $3 -- $2", values, 3),
	    "SELECT '7'::bigint, 'it''s $1', NULL -- 'it''s $1'");
	assert_string_equal(tide_sql_bind(ctx, "$$ a$ $x", values, 3), "$$ a$ $x");
	assert_string_equal(tide_sql_bind(ctx, "", values, 0), "");
	talloc_free(ctx);
}

static void
a_format_quotes_by_its_letters(void **state)
{
	void *ctx = talloc_new(NULL);
	char *sql = tide_sqlf(ctx, "UPDATE %I.%I SET %I = %L WHERE %s AND a %% %d = %l", "public",
	    "User \"T\"", "select", "O'x", "id > 0", -3, 1LL << 40);

	(void)state;
	assert_string_equal(sql, "UPDATE \"public\".\"User \"\"T\"\"\" SET \"select\" = 'O''x' WHERE id > 0 "
				 "AND a % -3 = 1099511627776");
	assert_ptr_equal(talloc_parent(sql), ctx);
	assert_string_equal(tide_sqlf(ctx, "%L", NULL), "NULL");
	assert_string_equal(tide_sqlf(ctx, ""), "");
	assert_string_equal(tide_sqlf(ctx, "%s", "%I %L"), "%I %L");
	talloc_free(sql);
	/* What it needed on the way is gone with it. */
	assert_int_equal(talloc_total_blocks(ctx), 4);
	talloc_free(ctx);
}

/* Runs one wrong format in a child, which must abort. */
static bool
aborts(const char *fmt)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		signal(SIGABRT, SIG_DFL);
		tide_sqlf(NULL, fmt, NULL, NULL);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void
a_wrong_format_aborts(void **state)
{
	static const char *const wrong[] = { "%", "%x", "%lld", "%ld", "%I", "%s", "%5d" };

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_true(aborts(wrong[i]));
	assert_false(aborts("%L"));
}

struct name_row {
	const char *text;
	int count;
	const char *first, *second;
};

static void
names_are_read_as_sql_reads_them(void **state)
{
	static const struct name_row rows[] = {
		{ "public.t", 2, "public", "t" },
		{ "Public.Users", 2, "public", "users" },
		{ "\"User Table\".\"select\"", 2, "User Table", "select" },
		{ "  a . \"B\"\t", 2, "a", "B" },
		{ "_x$1", 1, "_x$1", NULL },
		{ "\"a\"\"b\"", 1, "a\"b", NULL },
		{ "\"a.b\"", 1, "a.b", NULL },
		{ "\xc3\x84rger", 1, "\xc3\x84rger", NULL },
		{ "s.\"\"\"\"", 2, "s", "\"" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		void *ctx = talloc_new(NULL);
		char *parts[2] = { NULL, NULL };

		assert_int_equal(tide_name_parse(ctx, rows[i].text, parts), rows[i].count);
		assert_string_equal(parts[0], rows[i].first);
		if (rows[i].second == NULL)
			assert_null(parts[1]);
		else
			assert_string_equal(parts[1], rows[i].second);
		talloc_free(ctx);
	}
}

static void
what_is_no_name_is_refused(void **state)
{
	static const char *const wrong[] = { "", " ", ".", "a.", ".a", "a..b", "a.b.c", "1a", "$a", "a b",
		"a-b", "\"", "\"\"", "\"a", "\"a\"\"", "\"a\"b", "a\"b\"", "a.\"\"", "a;", "a--", "u&\"x\"",
		"a.b.", "'a'" };
	char *parts[2] = { NULL, NULL };

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		if (tide_name_parse(NULL, wrong[i], parts) != 0)
			fail_msg("'%s' was taken for a name", wrong[i]);
		assert_null(parts[0]);
	}
}

static void
names_longer_than_the_server_keeps_are_refused(void **state)
{
	char text[80], quoted[90];
	char *parts[2];
	void *ctx = talloc_new(NULL);

	(void)state;
	memset(text, 'a', sizeof(text));
	text[63] = '\0';
	assert_int_equal(tide_name_parse(ctx, text, parts), 1);
	assert_string_equal(parts[0], text);
	snprintf(quoted, sizeof(quoted), "\"%s\"", text);
	assert_int_equal(tide_name_parse(ctx, quoted, parts), 1);
	text[63] = 'a';
	text[64] = '\0';
	assert_int_equal(tide_name_parse(ctx, text, parts), 0);
	snprintf(quoted, sizeof(quoted), "\"%s\"", text);
	assert_int_equal(tide_name_parse(ctx, quoted, parts), 0);
	talloc_free(ctx);
}

static void
every_name_survives_quoting_and_reading(void **state)
{
	static const char *const names[] = { "a", "A", "select", "x y", "\"", "a\"", "\"\"a", ".", "'", "\n",
		"\xe2\x82\xac" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		void *ctx = talloc_new(NULL);
		char *parts[2];

		assert_int_equal(tide_name_parse(ctx, tide_sqlf(ctx, "%I.%I", names[i], "t"), parts), 2);
		assert_string_equal(parts[0], names[i]);
		talloc_free(ctx);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(identifiers_are_always_quoted),
		cmocka_unit_test(literals_double_quotes_and_say_when_backslashes_count),
		cmocka_unit_test(parameters_become_literals),
		cmocka_unit_test(a_format_quotes_by_its_letters),
		cmocka_unit_test(a_wrong_format_aborts),
		cmocka_unit_test(names_are_read_as_sql_reads_them),
		cmocka_unit_test(what_is_no_name_is_refused),
		cmocka_unit_test(names_longer_than_the_server_keeps_are_refused),
		cmocka_unit_test(every_name_survives_quoting_and_reading),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
