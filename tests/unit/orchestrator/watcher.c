/* The tick of the watcher: the lease first and by itself, then each signal by itself. */
#include "executor_fixture.h"

#include <string.h>

#include "signals/watcher.h"

#define LAG "name_lag"
#define WAITERS "AS waiters"
#define HORIZON "WITH holder"
#define CONDITION "SELECT too_much"

static void
tick_again(struct tide_executor *exe)
{
	struct tide_err ignored = { 0 };
	int64_t ticks = exe->signals.ticks;

	tide_watcher_poke(exe);
	while (exe->signals.ticks == ticks && !tide_executor_halted(exe, &ignored))
		tide_executor_turn(exe);
}

static void
a_tick_keeps_the_lease_and_asks_what_has_a_limit(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = { LISTENS, BEATS, NO_REPLICAS,
		{ WAITERS, "waiters", "3", NULL, 0 }, { NULL } };
	struct tide_executor *exe;

	f->plan.limits.lock_waiters = 3;
	exe = begin(f, table);
	assert_true(tide_watcher_start(exe, &f->err));
	assert_sent(f, BEAT, "[1, 7, NULL, NULL]", 1);
	assert_sent(f, WAITERS, "[16384]", 1);
	assert_sent(f, "pg_replication_slots", NULL, 0);
	assert_sent(f, HORIZON, NULL, 0);
	assert_int_equal(exe->throttle.hold.cause, TIDE_CAUSE_LOCK_WAITERS);
	assert_true(exe->signals.window_open);
	assert_true(exe->signals.round_trip > 0);
}

/* Nobody may take over a run because one of its readings fails, and the other readings count as before. */
static void
a_signal_that_fails_costs_neither_the_lease_nor_the_others(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = { LISTENS, BEATS, { LAG, NULL, NULL, "57014", 0 },
		{ WAITERS, "waiters", "3", NULL, 1 }, { WAITERS, "waiters", "0", NULL, 0 }, { NULL } };
	struct tide_executor *exe;

	f->plan.limits.lock_waiters = 3;
	exe = begin(f, table);
	assert_true(tide_watcher_start(exe, &f->err));
	assert_int_equal(exe->throttle.hold.cause, TIDE_CAUSE_LOCK_WAITERS);
	tick_again(exe);
	assert_int_equal(exe->throttle.hold.cause, TIDE_CAUSE_NONE);
	assert_false(exe->requests.broken);
	assert_sent(f, BEAT, NULL, 2);
	assert_sent(f, LAG, NULL, 2);
}

static void
a_lease_that_is_no_longer_ours_ends_the_run_and_asks_nothing_more(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = { LISTENS,
		{ BEAT, "wanted wanted_by settings until expired", NULL, NULL, 0 }, { NULL } };
	struct tide_executor *exe = begin(f, table);

	assert_false(tide_watcher_start(exe, &f->err));
	assert_int_equal(f->err.code, TIDE_LEASE);
	assert_true(exe->session->lost);
	assert_sent(f, LAG, NULL, 0);
}

/* A heartbeat that fails is tried again with the next tick; what was seen before stays. */
static void
a_heartbeat_that_fails_leaves_the_signals_as_they_were(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = { LISTENS,
		{ BEAT, "wanted wanted_by settings until expired", "run|~|~|~|f", NULL, 1 },
		{ BEAT, NULL, NULL, "53200", 1 }, BEATS, NO_REPLICAS, { WAITERS, "waiters", "3", NULL, 1 },
		{ WAITERS, "waiters", "0", NULL, 0 }, { NULL } };
	struct tide_executor *exe;

	f->plan.limits.lock_waiters = 3;
	exe = begin(f, table);
	assert_true(tide_watcher_start(exe, &f->err));
	tick_again(exe);
	assert_int_equal(exe->throttle.hold.cause, TIDE_CAUSE_LOCK_WAITERS);
	assert_sent(f, WAITERS, NULL, 1);
	tick_again(exe);
	assert_int_equal(exe->throttle.hold.cause, TIDE_CAUSE_NONE);
	assert_false(exe->requests.broken);
}

