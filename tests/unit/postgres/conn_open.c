#include "conn_fixture.h"

static void
a_session_opens_and_answers_a_query(void **state)
{
	struct fixture *f = *state;
	struct tide_rows *rows = NULL;
	struct bytes *answer;

	script_session(f);
	answer = next_answer(f);
	put_row(answer, "forty-two");
	put_ready(answer);
	assert_true(open_session(f));
	assert_true(tide_conn_alive(f->conn));
	assert_int_equal(tide_conn_backend_pid(f->conn), FAKE_PID);
	assert_int_equal(tide_conn_server_version(f->conn), 150020);
	assert_true(tide_await_query(f->conn, f->mem, "SELECT $1", TIDE_ARGS("x"), &rows, &f->err));
	assert_int_equal(tide_rows_count(rows), 1);
	assert_string_equal(tide_rows_text(rows, 0, 0), "forty-two");
	assert_false(tide_conn_busy(f->conn));
}

static void
a_missing_server_is_unreachable_and_says_where(void **state)
{
	struct fixture *f = *state;

	assert_false(open_at(f, "/nonexistent/folder", "10"));
	assert_int_equal(f->err.code, TIDE_UNREACHABLE);
	assert_has(f->err.message, "/nonexistent/folder:5432");
	assert_has(f->err.message, "\"shop\"");
	assert_has(f->err.hint, "is the server running");
	assert_no_secret(f);
	assert_false(tide_conn_alive(f->conn));
}

static void
a_refused_tcp_port_is_unreachable(void **state)
{
	struct fixture *f = *state;
	struct tide_dsn dsn = { (const char *[]){ "host", "port", "password", NULL },
		(const char *[]){ "127.0.0.1", "1", "hunter2", NULL } };

	assert_false(tide_await_open(f->conn, &dsn, NULL, &f->err));
	assert_int_equal(f->err.code, TIDE_UNREACHABLE);
	assert_has(f->err.message, "127.0.0.1:1");
	assert_no_secret(f);
}

static void
a_start_that_fails_at_once_is_told_from_the_loop_only(void **state)
{
	struct fixture *f = *state;
	struct tide_dsn dsn = { (const char *[]){ "host", "sslmode", NULL },
		(const char *[]){ "/nowhere", "banana", NULL } };

	tide_conn_open(f->conn, &dsn, NULL, on_done, f);
	assert_int_equal(f->calls, 0);
	assert_true(tide_conn_busy(f->conn));
	run_loop(f, 5);
	assert_int_equal(f->calls, 1);
	assert_int_equal(f->err.code, TIDE_USAGE);
}

static void
refusals_are_told_apart_by_their_sqlstate(void **state)
{
	static const struct {
		const char *sqlstate;
		enum tide_code code;
	} cases[] = {
		{ "28P01", TIDE_USAGE },
		{ "28000", TIDE_USAGE },
		{ "3D000", TIDE_USAGE },
		{ "57P03", TIDE_UNREACHABLE },
		{ "53300", TIDE_UNREACHABLE },
		{ "42501", TIDE_PRECONDITION },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < TIDE_COUNT(cases); i++) {
		f->script = (struct script){ .count = 0 };
		put_report(next_answer(f), 'E', "FATAL", cases[i].sqlstate, "go away, password=hunter2");
		assert_false(open_session(f));
		assert_int_equal(f->err.code, cases[i].code);
		assert_string_equal(f->err.sqlstate, cases[i].sqlstate);
		assert_has(f->err.message, "go away");
		assert_null(strstr(f->err.message, cases[i].sqlstate));
		assert_string_not_equal(f->err.hint, "");
		assert_no_secret(f);
		fake_stop(&f->server);
		f->running = false;
	}
}

static void
a_pooler_in_between_is_refused_with_the_reason(void **state)
{
	struct fixture *f = *state;

	put_welcome(next_answer(f), "15.20");
	script_process(f, 99);
	f->script.keep = true;
	assert_false(open_session(f));
	assert_int_equal(f->err.code, TIDE_PRECONDITION);
	assert_has(f->err.message, "pooler");
	assert_has(f->err.hint, "directly");
	assert_false(tide_conn_alive(f->conn));
}

static void
a_pooler_that_shows_only_later_is_refused_too(void **state)
{
	struct fixture *f = *state;

	put_welcome(next_answer(f), "15.20");
	script_process(f, FAKE_PID);
	script_process(f, 99);
	assert_false(open_session(f));
	assert_int_equal(f->err.code, TIDE_PRECONDITION);
	assert_has(f->err.message, "pooler");
}

static void
a_server_that_is_too_old_is_refused(void **state)
{
	struct fixture *f = *state;

	put_welcome(next_answer(f), "13.9");
	assert_false(open_session(f));
	assert_int_equal(f->err.code, TIDE_PRECONDITION);
	assert_has(f->err.message, "PostgreSQL 13.9");
	assert_has(f->err.hint, "14");
}

static void
a_session_that_cannot_be_pinned_is_refused(void **state)
{
	struct fixture *f = *state;
	struct bytes *answer;

	put_welcome(next_answer(f), "15.20");
	script_process(f, FAKE_PID);
	answer = next_answer(f);
	put_report(
	    answer, 'E', "ERROR", "42501", "permission denied to set parameter \"session_replication_role\"");
	put_ready(answer);
	assert_false(open_session(f));
	assert_int_equal(f->err.code, TIDE_PRECONDITION);
	assert_has(f->err.hint, "session_replication_role");
}

static void
a_server_that_never_answers_meets_the_time_limit(void **state)
{
	struct fixture *f = *state;

	f->script.keep = true;
	assert_false(open_at(f, start(f), "1"));
	assert_int_equal(f->err.code, TIDE_UNREACHABLE);
	assert_has(f->err.message, "timeout expired");
}

static void
a_broken_connection_can_be_opened_again(void **state)
{
	struct fixture *f = *state;

	script_session(f);
	next_answer(f)->used = 0;
	assert_true(open_session(f));
	assert_false(tide_await_exec(f->conn, f->mem, "SELECT 1", NULL, &f->err));
	assert_true(open_at(f, f->server.folder, "10"));
	assert_true(tide_conn_alive(f->conn));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_session_opens_and_answers_a_query),
		TEST(a_missing_server_is_unreachable_and_says_where),
		TEST(a_refused_tcp_port_is_unreachable),
		TEST(a_start_that_fails_at_once_is_told_from_the_loop_only),
		TEST(refusals_are_told_apart_by_their_sqlstate),
		TEST(a_pooler_in_between_is_refused_with_the_reason),
		TEST(a_pooler_that_shows_only_later_is_refused_too),
		TEST(a_server_that_is_too_old_is_refused),
		TEST(a_session_that_cannot_be_pinned_is_refused),
		TEST(a_server_that_never_answers_meets_the_time_limit),
		TEST(a_broken_connection_can_be_opened_again),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
