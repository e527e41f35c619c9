/* Each signal of the throttle: what it asks, what it makes of the answer, and when it holds the work back. */
#include "executor_fixture.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "signals/gauge.h"
#include "signals/throttle.h"

#define LAG "name_lag"
#define CONNECTED "SELECT application_name FROM pg_catalog.pg_stat_replication"
#define SLOTS "pg_catalog.pg_replication_slots"
#define WAITERS "AS waiters"
#define CLOCK "AS minute"
#define CONDITION "SELECT too_much"

static const char lag_columns[] = "lag gap hidden name name_lag";

static struct tide_executor *
begin_signals(struct fixture *f, const struct answer *table, struct tide_signal_states **states)
{
	struct tide_executor *exe = begin(f, table);

	exe->signals.window_open = true;
	*states = tide_signal_states_new(exe);
	return exe;
}

static size_t
place_of(const struct tide_signal *signal)
{
	for (size_t i = 0; i < TIDE_SIGNAL_COUNT; i++)
		if (tide_signal_table[i] == signal)
			return i;
	fail_msg("not in the table");
	return 0;
}

/* One question and its answer, as in a tick. */
static bool
ask(struct fixture *f, struct tide_signal_states *states, const struct tide_signal *signal)
{
	void *mem = talloc_new(f->exe), *state = states->of[place_of(signal)];
	struct tide_question q;
	struct tide_rows *rows = NULL;
	struct tide_err err = { 0 };
	bool asks = signal->ask(f->exe, state, mem, &q);

	if (asks && tide_await_query(f->exe->watch, mem, q.sql, q.count, q.value, &rows, &err))
		signal->read(f->exe, state, rows, NULL);
	else if (asks)
		signal->read(f->exe, state, NULL, &err);
	talloc_free(mem);
	return asks;
}

/* Belongs to the fixture. */
static struct tide_hold
judge(struct fixture *f, struct tide_signal_states *states)
{
	struct tide_hold hold = tide_throttle_judge(f->mem, f->exe, states);

	assert_true((hold.text != NULL) == (hold.cause != TIDE_CAUSE_NONE));
	return hold;
}

static void
assert_holds(struct fixture *f, struct tide_signal_states *states, enum tide_cause cause, const char *text)
{
	struct tide_hold hold = judge(f, states);

	assert_int_equal(hold.cause, cause);
	assert_string_equal(hold.text, text);
}

static void
assert_free(struct fixture *f, struct tide_signal_states *states)
{
	struct tide_hold hold = judge(f, states);

	if (hold.cause != TIDE_CAUSE_NONE)
		fail_msg("held back: %s", hold.text);
}

/* What is said of each reading in its turn; NULL: nothing holds. */
static void
assert_readings(struct fixture *f, struct tide_signal_states *states, const struct tide_signal *signal,
    enum tide_cause cause, const char *const *said, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		assert_true(ask(f, states, signal));
		if (said[i] == NULL)
			assert_free(f, states);
		else
			assert_holds(f, states, cause, said[i]);
	}
}

/* Each reading in the table; the other limits of the fixture's plan are 0. */
static void
nothing_set_holds_nothing_back(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = {
		{ LAG, lag_columns, "1000000|1e15|1|~|~", NULL, 0 },
		{ NULL },
	};
	struct tide_signal_states *states;

	begin_signals(f, table, &states);
	for (size_t i = 0; i < TIDE_SIGNAL_COUNT; i++)
		if (tide_signal_table[i]->ask != NULL)
			assert_true(ask(f, states, tide_signal_table[i]) ==
				    (tide_signal_table[i] == &tide_signal_replica_lag));
	assert_free(f, states);
}

static void
a_gauge_enters_at_its_limit_and_leaves_below_four_fifths(void **state)
{
	static const struct tide_gauge_kind kind = { "things", TIDE_CAUSE_LOCK_WAITERS,
		TIDE_CAUSE_LOCK_WAITERS, false };
	static const struct {
		double value;
		bool over;
	} step[] = { { 9.9, false }, { 10, true }, { 9, true }, { 8, true }, { 7.9, false }, { 9, false },
		{ 11, true }, { -1, false }, { 9, false } };
	struct fixture *f = *state;
	struct tide_gauge gauge = { 0 };

	for (size_t i = 0; i < TIDE_COUNT(step); i++) {
		struct tide_hold hold;

		gauge.value = step[i].value;
		hold = tide_gauge_judge(f->mem, &kind, &gauge, 10);
		assert_int_equal(hold.cause, step[i].over ? TIDE_CAUSE_LOCK_WAITERS : TIDE_CAUSE_NONE);
	}
	gauge.value = 1000;
	assert_int_equal(tide_gauge_judge(f->mem, &kind, &gauge, 0).cause, TIDE_CAUSE_NONE);
}