static void
what_is_wanted_of_the_run_comes_with_the_heartbeat(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = { LISTENS,
		{ BEAT, "wanted wanted_by settings until expired", "pause|ann|~|~|f", NULL, 1 }, BEATS,
		NO_REPLICAS, { NULL } };
	struct tide_executor *exe = begin(f, table);

	assert_true(tide_watcher_start(exe, &f->err));
	assert_true(exe->requests.pause);
	assert_string_equal(exe->requests.by, "ann");
	tick_again(exe);
	assert_false(exe->requests.pause);
	assert_null(exe->requests.by);
}

#define SETS(settings, until, expired, times)                                                                \
	{                                                                                                    \
		BEAT, "wanted wanted_by settings until expired", "run|~|" settings "|" until "|" expired,    \
		    NULL, times                                                                              \
	}
#define EXPIRE "-- Ends the settings of run $1 whose time is over"

/* The limits count from the same tick on, and what the plan says again when nothing is set. */
static void
what_is_set_comes_with_the_heartbeat(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = { LISTENS,
		SETS("[{\"key\":\"lock_waiters\",\"value\":\"2\",\"by\":\"ann\"},"
		     "{\"key\":\"workers\",\"value\":\"4\",\"by\":\"bob\"}]",
		    "~", "f", 2),
		SETS("[{\"key\":\"workers\",\"value\":\"5\",\"by\":\"ann\"},"
		     "{\"key\":\"window\",\"value\":\"never\",\"by\":\"eve\"},"
		     "{\"key\":\"colour\",\"value\":\"red\",\"by\":\"eve\"}]",
		    "~", "f", 1),
		BEATS, NO_REPLICAS, { WAITERS, "waiters", "3", NULL, 0 }, { NULL } };
	struct tide_executor *exe;

	exe = begin(f, table);
	assert_true(tide_watcher_start(exe, &f->err));
	assert_int_equal(exe->throttle.hold.cause, TIDE_CAUSE_LOCK_WAITERS);
	assert_int_equal(exe->in_force.limits->workers, 4);
	assert_true(exe->in_force.limits->batch_duration == 15 * TIDE_MS);
	assert_string_equal(
	    f->told, "setting.set: lock_waiters = 2, set by ann\nsetting.set: workers = 4, set by bob\n");
	tick_again(exe);
	assert_int_equal(exe->in_force.changes, 1);
	f->told[0] = '\0';
	tick_again(exe);
	assert_int_equal(exe->in_force.limits->workers, 5);
	assert_int_equal(exe->throttle.hold.cause, TIDE_CAUSE_NONE);
	assert_null(tide_executor_window(exe));
	assert_has(f->told, "setting.set: workers = 5, set by ann\n");
	assert_has(
	    f->told, "setting.end: lock_waiters = 2 is no longer set: the plan's value counts again\n");
	assert_has(f->told, "setting.unreadable: window = never, set by eve, is left out: \"window\" is not");
	assert_has(f->told, "setting.unreadable: colour = red, set by eve, is left out: ");
	assert_null(strstr(f->told, "setting.set: colour"));
	tick_again(exe);
	assert_ptr_equal(exe->in_force.limits, &f->plan.limits);
	assert_null(exe->in_force.steering);
	assert_int_equal(exe->in_force.changes, 3);
	assert_sent(f, EXPIRE, NULL, 0);
	assert_sent(f, WAITERS, NULL, 2);
}

/* Not a second later, with the next tick: then it would be two until everybody has seen it. */
static void
a_setting_ends_when_it_was_said_to(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = { LISTENS,
		SETS("[{\"key\":\"workers\",\"value\":\"4\",\"by\":\"ann\"}]", "0.15", "f", 1),
		SETS("~", "~", "t", 1), BEATS, { EXPIRE, NULL, NULL, NULL, 0 }, NO_REPLICAS, { NULL } };
	struct tide_executor *exe;
	int64_t begun = tide_now_us();

	exe = begin(f, table);
	assert_true(tide_watcher_start(exe, &f->err));
	assert_int_equal(exe->in_force.limits->workers, 4);
	while (exe->signals.ticks < 2)
		tide_executor_turn(exe);
	assert_in_range(tide_now_us() - begun, 100 * TIDE_MS, 800 * TIDE_MS);
	assert_int_equal(exe->in_force.limits->workers, 1);
	assert_sent(f, EXPIRE, "[1]", 1);
	tick_again(exe);
	assert_sent(f, EXPIRE, NULL, 1);
}

