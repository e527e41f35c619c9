/* What can be set, and what counts then. */
#include "executor_fixture.h"

#include "signals/signal.h"
#include "tidemark/plans/steering.h"

/* Whatever holds a sweep back can be changed while it does. */
static void
each_limit_of_the_throttle_can_be_set(void **state)
{
	(void)state;
	for (size_t i = 0; i < TIDE_SIGNAL_COUNT; i++)
		for (const char *const *at = tide_signal_table[i]->keys; at != NULL && *at != NULL; at++) {
			struct tide_err err = { 0 };

			if (!tide_steering_known(*at, &err))
				fail_msg("%s", err.message);
		}
}

/* Those that are set, or else those of the phase; without a phase there are none. */
static void
the_hours_of_the_current_phase(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = { { NULL } };
	struct tide_executor *exe;

	f->phase[1].gate.window = "09:00-17:00 UTC";
	exe = begin(f, table);
	assert_null(tide_executor_window(exe));
	exe->report.ordinal = 1;
	assert_string_equal(tide_executor_window(exe), "09:00-17:00 UTC");
	assert_string_equal(tide_executor_closed_window(exe), "outside the time window of this phase");
	tide_executor_steer(exe, "[{\"key\":\"window\",\"value\":\"10:00-11:00 UTC\",\"by\":\"ann\"}]");
	assert_string_equal(tide_executor_window(exe), "10:00-11:00 UTC");
	assert_string_equal(tide_executor_closed_window(exe), "outside the time window that was set");
	exe->report.ordinal = -1;
	assert_null(tide_executor_window(exe));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_limit_of_the_throttle_can_be_set),
		TEST(the_hours_of_the_current_phase),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
