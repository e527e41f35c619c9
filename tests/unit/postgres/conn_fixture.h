#ifndef CONN_FIXTURE_H
#define CONN_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <ev.h>
#include <talloc.h>

#include "../../harness/fake_server.h"

/** What each test starts with. */
struct fixture {
	struct ev_loop *loop;
	void *mem;
	struct tide_conn *conn;
	struct script script;
	struct fake_server server;
	bool running;
	struct tide_err err;
	int calls, notifies, notices;
	char heard[64], noticed[64];
};

static inline int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->loop = ev_loop_new(EVFLAG_AUTO);
	f->mem = talloc_new(NULL);
	f->conn = tide_conn_new(f->mem, f->loop);
	*state = f;
	return 0;
}

static inline int
teardown(void **state)
{
	struct fixture *f = *state;

	if (f->running)
		fake_stop(&f->server);
	talloc_free(f->mem);
	ev_loop_destroy(f->loop);
	free(f);
	return 0;
}

static inline struct bytes *
next_answer(struct fixture *f)
{
	return &f->script.answer[f->script.count++];
}

/* The answer to the question for the process. */
static inline void
script_process(struct fixture *f, int process)
{
	struct bytes *answer = next_answer(f);
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", process);
	put_row(answer, pid);
	put_ready(answer);
}

/* The answers of an ordinary server up to the pinned session: it is asked before the settings and with them. */
static inline void
script_session(struct fixture *f)
{
	put_welcome(next_answer(f), "15.20");
	script_process(f, FAKE_PID);
	script_process(f, FAKE_PID);
}

static const char *
start(struct fixture *f)
{
	fake_start(&f->server, &f->script);
	f->running = true;
	return f->server.folder;
}

static inline bool
open_at(struct fixture *f, const char *host, const char *timeout)
{
	struct tide_dsn dsn = {
		(const char *[]){ "host", "user", "dbname", "password", "connect_timeout", NULL },
		(const char *[]){ host, "ann", "shop", "hunter2", timeout, NULL },
	};

	return tide_await_open(f->conn, &dsn, "tidemark/test", &f->err);
}

static inline bool
open_session(struct fixture *f)
{
	return open_at(f, start(f), "10");
}

static inline void
on_done(void *ctx, const struct tide_rows *rows, const struct tide_err *err)
{
	struct fixture *f = ctx;

	(void)rows;
	f->calls++;
	if (err != NULL)
		f->err = *err;
	ev_break(f->loop, EVBREAK_ONE);
}

static inline void
on_notify(void *ctx, const char *channel, const char *payload)
{
	struct fixture *f = ctx;

	f->notifies++;
	snprintf(f->heard, sizeof(f->heard), "%s %s", channel, payload);
	ev_break(f->loop, EVBREAK_ONE);
}

static inline void
on_notice(void *ctx, const char *severity, const char *sqlstate, const char *message)
{
	struct fixture *f = ctx;

	f->notices++;
	snprintf(f->noticed, sizeof(f->noticed), "%s %s %s", severity, sqlstate, message);
}

static inline void
on_tick(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)timer;
	(void)events;
	ev_break(loop, EVBREAK_ONE);
}

static inline void
run_loop(struct fixture *f, double seconds)
{
	ev_timer timer;

	ev_timer_init(&timer, on_tick, seconds, 0.);
	ev_now_update(f->loop);
	ev_timer_start(f->loop, &timer);
	ev_run(f->loop, 0);
	ev_timer_stop(f->loop, &timer);
}

static inline void
assert_has(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("'%s' is not in '%s'", part, text);
}

static inline void
assert_no_secret(const struct fixture *f)
{
	assert_null(strstr(f->err.message, "hunter2"));
	assert_null(strstr(f->err.hint, "hunter2"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