static void
lag_in_seconds_enters_at_the_limit_and_leaves_at_four_fifths(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = {
		{ LAG, lag_columns, "4.5|0|0|east|4.5", NULL, 1 },
		{ LAG, lag_columns, "5|0|0|east|5", NULL, 1 },
		{ LAG, lag_columns, "4.5|0|0|east|4.5", NULL, 1 },
		{ LAG, lag_columns, "3.9|0|0|east|3.9", NULL, 1 },
		{ NULL },
	};
	static const char *const said[] = { NULL, "replica lag in seconds 5.0, limit 5.0",
		"replica lag in seconds 4.5, limit 5.0", NULL };
	struct tide_signal_states *states;

	f->plan.limits.replica_lag = 5 * TIDE_SECOND;
	begin_signals(f, table, &states);
	assert_readings(f, states, &tide_signal_replica_lag, TIDE_CAUSE_REPLICA_LAG, said, TIDE_COUNT(said));
	assert_true(f->exe->signals.lag_seconds == 3.9);
}

/* Another reason in between does not make a limit forget that it is exceeded, and no limit takes another one's place. */
static void
each_limit_remembers_by_itself_that_it_is_exceeded(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = {
		{ LAG, lag_columns, "6|900|0|east|6", NULL, 1 },
		{ LAG, lag_columns, "4.5|900|0|east|4.5", NULL, 1 },
		{ LAG, lag_columns, "3.9|900|0|east|3.9", NULL, 1 },
		{ NULL },
	};
	struct tide_signal_states *states;

	f->plan.limits.replica_lag = 5 * TIDE_SECOND;
	f->plan.limits.replica_lag_bytes = 1000;
	begin_signals(f, table, &states);
	assert_true(ask(f, states, &tide_signal_replica_lag));
	assert_int_equal(judge(f, states).cause, TIDE_CAUSE_REPLICA_LAG);
	assert_true(ask(f, states, &tide_signal_replica_lag));
	f->exe->signals.window_open = false;
	assert_int_equal(judge(f, states).cause, TIDE_CAUSE_WINDOW);
	f->exe->signals.window_open = true;
	assert_int_equal(judge(f, states).cause, TIDE_CAUSE_REPLICA_LAG);
	/* 900 bytes are more than 80 % of a limit that was never reached. */
	assert_true(ask(f, states, &tide_signal_replica_lag));
	assert_free(f, states);
}

static void
lag_in_bytes_says_sizes(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = {
		{ LAG, lag_columns, "0|2048|0|east|0", NULL, 1 },
		{ LAG, lag_columns, "0|900|0|east|0", NULL, 1 },
		{ LAG, lag_columns, "0|800|0|east|0", NULL, 1 },
		{ NULL },
	};
	static const char *const said[] = { "replica lag 2kB, limit 1kB", "replica lag 900B, limit 1kB",
		NULL };
	struct tide_signal_states *states;

	f->plan.limits.replica_lag_bytes = 1024;
	begin_signals(f, table, &states);
	assert_readings(f, states, &tide_signal_replica_lag, TIDE_CAUSE_REPLICA_LAG, said, TIDE_COUNT(said));
}

static void
without_replicas_there_is_no_lag(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = { { LAG, lag_columns, "~|~|0|~|~", NULL, 0 }, { NULL } };
	struct tide_signal_states *states;

	f->plan.limits.replica_lag = 5 * TIDE_SECOND;
	begin_signals(f, table, &states);
	assert_true(ask(f, states, &tide_signal_replica_lag));
	assert_true(f->exe->signals.lag_seconds == -1);
	assert_free(f, states);
}

/* The advice names the keys that are set. */
static void
a_lag_that_is_hidden_from_the_role_stops(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = { { LAG, lag_columns, "~|~|1|~|~", NULL, 0 }, { NULL } };
	struct tide_signal_states *states;

	f->plan.limits.replica_lag = 5 * TIDE_SECOND;
	begin_signals(f, table, &states);
	assert_true(ask(f, states, &tide_signal_replica_lag));
	assert_holds(f, states, TIDE_CAUSE_REPLICA_UNREADABLE,
	    "replica lag cannot be read (GRANT pg_monitor to this role, or set replica_lag = \"0\")");
	f->plan.limits.replica_lag_bytes = 1024;
	assert_has(judge(f, states).text, "set replica_lag = \"0\" and replica_lag_bytes = \"0\")");
	f->plan.limits.replica_lag = 0;
	assert_has(judge(f, states).text, "set replica_lag_bytes = \"0\")");
	f->plan.limits.replica_lag_bytes = 0;
	assert_free(f, states);
}

