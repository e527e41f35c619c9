#include "lock_waits.h"

#include <ev.h>
#include <talloc.h>

#include "locks_sql.h"
#include "signals/backend_watch.h"
#include "tidemark/base/units.h"

struct tide_lock_wait {
	struct tide_lock_waits *all;
	const struct tide_conn *conn;
	struct ev_timer timer;
	bool running, asked, waited; /* a batch runs; the question is about it; it was seen waiting */
};

struct tide_lock_waits {
	struct tide_executor *exe;
	struct tide_lock_wait **wait;
	size_t count;
	struct tide_backend_watch *backend;
};

static void
mark(struct tide_lock_waits *waits, int64_t pid)
{
	for (size_t i = 0; i < waits->count; i++) {
		struct tide_lock_wait *w = waits->wait[i];

		/* A batch that began after the question is not the one the answer is about. */
		if (w->running && w->asked && tide_conn_backend_pid(w->conn) == pid)
			w->waited = true;
	}
}

static void
answered(void *ctx, const struct tide_rows *rows)
{
	struct tide_lock_waits *waits = ctx;
	size_t pid = tide_rows_column(rows, "pid");

	for (size_t i = 0; i < tide_rows_count(rows); i++)
		mark(waits, tide_rows_int(rows, i, pid));
}

/* All of them at once: the connection carries one question at a time. */
static const char *
target(void *ctx, void *mem)
{
	struct tide_lock_waits *waits = ctx;
	char *pids = talloc_strdup(mem, "{");

	for (size_t i = 0; i < waits->count; i++) {
		waits->wait[i]->asked = waits->wait[i]->running;
		pids = talloc_asprintf_append(
		    pids, "%s%d", i > 0 ? "," : "", tide_conn_backend_pid(waits->wait[i]->conn));
	}
	return talloc_strdup_append(pids, "}");
}

static const struct tide_backend_watch_ops waits_ops = {
	.sql = tide_sql_locks_waiting,
	.target = target,
	.answer = answered,
};

static void
too_long(struct ev_loop *loop, struct ev_timer *timer, int events)
{
	struct tide_lock_wait *w = timer->data;

	(void)events;
	if (w->waited)
		ev_timer_stop(loop, timer);
	else
		tide_backend_watch_ask(w->all->backend);
}

static int
stop(struct tide_lock_wait *w)
{
	ev_timer_stop(w->all->exe->loop, &w->timer);
	return 0;
}

struct tide_lock_waits *
tide_lock_waits_new(struct tide_executor *exe)
{
	struct tide_lock_waits *waits = talloc_zero(exe, struct tide_lock_waits);

	waits->exe = exe;
	waits->backend = tide_backend_watch_start(exe, &waits_ops, waits, 0, 0);
	return waits;
}

void
tide_lock_waits_end(struct tide_lock_waits *waits)
{
	if (waits == NULL)
		return;
	talloc_free(waits->backend);
	talloc_free(waits);
}

struct tide_lock_wait *
tide_lock_waits_add(struct tide_lock_waits *waits, const struct tide_conn *conn)
{
	struct tide_lock_wait *w = talloc_zero(waits, struct tide_lock_wait);

	w->all = waits;
	w->conn = conn;
	ev_timer_init(&w->timer, too_long, 0, 0);
	w->timer.data = w;
	talloc_set_destructor(w, stop);
	waits->wait = talloc_realloc(waits, waits->wait, struct tide_lock_wait *, (unsigned)waits->count + 1);
	waits->wait[waits->count++] = w;
	return w;
}

void
tide_lock_wait_begin(struct tide_lock_wait *w, int64_t patience)
{
	struct ev_loop *loop = w->all->exe->loop;

	w->running = true;
	w->asked = w->waited = false;
	ev_now_update(loop);
	w->timer.repeat = (double)patience / (double)TIDE_SECOND;
	ev_timer_again(loop, &w->timer);
}

bool
tide_lock_wait_end(struct tide_lock_wait *w)
{
	w->running = false;
	ev_timer_stop(w->all->exe->loop, &w->timer);
	return w->waited;
}
