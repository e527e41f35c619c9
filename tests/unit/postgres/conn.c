#include "conn_fixture.h"

static void
an_answer_that_comes_byte_by_byte_is_read_whole(void **state)
{
	struct fixture *f = *state;
	struct tide_rows *rows = NULL;
	struct bytes *answer;

	script_session(f);
	answer = next_answer(f);
	put_row(answer, "slow");
	put_ready(answer);
	f->script.drips = true;
	assert_true(open_session(f));
	assert_true(tide_await_exec(f->conn, f->mem, "SELECT 1", &rows, &f->err));
	assert_string_equal(tide_rows_text(rows, 0, 0), "slow");
}

static void
an_error_of_a_statement_leaves_the_connection_usable(void **state)
{
	struct fixture *f = *state;
	struct tide_rows *rows = (struct tide_rows *)f;
	struct bytes *answer;

	script_session(f);
	answer = next_answer(f);
	put_row(answer, "first");
	put_report(answer, 'E', "ERROR", "55P03", "canceling statement due to lock timeout");
	put_ready(answer);
	answer = next_answer(f);
	put_row(answer, "second");
	put_ready(answer);
	assert_true(open_session(f));
	assert_false(tide_await_exec(f->conn, f->mem, "SELECT 1; LOCK t", &rows, &f->err));
	assert_ptr_equal(rows, f); /* untouched */
	assert_int_equal(f->err.code, TIDE_LOCK);
	assert_string_equal(f->err.sqlstate, "55P03");
	assert_true(tide_conn_alive(f->conn));
	assert_true(tide_await_exec(f->conn, f->mem, "SELECT 2", &rows, &f->err));
	assert_string_equal(tide_rows_text(rows, 0, 0), "second");
}

static void
the_last_words_of_a_terminated_session_are_the_error(void **state)
{
	struct fixture *f = *state;

	script_session(f);
	put_report(
	    next_answer(f), 'E', "FATAL", "57P01", "terminating connection due to administrator command");
	assert_true(open_session(f));
	assert_false(tide_await_exec(f->conn, f->mem, "SELECT 1", NULL, &f->err));
	assert_int_equal(f->err.code, TIDE_UNREACHABLE);
	assert_string_equal(f->err.sqlstate, "57P01");
	assert_has(f->err.message, "administrator");
	assert_false(tide_conn_alive(f->conn));
}

/* Its own cause would say that a person must act; but the server comes back by itself, and then the run continues. */
static void
a_panic_of_the_server_is_a_lost_connection(void **state)
{
	struct fixture *f = *state;

	script_session(f);
	put_report(next_answer(f), 'E', "PANIC", "53100",
	    "could not write to file \"pg_wal/xlogtemp.1\": No space left on device");
	assert_true(open_session(f));
	assert_false(tide_await_exec(f->conn, f->mem, "SELECT 1", NULL, &f->err));
	assert_int_equal(f->err.code, TIDE_UNREACHABLE);
	assert_string_equal(f->err.sqlstate, "53100");
	assert_has(f->err.message, "No space left on device");
}

static void
a_connection_that_ends_in_silence_is_an_error_too(void **state)
{
	struct fixture *f = *state;

	script_session(f);
	next_answer(f)->used = 0;
	assert_true(open_session(f));
	assert_false(tide_await_exec(f->conn, f->mem, "SELECT 1", NULL, &f->err));
	assert_int_equal(f->err.code, TIDE_UNREACHABLE);
	assert_string_equal(f->err.sqlstate, "08006");
	assert_has(f->err.message, "closed the connection");
	assert_false(tide_conn_alive(f->conn));
}

