#include "tidemark/plans/expression.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <talloc.h>

#include "../../harness/repeated.h"

static int
open_context(void **state)
{
	*state = talloc_new(NULL);
	return 0;
}

static int
close_context(void **state)
{
	return talloc_free(*state);
}

/* "a, b" out of the names, to compare them at once. */
static const char *
joined(void *ctx, const struct tide_names *names)
{
	char *text = talloc_strdup(ctx, "");

	for (size_t i = 0; i < names->count; i++)
		text = talloc_asprintf_append(text, "%s%s", i > 0 ? ", " : "", names->item[i]);
	return text;
}

struct reading {
	const char *text, *columns, *functions;
	bool subquery;
};

static void
an_expression_tells_its_columns_and_functions(void **state)
{
	static const struct reading rows[] = {
		{ "1", "", "", false },
		{ "a", "a", "", false },
		{ " a + tidemark_row.b * a ", "a, b", "", false },
		{ "lower(Name) || \"Name\"", "name, Name", "lower", false },
		{ "public.F(a, \"App\".\"G\"(b), f(c))", "a, b, c", "public.f, \"App\".\"G\", f", false },
		{ "lower(lower)", "lower", "lower", false },
		{ "coalesce(a, b)::text COLLATE \"C\"", "a, b", "", false },
		{ "a::geometry(Point, 4326)", "a", "", false },
		{ "CASE WHEN a THEN 'b' ELSE c[d] END", "a, c, d", "", false },
		{ "(tidemark_row.addr).city", "addr", "", false },
		{ "('x; -- (' /* y) */ || $tag$ ; ) $tag$) -- z\n", "", "", false },
		{ "row(a, b)", "a, b", "", false },
		{ "(a, b) = (1, 2)", "a, b", "", false },
		{ "U&\"d\\0061t\"", "dat", "", false },
		{ "(SELECT rt.id FROM resume_templates rt WHERE rt.n = template)", "template", "", true },
		{ "EXISTS (SELECT * FROM t WHERE count(*) > tidemark_row.a)", "a", "count", true },
		{ "(SELECT x AS total FROM t ORDER BY total)", "x", "", true },
		{ "(SELECT a) + (SELECT b)", "a, b", "", true },
		{ "ARRAY(SELECT 1 UNION SELECT c)", "c", "", true },
		{ "a IS NULL AND NOT b", "a, b", "", false },
		{ "extract(year FROM a)", "a", "pg_catalog.extract", false },
		{ "concat_ws(' ', first_name, last_name)", "first_name, last_name", "concat_ws", false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct tide_expression e = { 0 };
		struct tide_err err = { 0 };

		if (!tide_expression_read(*state, rows[i].text, &e, &err))
			fail_msg("%s: %s", rows[i].text, err.message);
		assert_string_equal(joined(*state, &e.columns), rows[i].columns);
		assert_string_equal(joined(*state, &e.functions), rows[i].functions);
		assert_int_equal(e.subquery, rows[i].subquery);
		assert_false(e.unparsed);
	}
}

struct refusal {
	const char *text, *message;
};

static void
refused(void *ctx, const struct refusal *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct tide_expression e = { .subquery = true };
		struct tide_err err = { 0 };

		if (tide_expression_read(ctx, rows[i].text, &e, &err))
			fail_msg("%s: was accepted", rows[i].text);
		assert_int_equal(err.code, TIDE_PLAN);
		if (strstr(err.message, rows[i].message) == NULL)
			fail_msg(
			    "%s: \"%s\" is not about \"%s\"", rows[i].text, err.message, rows[i].message);
		assert_true(e.subquery); /* untouched */
		assert_null(e.columns.item);
	}
	assert_int_equal(talloc_total_blocks(ctx), 1);
}

#define REFUSED(ctx, rows) refused(ctx, rows, sizeof(rows) / sizeof((rows)[0]))

static void
nothing_leaves_its_parentheses(void **state)
{
	static const struct refusal rows[] = {
		{ "1), (2", "closes what was never opened (at character 2)" },
		{ "1) + (2", "closes what was never opened" },
		{ "1) FROM t WHERE (true", "closes what was never opened" },
		{ "a[1)", "closes what was never opened" },
		{ "(a", "never closed (at character 1)" },
		{ "f(a[1)]", "closes what was never opened" },
		{ "x -- ", "hides what follows" },
		{ "x --", "hides what follows" },
		{ "x /* ", "unterminated /* comment" },
		{ "'x", "unterminated quoted string" },
		{ "\"x", "unterminated quoted identifier" },
		{ "$a$ x", "unterminated dollar-quoted" },
		{ "a; drop table x", "semicolon (at character 2)" },
		{ "a;", "semicolon" },
		{ "\n a\n;", "semicolon (at line 3, character 1)" },
		{ "'\xc3\xa4\xc3\xb6' ;", "semicolon (at character 6)" },
	};

	REFUSED(*state, rows);
}

