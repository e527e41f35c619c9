#include "executor_fixture.h"

#include <signal.h>
#include <string.h>

#include "run/gate.h"

#define LOOK "-- How the gate of phase"
#define MOVE_RUN "-- Moves run $1"
#define MOVE_PHASE "-- Moves phase $3 of run $1"

static const char look_columns[] = "approved soak_left soak_until unmatched unmatched_key";

#define MOVES                                                                                                \
	{ MOVE_RUN, "state", "waiting", NULL, 0 },                                                           \
	{                                                                                                    \
		MOVE_PHASE, "one", "1", NULL, 0                                                              \
	}

/* Comes to the gate of phase 0, which the test has set, for the first time. */
static bool
pass(struct fixture *f, const struct answer *table)
{
	return tide_gate_pass(begin(f, table), 0, &f->err);
}

static void
a_phase_without_a_gate_asks_nothing(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = { { NULL } };

	assert_true(pass(f, table));
	assert_string_equal(f->server.record->text, "");
}

static void
a_manual_gate_stops_the_command(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = {
		{ LOOK, look_columns, "f|~|~|~|~", NULL, 0 },
		MOVES,
		{ NULL },
	};

	f->phase[0].gate.manual = true;
	assert_false(pass(f, table));
	assert_int_equal(f->err.code, TIDE_GATE);
	assert_string_equal(f->err.message, "waiting for manual approval");
	assert_has(f->told, "wait.start: waiting for manual approval");
	assert_sent(f, MOVE_PHASE, "[1, 7, 0, waiting]", 1);
}

static void
rows_that_a_lookup_did_not_match_are_told_before_the_approval(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = {
		{ LOOK, look_columns, "f|~|~|3|{\"id\": 5}", NULL, 0 },
		MOVES,
		{ NULL },
	};

	f->phase[0].gate.manual = true;
	assert_false(pass(f, table));
	assert_has(f->err.message, "waiting for manual approval; ");
	assert_has(f->err.message, "3");
}

static void
an_approved_gate_is_open(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = { { LOOK, look_columns, "t|~|~|~|~", NULL, 0 }, { NULL } };
	struct tide_executor *exe;

	f->phase[1].gate.manual = true;
	exe = begin(f, table);
	assert_true(tide_gate_pass(exe, 1, &f->err));
	assert_has(f->told, "gate.open: ");
	assert_sent(f, LOOK, "[1, 7, 1, ", 1);
	assert_sent(f, MOVE_RUN, NULL, 0);
}

static void
a_long_soak_ends_the_command_and_a_waived_one_does_not(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = {
		{ LOOK, look_columns, "f|3600|2030-01-01T00:00:00Z|~|~", NULL, 1 },
		{ LOOK, look_columns, "f|0|2030-01-01T00:00:00Z|~|~", NULL, 0 },
		MOVES,
		{ NULL },
	};

	f->phase[0].gate.after = 3600 * TIDE_SECOND;
	assert_false(pass(f, table));
	assert_int_equal(f->err.code, TIDE_GATE);
	assert_string_equal(f->err.message, "soaking until 2030-01-01T00:00:00Z");
	assert_true(tide_gate_pass(f->exe, 0, &f->err));
}

/* The command waits for it: asked again until nothing is left. */
static void
a_short_soak_is_waited_for(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = {
		{ LOOK, look_columns, "f|1|2030-01-01T00:00:00Z|~|~", NULL, 1 },
		{ LOOK, look_columns, "f|-0.1|2030-01-01T00:00:00Z|~|~", NULL, 0 },
		MOVES,
		{ NULL },
	};

	f->phase[0].gate.after = TIDE_SECOND;
	assert_true(pass(f, table));
	assert_sent(f, LOOK, NULL, 2);
	assert_sent(f, MOVE_RUN, "waiting", 1);
	assert_string_equal(f->exe->report.reason, "");
}

static void
a_condition_is_asked_until_it_holds(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = {
		{ LOOK, look_columns, "f|~|~|~|~", NULL, 0 },
		{ "BEGIN READ ONLY", NULL, NULL, NULL, 0 },
		{ "SELECT ready", "ready", NULL, NULL, 1 },
		{ "SELECT ready", "ready", "t", NULL, 0 },
		{ "ROLLBACK", NULL, NULL, NULL, 0 },
		MOVES,
		{ NULL },
	};

	f->phase[0].gate.sql = "SELECT ready FROM app.release";
	assert_true(pass(f, table));
	assert_has(f->told, "wait.start: the SQL condition does not hold yet: SELECT ready FROM app.release");
	assert_sent(f, "SELECT ready", NULL, 2);
	assert_sent(f, "ROLLBACK", NULL, 2);
}

