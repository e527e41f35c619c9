#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <talloc.h>

#include "catalog/expression_text.h"

#define REST "\n   FROM (tidemark_row\n     CROSS JOIN ( SELECT 1) tidemark_one(tidemark_one));"

static void
assert_cut(const char *view, const char *expected)
{
	char *out = tide_canonical_cut(NULL, view);

	if (expected == NULL)
		assert_null(out);
	else
		assert_string_equal(out, expected);
	talloc_free(out);
}

static void
the_expression_is_cut_out_of_the_view(void **state)
{
	(void)state;
	assert_cut(" SELECT lower(tidemark_row.name) AS " TIDE_FACT_TARGET REST, "lower(tidemark_row.name)");
}

static void
lines_become_one(void **state)
{
	(void)state;
	assert_cut(" SELECT\n        CASE\n            WHEN (a > 1) THEN 'x'::text\n            ELSE "
		   "NULL::text\n        END AS " TIDE_FACT_TARGET REST,
	    "CASE WHEN (a > 1) THEN 'x'::text ELSE NULL::text END");
}

static void
nothing_changes_within_quotes(void **state)
{
	(void)state;
	assert_cut(" SELECT ((a || 'x  \n  it''s  y'::text) || \"my  \"\"  col\")  AS " TIDE_FACT_TARGET REST,
	    "((a || 'x  \n  it''s  y'::text) || \"my  \"\"  col\")");
	assert_cut(
	    " SELECT (a || E'\\\\  \\\\'::text)   AS " TIDE_FACT_TARGET REST, "(a || E'\\\\  \\\\'::text)");
}

static void
the_last_target_counts_not_one_in_a_string(void **state)
{
	(void)state;
	assert_cut(" SELECT ' AS " TIDE_FACT_TARGET "'::text AS " TIDE_FACT_TARGET REST,
	    "' AS " TIDE_FACT_TARGET "'::text");
}

static void
what_is_no_such_view_gives_nothing(void **state)
{
	(void)state;
	assert_cut(" SELECT a AS other FROM t", NULL);
	assert_cut(" WITH x AS (SELECT 1) SELECT a AS " TIDE_FACT_TARGET REST, NULL);
	assert_cut("", NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_expression_is_cut_out_of_the_view),
		cmocka_unit_test(lines_become_one),
		cmocka_unit_test(nothing_changes_within_quotes),
		cmocka_unit_test(the_last_target_counts_not_one_in_a_string),
		cmocka_unit_test(what_is_no_such_view_gives_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
