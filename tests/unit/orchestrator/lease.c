#include "executor_fixture.h"

#include <string.h>

#include "run/lease_wait.h"
#include "state/lease.h"

#define TAKE "SET owner = $2, fence = fence + 1"
#define MOVE "-- Moves run $1"
#define HOLDER "SELECT owner, heartbeat"
#define ORPHANS "-- Counts the sessions"
#define JOIN "-- The sessions with the pids $3"
#define TAKEN "SELECT fence >= $2"

static const char taken_columns[] = "fence segments timeline_before timeline";

static void
a_free_lease_gives_the_new_fence(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = { { TAKE, taken_columns, "8|0|3|4", NULL, 0 }, { NULL } };
	struct tide_executor *exe = begin(f, table);
	struct tide_lease_attempt lease;

	assert_true(tide_lease_try(exe->session, &lease, &f->err));
	assert_true(lease.taken);
	assert_int_equal(exe->session->fence, 8);
	assert_int_equal(lease.timeline_before, 3);
	assert_int_equal(lease.timeline, 4);
}

static void
a_held_lease_leaves_the_fence_as_it_was(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = { { TAKE, taken_columns, NULL, NULL, 0 }, { NULL } };
	struct tide_executor *exe = begin(f, table);
	struct tide_lease_attempt lease;

	assert_true(tide_lease_try(exe->session, &lease, &f->err));
	assert_false(lease.taken);
	assert_int_equal(exe->session->fence, 7);
}

static void
an_error_is_no_lease(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = { { TAKE, NULL, NULL, "53100", 0 }, { NULL } };
	struct tide_executor *exe = begin(f, table);
	struct tide_lease_attempt lease;

	assert_false(tide_lease_try(exe->session, &lease, &f->err));
	assert_false(lease.taken);
	assert_string_equal(f->err.sqlstate, "53100");
}

/* A server that cannot say counts as true: only a fence that has moved says that the lease is lost. */
static void
only_a_fence_that_moved_is_a_lost_lease(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = {
		{ "SELECT fence = $2", "ours", "t", NULL, 1 },
		{ "SELECT fence = $2", "ours", "f", NULL, 1 },
		{ "SELECT fence = $2", "ours", NULL, NULL, 1 },
		{ "SELECT fence = $2", NULL, NULL, "53200", 1 },
		{ NULL },
	};
	struct tide_executor *exe = begin(f, table);

	assert_true(tide_lease_held(exe->session));
	assert_false(tide_lease_held(exe->session));
	assert_true(tide_lease_held(exe->session));
	assert_true(tide_lease_held(exe->session));
	exe->session->fence = 0;
	assert_true(tide_lease_held(exe->session));
	assert_sent(f, "SELECT fence = $2", "[1, 7]", 4);
}

static void
a_release_says_the_state_and_is_done_once(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = { { MOVE, "state", "failed", NULL, 0 }, { NULL } };
	struct tide_executor *exe = begin(f, table);

	tide_lease_release(exe->session, TIDE_RUN_FAILED, "the disk is full", TIDE_PRECONDITION);
	assert_int_equal(exe->session->fence, 0);
	tide_lease_release(exe->session, TIDE_RUN_READY, NULL, TIDE_OK);
	assert_sent(f, MOVE, ", failed, -2, the disk is full, 4, NULL, 0, true]", 1);
	assert_sent(f, MOVE, NULL, 1);
}

static void
the_exit_status_belongs_to_a_run_that_failed(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = { { MOVE, "state", "failed", NULL, 0 }, { NULL } };
	struct tide_executor *exe = begin(f, table);

	tide_lease_release(exe->session, TIDE_RUN_WAITING, "waits", TIDE_GATE);
	assert_sent(f, MOVE, ", waiting, -2, waits, NULL, NULL, 0, true]", 1);
}

static void
without_a_lease_before_nobody_has_taken_it_since(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = { { TAKEN, "taken", "t", NULL, 0 }, { NULL } };
	struct tide_executor *exe = begin(f, table);
	bool taken = true;

	assert_true(tide_lease_taken_since(exe->session, 0, &taken, &f->err));
	assert_false(taken);
	assert_true(tide_lease_taken_since(exe->session, 7, &taken, &f->err));
	assert_true(taken);
}

static void
a_holder_that_is_alive_is_named_at_once(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = {
		{ TAKEN, "taken", "f", NULL, 0 },
		{ TAKE, taken_columns, NULL, NULL, 0 },
		{ HOLDER, "owner heartbeat age", "ann@east pid 9|12:00:00|1.5", NULL, 1 },
		{ HOLDER, "owner heartbeat age", "ann@east pid 9|12:00:01|0.5", NULL, 1 },
		{ NULL },
	};
	struct tide_executor *exe = begin(f, table);

	assert_false(tide_lease_wait(exe, &f->err));
	assert_int_equal(f->err.code, TIDE_LEASE);
	assert_has(f->err.message, "another executor works on 'p': ann@east pid 9, last heard 0.5 s ago");
	assert_has(f->err.hint, "--if-locked wait");
	assert_sent(f, TAKE, NULL, 2);
}