static void
a_lag_that_the_server_does_not_tell_stops(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = {
		{ LAG, lag_columns, "1|0|0|east|1", NULL, 1 },
		{ LAG, NULL, NULL, "57014", 0 },
		{ NULL },
	};
	struct tide_signal_states *states;

	f->plan.limits.replica_lag = 5 * TIDE_SECOND;
	begin_signals(f, table, &states);
	assert_true(ask(f, states, &tide_signal_replica_lag));
	assert_free(f, states);
	assert_true(ask(f, states, &tide_signal_replica_lag));
	assert_int_equal(judge(f, states).cause, TIDE_CAUSE_REPLICA_UNREADABLE);
	assert_has(judge(f, states).text, "replica lag in seconds cannot be read: ");
	assert_true(f->exe->signals.lag_seconds == -1);
	f->plan.limits.replica_lag = 0;
	assert_free(f, states);
}

static void
an_expected_replica_that_is_missing_stops(void **state)
{
	struct fixture *f = *state;
	static char *names[] = { "east", "west" };
	static const struct answer table[] = {
		{ CONNECTED, "application_name", "western\neast", NULL, 1 },
		{ CONNECTED, NULL, NULL, "57014", 1 },
		{ CONNECTED, "application_name", "~\nwest\neast", NULL, 1 },
		{ NULL },
	};
	struct tide_signal_states *states;

	f->plan.limits.replicas = (struct tide_names){ names, 2 };
	begin_signals(f, table, &states);
	assert_true(ask(f, states, &tide_signal_expected_replicas));
	assert_holds(f, states, TIDE_CAUSE_REPLICA_MISSING, "replica 'west' is not connected");
	assert_true(ask(f, states, &tide_signal_expected_replicas));
	assert_int_equal(judge(f, states).cause, TIDE_CAUSE_REPLICA_UNREADABLE);
	assert_has(judge(f, states).text, "connected replicas cannot be read: ");
	assert_true(ask(f, states, &tide_signal_expected_replicas));
	assert_free(f, states);
}

static void
wal_kept_by_a_slot_stops_until_four_fifths(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = {
		{ SLOTS, "kept", "~", NULL, 1 },
		{ SLOTS, "kept", "2048", NULL, 1 },
		{ SLOTS, "kept", "900", NULL, 1 },
		{ SLOTS, "kept", "800", NULL, 1 },
		{ NULL },
	};
	static const char *const said[] = { NULL, "WAL kept by a replication slot 2kB, limit 1kB",
		"WAL kept by a replication slot 900B, limit 1kB", NULL };
	struct tide_signal_states *states;

	f->plan.limits.slot_wal = 1024;
	begin_signals(f, table, &states);
	assert_readings(f, states, &tide_signal_slot_wal, TIDE_CAUSE_SLOT_WAL, said, TIDE_COUNT(said));
}

static void
sessions_that_wait_for_the_table_stop_until_four_fifths(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = {
		{ WAITERS, "waiters", "9", NULL, 1 },
		{ WAITERS, "waiters", "10", NULL, 1 },
		{ WAITERS, "waiters", "8", NULL, 1 },
		{ WAITERS, "waiters", "7", NULL, 1 },
		{ NULL },
	};
	static const char *const said[] = { NULL, "sessions waiting for a lock on the table 10.0, limit 10.0",
		"sessions waiting for a lock on the table 8.0, limit 10.0", NULL };
	struct tide_signal_states *states;

	f->plan.limits.lock_waiters = 10;
	begin_signals(f, table, &states);
	assert_readings(
	    f, states, &tide_signal_lock_waiters, TIDE_CAUSE_LOCK_WAITERS, said, TIDE_COUNT(said));
	assert_sent(f, WAITERS, "[16384]", 4);
}

