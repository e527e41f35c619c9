#include "ask.h"

#include <ev.h>
#include <talloc.h>

#include "tidemark/base/units.h"
#include "tidemark/postgres/rows.h"

/** One try: connect, ask, or the time is over. */
struct attempt {
	struct ev_loop *loop;
	struct tide_conn *conn;
	const struct tide_cli_question *question;
	void *ctx;
	char *answer;
	struct tide_err err;
	bool over, answered, expired;
};

static void
end(struct attempt *attempt)
{
	attempt->over = true;
	ev_break(attempt->loop, EVBREAK_ONE);
}

static void
answered(void *ctx, const struct tide_rows *rows, const struct tide_err *err)
{
	struct attempt *attempt = ctx;

	attempt->answered = err == NULL;
	if (err != NULL)
		attempt->err = *err;
	else
		attempt->answer = talloc_strdup(attempt->ctx, tide_rows_only_text(rows));
	end(attempt);
}

static void
opened(void *ctx, const struct tide_rows *rows, const struct tide_err *err)
{
	struct attempt *attempt = ctx;
	const struct tide_cli_question *q = attempt->question;

	if (err != NULL)
		answered(ctx, rows, err);
	else
		tide_conn_query(attempt->conn, q->sql, q->count, q->value, answered, attempt);
}

static void
expired(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct attempt *attempt = timer->data;

	(void)loop;
	(void)events;
	attempt->expired = true;
	end(attempt);
}

bool
tide_cli_ask(struct tide_cli *cli, struct tide_conn *conn, const struct tide_cli_question *question,
    int64_t left, void *ctx, char **answer, bool *expired_out, struct tide_err *err)
{
	struct attempt attempt = { .loop = cli->loop, .conn = conn, .question = question, .ctx = ctx };
	ev_timer timer;

	ev_timer_init(&timer, expired, left > 0 ? (double)left / 1e6 : 0.0, 0.0);
	timer.data = &attempt;
	ev_now_update(cli->loop);
	ev_timer_start(cli->loop, &timer);
	if (tide_conn_alive(conn))
		opened(&attempt, NULL, NULL);
	else if (question->bare)
		tide_conn_open_bare(conn, &cli->dsn, question->application_name, opened, &attempt);
	else
		tide_conn_open(conn, &cli->dsn, question->application_name, opened, &attempt);
	while (!attempt.over)
		ev_run(cli->loop, EVRUN_ONCE);
	ev_timer_stop(cli->loop, &timer);
	*answer = attempt.answer;
	*expired_out = !attempt.answered && attempt.expired;
	if (!attempt.answered && !attempt.expired)
		*err = attempt.err;
	if (!attempt.answered)
		tide_conn_close(conn);
	return attempt.answered;
}

static bool
no_answer(struct tide_cli *cli, int64_t timeout, const struct tide_err *last, struct tide_err *err)
{
	char text[64];

	(void)tide_fail(err, TIDE_UNREACHABLE, "no answer within %s: %s",
	    tide_duration_format(timeout, text, sizeof(text)),
	    last->message[0] != '\0' ? last->message : tide_cli_target(cli));
	return tide_hint(err, "is the server running, and are host and port right? see: tidemark config");
}

bool
tide_cli_ask_until(struct tide_cli *cli, struct tide_conn *conn, const struct tide_cli_question *question,
    const struct tide_cli_patience *patience, void *ctx, char **answer, int *tries, struct tide_err *err)
{
	int64_t deadline = tide_now_us() + patience->timeout, pause = patience->pause;
	struct tide_err last = { 0 };

	for (int i = 1;; i++) {
		bool expired;

		if (tries != NULL)
			*tries = i;
		if (tide_cli_ask(cli, conn, question, deadline - tide_now_us(), ctx, answer, &expired, &last))
			return true;
		if (!expired && last.code != TIDE_UNREACHABLE) {
			*err = last;
			return false;
		}
		if (i == 1 && !expired)
			patience->tell(cli,
			    talloc_asprintf(ctx, "waiting for %s: %s", tide_cli_target(cli), last.message));
		if (expired || deadline - tide_now_us() <= pause)
			return no_answer(cli, patience->timeout, &last, err);
		tide_cli_sleep(cli, pause);
		pause = pause * 2 < patience->most ? pause * 2 : patience->most;
	}
}