static void
what_is_not_one_value_is_refused(void **state)
{
	static const struct refusal rows[] = {
		{ "", "empty" },
		{ " \n\t", "empty" },
		{ "-- only this\n", "empty" },
		{ "a, b", "several expressions" },
		{ "SELECT 1", "a query is not an expression" },
		{ "select a from t", "a query is not an expression" },
		{ "(SELECT 1) UNION (SELECT 2)", "a query is not an expression" },
		{ "WITH x AS (SELECT 1) SELECT 2", "a query is not an expression" },
		{ "VALUES (1)", "a query is not an expression" },
		{ "TABLE t", "a query is not an expression" },
		{ "SELECT x IS JSON", "a query is not an expression" },
		{ "DELETE FROM t", "a query is not an expression" },
		{ "a.*", "\"*\" is not one value" },
		{ "(a).*", "\"*\" is not one value" },
		{ "f(a.*)", "\"*\" is not one value" },
		{ "tidemark_row", "whole row" },
		{ "tidemark_row.*", "whole row" },
		{ "(tidemark_row).a", "whole row" },
		{ "f((SELECT tidemark_row.* FROM t))", "whole row" },
		{ "tidemark_row.a.b", "no such part" },
		{ "$1", "parameter" },
		{ "a + $2", "parameter has no value in an expression (at character 5)" },
		{ "DEFAULT", "DEFAULT" },
		{ "count(*)", "aggregate or window" },
		{ "a + row_number() OVER (ORDER BY b)", "(at character 5)" },
		{ "string_agg(a, ',' ORDER BY a)", "aggregate or window" },
		{ "sum(a) FILTER (WHERE b)", "aggregate or window" },
		{ "a +", "ends too early (at character 4)" },
		{ "CASE WHEN a THEN b", "ends too early" },
		{ "2_000", "trailing junk" },
	};

	REFUSED(*state, rows);
}

static void
a_subquery_only_reads(void **state)
{
	static const struct refusal rows[] = {
		{ "(WITH d AS (DELETE FROM t RETURNING a) SELECT a FROM d)", "must only read" },
		{ "(WITH d AS (INSERT INTO t VALUES (1) RETURNING a) SELECT a FROM d)", "must only read" },
		{ "EXISTS (WITH d AS (UPDATE t SET a = 1 RETURNING a) SELECT 1 FROM d)", "must only read" },
		{ "(SELECT a FROM t FOR UPDATE)", "lock" },
		{ "(SELECT a FROM (SELECT a FROM t FOR SHARE) q)", "lock" },
		{ "(SELECT a INTO x FROM t)", "create a table" },
	};

	REFUSED(*state, rows);
}

static void
deep_or_endless_text_is_refused_not_followed(void **state)
{
	const char *open = repeated(*state, "", "(", 300);
	struct tide_expression e = { 0 };
	struct tide_err err = { 0 };

	assert_false(tide_expression_read(*state, repeated(*state, open, "a)", 1), &e, &err));
	assert_non_null(strstr(err.message, "too deeply"));
	assert_false(tide_expression_read(*state, repeated(*state, "a", "+1", 2000), &e, &err));
	assert_non_null(strstr(err.message, "too deeply"));
	assert_true(tide_expression_read(*state, repeated(*state, "a", "+1", 500), &e, &err));
	assert_false(tide_expression_read(*state, repeated(*state, "a", "+1", 200000), &e, &err));
	assert_non_null(strstr(err.message, "too long"));
}

static void
syntax_of_a_newer_server_is_left_to_it(void **state)
{
	static const char *const rows[] = { "x IS JSON", "a AT LOCAL", "JSON_VALUE(a, '$.b' RETURNING int)",
		"(x IS JSON OBJECT) AND b" };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		static char *names[] = { "a", "x" };
		const struct tide_names columns = { names, 2 };
		struct tide_expression e = { 0 };
		struct tide_err err = { 0 };

		assert_true(tide_expression_read(*state, rows[i], &e, &err));
		assert_true(e.unparsed);
		assert_int_equal(e.columns.count, 0);
		assert_null(tide_expression_qualify(*state, rows[i], &columns, NULL, "NEW", &err));
		assert_int_equal(err.code, TIDE_PLAN);
		assert_non_null(strstr(err.message, "syntax error"));
		assert_string_not_equal(err.hint, "");
	}
}

