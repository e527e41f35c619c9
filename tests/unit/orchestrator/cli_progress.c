#include "cli/output/progress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>
#include <stdlib.h>

#include "cli/output/output.h"
#include "cli/render/status_print.h"
#include "tidemark/base/units.h"

static struct tide_progress
half_way(void)
{
	return (struct tide_progress){
		.phase = "backfill",
		.what = "users.name → full_name",
		.share = 0.612,
		.blocks_total = 1000,
		.blocks_done = 612,
		.rows_seen = 1224000,
		.rows_per_second = 118000,
		.batch_p90 = 31 * TIDE_MS,
		.hot_share = 0.81,
		.lag = 400 * TIDE_MS,
		.eta = 7 * TIDE_SECOND,
		.at_work = true,
	};
}

static void
the_line_is_the_documented_one(void **state)
{
	struct tide_progress p = half_way();
	char text[512];

	(void)state;
	assert_string_equal(tide_progress_format(&p, text, sizeof(text)),
	    "backfill users.name → full_name  61.2 %  1,224,000 rows  118k rows/s  batch 31 ms  HOT 81 %  "
	    "lag 0.4 s  RUNNING  ETA 7 s");
}

static void
the_progress_of_a_run_is_paused_when_the_run_is_and_has_no_lag_when_nobody_works(void **state)
{
	struct tide_run_status s = {
		.state = TIDE_RUN_PAUSED, .phase = "backfill", .live = true, .progress = half_way()
	};
	struct tide_progress p;

	(void)state;
	p = tide_status_progress(&s);
	assert_string_equal(tide_hold_word(&p.hold), "PAUSED");
	assert_true(p.lag > 0 && p.eta < 0);
	s.state = TIDE_RUN_RUNNING;
	s.live = false;
	s.progress.phase = NULL;
	p = tide_status_progress(&s);
	assert_string_equal(tide_hold_word(&p.hold), "RUNNING");
	assert_true(p.lag < 0);
	assert_string_equal(p.phase, "backfill");
}

static void
what_is_unknown_is_left_out(void **state)
{
	struct tide_progress p = { .phase = "verify",
		.blocks_total = 10,
		.hot_share = -1,
		.lag = -1,
		.eta = -1,
		.at_work = true,
		.hold = { TIDE_CAUSE_PAUSE, "asked by ann@host" },
		.mismatches = 3 };
	char text[512];

	(void)state;
	assert_string_equal(tide_progress_format(&p, text, sizeof(text)),
	    "verify  0.0 %  0 rows  3 differ  PAUSED (asked by ann@host)");
}

static void
it_says_100_only_when_nothing_is_left(void **state)
{
	struct tide_progress p = half_way();
	char text[512];

	(void)state;
	p.share = 0.99999;
	assert_non_null(strstr(tide_progress_format(&p, text, sizeof(text)), "  99.9 %"));
	p.share = 1;
	assert_non_null(strstr(tide_progress_format(&p, text, sizeof(text)), "  100.0 %"));
}

static void
a_small_buffer_cuts_the_line(void **state)
{
	struct tide_progress p = half_way();
	char text[24];

	(void)state;
	assert_int_equal(strlen(tide_progress_format(&p, text, sizeof(text))), sizeof(text) - 1);
}

static void
times_are_in_two_units(void **state)
{
	char text[64];

	(void)state;
	assert_string_equal(tide_progress_time(7 * TIDE_SECOND, text, sizeof(text)), "7 s");
	assert_string_equal(tide_progress_time(200 * TIDE_SECOND, text, sizeof(text)), "3 min 20 s");
	assert_string_equal(tide_progress_time(7500 * TIDE_SECOND, text, sizeof(text)), "2 h 5 min");
	assert_string_equal(tide_progress_time(100 * 3600 * TIDE_SECOND, text, sizeof(text)), "4 d 4 h");
}

static void
elsewhere_a_line_is_due_each_30_seconds_or_5_percent(void **state)
{
	struct tide_stream stream = { .file = fopen("/dev/null", "w") };
	struct tide_progress_line line = { .stream = &stream };
	struct tide_progress p = half_way();
	int64_t now = 1000 * TIDE_SECOND;

	(void)state;
	assert_true(tide_progress_due(&line, &p, now));
	tide_progress_show(&line, &p, now);
	assert_false(tide_progress_due(&line, &p, now + 29 * TIDE_SECOND));
	assert_true(tide_progress_due(&line, &p, now + 30 * TIDE_SECOND));
	p.share += 0.049;
	assert_false(tide_progress_due(&line, &p, now + TIDE_SECOND));
	p.share += 0.001;
	assert_true(tide_progress_due(&line, &p, now + TIDE_SECOND));
	p = half_way();
	p.phase = "verify";
	assert_true(tide_progress_due(&line, &p, now + TIDE_SECOND));
	(void)fclose(stream.file);
}

static void
on_a_terminal_it_is_redrawn_at_most_ten_times_a_second(void **state)
{
	char *text = NULL;
	size_t size = 0;
	struct tide_stream stream = { .file = open_memstream(&text, &size), .terminal = true };
	struct tide_progress_line line = { .stream = &stream };
	struct tide_progress p = half_way();

	(void)state;
	tide_progress_show(&line, &p, TIDE_SECOND);
	tide_progress_show(&line, &p, TIDE_SECOND + 99 * TIDE_MS);
	(void)fflush(stream.file);
	assert_null(strchr(strchr(text, '\r') + 1, '\r'));
	/* 80 columns when the terminal tells none: one column stays free. */
	text[strlen(text) - 3] = '\0';
	assert_int_equal(tide_output_columns(text + 1), 79);
	(void)fclose(stream.file);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_line_is_the_documented_one),
		cmocka_unit_test(
		    the_progress_of_a_run_is_paused_when_the_run_is_and_has_no_lag_when_nobody_works),
		cmocka_unit_test(what_is_unknown_is_left_out),
		cmocka_unit_test(it_says_100_only_when_nothing_is_left),
		cmocka_unit_test(a_small_buffer_cuts_the_line),
		cmocka_unit_test(times_are_in_two_units),
		cmocka_unit_test(elsewhere_a_line_is_due_each_30_seconds_or_5_percent),
		cmocka_unit_test(on_a_terminal_it_is_redrawn_at_most_ten_times_a_second),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
