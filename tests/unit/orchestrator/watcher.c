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
	static const struct answer table[] = { LISTENS, { BEAT, "wanted wanted_by", NULL, NULL, 0 },
		{ NULL } };
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
	static const struct answer table[] = { LISTENS, { BEAT, "wanted wanted_by", "run|~", NULL, 1 },
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
	static const struct answer table[] = { LISTENS, { BEAT, "wanted wanted_by", "pause|ann", NULL, 1 },
		BEATS, NO_REPLICAS, { NULL } };
	struct tide_executor *exe = begin(f, table);

	assert_true(tide_watcher_start(exe, &f->err));
	assert_true(exe->requests.pause);
	assert_string_equal(exe->requests.by, "ann");
	tick_again(exe);
	assert_false(exe->requests.pause);
	assert_null(exe->requests.by);
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
		TEST(the_plans_own_condition_runs_in_a_transaction_that_is_rolled_back),
		TEST(a_connection_lost_in_a_tick_ends_it),
		TEST(other_work_is_judged_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