struct rewriting {
	const char *text, *from, *to, *expected;
};

static void
rewritten(void *ctx, const struct rewriting *rows, size_t count)
{
	static char *names[] = { "a", "b", "First Name", "select", "lower", "addr", "t\"q", "\xc3\xa4",
		"dat" };
	const struct tide_names columns = { names, sizeof(names) / sizeof(names[0]) };

	for (size_t i = 0; i < count; i++) {
		struct tide_err err = { 0 };
		char *out =
		    tide_expression_qualify(ctx, rows[i].text, &columns, rows[i].from, rows[i].to, &err);

		if (out == NULL)
			fail_msg("%s: %s", rows[i].text, err.message);
		assert_string_equal(out, rows[i].expected);
		assert_ptr_equal(talloc_parent(out), ctx);
		talloc_free(out);
	}
	assert_int_equal(talloc_total_blocks(ctx), 1);
}

#define REWRITTEN(ctx, rows) rewritten(ctx, rows, sizeof(rows) / sizeof((rows)[0]))

static void
columns_are_qualified_and_the_rest_stays(void **state)
{
	static const struct rewriting rows[] = {
		{ "a", NULL, "NEW", "NEW.\"a\"" },
		{ "  a+b  ", NULL, "NEW", "  NEW.\"a\"+NEW.\"b\"  " },
		{ "A || \"A\"", NULL, "NEW", "NEW.\"a\" || \"A\"" },
		{ "\"First Name\" || \"select\"", NULL, "OLD", "OLD.\"First Name\" || OLD.\"select\"" },
		{ "\"t\"\"q\"", NULL, "n", "n.\"t\"\"q\"" },
		{ "lower(lower)", NULL, "NEW", "lower(NEW.\"lower\")" },
		{ "'a' || \"a\" /* a */ || $$a$$ -- a\n || a", NULL, "NEW",
		    "'a' || NEW.\"a\" /* a */ || $$a$$ -- a\n || NEW.\"a\"" },
		{ "c + a", NULL, "NEW", "c + NEW.\"a\"" },
		{ "x.a + a.b", NULL, "NEW", "x.a + a.b" },
		{ "'\xc3\xa4' || \xc3\xa4", NULL, "NEW", "'\xc3\xa4' || NEW.\"\xc3\xa4\"" },
		{ "addr[a].b", NULL, "NEW", "NEW.\"addr\"[NEW.\"a\"].b" },
		{ "(addr).city", NULL, "NEW", "(NEW.\"addr\").city" },
		{ "f(a => a)", NULL, "NEW", "f(a => NEW.\"a\")" },
		{ "a::a(b)", NULL, "NEW", "NEW.\"a\"::a(b)" },
		{ "1", NULL, "NEW", "1" },
		{ "a", NULL, "\"s\".\"t\"", "\"s\".\"t\".\"a\"" },
		{ "a - -b", NULL, "", "\"a\" - -\"b\"" },
	};

	REWRITTEN(*state, rows);
}

static void
a_qualifier_is_taken_over(void **state)
{
	static const struct rewriting rows[] = {
		{ "tidemark_row.a", TIDE_ROW, "NEW", "NEW.\"a\"" },
		{ "tidemark_row.a", TIDE_ROW, "", "\"a\"" },
		{ "tidemark_row . /* x. */ \"a\" + b", TIDE_ROW, "NEW", "NEW.\"a\" + NEW.\"b\"" },
		{ "tidemark_row.a", NULL, "NEW", "tidemark_row.a" },
		{ "tidemark_row.c", TIDE_ROW, "NEW", "tidemark_row.c" },
		{ "(tidemark_row.addr).city", TIDE_ROW, "NEW", "(NEW.\"addr\").city" },
		{ "\"Users\".a || users.a", "users", "NEW", "\"Users\".a || NEW.\"a\"" },
		{ "b.a || b", "b", "NEW", "NEW.\"a\" || NEW.\"b\"" },
		{ "users.t.a", "users", "NEW", "users.t.a" },
	};

	REWRITTEN(*state, rows);
}

