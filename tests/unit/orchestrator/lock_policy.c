#include "executor_fixture.h"

#include <signal.h>
#include <string.h>

#include "locks/lock_policy.h"

#define HOLDERS "-- Transactions that hold, for longer than $3 seconds"
#define BLOCKERS "-- Who blocks backend $1"
#define CANCEL "pg_cancel_backend"

static const char columns[] = "pid user application state age query backend_type behind gid";
static const char writer[] = "4711|shop|web|idle in transaction|3.25|UPDATE t SET a = 42|client backend|0|~";

static struct tide_action action = { .lock = TIDE_ACCESS_EXCLUSIVE, .lock_table = "public.t" };

static struct tide_task
task_of(struct fixture *f)
{
	return (struct tide_task){ .exe = f->exe, .step = "switch", .action = &action };
}

static void
an_action_without_a_lock_asks_nothing(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = { { NULL } };
	static const struct tide_action none = { .lock = TIDE_LOCK_NONE, .lock_table = "public.t" };
	struct tide_task task;

	begin(f, table);
	task = task_of(f);
	task.action = &none;
	assert_true(tide_lock_look(&task, 0, &f->err));
	assert_string_equal(f->server.record->text, "");
}

/* Older than twice lock_timeout: younger ones end within the time that the request waits. */
static void
a_table_that_nobody_holds_is_asked_for_at_once(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = { { HOLDERS, columns, NULL, NULL, 0 }, { NULL } };
	char values[128];
	struct tide_task task;

	begin(f, table);
	f->exe->server.may_lower_deadlock_timeout = true;
	task = task_of(f);
	assert_true(tide_lock_look(&task, 0, &f->err));
	snprintf(values, sizeof(values), "[public.t, AccessExclusiveLock, 0.400, {%d,%d}, true]",
	    tide_conn_backend_pid(f->exe->control), tide_conn_backend_pid(f->exe->watch));
	assert_sent(f, HOLDERS, values, 1);
	assert_string_equal(f->told, "");
}

static void
it_waits_while_an_old_transaction_holds_the_table_and_says_so_once(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = {
		{ HOLDERS, columns, writer, NULL, 2 },
		{ HOLDERS, columns, NULL, NULL, 0 },
		{ NULL },
	};
	struct tide_task task;

	begin(f, table);
	task = task_of(f);
	assert_true(tide_lock_look(&task, tide_now_us() + 60 * TIDE_SECOND, &f->err));
	assert_sent(f, HOLDERS, NULL, 3);
	assert_string_equal(f->told,
	    "lock.wait: not asking for the lock yet: pid 4711 (application 'web', user 'shop', idle in "
	    "transaction, transaction open for 3.2 s): UPDATE t SET a = $1\n");
	assert_has(f->exe->report.reason, "waiting for a lock on public.t: pid 4711 ");
}

static void
when_patience_ends_it_says_who_is_in_the_way(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = { { HOLDERS, columns, writer, NULL, 0 }, { NULL } };
	struct tide_task task;

	begin(f, table);
	task = task_of(f);
	assert_false(tide_lock_look(&task, tide_now_us() - 1, &f->err));
	assert_int_equal(f->err.code, TIDE_LOCK);
	assert_has(f->err.message,
	    "step 'switch' needs the ACCESS EXCLUSIVE lock on public.t, blocked by pid 4711 ");
	assert_has(f->err.hint, "end that transaction or wait for it");
	assert_sent(f, HOLDERS, NULL, 1);
}

static void
a_stop_ends_the_waiting(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = { { HOLDERS, columns, writer, NULL, 0 }, { NULL } };
	struct tide_task task;

	begin(f, table);
	task = task_of(f);
	tide_requests_signal(&f->exe->requests, SIGTERM);
	assert_false(tide_lock_look(&task, tide_now_us() + 60 * TIDE_SECOND, &f->err));
	assert_int_equal(f->err.code, TIDE_TERMINATED);
	assert_sent(f, HOLDERS, NULL, 1);
}

static void
an_error_of_the_server_is_no_free_table(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = { { HOLDERS, NULL, NULL, "53200", 0 }, { NULL } };
	struct tide_task task;

	begin(f, table);
	task = task_of(f);
	assert_false(tide_lock_look(&task, tide_now_us() + 60 * TIDE_SECOND, &f->err));
	assert_string_equal(f->err.sqlstate, "53200");
}

/* From 125 to 250 ms, half as long again with each try, from 5 to 10 s at last. */
static void
the_pause_between_tries_grows_is_bounded_and_is_never_twice_the_same(void **state)
{
	int64_t base = TIDE_SECOND / 4;

	(void)state;
	for (int64_t tries = 0; tries < 40; tries++) {
		int64_t least = INT64_MAX, most = 0;

		for (int i = 0; i < 200; i++) {
			int64_t pause = tide_lock_pause(tries);

			least = pause < least ? pause : least;
			most = pause > most ? pause : most;
		}
		assert_true(least >= base / 2 && most <= base);
		/* Spread over the half that is random. */
		assert_true(most - least > base / 4);
		base = base * 3 / 2 < 10 * TIDE_SECOND ? base * 3 / 2 : 10 * TIDE_SECOND;
	}
	assert_true(base == 10 * TIDE_SECOND);
	assert_true(tide_lock_pause(INT64_MAX) <= 10 * TIDE_SECOND);
}

/* Turns until the server has been asked so often and nothing is under way. */
static void
turn_until_asked(struct fixture *f, const char *sql, size_t times)
{
	while (answering_count(&f->server, sql, NULL) < times || tide_conn_busy(f->exe->watch))
		tide_executor_turn(f->exe);
}