/* A failed reading neither forgets nor hides: it stops by its own name, with the server's words, until it can be read again. */
static void
a_gauge_that_cannot_be_read_counts_as_reached(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = {
		{ WAITERS, "waiters", "0", NULL, 1 },
		{ WAITERS, NULL, NULL, "42501", 1 },
		{ WAITERS, "waiters", "0", NULL, 1 },
		{ NULL },
	};
	struct tide_signal_states *states;

	f->plan.limits.lock_waiters = 10;
	begin_signals(f, table, &states);
	assert_true(ask(f, states, &tide_signal_lock_waiters));
	assert_free(f, states);
	assert_true(ask(f, states, &tide_signal_lock_waiters));
	assert_int_equal(judge(f, states).cause, TIDE_CAUSE_LOCK_WAITERS);
	assert_has(judge(f, states).text, "sessions waiting for a lock on the table cannot be read: ");
	assert_true(ask(f, states, &tide_signal_lock_waiters));
	assert_free(f, states);
}

static void
the_plans_own_condition_stops_when_true_or_unreadable(void **state)
{
	static const struct {
		struct answer answer;
		enum tide_cause cause;
	} step[] = {
		{ { CONDITION, "b", "f", NULL, 0 }, TIDE_CAUSE_NONE },
		{ { CONDITION, "b", "~", NULL, 0 }, TIDE_CAUSE_NONE },
		{ { CONDITION, "b", "t", NULL, 0 }, TIDE_CAUSE_SQL },
		{ { CONDITION, NULL, NULL, "42P01", 0 }, TIDE_CAUSE_SQL_UNREADABLE },
		{ { CONDITION, "b", NULL, NULL, 0 }, TIDE_CAUSE_SQL_UNREADABLE },
		{ { CONDITION, "b", "f\nf", NULL, 0 }, TIDE_CAUSE_SQL_UNREADABLE },
	};
	struct answer table[TIDE_COUNT(step) + 1] = { { NULL } };
	struct fixture *f = *state;
	struct tide_signal_states *states;

	for (size_t i = 0; i < TIDE_COUNT(step); i++) {
		table[i] = step[i].answer;
		table[i].times = 1;
	}
	f->plan.limits.throttle_sql = CONDITION;
	begin_signals(f, table, &states);
	for (size_t i = 0; i < TIDE_COUNT(step); i++) {
		assert_true(ask(f, states, &tide_signal_throttle_sql));
		assert_int_equal(judge(f, states).cause, step[i].cause);
	}
	assert_holds(f, states, TIDE_CAUSE_SQL_UNREADABLE, "throttle_sql cannot be read");
}

static void
a_file_stops_while_it_exists(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = { { NULL } };
	char path[] = "/tmp/tide-stop-XXXXXX";
	struct tide_signal_states *states;
	int file = mkstemp(path);

	assert_true(file >= 0);
	close(file);
	f->plan.limits.throttle_file = path;
	begin_signals(f, table, &states);
	assert_holds(f, states, TIDE_CAUSE_FILE, talloc_asprintf(f->mem, "file %s exists", path));
	assert_int_equal(unlink(path), 0);
	assert_free(f, states);
}

/* Wednesday, 10:00, then 23:00; a clock that cannot be read closes the window. */
static void
the_window_is_open_by_the_servers_clock(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = {
		{ CLOCK, "day minute opens", "3|600|soon", NULL, 1 },
		{ CLOCK, "day minute opens", "3|1380|soon", NULL, 1 },
		{ CLOCK, "day minute opens", "3|600|soon", NULL, 1 },
		{ CLOCK, NULL, NULL, "57014", 1 },
		{ NULL },
	};
	struct tide_signal_states *states;

	f->phase[0].gate.window = "09:00-17:00 Europe/Vienna";
	begin_signals(f, table, &states);
	assert_true(ask(f, states, &tide_signal_phase_window));
	assert_free(f, states);
	assert_true(ask(f, states, &tide_signal_phase_window));
	assert_holds(f, states, TIDE_CAUSE_WINDOW, "outside the time window of this phase; it opens at soon");
	assert_true(ask(f, states, &tide_signal_phase_window));
	assert_free(f, states);
	assert_true(ask(f, states, &tide_signal_phase_window));
	assert_int_equal(judge(f, states).cause, TIDE_CAUSE_WINDOW);
	assert_sent(f, CLOCK, "[Europe/Vienna, 127, 540]", 4);
	/* A rollback waits for no hour. */
	f->exe->back = true;
	assert_false(ask(f, states, &tide_signal_phase_window));
	assert_free(f, states);
	f->exe->back = false;
	/* The next phase has none. */
	f->exe->report.ordinal = 1;
	assert_false(ask(f, states, &tide_signal_phase_window));
	assert_free(f, states);
}

