#ifndef TIDE_CHILD_H
#define TIDE_CHILD_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tidemark/base/err.h"

/** Bytes of what a program has written that are kept: the last ones. */
#define TIDE_CHILD_TAIL 2000

/** What is run, without a shell. The loop must be the default one: libev hears of ended processes only there. */
struct tide_child_spec {
	const char *const *argv; /* ends with NULL; the program is looked for on PATH */
	/* NAME=VALUE that are put over the variables of this process; ends with NULL. Or NULL */
	const char *const *environment;
	const char *input; /* for its standard input, at most as much as a pipe takes; NULL: /dev/null */
	int64_t timeout;   /* us */
	void (*done)(void *ctx); /* called from the loop when it has ended, and may free it; or NULL */
	void *ctx;
};

/**
 * A program that runs beside the loop, in a process group of its own, with nothing open but its standard streams. After its
 * timeout the group gets SIGTERM, and a second later SIGKILL. Freed with its talloc context: then the group is killed at once.
 */
struct tide_child {
	struct ev_loop *loop;
	int pid, out;
	struct ev_child watcher;
	struct ev_io reader;
	struct ev_timer timer;
	int64_t timeout;
	void (*done)(void *ctx);
	void *ctx;
	bool ended, timed_out;
	int status; /* as of waitpid, once it has ended */
	char tail[TIDE_CHILD_TAIL + 1];
	size_t used;
};

/** NULL + TIDE_HOOK when no process could be started. That there is no such program is told by its exit status, 127. */
struct tide_child *tide_child_start(
    void *ctx, struct ev_loop *loop, const struct tide_child_spec *spec, struct tide_err *err) TIDE_CHECKED;

/** Ended, in time, with exit status 0. */
bool tide_child_succeeded(const struct tide_child *child);
/** How it ended, and the last of what it wrote, on one line: "exit status 22: curl: (22) …". Belongs to ctx. */
char *tide_child_result(void *ctx, const struct tide_child *child);

#endif
