#include "executor_fixture.h"

#include <signal.h>
#include <string.h>

#include "signals/watcher.h"

#define SERVER "-- What a run must know of the server"
#define PARAMETER "has_parameter_privilege('deadlock_timeout', 'SET')"
#define TRUSTED "-- What is wrong with schema tidemark"
#define META "to_regclass('tidemark.meta')"
#define STORES "SELECT pg_catalog.octet_length"
#define TAKE "-- Takes the lease of run $1"
#define MOVE "-- Moves run $1"

static const char server_columns[] = "standby superuser deadlock_timeout shared_buffers";

#define NO_STATE                                                                                             \
	{ TRUSTED, "what", NULL, NULL, 0 },                                                                  \
	{                                                                                                    \
		META, "present", "f", NULL, 0                                                                \
	}

static void
a_new_executor_has_an_owner_and_no_connection(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = { { NULL } };
	struct tide_executor *exe;
	const char *owner, *pid;
	char expected[32];

	f->options.budget = 60 * TIDE_SECOND;
	exe = make_executor(f, table);
	owner = exe->session->owner;
	snprintf(expected, sizeof(expected), " pid %ld #", (long)getpid());
	pid = strstr(owner, expected);
	assert_non_null(strchr(owner, '@'));
	assert_non_null(pid);
	assert_int_equal(strspn(pid + strlen(expected), "0123456789abcdef"), 4);
	assert_int_equal(strlen(pid), strlen(expected) + 4);
	assert_false(tide_conn_alive(exe->control) || tide_conn_alive(exe->watch));
	assert_false(exe->reached);
	assert_int_equal(exe->report.ordinal, -1);
	assert_ptr_equal(exe->session->conn, exe->control);
	assert_true(exe->deadline > tide_now_us() && exe->deadline <= tide_now_us() + 60 * TIDE_SECOND);
}

static void
a_signal_is_kept_and_told(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = { { NULL } };
	struct tide_executor *exe = make_executor(f, table);

	assert_int_equal(raise(SIGTERM), 0);
	while (exe->requests.signo == 0)
		tide_executor_turn(exe);
	assert_int_equal(exe->requests.signo, SIGTERM);
	assert_true(tide_executor_halted(exe, &f->err));
	assert_int_equal(f->err.code, TIDE_TERMINATED);
	assert_string_equal(f->told, "signal: terminated: stopping at the next safe point\n");
}

static void
a_database_without_state_has_no_run(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = { { SERVER, server_columns, "f|t|1000000|16384", NULL, 0 },
		NO_STATE, { NULL } };
	struct tide_executor *exe = make_executor(f, table);
	struct tide_run_row run;

	assert_true(tide_executor_connect(exe, 0, &run, &f->err));
	assert_false(run.found);
	assert_true(exe->reached);
	assert_true(exe->server.may_lower_deadlock_timeout);
	assert_true(exe->server.deadlock_timeout == TIDE_SECOND);
	assert_int_equal(exe->server.shared_buffers, 16384);
	/* Nothing is asked of a superuser, and the text of the plan is ASCII. */
	assert_sent(f, PARAMETER, NULL, 0);
	assert_sent(f, STORES, NULL, 0);
}

static void
who_is_no_superuser_may_have_been_granted_the_setting(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = { { SERVER, server_columns, "f|f|1000000|16384", NULL, 0 },
		{ PARAMETER, "may", "t", NULL, 1 }, { PARAMETER, "may", "f", NULL, 1 }, NO_STATE, { NULL } };
	struct tide_executor *exe = make_executor(f, table);
	struct tide_run_row run;

	assert_true(tide_executor_connect(exe, 0, &run, &f->err));
	assert_true(exe->server.may_lower_deadlock_timeout);
	tide_executor_reset(exe);
	assert_true(tide_executor_connect(exe, 0, &run, &f->err));
	assert_false(exe->server.may_lower_deadlock_timeout);
}

static void
a_standby_is_refused(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = { { SERVER, server_columns, "t|t|1000000|16384", NULL, 0 },
		{ NULL } };
	struct tide_executor *exe = make_executor(f, table);
	struct tide_run_row run;

	assert_false(tide_executor_connect(exe, 0, &run, &f->err));
	assert_int_equal(f->err.code, TIDE_PRECONDITION);
	assert_has(f->err.message, "hot standby");
	assert_has(f->err.hint, "target_session_attrs=read-write");
	assert_true(exe->reached);
	assert_sent(f, META, NULL, 0);
}

/* Before anything is looked at: what cannot be stored cannot be run. */
static void
a_note_that_the_database_cannot_store_is_refused(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = { { STORES, NULL, NULL, "22021", 0 }, { NULL } };
	struct tide_executor *exe;
	struct tide_run_row run;

	f->options.note = "\xff";
	exe = make_executor(f, table);
	assert_false(tide_executor_connect(exe, 0, &run, &f->err));
	assert_int_equal(f->err.code, TIDE_USAGE);
	assert_string_equal(f->err.message, "--note is not UTF-8");
	assert_sent(f, SERVER, NULL, 0);
}