/* And two behind us are as many as lock_queue allows. */
static void
the_watch_keeps_who_was_seen_last(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = {
		{ BLOCKERS, columns, "4711|shop|web|active|3.25|SELECT 1|client backend|2|~", NULL, 1 },
		{ BLOCKERS, columns, "~|~|~|~|~|~|~|1|~", NULL, 0 },
		{ NULL },
	};
	struct tide_lock_watch *watch;
	char values[32];

	begin(f, table);
	watch = tide_lock_watch_start(f->exe, true);
	assert_int_equal(tide_lock_watch_seen(watch)->count, 0);
	turn_until_asked(f, BLOCKERS, 1);
	assert_int_equal(tide_lock_watch_seen(watch)->count, 1);
	assert_int_equal(tide_lock_watch_seen(watch)->item[0].pid, 4711);
	/* Nobody blocks any more: who did is still worth saying. */
	turn_until_asked(f, BLOCKERS, 2);
	assert_int_equal(tide_lock_watch_seen(watch)->count, 1);
	assert_int_equal(tide_lock_watch_behind(watch), 1);
	assert_false(tide_lock_watch_cancelled(watch));
	snprintf(values, sizeof(values), "[%d]", tide_conn_backend_pid(f->exe->control));
	assert_int_equal(
	    answering_count(&f->server, BLOCKERS, values), answering_count(&f->server, BLOCKERS, NULL));
	talloc_free(watch);
}

static const char queue[] = "4711|shop|web|active|3.25|SELECT 1|client backend|3|~";

static void
a_queue_longer_than_allowed_cancels_our_request(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = {
		{ BLOCKERS, columns, queue, NULL, 0 },
		{ CANCEL, "done", "t", NULL, 0 },
		{ NULL },
	};
	struct tide_lock_watch *watch;

	begin(f, table);
	watch = tide_lock_watch_start(f->exe, true);
	turn_until_asked(f, CANCEL, 1);
	assert_true(tide_lock_watch_cancelled(watch));
	turn_until_asked(f, BLOCKERS, 2);
	assert_sent(f, CANCEL, NULL, 1);
	talloc_free(watch);
}

/* A build takes no lock that others queue behind for long, and would lose its work. */
static void
what_must_not_be_cancelled_is_not(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = { { BLOCKERS, columns, queue, NULL, 0 }, { NULL } };
	struct tide_lock_watch *watch;

	begin(f, table);
	watch = tide_lock_watch_start(f->exe, false);
	turn_until_asked(f, BLOCKERS, 2);
	assert_int_equal(tide_lock_watch_behind(watch), 3);
	assert_false(tide_lock_watch_cancelled(watch));
	assert_sent(f, CANCEL, NULL, 0);
	talloc_free(watch);
}

static void
a_stop_cancels_our_request_and_asks_nothing_more(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = { { CANCEL, "done", "t", NULL, 0 }, { NULL } };
	struct tide_lock_watch *watch;

	begin(f, table);
	tide_requests_signal(&f->exe->requests, SIGINT);
	watch = tide_lock_watch_start(f->exe, true);
	turn_until_asked(f, CANCEL, 1);
	assert_true(tide_lock_watch_cancelled(watch));
	assert_sent(f, BLOCKERS, NULL, 0);
	talloc_free(watch);
}

/* Hidden columns, a prepared transaction, an autovacuum, and more than a line can name. */
static void
blockers_are_told_whatever_is_known_of_them(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = {
		{ HOLDERS, columns,
		    "0|~|~|prepared transaction|~|~|~|0|order 5\n"
		    "12|~|~|~|~|~|~|0|~\n"
		    "13|postgres||active|1|autovacuum: VACUUM public.t|autovacuum worker|0|~\n"
		    "14|ann|psql|active|1|SELECT 1|client backend|0|~\n"
		    "15|ann|psql|active|1|SELECT 1|client backend|0|~",
		    NULL, 0 },
		{ NULL },
	};
	struct tide_rows *rows;
	struct tide_blockers blockers;

	begin(f, table);
	assert_true(tide_await_query(f->exe->control, f->mem, HOLDERS, 0, NULL, &rows, &f->err));
	tide_blockers_read(f->mem, rows, &blockers);
	assert_int_equal(blockers.count, 5);
	assert_true(blockers.item[2].vacuum);
	assert_string_equal(tide_blockers_text(f->mem, &blockers),
	    "prepared transaction 'order 5'; pid 12 (application '', user '', state hidden); pid 13 (autovacuum "
	    "'', user 'postgres', active, transaction open for 1.0 s): autovacuum: VACUUM public.t; and 2 "
	    "more");
	blockers.count = 0;
	assert_string_equal(tide_blockers_text(f->mem, &blockers), "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_action_without_a_lock_asks_nothing),
		TEST(a_table_that_nobody_holds_is_asked_for_at_once),
		TEST(it_waits_while_an_old_transaction_holds_the_table_and_says_so_once),
		TEST(when_patience_ends_it_says_who_is_in_the_way),
		TEST(a_stop_ends_the_waiting),
		TEST(an_error_of_the_server_is_no_free_table),
		cmocka_unit_test(the_pause_between_tries_grows_is_bounded_and_is_never_twice_the_same),
		TEST(the_watch_keeps_who_was_seen_last),
		TEST(a_queue_longer_than_allowed_cancels_our_request),
		TEST(what_must_not_be_cancelled_is_not),
		TEST(a_stop_cancels_our_request_and_asks_nothing_more),
		TEST(blockers_are_told_whatever_is_known_of_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
