#include "sweep/keyset.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <talloc.h>

#define OPERATORS                                                                                            \
	.less = "OPERATOR(pg_catalog.<)", .equal = "OPERATOR(pg_catalog.=)",                                 \
	.greater = "OPERATOR(pg_catalog.>)"

static struct tide_keyset_column number[] = { { .name = "id", .type = "bigint", .collate = "", OPERATORS } };
/* Greater names follow a key, and of the same name smaller days. */
static struct tide_keyset_column mixed[] = {
	{ .name = "Na\"me", .type = "text", .collate = " COLLATE pg_catalog.\"de-x-icu\"", OPERATORS },
	{ .name = "day", .type = "date", .collate = "", .descending = true, .nulls_first = true, OPERATORS },
};
static struct tide_keyset_column pattern[] = { { .name = "path",
    .type = "text",
    .collate = " COLLATE pg_catalog.\"default\"",
    .less = "OPERATOR(pg_catalog.~<~)",
    .equal = "OPERATOR(pg_catalog.=)",
    .greater = "OPERATOR(pg_catalog.~>~)" } };

static const struct tide_keyset by_number = { .index = 4711, .count = 1, .column = number };
static const struct tide_keyset by_both = { .count = 2, .column = mixed };
static const struct tide_keyset by_pattern = { .count = 1, .column = pattern };

#define NAME "tidemark_row.\"Na\"\"me\" COLLATE pg_catalog.\"de-x-icu\""
#define BOTH_ORDER                                                                                           \
	NAME " USING OPERATOR(pg_catalog.<) NULLS LAST, tidemark_row.\"day\" USING OPERATOR(pg_catalog.>) "  \
	     "NULLS FIRST"

static void *
room(void **state)
{
	return *state;
}

static int
begin(void **state)
{
	*state = talloc_new(NULL);
	return 0;
}

static int
end(void **state)
{
	talloc_free(*state);
	return 0;
}

static void
the_order_is_that_of_the_index_nulls_and_all(void **state)
{
	assert_string_equal(tide_keyset_by(room(state), &by_both, NULL), BOTH_ORDER);
	assert_string_equal(tide_keyset_by(room(state), &by_both, "n"),
	    "n.k1 COLLATE pg_catalog.\"de-x-icu\" USING OPERATOR(pg_catalog.<) NULLS LAST, "
	    "n.k2 USING OPERATOR(pg_catalog.>) NULLS FIRST");
}

static void
the_next_rows_are_ranges_of_the_index_one_a_column(void **state)
{
	assert_string_equal(
	    tide_keyset_next(room(state), &by_both, "\"public\".\"t\"", ", 1 AS one", "KEY", "7", "true"),
	    "SELECT r.* FROM (\n"
	    "(SELECT tidemark_row.\"Na\"\"me\" AS k1, tidemark_row.\"day\" AS k2, 1 AS one FROM ONLY "
	    "\"public\".\"t\" AS tidemark_row WHERE (KEY) IS NULL AND true ORDER BY " BOTH_ORDER " LIMIT 7)\n"
	    "UNION ALL\n"
	    "(SELECT tidemark_row.\"Na\"\"me\" AS k1, tidemark_row.\"day\" AS k2, 1 AS one FROM ONLY "
	    "\"public\".\"t\" AS tidemark_row WHERE " NAME
	    " OPERATOR(pg_catalog.=) CAST((KEY)[1] AS text) AND "
	    "tidemark_row.\"day\" OPERATOR(pg_catalog.<) CAST((KEY)[2] AS date) AND true ORDER BY " BOTH_ORDER
	    " LIMIT 7)\n"
	    "UNION ALL\n"
	    "(SELECT tidemark_row.\"Na\"\"me\" AS k1, tidemark_row.\"day\" AS k2, 1 AS one FROM ONLY "
	    "\"public\".\"t\" AS tidemark_row WHERE " NAME
	    " OPERATOR(pg_catalog.>) CAST((KEY)[1] AS text) AND "
	    "true ORDER BY " BOTH_ORDER " LIMIT 7)) AS r ORDER BY r.k1 COLLATE pg_catalog.\"de-x-icu\" USING "
	    "OPERATOR(pg_catalog.<) NULLS LAST, r.k2 USING OPERATOR(pg_catalog.>) NULLS FIRST LIMIT 7");
}

static void
a_descending_column_goes_on_with_what_is_less(void **state)
{
	struct tide_keyset_column down[] = { number[0] };
	const struct tide_keyset backwards = { .count = 1, .column = down };
	char *next;

	down[0].descending = true;
	next = tide_keyset_next(room(state), &backwards, "t", "", "KEY", "1", "true");
	assert_non_null(strstr(next, "\"id\" OPERATOR(pg_catalog.<) CAST((KEY)[1] AS bigint)"));
	assert_null(strstr(next, "OPERATOR(pg_catalog.=)"));
	assert_string_equal(tide_keyset_until(room(state), &backwards, "n", "STOP"),
	    "n.k1 OPERATOR(pg_catalog.=) CAST((STOP)[1] AS bigint) "
	    "OR n.k1 OPERATOR(pg_catalog.>) CAST((STOP)[1] AS bigint)");
}

