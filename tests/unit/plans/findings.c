#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>

#include <cmocka.h>
#include <talloc.h>

#include "tidemark/plans/findings.h"

static void
findings_keep_their_order_and_texts(void **state)
{
	struct tide_findings *findings = talloc_zero(NULL, struct tide_findings);

	(void)state;
	assert_false(tide_findings_has_error(findings));
	for (int i = 0; i < 100; i++)
		tide_findings_add(
		    findings, TIDE_WARNING, "rule", i, i + 1, i == 0 ? "do this" : NULL, "number %d", i);
	assert_int_equal(findings->count, 100);
	assert_string_equal(findings->item[0].hint, "do this");
	assert_null(findings->item[1].hint);
	assert_string_equal(findings->item[99].message, "number 99");
	assert_int_equal(findings->item[99].line, 99);
	assert_int_equal(findings->item[99].column, 100);
	assert_string_equal(findings->item[99].rule, "rule");
	talloc_free(findings);
}

static void
only_an_error_is_an_error(void **state)
{
	struct tide_findings *findings = talloc_zero(NULL, struct tide_findings);

	(void)state;
	tide_findings_add(findings, TIDE_NOTE, "a", 1, 1, NULL, "x");
	tide_findings_add(findings, TIDE_WARNING, "b", 1, 1, NULL, "x");
	assert_false(tide_findings_has_error(findings));
	tide_findings_add(findings, TIDE_ERROR, "c", 1, 1, NULL, "x");
	assert_true(tide_findings_has_error(findings));
	talloc_free(findings);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(findings_keep_their_order_and_texts),
		cmocka_unit_test(only_an_error_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