static void
an_end_while_idle_is_noticed_and_remembered(void **state)
{
	struct fixture *f = *state;

	script_session(f);
	put_report(&f->script.answer[2], 'E', "FATAL", "57P01", "terminating connection, see you");
	tide_conn_on_notice(f->conn, on_notice, f);
	assert_true(open_session(f));
	run_loop(f, 0.3);
	assert_false(tide_conn_alive(f->conn));
	assert_string_equal(f->noticed, "FATAL 57P01 terminating connection, see you");
	tide_conn_exec(f->conn, "SELECT 1", on_done, f);
	assert_int_equal(f->calls, 0);
	run_loop(f, 5);
	assert_int_equal(f->calls, 1);
	assert_int_equal(f->err.code, TIDE_UNREACHABLE);
	assert_has(f->err.message, "see you");
}

static void
notifications_arrive_while_idle(void **state)
{
	struct fixture *f = *state;

	script_session(f);
	put_notify(&f->script.answer[2], "tidemark", "pause");
	f->script.keep = true;
	tide_conn_on_notify(f->conn, on_notify, f);
	assert_true(open_session(f));
	run_loop(f, 0.3);
	assert_int_equal(f->notifies, 1);
	assert_string_equal(f->heard, "tidemark pause");
	assert_true(tide_conn_alive(f->conn));
}

static void
a_notification_with_an_answer_is_not_lost(void **state)
{
	struct fixture *f = *state;
	struct bytes *answer;

	script_session(f);
	answer = next_answer(f);
	put_notify(answer, "tidemark", "with");
	put_row(answer, "x");
	put_ready(answer);
	f->script.keep = true;
	tide_conn_on_notify(f->conn, on_notify, f);
	assert_true(open_session(f));
	assert_true(tide_await_exec(f->conn, f->mem, "SELECT 1", NULL, &f->err));
	assert_int_equal(f->notifies, 1);
}

static void
warnings_pass_redacted_and_chatter_does_not(void **state)
{
	struct fixture *f = *state;
	struct bytes *answer;

	script_session(f);
	answer = next_answer(f);
	put_report(answer, 'N', "NOTICE", "00000", "nothing to see");
	put_report(answer, 'N', "WARNING", "01000", "password=hunter2 here");
	put_row(answer, "x");
	put_ready(answer);
	tide_conn_on_notice(f->conn, on_notice, f);
	assert_true(open_session(f));
	assert_true(tide_await_exec(f->conn, f->mem, "SELECT 1", NULL, &f->err));
	assert_int_equal(f->notices, 1);
	assert_string_equal(f->noticed, "WARNING 01000 password=*** here");
}

static void
free_connection(void *ctx, const struct tide_rows *rows, const struct tide_err *err)
{
	struct fixture *f = ctx;

	(void)err;
	f->calls++;
	assert_string_equal(tide_rows_text(rows, 0, 0), "x");
	talloc_free(f->conn);
	/* The rows of this call live on until it returns. */
	assert_string_equal(tide_rows_text(rows, 0, 0), "x");
	ev_break(f->loop, EVBREAK_ONE);
}

static void
a_callback_may_destroy_the_connection(void **state)
{
	struct fixture *f = *state;
	struct bytes *answer;

	script_session(f);
	answer = next_answer(f);
	put_row(answer, "x");
	put_ready(answer);
	assert_true(open_session(f));
	tide_conn_exec(f->conn, "SELECT 1", free_connection, f);
	run_loop(f, 5);
	assert_int_equal(f->calls, 1);
}

static void
free_on_notice(void *ctx, const char *severity, const char *sqlstate, const char *message)
{
	struct fixture *f = ctx;

	(void)severity;
	(void)sqlstate;
	(void)message;
	f->notices++;
	talloc_free(f->conn);
}

static void
a_warning_may_destroy_the_connection_and_its_waiter_is_told(void **state)
{
	struct fixture *f = *state;
	struct bytes *answer;

	script_session(f);
	answer = next_answer(f);
	put_report(answer, 'N', "WARNING", "01000", "one");
	put_report(answer, 'N', "WARNING", "01000", "two");
	put_row(answer, "x");
	put_ready(answer);
	assert_true(open_session(f));
	tide_conn_on_notice(f->conn, free_on_notice, f);
	assert_false(tide_await_exec(f->conn, f->mem, "SELECT 1", NULL, &f->err));
	assert_int_equal(f->notices, 1);
	assert_int_equal(f->err.code, TIDE_UNREACHABLE);
}