static void
the_operators_are_those_of_the_index(void **state)
{
	char *next = tide_keyset_next(room(state), &by_pattern, "t", "", "KEY", "1", "true");

	assert_non_null(strstr(next, "COLLATE pg_catalog.\"default\" OPERATOR(pg_catalog.~>~) CAST("));
	assert_non_null(strstr(next, "USING OPERATOR(pg_catalog.~<~) NULLS LAST"));
}

static void
up_to_a_key_is_the_key_or_what_comes_before_it(void **state)
{
	assert_string_equal(tide_keyset_until(room(state), &by_both, "n", "STOP"),
	    "n.k1 COLLATE pg_catalog.\"de-x-icu\" OPERATOR(pg_catalog.=) CAST((STOP)[1] AS text) "
	    "AND n.k2 OPERATOR(pg_catalog.=) CAST((STOP)[2] AS date)"
	    " OR n.k1 COLLATE pg_catalog.\"de-x-icu\" OPERATOR(pg_catalog.=) CAST((STOP)[1] AS text) "
	    "AND n.k2 "
	    "OPERATOR(pg_catalog.>) CAST((STOP)[2] AS date)"
	    " OR n.k1 COLLATE pg_catalog.\"de-x-icu\" OPERATOR(pg_catalog.<) CAST((STOP)[1] AS text)");
}

static void
rows_are_found_again_by_their_key_in_its_collation(void **state)
{
	assert_string_equal(tide_keyset_same(room(state), &by_both, "span"),
	    NAME " OPERATOR(pg_catalog.=) span.k1 AND tidemark_row.\"day\" OPERATOR(pg_catalog.=) span.k2");
}

static void
a_key_is_kept_as_what_the_output_functions_give(void **state)
{
	assert_string_equal(tide_keyset_text(room(state), &by_both, "n"),
	    "ARRAY[pg_catalog.format('%s', n.k1), pg_catalog.format('%s', n.k2)]");
	assert_string_equal(tide_keyset_text(room(state), &by_number, NULL),
	    "ARRAY[pg_catalog.format('%s', tidemark_row.\"id\")]");
}

static void
a_row_that_differs_is_called_by_its_key_unless_the_plan_knows_better(void **state)
{
	assert_string_equal(tide_keyset_differing(room(state), &by_number, "a IS NULL", NULL, NULL),
	    ", (a IS NULL) AS differs, CASE WHEN (a IS NULL) THEN (ARRAY[pg_catalog.format('%s', "
	    "tidemark_row.\"id\")])::text END AS name, false AS unmatched, NULL::text AS unmatched_name");
	assert_non_null(strstr(
	    tide_keyset_differing(room(state), &by_number, "a IS NULL", "b IS NULL", "row_name"),
	    ", (b IS NULL) AS unmatched, CASE WHEN (b IS NULL) THEN (row_name)::text END AS unmatched_name"));
	assert_non_null(strstr(tide_keyset_differing(room(state), &by_number, "true", NULL, "row_name"),
	    "THEN (row_name)::text END AS name"));
}

static void
a_batch_asks_whether_its_index_is_still_fit(void **state)
{
	char *stands = tide_keyset_stands(room(state), &by_number);

	assert_non_null(
	    strstr(stands, "i.indexrelid = 4711 AND i.indisvalid AND i.indisunique AND i.indimmediate"));
	assert_non_null(strstr(stands, "NOT a.attnotnull"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_order_is_that_of_the_index_nulls_and_all, begin, end),
		cmocka_unit_test_setup_teardown(
		    the_next_rows_are_ranges_of_the_index_one_a_column, begin, end),
		cmocka_unit_test_setup_teardown(a_descending_column_goes_on_with_what_is_less, begin, end),
		cmocka_unit_test_setup_teardown(the_operators_are_those_of_the_index, begin, end),
		cmocka_unit_test_setup_teardown(up_to_a_key_is_the_key_or_what_comes_before_it, begin, end),
		cmocka_unit_test_setup_teardown(
		    rows_are_found_again_by_their_key_in_its_collation, begin, end),
		cmocka_unit_test_setup_teardown(a_key_is_kept_as_what_the_output_functions_give, begin, end),
		cmocka_unit_test_setup_teardown(
		    a_row_that_differs_is_called_by_its_key_unless_the_plan_knows_better, begin, end),
		cmocka_unit_test_setup_teardown(a_batch_asks_whether_its_index_is_still_fit, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
