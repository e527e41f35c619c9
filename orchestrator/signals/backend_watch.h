#ifndef TIDE_BACKEND_WATCH_H
#define TIDE_BACKEND_WATCH_H

#include "executor/executor.h"

/**
 * Asks about backends of ours, on the watching connection, while their statements run: they cannot be asked themselves. One
 * question at a time, and none while a heartbeat is due.
 */
struct tide_backend_watch;

struct tide_backend_watch_ops {
	const char *sql; /* the question; $1 is what target gives */
	const char *(*target)(
	    void *ctx, void *mem); /* the pid, or pids, as text; belongs to mem or lives as long */
	/** With each tick, before the question: false when it is not to be asked now. May cancel. NULL: always. */
	bool (*tick)(void *ctx);
	void (*answer)(void *ctx, const struct tide_rows *rows); /* not called for a failure */
};

/**
 * Ticks `first` us from now and then every `period` us; period 0: never, it asks when tide_backend_watch_ask says so. Freed with
 * talloc_free, which waits for the answer under way: ctx must live until then.
 */
struct tide_backend_watch *tide_backend_watch_start(struct tide_executor *exe,
    const struct tide_backend_watch_ops *ops, void *ctx, int64_t first, int64_t period);

/** Asks now, unless the connection is busy or gone, or a question is under way. */
void tide_backend_watch_ask(struct tide_backend_watch *watch);

/** Cancels the statement of the control connection, once. */
void tide_backend_watch_cancel(struct tide_backend_watch *watch);
bool tide_backend_watch_cancelled(const struct tide_backend_watch *watch);

/** The pid of the control connection: a target. Belongs to mem. */
const char *tide_backend_watch_control(const struct tide_executor *exe, void *mem);

#endif