static void
a_subquery_sees_the_row_only_where_it_means_it(void **state)
{
	static const struct rewriting rows[] = {
		{ "(SELECT rt.a FROM rt WHERE rt.n = a)", NULL, "NEW",
		    "(SELECT rt.a FROM rt WHERE rt.n = NEW.\"a\")" },
		{ "(SELECT x AS a FROM t ORDER BY a)", NULL, "NEW", "(SELECT x AS a FROM t ORDER BY a)" },
		{ "(SELECT DISTINCT ON (a) x AS a FROM t GROUP BY a)", NULL, "NEW",
		    "(SELECT DISTINCT ON (a) x AS a FROM t GROUP BY a)" },
		{ "(SELECT x FROM t ORDER BY a DESC)", NULL, "NEW",
		    "(SELECT x FROM t ORDER BY NEW.\"a\" DESC)" },
		{ "u.a = (SELECT max(u.a) FROM u)", "u", "NEW", "NEW.\"a\" = (SELECT max(u.a) FROM u)" },
		{ "u.a = (SELECT u.b FROM s.t AS u JOIN x ON true) + u.b", "u", "NEW",
		    "NEW.\"a\" = (SELECT u.b FROM s.t AS u JOIN x ON true) + NEW.\"b\"" },
		{ "(SELECT 1 FROM x JOIN (SELECT 2) u ON u.a = 1)", "u", "NEW",
		    "(SELECT 1 FROM x JOIN (SELECT 2) u ON u.a = 1)" },
		{ "(SELECT 1 FROM u AS v WHERE u.a = 1)", "u", "NEW",
		    "(SELECT 1 FROM u AS v WHERE NEW.\"a\" = 1)" },
		{ "(SELECT 1 UNION SELECT u.a FROM v)", "u", "NEW",
		    "(SELECT 1 UNION SELECT NEW.\"a\" FROM v)" },
		{ "(WITH c AS (SELECT u.a) SELECT u.a FROM c u)", "u", "NEW",
		    "(WITH c AS (SELECT NEW.\"a\") SELECT u.a FROM c u)" },
	};

	REWRITTEN(*state, rows);
}

static void
tokens_never_grow_together(void **state)
{
	static const struct rewriting rows[] = {
		{ "NOT\"a\"", NULL, "NEW", "NOT NEW.\"a\"" },
		{ "f.u&a", NULL, "", "f.u& \"a\"" },
		{ "\"a\"IS NULL", NULL, "NEW", "NEW.\"a\"IS NULL" },
		{ "U&\"d\\0061t\" || u&\"d!0061t\" UESCAPE '!' || a", NULL, "NEW",
		    "NEW.\"dat\" || NEW.\"dat\" || NEW.\"a\"" },
		{ "u&\"tidemark!005frow\" uescape '!' . U&\"d\\0061t\"", TIDE_ROW, "NEW", "NEW.\"dat\"" },
	};

	REWRITTEN(*state, rows);
}

static void
a_whole_row_cannot_be_requalified(void **state)
{
	static const char *const rows[] = { "u", "to_json(u)", "u.*", "(u).a" };
	const struct tide_names columns = { NULL, 0 };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct tide_err err = { 0 };

		assert_null(tide_expression_qualify(*state, rows[i], &columns, "u", "NEW", &err));
		assert_non_null(strstr(err.message, "whole row"));
	}
	assert_int_equal(talloc_total_blocks(*state), 1);
}

static void
what_cannot_be_read_is_not_rewritten(void **state)
{
	static const char *const rows[] = { "", "a, b", "a)", "a; b", "$1", "a --", "SELECT a", "a +" };
	const struct tide_names columns = { NULL, 0 };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct tide_err err = { 0 };

		assert_null(tide_expression_qualify(*state, rows[i], &columns, TIDE_ROW, "NEW", &err));
		assert_int_equal(err.code, TIDE_PLAN);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_context, close_context)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_expression_tells_its_columns_and_functions),
		TEST(nothing_leaves_its_parentheses),
		TEST(what_is_not_one_value_is_refused),
		TEST(a_subquery_only_reads),
		TEST(deep_or_endless_text_is_refused_not_followed),
		TEST(syntax_of_a_newer_server_is_left_to_it),
		TEST(columns_are_qualified_and_the_rest_stays),
		TEST(a_qualifier_is_taken_over),
		TEST(a_subquery_sees_the_row_only_where_it_means_it),
		TEST(tokens_never_grow_together),
		TEST(a_whole_row_cannot_be_requalified),
		TEST(what_cannot_be_read_is_not_rewritten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
