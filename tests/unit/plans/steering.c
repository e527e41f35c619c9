#include "sample.h"

#include <string.h>

#include "tidemark/base/units.h"
#include "tidemark/plans/steering.h"

static const struct tide_limits plan_limits = {
	.workers = 2, .batch_duration = 15 * TIDE_MS, .lock_waiters = 20, .lock_timeout = 200 * TIDE_MS
};

static struct tide_steering *
with(void *ctx, const char *key, const char *value)
{
	struct tide_steering *steering = tide_steering_new(ctx, &plan_limits);
	struct tide_err err = { 0 };

	if (!tide_steering_set(steering, key, value, &err))
		fail_msg("%s = %s: %s", key, value, err.message);
	return steering;
}

/** The error has no place: there is no file. */
static void
assert_not_set(const char *key, const char *value, const char *message, const char *hint)
{
	void *ctx = talloc_new(NULL);
	struct tide_steering *steering = tide_steering_new(ctx, &plan_limits);
	struct tide_err err = { 0 };

	assert_false(tide_steering_set(steering, key, value, &err));
	assert_int_equal(err.code, TIDE_USAGE);
	assert_string_equal(err.where, "");
	assert_int_equal(err.line, 0);
	assert_string_equal(err.message, message);
	if (strstr(err.hint, hint) == NULL)
		fail_msg("%s = %s: the hint is \"%s\"", key, value, err.hint);
	talloc_free(ctx);
}

static void
what_is_not_set_is_as_in_the_plan(void **state)
{
	struct tide_steering *steering = with(NULL, "workers", "5");

	(void)state;
	assert_int_equal(steering->limits.workers, 5);
	assert_true(steering->limits.batch_duration == 15 * TIDE_MS);
	assert_true(steering->limits.lock_timeout == 200 * TIDE_MS);
	assert_int_equal(steering->max_rows_per_second, 0);
	assert_true(steering->horizon_wait == -1);
	assert_null(steering->window);
	assert_int_equal(plan_limits.workers, 2);
	talloc_free(steering);
}

static void
values_have_the_units_of_the_plan(void **state)
{
	void *ctx = talloc_new(NULL);

	(void)state;
	assert_true(with(ctx, "batch_duration", "40ms")->limits.batch_duration == 40 * TIDE_MS);
	assert_true(with(ctx, "replica_lag", "1m30s")->limits.replica_lag == 90 * TIDE_SECOND);
	assert_true(with(ctx, "replica_lag", "0")->limits.replica_lag == 0);
	assert_true(with(ctx, "replica_lag_bytes", "64MB")->limits.replica_lag_bytes == INT64_C(64) << 20);
	assert_true(with(ctx, "slot_wal", "1GB")->limits.slot_wal == INT64_C(1) << 30);
	assert_int_equal(with(ctx, "lock_waiters", "0")->limits.lock_waiters, 0);
	assert_int_equal(with(ctx, "max_rows_per_second", "5000")->max_rows_per_second, 5000);
	assert_true(with(ctx, "horizon_wait", "0")->horizon_wait == 0);
	assert_string_equal(
	    with(ctx, "throttle_sql", "SELECT a = 'b'")->limits.throttle_sql, "SELECT a = 'b'");
	assert_string_equal(with(ctx, "throttle_file", "/run/stop")->limits.throttle_file, "/run/stop");
	assert_string_equal(with(ctx, "window", "00:00-24:00 UTC")->window, "00:00-24:00 UTC");
	talloc_free(ctx);
}

/* What the plan says is replaced, and stays what it was for whoever comes after. */
static void
a_list_is_one_text_or_written_as_in_the_plan(void **state)
{
	void *ctx = talloc_new(NULL);
	char **item = talloc_array(ctx, char *, 1);
	struct tide_limits limits = { .replicas = { item, 1 } };
	struct tide_steering *steering = tide_steering_new(ctx, &limits);
	struct tide_err err = { 0 };

	(void)state;
	item[0] = talloc_strdup(item, "of the plan");
	assert_true(tide_steering_set(steering, "replicas", "r1", &err));
	assert_int_equal(steering->limits.replicas.count, 1);
	assert_string_equal(steering->limits.replicas.item[0], "r1");
	assert_true(tide_steering_set(steering, "replicas", "[\"r1\", 'r 2']", &err));
	assert_int_equal(steering->limits.replicas.count, 2);
	assert_string_equal(steering->limits.replicas.item[1], "r 2");
	assert_true(tide_steering_set(steering, "replicas", "[]", &err));
	assert_int_equal(steering->limits.replicas.count, 0);
	assert_int_equal(limits.replicas.count, 1);
	assert_string_equal(limits.replicas.item[0], "of the plan");
	talloc_free(ctx);
}

static void
what_the_plan_would_refuse_is_refused_in_its_words(void **state)
{
	(void)state;
	assert_not_set(
	    "workers", "0", "\"workers\" is 0; it must be between 1 and 64", "workers: connections");
	assert_not_set("workers", "four", "\"workers\" must be a whole number, not text",
	    "a number without quotes, or \"auto\"");
	assert_not_set("workers", "", "\"workers\" must be a whole number, not text", "");
	assert_not_set("workers", "4 ", "\"workers\" must be a whole number, not text", "");
	assert_not_set(
	    "batch_duration", "20", "\"20\" is not a duration", "write batch_duration with its unit");
	assert_not_set(
	    "batch_duration", "20s", "\"batch_duration\" is 20s; it must be between 1ms and 10s", "");
	assert_not_set("slot_wal", "much", "\"much\" is not a size", "write slot_wal with its unit");
	assert_not_set("max_rows_per_second", "0",
	    "\"max_rows_per_second\" is 0; it must be between 1 and 1,000,000,000",
	    "upper limit of the speed");
	assert_not_set(
	    "window", "at night", "\"window\" is not a time window", "00:00-24:00 is the whole day");
	assert_not_set("throttle_file", " ", "\"throttle_file\" is empty", "leave the key out");
}

static void
an_unknown_key_is_one_error_with_all_keys(void **state)
{
	(void)state;
	assert_not_set("worker", "4", "\"worker\" is no key that can be set; did you mean \"workers\"?",
	    "keys: workers, impact, pace, batch_duration, max_rows_per_second, replica_lag, ");
	assert_not_set("lease", "4s", "\"lease\" is no key that can be set", ", window");
}

/* A key that is neither in [limits] nor among those of the phases would be an unknown one. */
static void
every_key_has_a_row(void **state)
{
	const char *const *keys = tide_steering_keys();

	(void)state;
	for (size_t i = 0; keys[i] != NULL; i++) {
		void *ctx = talloc_new(NULL);
		struct tide_steering *steering = tide_steering_new(ctx, &plan_limits);
		struct tide_err err = { 0 };

		if (!tide_steering_set(steering, keys[i], "?", &err))
			assert_null(strstr(err.message, "no key"));
		talloc_free(ctx);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_set_is_as_in_the_plan),
		cmocka_unit_test(values_have_the_units_of_the_plan),
		cmocka_unit_test(a_list_is_one_text_or_written_as_in_the_plan),
		cmocka_unit_test(what_the_plan_would_refuse_is_refused_in_its_words),
		cmocka_unit_test(an_unknown_key_is_one_error_with_all_keys),
		cmocka_unit_test(every_key_has_a_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