static void
ask_again(void *ctx, const struct tide_rows *rows, const struct tide_err *err)
{
	struct fixture *f = ctx;

	assert_null(err);
	assert_int_equal(tide_rows_int(rows, 0, 0), ++f->calls);
	if (f->calls < 3)
		tide_conn_exec(f->conn, "SELECT 1", ask_again, f);
	else
		ev_break(f->loop, EVBREAK_ONE);
}

static void
a_callback_may_start_the_next_operation(void **state)
{
	static const char *const values[] = { "1", "2", "3" };
	struct fixture *f = *state;

	script_session(f);
	for (size_t i = 0; i < TIDE_COUNT(values); i++) {
		struct bytes *answer = next_answer(f);

		put_row(answer, values[i]);
		put_ready(answer);
	}
	assert_true(open_session(f));
	tide_conn_exec(f->conn, "SELECT 1", ask_again, f);
	run_loop(f, 5);
	assert_int_equal(f->calls, 3);
}

static void
close_it(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	tide_conn_close(timer->data);
}

static void
closing_ends_a_wait_without_a_callback(void **state)
{
	struct fixture *f = *state;
	ev_timer timer;

	script_session(f);
	f->script.keep = true;
	assert_true(open_session(f));
	ev_timer_init(&timer, close_it, 0.1, 0.);
	timer.data = f->conn;
	ev_timer_start(f->loop, &timer);
	assert_false(tide_await_exec(f->conn, f->mem, "SELECT 1", NULL, &f->err));
	assert_int_equal(f->err.code, TIDE_UNREACHABLE);
	assert_false(tide_conn_busy(f->conn));
	tide_conn_exec(f->conn, "SELECT 1", on_done, f);
	tide_conn_close(f->conn);
	run_loop(f, 0.1);
	assert_int_equal(f->calls, 0);
}

static void
a_copy_that_nobody_feeds_is_refused(void **state)
{
	struct fixture *f = *state;
	struct bytes body = { .used = 0 };

	script_session(f);
	put_bytes(&body, "\0\0\1\0\0", 5);
	put_message(next_answer(f), 'G', &body);
	f->script.keep = true;
	assert_true(open_session(f));
	assert_false(tide_await_exec(f->conn, f->mem, "COPY t FROM STDIN", NULL, &f->err));
	assert_has(f->err.message, "COPY");
	assert_false(tide_conn_alive(f->conn));
}

static void
a_connection_never_opened_fails_from_the_loop(void **state)
{
	struct fixture *f = *state;

	tide_conn_exec(f->conn, "SELECT 1", on_done, f);
	assert_int_equal(f->calls, 0);
	run_loop(f, 5);
	assert_int_equal(f->calls, 1);
	assert_int_equal(f->err.code, TIDE_UNREACHABLE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_answer_that_comes_byte_by_byte_is_read_whole),
		TEST(an_error_of_a_statement_leaves_the_connection_usable),
		TEST(the_last_words_of_a_terminated_session_are_the_error),
		TEST(a_panic_of_the_server_is_a_lost_connection),
		TEST(a_connection_that_ends_in_silence_is_an_error_too),
		TEST(an_end_while_idle_is_noticed_and_remembered),
		TEST(notifications_arrive_while_idle),
		TEST(a_notification_with_an_answer_is_not_lost),
		TEST(warnings_pass_redacted_and_chatter_does_not),
		TEST(a_callback_may_destroy_the_connection),
		TEST(a_warning_may_destroy_the_connection_and_its_waiter_is_told),
		TEST(a_callback_may_start_the_next_operation),
		TEST(closing_ends_a_wait_without_a_callback),
		TEST(a_copy_that_nobody_feeds_is_refused),
		TEST(a_connection_never_opened_fails_from_the_loop),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
