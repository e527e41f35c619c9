#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tidemark/base/units.h"

struct reading {
	const char *text;
	int64_t value;
};

struct writing {
	int64_t value;
	const char *text;
};

static void
durations_are_read_with_their_units(void **state)
{
	static const struct reading rows[] = { { "0", 0 }, { "0s", 0 }, { "200ms", 200000 },
		{ "1.5s", 1500000 }, { "2h30m", INT64_C(9000000000) }, { "2h 30m", INT64_C(9000000000) },
		{ "7d", INT64_C(604800000000) }, { "1w", INT64_C(604800000000) }, { "5min", 300000000 },
		{ "5 m", 300000000 }, { "15us", 15 }, { "1.25ms", 1250 }, { "0.000001s", 1 },
		{ "1.500000000s", 1500000 }, { "1d2h3m4s5ms6us", INT64_C(93784005006) } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t us = -1;

		assert_true(tide_duration_parse(rows[i].text, &us));
		assert_int_equal(us, rows[i].value);
	}
}

static void
durations_that_could_be_misread_are_refused(void **state)
{
	static const char *const rows[] = { "", " ", "5", "00", "0.0", "-1s", "+1s", "1", "1x", "1S", "1MS",
		"s", ".5s", "1.s", "1..5s", "1,5s", "1.5h30m", "30m2h", "1s1s", "1m1min", "1s ", " 1s",
		"1s x", "1 2s", "1e3s", "0.0000001s", "0.5us", "99999999999999999999s",
		"9223372036854775807s", "9223372036854775807us1us", "200 000ms", "1s\n", "0x10s" };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t us = -1;

		if (tide_duration_parse(rows[i], &us))
			fail_msg("'%s' was read as %lld", rows[i], (long long)us);
		assert_int_equal(us, -1);
	}
}

static void
durations_are_written_for_display(void **state)
{
	static const struct writing rows[] = { { 0, "0s" }, { 1, "1us" }, { 999, "999us" }, { 1000, "1ms" },
		{ 1500, "1.5ms" }, { 200000, "200ms" }, { 12340, "12.3ms" }, { 999999, "1s" },
		{ 1500000, "1.5s" }, { 1234567, "1.23s" }, { 12345678, "12.3s" }, { 59960000, "1m" },
		{ 60000000, "1m" }, { 90000000, "1m 30s" }, { INT64_C(3599600000), "1h" },
		{ INT64_C(9000000000), "2h 30m" }, { INT64_C(604800000000), "7d" },
		{ INT64_C(97200000000), "1d 3h" }, { -1500000, "-1.5s" } };
	char out[64];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(tide_duration_format(rows[i].value, out, sizeof(out)), rows[i].text);
	assert_non_null(strstr(tide_duration_format(INT64_MAX, out, sizeof(out)), "d"));
	assert_int_equal(tide_duration_format(INT64_MIN, out, sizeof(out))[0], '-');
}

static void
what_is_written_can_be_read_back_within_a_hundredth(void **state)
{
	char out[64];

	(void)state;
	for (int64_t us = 1; us < INT64_C(4000000000000000); us += us / 7 + 1) {
		int64_t back = 0;

		assert_true(tide_duration_parse(tide_duration_format(us, out, sizeof(out)), &back));
		assert_true(llabs(back - us) <= us / 40 + 1);
	}
}

static void
a_short_buffer_is_never_overrun(void **state)
{
	char out[4] = "zzz";

	(void)state;
	tide_duration_format(123456789, out, 3);
	assert_string_equal(out, "2m");
	assert_int_equal(out[3], '\0');
	assert_string_equal(tide_count_format(1234567, out, 4), "1,2");
}

static void
sizes_are_read_as_the_server_does(void **state)
{
	static const struct reading rows[] = { { "0", 0 }, { "512B", 512 }, { "64kB", 65536 },
		{ "1GB", INT64_C(1) << 30 }, { "1.5MB", 1572864 }, { "2 TB", INT64_C(2) << 40 },
		{ "0.1kB", 102 } };
	static const char *const wrong[] = { "", "1", "64KB", "64kb", "64k", "1gB", "-1kB", "1kB ", "1kB1B",
		"kB", "9999999999TB", "1e3kB" };
	int64_t bytes = -1;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_true(tide_size_parse(rows[i].text, &bytes));
		assert_int_equal(bytes, rows[i].value);
	}
	bytes = -1;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		if (tide_size_parse(wrong[i], &bytes))
			fail_msg("'%s' was read as %lld", wrong[i], (long long)bytes);
		assert_int_equal(bytes, -1);
	}
}

static void
sizes_are_written_with_three_digits(void **state)
{
	static const struct writing rows[] = { { 0, "0B" }, { 512, "512B" }, { 1023, "1023B" },
		{ 1024, "1kB" }, { 65536, "64kB" }, { 1572864, "1.5MB" }, { (INT64_C(1) << 20) - 1, "1MB" },
		{ INT64_C(1) << 30, "1GB" }, { INT64_C(5) << 42, "20TB" }, { -2048, "-2kB" } };
	char out[64];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(tide_size_format(rows[i].value, out, sizeof(out)), rows[i].text);
}

static void
counts_are_grouped(void **state)
{
	static const struct writing rows[] = { { 0, "0" }, { 999, "999" }, { 1000, "1,000" },
		{ 1224000, "1,224,000" }, { -1000, "-1,000" }, { -999, "-999" },
		{ INT64_MIN, "-9,223,372,036,854,775,808" }, { INT64_MAX, "9,223,372,036,854,775,807" } };
	char out[64];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(tide_count_format(rows[i].value, out, sizeof(out)), rows[i].text);
}

static void
rates_are_short(void **state)
{
	static const struct {
		double value;
		const char *text;
	} rows[] = { { 0, "0" }, { 0.5, "0.5" }, { 12, "12" }, { 950, "950" }, { 999.6, "1k" },
		{ 1500, "1.5k" }, { 118234.0, "118k" }, { 999999, "1M" }, { 2.5e6, "2.5M" }, { -1, "-" },
		{ (double)INFINITY, "-" }, { (double)NAN, "-" } };
	char out[64];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(tide_rate_format(rows[i].value, out, sizeof(out)), rows[i].text);
}

static void
the_clock_only_goes_forward(void **state)
{
	int64_t last = tide_now_us();

	(void)state;
	for (int i = 0; i < 1000; i++) {
		int64_t now = tide_now_us();

		assert_true(now >= last);
		last = now;
	}
	assert_true(last > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations_are_read_with_their_units),
		cmocka_unit_test(durations_that_could_be_misread_are_refused),
		cmocka_unit_test(durations_are_written_for_display),
		cmocka_unit_test(what_is_written_can_be_read_back_within_a_hundredth),
		cmocka_unit_test(a_short_buffer_is_never_overrun),
		cmocka_unit_test(sizes_are_read_as_the_server_does),
		cmocka_unit_test(sizes_are_written_with_three_digits),
		cmocka_unit_test(counts_are_grouped),
		cmocka_unit_test(rates_are_short),
		cmocka_unit_test(the_clock_only_goes_forward),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