static void
no_server_is_not_reached(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = { { NULL } };
	struct tide_executor *exe = make_executor(f, table);
	struct tide_run_row run;

	f->value[0] = "/nowhere";
	assert_false(tide_executor_connect(exe, 0, &run, &f->err));
	assert_int_equal(f->err.code, TIDE_UNREACHABLE);
	assert_false(exe->reached);
}

static void
a_start_takes_the_lease_and_watches(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = {
		{ "SELECT fence >= $2", "taken", "f", NULL, 0 },
		{ TAKE, "fence segments timeline_before timeline", "8|0|4|4", NULL, 0 },
		{ "SET application_name", NULL, NULL, NULL, 0 },
		{ "-- Counts the sessions", "count", "0", NULL, 0 },
		{ "-- The sessions with the pids $3", "pid", "1", NULL, 0 },
		TICKS,
		{ MOVE, "state", "ready", NULL, 0 },
		{ NULL },
	};
	struct tide_executor *exe = begin(f, table);

	tide_conn_close(exe->watch);
	exe->session->fence = 0;
	assert_true(tide_executor_start(exe, &f->err));
	assert_int_equal(exe->session->fence, 8);
	assert_true(exe->signals.ticks > 0);
	assert_sent(f, BEAT, "[1, 8, NULL, NULL]", (size_t)exe->signals.ticks);
	tide_executor_close(exe, TIDE_RUN_READY, NULL, TIDE_OK);
	assert_null(exe->watcher);
	assert_int_equal(exe->session->fence, 0);
	assert_sent(f, MOVE, ", ready, ", 1);
}

/* The watcher is stopped with a tick under way, and nothing comes of its answer. */
static void
a_close_stops_a_tick_that_is_under_way(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = { TICKS, { MOVE, "state", "paused", NULL, 0 }, { NULL } };
	struct tide_executor *exe = begin(f, table);

	assert_true(tide_watcher_start(exe, &f->err));
	tide_watcher_poke(exe);
	assert_true(tide_conn_busy(exe->watch));
	tide_executor_close(exe, TIDE_RUN_PAUSED, "by ann", TIDE_PAUSED);
	tide_executor_sleep(exe, 20 * TIDE_MS);
	assert_int_equal(exe->signals.ticks, 1);
	assert_sent(f, MOVE, "by ann", 1);
}

/* A lease that cannot be released is left to its time. */
static void
a_close_without_a_connection_says_nothing(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = { { NULL } };
	struct tide_executor *exe = begin(f, table);

	tide_conn_close(exe->control);
	tide_executor_close(exe, TIDE_RUN_READY, NULL, TIDE_OK);
	assert_int_equal(exe->session->fence, 7);
	assert_string_equal(f->server.record->text, "");
}

static void
a_reset_forgets_the_connection_and_keeps_who_we_are(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = { TICKS, { NULL } };
	struct tide_executor *exe = begin(f, table);
	char *owner = talloc_strdup(f->mem, exe->session->owner);

	assert_true(tide_watcher_start(exe, &f->err));
	tide_requests_signal(&exe->requests, SIGINT);
	tide_requests_want(&exe->requests, exe, TIDE_WANT_PAUSE, "ann");
	tide_requests_set_broken(&exe->requests, true);
	exe->throttle.hold = (struct tide_hold){ TIDE_CAUSE_REPLICA_LAG, talloc_strdup(exe, "replica lag") };
	exe->throttle.only_reads = true;
	tide_executor_set_wait_reason(exe, "throttled");
	exe->session->lost = true;
	tide_executor_reset(exe);
	assert_string_equal(exe->session->owner, owner);
	assert_int_equal(exe->last_fence, 7);
	assert_int_equal(exe->requests.signo, SIGINT);
	assert_false(exe->requests.broken || exe->requests.pause || exe->session->lost);
	assert_int_equal(exe->session->fence, 0);
	assert_int_equal(exe->session->run, 0);
	assert_int_equal(exe->signals.ticks, 0);
	assert_int_equal(exe->throttle.hold.cause, TIDE_CAUSE_NONE);
	assert_false(exe->throttle.only_reads);
	assert_null(exe->report.reason);
	assert_null(exe->watcher);
	assert_ptr_equal(exe->report.observer, &f->observer);
	assert_ptr_equal(exe->session->conn, exe->control);
	assert_false(tide_conn_alive(exe->control) || tide_conn_alive(exe->watch));
	/* What was held before is remembered over a second loss, too. */
	tide_executor_reset(exe);
	assert_int_equal(exe->last_fence, 7);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_new_executor_has_an_owner_and_no_connection),
		TEST(a_signal_is_kept_and_told),
		TEST(a_database_without_state_has_no_run),
		TEST(who_is_no_superuser_may_have_been_granted_the_setting),
		TEST(a_standby_is_refused),
		TEST(a_note_that_the_database_cannot_store_is_refused),
		TEST(no_server_is_not_reached),
		TEST(a_start_takes_the_lease_and_watches),
		TEST(a_close_stops_a_tick_that_is_under_way),
		TEST(a_close_without_a_connection_says_nothing),
		TEST(a_reset_forgets_the_connection_and_keeps_who_we_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
