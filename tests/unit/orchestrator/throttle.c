#include "signals/throttle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <talloc.h>

#include "tidemark/base/units.h"

static struct tide_limits
no_limits(void)
{
	return (struct tide_limits){ .lock_timeout = 200 * TIDE_MS };
}

static struct tide_signals
calm(void)
{
	return (
	    struct tide_signals){ .lag_seconds = -1, .lag_bytes = -1, .slot_bytes = -1, .window_open = true };
}

static enum tide_cause
judge(const struct tide_limits *limits, const struct tide_signals *signals, bool file, bool over[TIDE_GAUGES])
{
	struct tide_hold hold = tide_throttle_judge(NULL, limits, signals, file, over);

	assert_true((hold.text != NULL) == (hold.cause != TIDE_CAUSE_NONE));
	talloc_free((void *)hold.text);
	return hold.cause;
}

static void
nothing_set_means_nothing_holds_back(void **state)
{
	struct tide_limits limits = no_limits();
	struct tide_signals signals = calm();
	bool over[TIDE_GAUGES] = { false };

	(void)state;
	signals.lag_seconds = 1e6;
	signals.lock_waiters = 1000;
	assert_int_equal(judge(&limits, &signals, false, over), TIDE_CAUSE_NONE);
}

static void
lag_enters_at_the_limit_and_leaves_at_four_fifths(void **state)
{
	void *ctx = talloc_new(NULL);
	struct tide_limits limits = no_limits();
	struct tide_signals signals = calm();
	bool over[TIDE_GAUGES] = { false };

	(void)state;
	limits.replica_lag = 5 * TIDE_SECOND;
	signals.replicas = 1;
	signals.lag_seconds = 4.5;
	assert_int_equal(judge(&limits, &signals, false, over), TIDE_CAUSE_NONE);
	signals.lag_seconds = 5;
	assert_int_equal(judge(&limits, &signals, false, over), TIDE_CAUSE_REPLICA_LAG);
	signals.lag_seconds = 4.5;
	assert_int_not_equal(judge(&limits, &signals, false, over), TIDE_CAUSE_NONE);
	signals.lag_seconds = 3.9;
	assert_int_equal(judge(&limits, &signals, false, over), TIDE_CAUSE_NONE);
	talloc_free(ctx);
}

/* Another reason in between does not make a limit forget that it is exceeded, and no limit takes another one's place. */
static void
each_limit_remembers_by_itself_that_it_is_exceeded(void **state)
{
	struct tide_limits limits = no_limits();
	struct tide_signals signals = calm();
	bool over[TIDE_GAUGES] = { false };

	(void)state;
	limits.replica_lag = 5 * TIDE_SECOND;
	limits.replica_lag_bytes = 1000;
	limits.throttle_file = "stop.here";
	signals.replicas = 1;
	signals.lag_seconds = 6;
	signals.lag_bytes = 900;
	assert_int_equal(judge(&limits, &signals, false, over), TIDE_CAUSE_REPLICA_LAG);
	signals.lag_seconds = 4.5;
	assert_int_equal(judge(&limits, &signals, true, over), TIDE_CAUSE_FILE);
	assert_int_equal(judge(&limits, &signals, false, over), TIDE_CAUSE_REPLICA_LAG);
	/* 900 bytes are more than 80 % of a limit that was never reached. */
	signals.lag_seconds = 3.9;
	assert_int_equal(judge(&limits, &signals, false, over), TIDE_CAUSE_NONE);
}

static void
a_lag_that_cannot_be_read_stops(void **state)
{
	void *ctx = talloc_new(NULL);
	struct tide_limits limits = no_limits();
	struct tide_signals signals = calm();
	bool over[TIDE_GAUGES] = { false };

	(void)state;
	limits.replica_lag = 5 * TIDE_SECOND;
	signals.replicas = signals.unreadable_replicas = 1;
	assert_int_not_equal(judge(&limits, &signals, false, over), TIDE_CAUSE_NONE);
	limits.replica_lag = 0;
	assert_int_equal(judge(&limits, &signals, false, over), TIDE_CAUSE_NONE);
	talloc_free(ctx);
}

static void
an_expected_replica_that_is_missing_stops(void **state)
{
	void *ctx = talloc_new(NULL);
	char *names[] = { "east", "west" };
	struct tide_limits limits = no_limits();
	struct tide_signals signals = calm();
	struct tide_hold hold;
	bool over[TIDE_GAUGES] = { false };

	(void)state;
	limits.replicas = (struct tide_names){ names, 2 };
	signals.replica_names = "western\neast";
	hold = tide_throttle_judge(ctx, &limits, &signals, false, over);
	assert_int_equal(hold.cause, TIDE_CAUSE_REPLICA_MISSING);
	assert_non_null(strstr(hold.text, "'west'"));
	signals.replica_names = "west\neast";
	assert_int_equal(judge(&limits, &signals, false, over), TIDE_CAUSE_NONE);
	talloc_free(ctx);
}

/* By a text for people and by one of the short names. */
static void
assert_stops(const struct tide_limits *limits, const struct tide_signals *signals, bool file,
    const char *text, const char *name)
{
	bool over[TIDE_GAUGES] = { false };
	struct tide_hold hold = tide_throttle_judge(NULL, limits, signals, file, over);

	assert_non_null(hold.text);
	assert_non_null(strstr(hold.text, text));
	assert_string_equal(tide_cause_word(hold.cause), name);
	assert_int_equal(tide_cause_of(name), hold.cause);
	assert_true(hold.cause < TIDE_CAUSES_OF_SWEEPS);
	talloc_free((void *)hold.text);
}

