#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <talloc.h>

/* The folder's own header needs libpq's, whose folder is not on the path of tests. */
#include <postgresql/libpq-fe.h>

#include "conn/sqlstate.h"

static void
states_say_what_to_do(void **state)
{
	static const struct {
		const char *sqlstate;
		enum tide_code code;
	} cases[] = {
		{ "55P03", TIDE_LOCK },
		{ "40P01", TIDE_LOCK },
		{ "08000", TIDE_UNREACHABLE },
		{ "08P01", TIDE_UNREACHABLE },
		{ "57P01", TIDE_UNREACHABLE },
		{ "57P02", TIDE_UNREACHABLE },
		{ "57P03", TIDE_UNREACHABLE },
		{ "25P03", TIDE_UNREACHABLE },
		{ "53300", TIDE_UNREACHABLE },
		{ "", TIDE_UNREACHABLE },
		{ "53100", TIDE_PRECONDITION },
		{ "53400", TIDE_PRECONDITION },
		{ "28P01", TIDE_USAGE },
		{ "3D000", TIDE_USAGE },
		{ "42501", TIDE_PRECONDITION },
		{ "25006", TIDE_PRECONDITION },
		{ "2BP01", TIDE_PRECONDITION },
		{ "57014", TIDE_UNEXPECTED },
		{ "40001", TIDE_UNEXPECTED },
		{ "23505", TIDE_UNEXPECTED },
		{ "55000", TIDE_UNEXPECTED },
		{ "XX000", TIDE_UNEXPECTED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (tide_sqlstate_code(cases[i].sqlstate) != cases[i].code)
			fail_msg("%s is %s", cases[i].sqlstate,
			    tide_code_name(tide_sqlstate_code(cases[i].sqlstate)));
	assert_int_equal(tide_sqlstate_code(NULL), TIDE_UNREACHABLE);
}

static void
text_of_libpq_becomes_one_line_without_secrets(void **state)
{
	char *text = tide_libpq_text(NULL, "  cannot\n\tconnect   with password=hunter2\nnow.\n");

	(void)state;
	assert_string_equal(text, "cannot connect with password=*** now");
	talloc_free(text);
	text = tide_libpq_text(NULL, "");
	assert_string_equal(text, "");
	talloc_free(text);
}

static void
only_the_first_line_is_kept_where_advice_follows(void **state)
{
	char *text =
	    tide_libpq_line(NULL, "server closed the connection unexpectedly\n\tThis probably means\n");

	(void)state;
	assert_string_equal(text, "server closed the connection unexpectedly");
	talloc_free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(states_say_what_to_do),
		cmocka_unit_test(text_of_libpq_becomes_one_line_without_secrets),
		cmocka_unit_test(only_the_first_line_is_kept_where_advice_follows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