static void
an_unattended_attempt_does_not_wait_for_a_lease(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = {
		{ TAKEN, "taken", "f", NULL, 0 },
		{ TAKE, taken_columns, NULL, NULL, 0 },
		{ HOLDER, "owner heartbeat age", "ann@east pid 9|12:00:00|1.5", NULL, 0 },
		{ NULL },
	};
	struct tide_executor *exe;

	f->options.if_locked = TIDE_IF_LOCKED_SKIP;
	f->options.unattended = true;
	exe = begin(f, table);
	assert_false(tide_lease_wait(exe, &f->err));
	assert_int_equal(f->err.code, TIDE_LEASE);
	assert_sent(f, TAKE, NULL, 1);
}

static void
if_locked_wait_waits_until_the_lease_is_free(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = {
		{ TAKEN, "taken", "f", NULL, 0 },
		{ TAKE, taken_columns, NULL, NULL, 1 },
		{ TAKE, taken_columns, "8|0|0|4", NULL, 0 },
		{ HOLDER, "owner heartbeat age", "ann@east pid 9|12:00:00|1.5", NULL, 0 },
		{ "wanted = 'yield'", "notified", NULL, NULL, 0 },
		{ "SET application_name", NULL, NULL, NULL, 0 },
		{ ORPHANS, "count", "0", NULL, 0 },
		{ NULL },
	};
	struct tide_executor *exe;

	f->options.if_locked = TIDE_IF_LOCKED_WAIT;
	exe = begin(f, table);
	exe->asks_for_room = true;
	assert_true(tide_lease_wait(exe, &f->err));
	assert_int_equal(exe->session->fence, 8);
	assert_has(f->told, "lease.wait: ");
	assert_sent(f, "SET wanted = 'yield'", NULL, 1);
	assert_null(strstr(f->told, "server.promoted"));
}

static void
orphans_are_ended_and_waited_for(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = {
		{ TAKEN, "taken", "f", NULL, 0 },
		{ TAKE, taken_columns, "8|0|3|4", NULL, 0 },
		{ "SET application_name", NULL, NULL, NULL, 0 },
		{ ORPHANS, "count", "2", NULL, 28 },
		{ ORPHANS, "count", "0", NULL, 0 },
		{ NULL },
	};
	struct tide_executor *exe = begin(f, table);

	assert_true(tide_lease_wait(exe, &f->err));
	assert_has(f->told, "orphan.ended: ended 2 session(s)");
	assert_has(f->told, "server.promoted: a standby has become the primary since (timeline 4, before 3)");
	assert_sent(f, ORPHANS, "[1, 8, true]", 1);
	assert_sent(f, ORPHANS, "[1, 8, false]", 28);
}

static void
sessions_join_the_lease_by_their_pids(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = {
		{ JOIN, "pid", "1", NULL, 1 },
		{ JOIN, "pid", NULL, NULL, 0 },
		{ NULL },
	};
	struct tide_executor *exe = begin(f, table);
	const struct tide_conn *conn[] = { exe->control, exe->watch };
	char values[64];

	snprintf(values, sizeof(values), "[1, 7, {%d,%d}]", tide_conn_backend_pid(conn[0]),
	    tide_conn_backend_pid(conn[1]));
	assert_true(tide_lease_join(exe->session, conn, 2, &f->err));
	assert_sent(f, JOIN, values, 1);
	assert_false(tide_lease_join(exe->session, conn, 1, &f->err));
	assert_int_equal(f->err.code, TIDE_LEASE);
	assert_true(exe->session->lost);
}

static void
a_lease_that_was_taken_meanwhile_ends_the_run(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = { { TAKEN, "taken", "t", NULL, 0 }, { NULL } };
	struct tide_executor *exe = begin(f, table);

	exe->last_fence = 7;
	assert_false(tide_lease_wait(exe, &f->err));
	assert_int_equal(f->err.code, TIDE_LEASE);
	assert_true(exe->session->lost);
	assert_sent(f, TAKE, NULL, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_free_lease_gives_the_new_fence),
		TEST(a_held_lease_leaves_the_fence_as_it_was),
		TEST(an_error_is_no_lease),
		TEST(only_a_fence_that_moved_is_a_lost_lease),
		TEST(a_release_says_the_state_and_is_done_once),
		TEST(the_exit_status_belongs_to_a_run_that_failed),
		TEST(without_a_lease_before_nobody_has_taken_it_since),
		TEST(a_holder_that_is_alive_is_named_at_once),
		TEST(an_unattended_attempt_does_not_wait_for_a_lease),
		TEST(if_locked_wait_waits_until_the_lease_is_free),
		TEST(orphans_are_ended_and_waited_for),
		TEST(sessions_join_the_lease_by_their_pids),
		TEST(a_lease_that_was_taken_meanwhile_ends_the_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