/* What is set takes the place of what the phase says, also where it says nothing. */
static void
the_hours_that_are_set_count(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = { { CLOCK, "day minute opens", "1|600|soon", NULL, 0 },
		{ NULL } };
	struct tide_signal_states *states;

	f->phase[0].gate.window = "09:00-17:00 Europe/Vienna";
	begin_signals(f, table, &states);
	tide_executor_steer(f->exe, "[{\"key\":\"window\",\"value\":\"11:00-12:00 UTC\",\"by\":\"ann\"}]");
	for (long i = 0; i < 2; i++) {
		f->exe->report.ordinal = i;
		assert_true(ask(f, states, &tide_signal_phase_window));
		assert_holds(
		    f, states, TIDE_CAUSE_WINDOW, "outside the time window that was set; it opens at soon");
	}
	assert_sent(f, CLOCK, "[UTC, 127, 660]", 2);
	tide_executor_steer(f->exe, NULL);
	assert_false(ask(f, states, &tide_signal_phase_window));
	assert_free(f, states);
	f->exe->report.ordinal = -1;
	assert_null(tide_executor_window(f->exe));
}

/* One that has a start says its age; one that has none is as old as its xmin has been seen to stay the same. */
static void
the_holder_of_the_horizon_is_named(void **state)
{
	struct fixture *f = *state;
	static const char columns[] = "kind pid name who state age xmin";
	static const struct answer table[] = {
		{ "WITH holder", columns, "session|9|web|shop|idle in transaction|90.5|700", NULL, 1 },
		{ "WITH holder", columns, "slot|0|east|~|nobody is connected|~|600", NULL, 1 },
		{ "WITH holder", NULL, NULL, "57014", 1 },
		{ "WITH holder", columns, NULL, NULL, 1 },
		{ NULL },
	};
	struct tide_signal_states *states;
	const struct tide_signals *signals;

	begin_signals(f, table, &states);
	signals = &f->exe->signals;
	assert_false(ask(f, states, &tide_signal_horizon_holder));
	f->exe->throttle.looks_at_horizon = true;
	assert_true(ask(f, states, &tide_signal_horizon_holder));
	assert_true(signals->horizon_age == 90500 * TIDE_MS);
	assert_has(signals->horizon, "pid 9 (application 'web', user 'shop', idle in transaction, for ");
	assert_true(ask(f, states, &tide_signal_horizon_holder));
	assert_has(signals->horizon, "the replication slot 'east' (nobody is connected, for ");
	assert_true(signals->horizon_age >= 0 && signals->horizon_age < 10 * TIDE_SECOND);
	assert_true(ask(f, states, &tide_signal_horizon_holder));
	assert_has(signals->horizon, "the replication slot 'east'");
	assert_true(ask(f, states, &tide_signal_horizon_holder));
	assert_null(signals->horizon);
	assert_true(signals->horizon_age == -1);
	/* Whether to wait for the holder is the sweep's to say. */
	assert_free(f, states);
}

/* Each of them alone, so that none hides another. */
static void
each_limit_about_the_wal_holds_back_a_writer_and_no_reader(void **state)
{
	struct fixture *f = *state;
	static char *names[] = { "west" };
	static const struct tide_limits limits[] = {
		{ .replicas = { names, 1 } },
		{ .replica_lag = 5 * TIDE_SECOND },
		{ .replica_lag_bytes = 1024 },
		{ .slot_wal = 1024 },
	};
	static const struct answer table[] = {
		{ LAG, lag_columns, "60|2048|0|east|60", NULL, 0 },
		{ CONNECTED, "application_name", "east", NULL, 0 },
		{ SLOTS, "kept", "2048", NULL, 0 },
		{ NULL },
	};
	struct tide_signal_states *states;

	begin_signals(f, table, &states);
	for (size_t i = 0; i < TIDE_COUNT(limits); i++) {
		f->plan.limits = limits[i];
		f->exe->throttle.only_reads = false;
		for (size_t s = 0; s < TIDE_SIGNAL_COUNT; s++)
			if (tide_signal_table[s]->ask != NULL)
				(void)ask(f, states, tide_signal_table[s]);
		assert_int_not_equal(judge(f, states).cause, TIDE_CAUSE_NONE);
		f->exe->throttle.only_reads = true;
		assert_free(f, states);
	}
}

