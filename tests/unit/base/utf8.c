#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "utf8.h"

static void
well_formed_characters_are_measured(void **state)
{
	(void)state;
	assert_int_equal(tide_utf8_sequence("a"), 1);
	assert_int_equal(tide_utf8_sequence("\xc3\xa4"), 2);
	assert_int_equal(tide_utf8_sequence("\xe2\x82\xac"), 3);
	assert_int_equal(tide_utf8_sequence("\xf0\x9f\x8c\x8a"), 4);
}

static void
what_is_not_well_formed_is_told(void **state)
{
	static const char *const wrong[] = { "", "\x80", "\xc0\xaf", "\xc1\x81", "\xc3", "\xc3(",
		"\xe0\x80\x80", "\xe2\x82", "\xed\xa0\x80", "\xf0\x80\x80\x80", "\xf0\x9f\x8c",
		"\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff" };

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(tide_utf8_sequence(wrong[i]), 0);
}

static void
a_prefix_never_cuts_a_character(void **state)
{
	static const char text[] = "a\xe2\x82\xac\xf0\x9f\x8c\x8a";
	static const size_t expected[] = { 0, 1, 1, 1, 4, 4, 4, 4, 8, 8 };

	(void)state;
	for (size_t most = 0; most < sizeof(expected) / sizeof(expected[0]); most++)
		assert_int_equal(tide_utf8_fit(text, most), expected[most]);
	assert_int_equal(tide_utf8_fit("", 5), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(well_formed_characters_are_measured),
		cmocka_unit_test(what_is_not_well_formed_is_told),
		cmocka_unit_test(a_prefix_never_cuts_a_character),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