static void
every_other_source_stops_by_its_name(void **state)
{
	struct tide_limits limits = no_limits();
	struct tide_signals signals = calm();

	(void)state;
	limits.throttle_file = "stop.here";
	assert_stops(&limits, &signals, true, "stop.here", "file");
	signals.throttle_sql = true;
	assert_stops(&limits, &signals, false, "throttle_sql", "sql");
	signals.throttle_sql_failed = true;
	assert_stops(&limits, &signals, false, "cannot be read", "sql_unreadable");
	signals = calm();
	signals.window_open = false;
	assert_stops(&limits, &signals, false, "window", "window");
	signals = calm();
	limits.slot_wal = 1024;
	signals.slot_bytes = 2048;
	assert_stops(&limits, &signals, false, "slot", "slot_wal");
	signals = calm();
	limits.lock_waiters = 3;
	signals.lock_waiters = 3;
	assert_stops(&limits, &signals, false, "waiting", "lock_waiters");
}

static void
replicas_stop_by_their_names(void **state)
{
	char *names[] = { "west" };
	struct tide_limits limits = no_limits();
	struct tide_signals signals = calm();

	(void)state;
	limits.replica_lag = 5 * TIDE_SECOND;
	signals.lag_seconds = 6;
	assert_stops(&limits, &signals, false, "replica lag", "replica_lag");
	signals = calm();
	limits.replica_lag_bytes = 1024;
	signals.lag_bytes = 2048;
	assert_stops(&limits, &signals, false, "replica lag", "replica_lag");
	signals.unreadable_replicas = 1;
	assert_stops(&limits, &signals, false, "cannot be read", "replica_unreadable");
	limits.replicas = (struct tide_names){ names, 1 };
	assert_stops(&limits, &signals, false, "'west'", "replica_missing");
}

static void
nothing_in_the_way_has_no_cause(void **state)
{
	struct tide_limits limits = no_limits();
	struct tide_signals signals = calm();
	bool over[TIDE_GAUGES] = { false };

	(void)state;
	assert_int_equal(judge(&limits, &signals, false, over), TIDE_CAUSE_NONE);
}

static void
a_reader_is_held_back_by_everything_but_who_follows_the_wal(void **state)
{
	void *ctx = talloc_new(NULL);
	char *names[] = { "east" };
	struct tide_limits limits = no_limits(), reader;
	struct tide_signals signals = calm();
	bool over[TIDE_GAUGES] = { false };

	(void)state;
	limits.replicas = (struct tide_names){ names, 1 };
	limits.replica_lag = 5 * TIDE_SECOND;
	limits.replica_lag_bytes = limits.slot_wal = 1024;
	limits.lock_waiters = 3;
	limits.throttle_file = "stop.here";
	reader = tide_throttle_of_reader(&limits);
	signals.replicas = signals.unreadable_replicas = 1;
	signals.lag_seconds = 60;
	signals.lag_bytes = signals.slot_bytes = 2048;
	assert_int_not_equal(judge(&limits, &signals, false, over), TIDE_CAUSE_NONE);
	assert_int_equal(judge(&reader, &signals, false, over), TIDE_CAUSE_NONE);
	assert_int_equal(judge(&reader, &signals, true, over), TIDE_CAUSE_FILE);
	signals.lock_waiters = 3;
	assert_int_equal(judge(&reader, &signals, false, over), TIDE_CAUSE_LOCK_WAITERS);
	signals.throttle_sql = true;
	assert_int_equal(judge(&reader, &signals, false, over), TIDE_CAUSE_SQL);
	signals.window_open = false;
	assert_int_equal(judge(&reader, &signals, false, over), TIDE_CAUSE_WINDOW);
	talloc_free(ctx);
}

/* Each of them alone, so that none hides behind another. */
static void
each_limit_about_the_wal_holds_back_a_writer_and_no_reader(void **state)
{
	void *ctx = talloc_new(NULL);
	char *names[] = { "east" };
	struct tide_limits limits[4] = { no_limits(), no_limits(), no_limits(), no_limits() };
	struct tide_signals signals = calm();
	bool over[TIDE_GAUGES] = { false };

	(void)state;
	limits[0].replicas = (struct tide_names){ names, 1 };
	limits[1].replica_lag = 5 * TIDE_SECOND;
	limits[2].replica_lag_bytes = 1024;
	limits[3].slot_wal = 1024;
	signals.replicas = 1;
	signals.lag_seconds = 60;
	signals.lag_bytes = signals.slot_bytes = 2048;
	for (size_t i = 0; i < 4; i++) {
		struct tide_limits reader = tide_throttle_of_reader(&limits[i]);

		assert_int_not_equal(judge(&limits[i], &signals, false, over), TIDE_CAUSE_NONE);
		assert_int_equal(judge(&reader, &signals, false, over), TIDE_CAUSE_NONE);
	}
	talloc_free(ctx);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_set_means_nothing_holds_back),
		cmocka_unit_test(lag_enters_at_the_limit_and_leaves_at_four_fifths),
		cmocka_unit_test(each_limit_remembers_by_itself_that_it_is_exceeded),
		cmocka_unit_test(a_lag_that_cannot_be_read_stops),
		cmocka_unit_test(an_expected_replica_that_is_missing_stops),
		cmocka_unit_test(every_other_source_stops_by_its_name),
		cmocka_unit_test(replicas_stop_by_their_names),
		cmocka_unit_test(nothing_in_the_way_has_no_cause),
		cmocka_unit_test(a_reader_is_held_back_by_everything_but_who_follows_the_wal),
		cmocka_unit_test(each_limit_about_the_wal_holds_back_a_writer_and_no_reader),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