static void
a_condition_of_two_columns_is_refused(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = {
		{ LOOK, look_columns, "f|~|~|~|~", NULL, 0 },
		{ "BEGIN READ ONLY", NULL, NULL, NULL, 0 },
		{ "SELECT ready", "ready more", "t|t", NULL, 0 },
		{ "ROLLBACK", NULL, NULL, NULL, 0 },
		{ NULL },
	};

	f->phase[0].gate.sql = "SELECT ready, more";
	assert_false(pass(f, table));
	assert_int_equal(f->err.code, TIDE_PRECONDITION);
	assert_string_equal(
	    f->err.message, "the gate's SQL condition: it must return one row of one boolean");
}

static void
a_condition_on_a_table_that_is_not_found_says_how_to_name_it(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = {
		{ LOOK, look_columns, "f|~|~|~|~", NULL, 0 },
		{ "BEGIN READ ONLY", NULL, NULL, NULL, 0 },
		{ "SELECT ready", NULL, NULL, "42P01", 0 },
		{ "ROLLBACK", NULL, NULL, NULL, 0 },
		{ NULL },
	};

	f->phase[0].gate.sql = "SELECT ready";
	assert_false(pass(f, table));
	assert_int_equal(f->err.code, TIDE_PRECONDITION);
	assert_has(f->err.hint, "name it with its schema");
}

static void
a_look_that_finds_no_row_is_a_lost_lease(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = { { LOOK, look_columns, NULL, NULL, 0 }, { NULL } };

	f->phase[0].gate.manual = true;
	assert_false(pass(f, table));
	assert_int_equal(f->err.code, TIDE_LEASE);
	assert_true(f->exe->session->lost);
}

static void
a_stop_ends_the_wait(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = {
		{ LOOK, look_columns, "f|30|2030-01-01T00:00:00Z|~|~", NULL, 0 },
		MOVES,
		{ NULL },
	};
	struct tide_executor *exe;

	f->phase[0].gate.after = TIDE_SECOND;
	exe = begin(f, table);
	tide_requests_signal(&exe->requests, SIGTERM);
	assert_false(tide_gate_pass(exe, 0, &f->err));
	assert_int_equal(f->err.code, TIDE_TERMINATED);
	assert_sent(f, LOOK, NULL, 1);
}

static void
set_command(struct fixture *f, char **argv, int64_t retries)
{
	f->phase[0].gate.command.item = argv;
	while (argv[f->phase[0].gate.command.count] != NULL)
		f->phase[0].gate.command.count++;
	f->phase[0].gate.interval = 10 * TIDE_MS;
	f->phase[0].gate.timeout = TIDE_SECOND;
	f->phase[0].gate.retries = retries;
}

static void
a_command_that_succeeds_at_once_is_no_wait(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = { { LOOK, look_columns, "f|~|~|~|~", NULL, 0 }, { NULL } };
	char *argv[] = { "true", NULL };

	set_command(f, argv, 0);
	assert_true(pass(f, table));
	assert_string_equal(f->told, "gate.open: the gate is open\n");
}

static void
a_command_is_not_run_as_long_as_something_else_keeps_the_gate_closed(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = { { LOOK, look_columns, "f|~|~|~|~", NULL, 0 }, MOVES,
		{ NULL } };
	char *argv[] = { "false", NULL };

	f->phase[0].gate.manual = true;
	set_command(f, argv, 0);
	assert_false(pass(f, table));
	assert_int_equal(f->err.code, TIDE_GATE);
	assert_string_equal(f->err.message, "waiting for manual approval");
}

static void
a_command_fails_as_often_as_the_plan_allows(void **state)
{
	struct fixture *f = *state;
	static const struct answer table[] = { { LOOK, look_columns, "f|~|~|~|~", NULL, 0 }, MOVES,
		{ NULL } };
	char *argv[] = { "sh", "-c", "printf '\\303\\251\\033 down\\n'; exit 3", NULL };

	set_command(f, argv, 1);
	assert_false(pass(f, table));
	assert_int_equal(f->err.code, TIDE_HOOK);
	assert_has(f->err.message, "the gate's command has failed 2 times: sh -c ");
	/* What it wrote is stored: it must be text in any encoding. */
	assert_has(f->err.message, ": exit status 3: ??  down");
	assert_has(f->told, "wait.start: the command has not opened the gate yet: sh -c ");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_phase_without_a_gate_asks_nothing),
		TEST(a_manual_gate_stops_the_command),
		TEST(rows_that_a_lookup_did_not_match_are_told_before_the_approval),
		TEST(an_approved_gate_is_open),
		TEST(a_long_soak_ends_the_command_and_a_waived_one_does_not),
		TEST(a_short_soak_is_waited_for),
		TEST(a_condition_is_asked_until_it_holds),
		TEST(a_condition_of_two_columns_is_refused),
		TEST(a_condition_on_a_table_that_is_not_found_says_how_to_name_it),
		TEST(a_look_that_finds_no_row_is_a_lost_lease),
		TEST(a_stop_ends_the_wait),
		TEST(a_command_that_succeeds_at_once_is_no_wait),
		TEST(a_command_is_not_run_as_long_as_something_else_keeps_the_gate_closed),
		TEST(a_command_fails_as_often_as_the_plan_allows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
