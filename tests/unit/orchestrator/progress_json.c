#include "state/progress_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <talloc.h>

static void
every_member_survives_the_run_row(void **state)
{
	void *ctx = talloc_new(NULL);
	const struct tide_progress before = { "backfill", "t.a → b", 0.75, 1, 2, INT64_C(9007199254740993), 4,
		5, 6, 7, 8.5, 9, 0.25, 10, -1, true, { TIDE_CAUSE_REPLICA_LAG, "replica lag" }, 3, 1.5, 11,
		12, NULL, 0 };
	struct tide_progress after;

	(void)state;
	tide_progress_read(ctx, tide_progress_json(ctx, &before), &after);
	assert_string_equal(after.phase, before.phase);
	assert_string_equal(after.what, before.what);
	assert_true(after.at_work);
	assert_int_equal(after.hold.cause, before.hold.cause);
	assert_string_equal(after.hold.text, before.hold.text);
	assert_true(after.share > 0.74 && after.share < 0.76);
	assert_int_equal(after.blocks_total, 1);
	assert_int_equal(after.blocks_done, 2);
	assert_true(after.rows_seen == INT64_C(9007199254740993));
	assert_int_equal(after.rows_changed, 4);
	assert_int_equal(after.rows_stayed, 5);
	assert_int_equal(after.rows_skipped, 6);
	assert_int_equal(after.mismatches, 7);
	assert_true(after.rows_per_second > 8.4 && after.rows_per_second < 8.6);
	assert_int_equal(after.batch_p90, 9);
	assert_true(after.hot_share > 0.24 && after.hot_share < 0.26);
	assert_int_equal(after.lag, 10);
	assert_int_equal(after.eta, -1);
	assert_int_equal(after.workers, 3);
	assert_true(after.working > 1.4 && after.working < 1.6);
	assert_int_equal(after.commit_p95, 11);
	assert_int_equal(after.commit_baseline, 12);
	talloc_free(ctx);
}

static void
what_is_no_progress_reads_as_none(void **state)
{
	struct tide_progress after = { .blocks_total = 5 };

	(void)state;
	tide_progress_read(NULL, NULL, &after);
	assert_int_equal(after.blocks_total, 0);
	tide_progress_read(NULL, "[1, 2", &after);
	assert_int_equal(after.blocks_total, 0);
	tide_progress_read(NULL, "[]", &after);
	assert_int_equal(after.blocks_total, 0);
	assert_true(after.hot_share < 0 && after.lag < 0 && after.eta < 0 && after.commit_p95 < 0 &&
		    after.commit_baseline < 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_member_survives_the_run_row),
		cmocka_unit_test(what_is_no_progress_reads_as_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
