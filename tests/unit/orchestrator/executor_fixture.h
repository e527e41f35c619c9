#ifndef EXECUTOR_FIXTURE_H
#define EXECUTOR_FIXTURE_H

/* An executor that holds the lease of run 1 with fence 7, on a server that answers from a table. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <ev.h>
#include <talloc.h>

#include "../../harness/answering_server.h"
#include "executor/executor.h"
#include "run/lifecycle.h"
#include "tidemark/base/units.h"

struct fixture {
	struct ev_loop *loop;
	void *mem;
	struct answering_server server;
	bool running;
	struct tide_dsn dsn;
	const char *value[3];
	struct tide_kind kind;
	struct tide_phase phase[2];
	struct tide_plan plan;
	struct tide_run_options options;
	struct tide_observer observer;
	struct tide_executor *exe;
	struct tide_err err;
	char told[8192]; /* "name: message" of each event, one a line */
};

static inline void
tell(void *ctx, const struct tide_event *event)
{
	struct fixture *f = ctx;
	size_t used = strlen(f->told);

	snprintf(f->told + used, sizeof(f->told) - used, "%s: %s\n", event->name, event->message);
}

static inline int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->loop = ev_default_loop(EVFLAG_AUTO);
	f->mem = talloc_new(NULL);
	f->kind.name = "sql";
	f->phase[0] = (struct tide_phase){ .kind = &f->kind, .name = "first" };
	f->phase[1] = (struct tide_phase){ .kind = &f->kind, .name = "second" };
	f->plan = (struct tide_plan){ .path = "p.toml",
		.text = "",
		.name = "p",
		.table = "public.t",
		.schema = "public",
		.relation = "t",
		.phase = f->phase,
		.count = 2,
		.limits = { .lock_timeout = 200 * TIDE_MS,
		    .lock_attempts = 3,
		    .lock_queue = 2,
		    .batch_duration = 15 * TIDE_MS,
		    .workers = 1,
		    .lease = 15 * TIDE_SECOND } };
	f->observer = (struct tide_observer){ .ctx = f, .event = tell };
	*state = f;
	return 0;
}

static inline int
teardown(void **state)
{
	struct fixture *f = *state;

	/* Closes the connections first, so that nothing waits for an answer. */
	talloc_free(f->mem);
	if (f->running)
		answering_stop(&f->server);
	ev_loop_destroy(f->loop);
	free(f);
	return 0;
}

/* An executor that is not connected yet. */
static inline struct tide_executor *
make_executor(struct fixture *f, const struct answer *table)
{
	static const char *const keyword[] = { "host", "user", NULL };

	answering_start(&f->server, table);
	f->running = true;
	f->value[0] = f->server.fake.folder;
	f->value[1] = "ann";
	f->dsn = (struct tide_dsn){ (const char **)keyword, f->value };
	f->exe = tide_executor_new(f->mem, f->loop, &f->dsn, &f->plan, &f->options, &f->observer);
	return f->exe;
}

static inline struct tide_executor *
begin(struct fixture *f, const struct answer *table)
{
	struct tide_executor *exe = make_executor(f, table);

	assert_true(tide_await_open(exe->control, &f->dsn, "tidemark/p/control", &f->err));
	assert_true(tide_await_open(exe->watch, &f->dsn, "tidemark/p/watch", &f->err));
	exe->session->run = 1;
	exe->session->fence = 7;
	exe->session->table_oid = 16384;
	exe->session->relation = talloc_strdup(exe->session, "public.t");
	exe->session->state = TIDE_RUN_RUNNING;
	exe->report.ordinal = 0;
	exe->report.phase = "first";
	exe->server.deadlock_timeout = TIDE_SECOND;
	exe->server.shared_buffers = 16384;
	return exe;
}

static inline void
assert_has(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("'%s' is not in '%s'", part, text);
}

static inline void
assert_sent(const struct fixture *f, const char *sql, const char *values, size_t times)
{
	size_t count = answering_count(&f->server, sql, values);

	if (count != times)
		fail_msg("'%s' with %s was sent %zu times, expected %zu:\n%s", sql,
		    values != NULL ? values : "any values", count, times, f->server.record->text);
}

/* What the watcher says and hears in each tick, where nothing but the lag of replicas is limited. */
#define BEAT "-- Keeps the lease alive"
#define LISTENS                                                                                              \
	{                                                                                                    \
		"LISTEN tidemark", NULL, NULL, NULL, 0                                                       \
	}
#define BEATS                                                                                                \
	{                                                                                                    \
		BEAT, "wanted wanted_by settings until expired", "run|~|~|~|f", NULL, 0                      \
	}
#define NO_REPLICAS                                                                                          \
	{                                                                                                    \
		"name_lag", "lag gap hidden name name_lag", "~|~|0|~|~", NULL, 0                             \
	}
#define TICKS LISTENS, BEATS, NO_REPLICAS

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
