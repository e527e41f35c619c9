#include <ev.h>
#include <talloc.h>

#include "cli/context/cli.h"
#include "cli/context/render.h"
#include "tidemark/base/units.h"
#include "cli/options/verbs.h"

#define DEFAULT_TIMEOUT (60 * TIDE_SECOND)

/** One try: connect, ask, or the time is over. */
struct attempt {
	struct ev_loop *loop;
	struct tide_conn *conn;
	struct tide_err err;
	bool answered, expired;
};

static void
answered(void *ctx, const struct tide_rows *rows, const struct tide_err *err)
{
	struct attempt *attempt = ctx;

	(void)rows;
	attempt->answered = err == NULL;
	if (err != NULL)
		attempt->err = *err;
	ev_break(attempt->loop, EVBREAK_ONE);
}

static void
opened(void *ctx, const struct tide_rows *rows, const struct tide_err *err)
{
	struct attempt *attempt = ctx;

	if (err != NULL)
		answered(ctx, rows, err);
	else
		tide_conn_exec(attempt->conn, "SELECT 1", answered, attempt);
}

static void
expired(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct attempt *attempt = timer->data;

	(void)events;
	attempt->expired = true;
	ev_break(loop, EVBREAK_ONE);
}

static void
try(struct tide_cli *cli, struct attempt *attempt, int64_t left)
{
	ev_timer timer;

	*attempt = (struct attempt){ .loop = cli->loop, .conn = tide_conn_new(cli, cli->loop) };
	ev_timer_init(&timer, expired, (double)left / 1e6, 0.0);
	timer.data = attempt;
	ev_now_update(cli->loop);
	ev_timer_start(cli->loop, &timer);
	tide_conn_open(attempt->conn, &cli->dsn, "tidemark/wait", opened, attempt);
	ev_run(cli->loop, 0);
	ev_timer_stop(cli->loop, &timer);
	talloc_free(attempt->conn);
}

/*
 * Only a server that does not answer is waited for: what it refuses, such as a wrong password, it would
 * refuse again.
 */
bool
tide_verb_wait(struct tide_cli *cli, struct tide_err *err)
{
	int64_t timeout = cli->options.timeout > 0 ? cli->options.timeout : DEFAULT_TIMEOUT,
		began = tide_now_us();
	struct tide_err last = { 0 };
	struct attempt attempt;
	char text[64];

	if (!tide_cli_resolve(cli, err))
		return false;
	for (int tries = 1;; tries++) {
		int64_t left;

		try(cli, &attempt, began + timeout - tide_now_us());
		if (attempt.answered) {
			cli->render->answers(cli, tries, tide_now_us() - began);
			return true;
		}
		if (!attempt.expired) {
			last = attempt.err;
			if (last.code != TIDE_UNREACHABLE) {
				*err = last;
				return false;
			}
		}
		if (tries == 1 && !cli->options.quiet && !attempt.expired)
			tide_output_say(
			    &cli->err, TIDE_DIM, "waiting for %s: %s\n", tide_cli_target(cli), last.message);
		left = began + timeout - tide_now_us();
		if (attempt.expired || left <= cli->options.interval)
			break;
		tide_cli_sleep(cli, cli->options.interval);
	}
	(void)tide_fail(err, TIDE_UNREACHABLE, "no answer within %s: %s",
	    tide_duration_format(timeout, text, sizeof(text)),
	    last.message[0] != '\0' ? last.message : tide_cli_target(cli));
	return tide_hint(err, "is the server running, and are host and port right? see: tidemark config");
}
