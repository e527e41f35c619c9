#include "backend_watch.h"

#include <talloc.h>

#include "tidemark/base/units.h"
#include "watcher.h"

struct tide_backend_watch {
	struct tide_executor *exe;
	const struct tide_backend_watch_ops *ops;
	void *ctx;
	struct ev_timer timer;
	bool asking, cancelled;
};

static bool
is_free(const struct tide_backend_watch *watch)
{
	return !watch->asking && !tide_watcher_due(watch->exe) && tide_conn_alive(watch->exe->watch) &&
	       !tide_conn_busy(watch->exe->watch);
}

static void
answered(void *ctx, const struct tide_rows *rows, const struct tide_err *err)
{
	struct tide_backend_watch *watch = ctx;

	watch->asking = false;
	if (err == NULL)
		watch->ops->answer(watch->ctx, rows);
	if (!watch->asking)
		tide_watcher_yield(watch->exe);
}

static void
cancel_sent(void *ctx, const struct tide_rows *rows, const struct tide_err *err)
{
	struct tide_backend_watch *watch = ctx;

	(void)rows;
	(void)err;
	watch->asking = false;
	tide_watcher_yield(watch->exe);
}

const char *
tide_backend_watch_control(const struct tide_executor *exe, void *mem)
{
	return tide_param_int(mem, tide_conn_backend_pid(exe->control));
}

void
tide_backend_watch_cancel(struct tide_backend_watch *watch)
{
	void *mem;

	if (watch->cancelled)
		return;
	mem = talloc_new(watch);
	watch->cancelled = watch->asking = true;
	tide_conn_query(watch->exe->watch, "SELECT pg_cancel_backend($1::integer)",
	    TIDE_ARGS(tide_backend_watch_control(watch->exe, mem)), cancel_sent, watch);
	talloc_free(mem);
}

bool
tide_backend_watch_cancelled(const struct tide_backend_watch *watch)
{
	return watch->cancelled;
}

void
tide_backend_watch_ask(struct tide_backend_watch *watch)
{
	void *mem;

	if (!is_free(watch))
		return;
	mem = talloc_new(watch);
	watch->asking = true;
	tide_conn_query(watch->exe->watch, watch->ops->sql, TIDE_ARGS(watch->ops->target(watch->ctx, mem)),
	    answered, watch);
	talloc_free(mem);
}

static void
on_tick(struct ev_loop *loop, struct ev_timer *timer, int events)
{
	struct tide_backend_watch *watch = timer->data;

	(void)loop;
	(void)events;
	/* tick() is also called when the connection is lost: only the caller knows what to do then. */
	if (tide_conn_alive(watch->exe->watch) && !is_free(watch))
		return;
	if (watch->ops->tick == NULL || watch->ops->tick(watch->ctx))
		tide_backend_watch_ask(watch);
}

/* Its callback must not outlive the watch. */
static int
stop(struct tide_backend_watch *watch)
{
	ev_timer_stop(watch->exe->loop, &watch->timer);
	while (watch->asking && tide_conn_alive(watch->exe->watch))
		tide_executor_turn(watch->exe);
	return 0;
}

struct tide_backend_watch *
tide_backend_watch_start(struct tide_executor *exe, const struct tide_backend_watch_ops *ops, void *ctx,
    int64_t first, int64_t period)
{
	struct tide_backend_watch *watch = talloc_zero(exe, struct tide_backend_watch);

	watch->exe = exe;
	watch->ops = ops;
	watch->ctx = ctx;
	ev_now_update(exe->loop);
	ev_timer_init(&watch->timer, on_tick, (double)first / (double)TIDE_SECOND,
	    (double)period / (double)TIDE_SECOND);
	watch->timer.data = watch;
	if (period > 0)
		ev_timer_start(exe->loop, &watch->timer);
	talloc_set_destructor(watch, stop);
	return watch;
}