static void
a_reader_waits_for_everything_else(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = {
		{ WAITERS, "waiters", "3", NULL, 0 },
		{ CONDITION, "b", "t", NULL, 0 },
		{ NULL },
	};
	struct tide_signal_states *states;

	f->plan.limits.lock_waiters = 3;
	f->plan.limits.throttle_sql = CONDITION;
	f->plan.limits.throttle_file = "/";
	begin_signals(f, table, &states);
	f->exe->throttle.only_reads = true;
	assert_true(ask(f, states, &tide_signal_lock_waiters));
	assert_true(ask(f, states, &tide_signal_throttle_sql));
	f->exe->signals.window_open = false;
	assert_int_equal(judge(f, states).cause, TIDE_CAUSE_WINDOW);
	f->exe->signals.window_open = true;
	assert_int_equal(judge(f, states).cause, TIDE_CAUSE_FILE);
	f->plan.limits.throttle_file = NULL;
	assert_int_equal(judge(f, states).cause, TIDE_CAUSE_SQL);
	f->plan.limits.throttle_sql = NULL;
	assert_int_equal(judge(f, states).cause, TIDE_CAUSE_LOCK_WAITERS);
}

static size_t
signals_with(const char *key)
{
	size_t count = 0;

	for (size_t i = 0; i < TIDE_SIGNAL_COUNT; i++)
		for (const char *const *at = tide_signal_table[i]->keys; at != NULL && *at != NULL; at++)
			count += strcmp(*at, key) == 0 ? 1 : 0;
	return count;
}

/* A limit that makes the sweep pause says so in its help: one signal for each of them, and none for a key that is not there. */
static void
each_limit_of_the_throttle_has_one_signal(void **state)
{
	size_t keys = 0, limits = 0;

	(void)state;
	for (const struct tide_field *field = tide_limits_fields(); field->key != NULL; field++) {
		bool pauses = strstr(field->help, "the sweep pauses") != NULL;

		limits += pauses ? 1 : 0;
		if (signals_with(field->key) != (pauses ? 1 : 0))
			fail_msg("limits.%s has %zu signals", field->key, signals_with(field->key));
	}
	for (size_t i = 0; i < TIDE_SIGNAL_COUNT; i++)
		for (const char *const *at = tide_signal_table[i]->keys; at != NULL && *at != NULL; at++)
			keys++;
	assert_int_equal(keys, limits);
	assert_true(limits > 0);
}

static void
the_words_of_the_causes_are_api(void **state)
{
	static const char *const words[] = { "file", "horizon", "lock_waiters", "pause", "replica_lag",
		"replica_missing", "replica_unreadable", "slot_wal", "sql", "sql_unreadable", "window" };

	(void)state;
	assert_int_equal(TIDE_COUNT(words), TIDE_CAUSES_OF_SWEEPS - TIDE_CAUSE_NONE - 1);
	for (size_t i = 0; i < TIDE_COUNT(words); i++) {
		enum tide_cause cause = (enum tide_cause)(TIDE_CAUSE_NONE + 1 + i);

		assert_string_equal(tide_cause_word(cause), words[i]);
		assert_int_equal(tide_cause_of(words[i]), cause);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_set_holds_nothing_back),
		TEST(a_gauge_enters_at_its_limit_and_leaves_below_four_fifths),
		TEST(lag_in_seconds_enters_at_the_limit_and_leaves_at_four_fifths),
		TEST(each_limit_remembers_by_itself_that_it_is_exceeded),
		TEST(lag_in_bytes_says_sizes),
		TEST(without_replicas_there_is_no_lag),
		TEST(a_lag_that_is_hidden_from_the_role_stops),
		TEST(a_lag_that_the_server_does_not_tell_stops),
		TEST(an_expected_replica_that_is_missing_stops),
		TEST(wal_kept_by_a_slot_stops_until_four_fifths),
		TEST(sessions_that_wait_for_the_table_stop_until_four_fifths),
		TEST(a_gauge_that_cannot_be_read_counts_as_reached),
		TEST(the_plans_own_condition_stops_when_true_or_unreadable),
		TEST(a_file_stops_while_it_exists),
		TEST(the_window_is_open_by_the_servers_clock),
		TEST(the_hours_that_are_set_count),
		TEST(the_holder_of_the_horizon_is_named),
		TEST(each_limit_about_the_wal_holds_back_a_writer_and_no_reader),
		TEST(a_reader_waits_for_everything_else),
		TEST(each_limit_of_the_throttle_has_one_signal),
		TEST(the_words_of_the_causes_are_api),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