/* It is asked for again, and meanwhile the throttle sees what it sees. */
static void
an_end_that_cannot_be_journaled_costs_nothing_else(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = { LISTENS, SETS("~", "~", "t", 0),
		{ EXPIRE, NULL, NULL, "55P03", 0 }, NO_REPLICAS, { WAITERS, "waiters", "3", NULL, 0 },
		{ NULL } };
	struct tide_executor *exe;

	f->plan.limits.lock_waiters = 3;
	exe = begin(f, table);
	assert_true(tide_watcher_start(exe, &f->err));
	assert_int_equal(exe->throttle.hold.cause, TIDE_CAUSE_LOCK_WAITERS);
	tick_again(exe);
	assert_sent(f, EXPIRE, NULL, 2);
	assert_false(exe->requests.broken);
}

/* Also when it fails: nothing of it may stay open. */
static void
the_plans_own_condition_runs_in_a_transaction_that_is_rolled_back(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = { LISTENS, BEATS, NO_REPLICAS,
		{ "BEGIN READ ONLY; SET LOCAL statement_timeout = '2s'", NULL, NULL, NULL, 0 },
		{ CONDITION, "b", "t", NULL, 1 }, { CONDITION, NULL, NULL, "57014", 0 },
		{ "ROLLBACK", NULL, NULL, NULL, 0 }, { NULL } };
	struct tide_executor *exe;

	f->plan.limits.throttle_sql = CONDITION;
	exe = begin(f, table);
	assert_true(tide_watcher_start(exe, &f->err));
	assert_int_equal(exe->throttle.hold.cause, TIDE_CAUSE_SQL);
	assert_sent(f, "BEGIN READ ONLY", NULL, 1);
	assert_sent(f, "ROLLBACK", NULL, 1);
	tick_again(exe);
	assert_int_equal(exe->throttle.hold.cause, TIDE_CAUSE_SQL_UNREADABLE);
	assert_sent(f, "ROLLBACK", NULL, 2);
	assert_sent(f, LAG, NULL, 2);
}

/* It is not a signal that cannot be read: the run connects again, and is not told to be throttled meanwhile. */
static void
a_connection_lost_in_a_tick_ends_it(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = { LISTENS, BEATS, NO_REPLICAS,
		{ WAITERS, "waiters", "0", NULL, 1 }, { WAITERS, NULL, NULL, ANSWER_ENDS, 0 }, { NULL } };
	struct tide_executor *exe;

	f->plan.limits.lock_waiters = 3;
	exe = begin(f, table);
	assert_true(tide_watcher_start(exe, &f->err));
	tick_again(exe);
	while (!exe->requests.broken)
		tide_executor_turn(exe);
	assert_int_equal(exe->throttle.hold.cause, TIDE_CAUSE_NONE);
	assert_sent(f, WAITERS, NULL, 2);
}

/* Without waiting for a tick, by what the last one saw. */
static void
other_work_is_judged_at_once(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = { LISTENS, BEATS,
		{ LAG, "lag gap hidden name name_lag", "60|0|0|east|60", NULL, 0 }, { NULL } };
	struct tide_executor *exe;

	f->plan.limits.replica_lag = 5 * TIDE_SECOND;
	exe = begin(f, table);
	assert_true(tide_watcher_start(exe, &f->err));
	assert_int_equal(exe->throttle.hold.cause, TIDE_CAUSE_REPLICA_LAG);
	exe->report.progress.hold = exe->throttle.hold;
	exe->throttle.only_reads = true;
	tide_watcher_judge(exe);
	assert_int_equal(exe->throttle.hold.cause, TIDE_CAUSE_NONE);
	assert_null(exe->report.progress.hold.text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_tick_keeps_the_lease_and_asks_what_has_a_limit),
		TEST(a_signal_that_fails_costs_neither_the_lease_nor_the_others),
		TEST(a_lease_that_is_no_longer_ours_ends_the_run_and_asks_nothing_more),
		TEST(a_heartbeat_that_fails_leaves_the_signals_as_they_were),
		TEST(what_is_wanted_of_the_run_comes_with_the_heartbeat),
		TEST(what_is_set_comes_with_the_heartbeat),
		TEST(a_setting_ends_when_it_was_said_to),
		TEST(an_end_that_cannot_be_journaled_costs_nothing_else),
		TEST(the_plans_own_condition_runs_in_a_transaction_that_is_rolled_back),
		TEST(a_connection_lost_in_a_tick_ends_it),
		TEST(other_work_is_judged_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
