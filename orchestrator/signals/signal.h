#ifndef TIDE_SIGNAL_H
#define TIDE_SIGNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "executor/executor.h"

/** What a signal asks the server in one tick. The texts live until it is sent. */
struct tide_question {
	const char *sql;
	const char *value[3]; /* $1, $2 and $3 */
	size_t count;         /* how many of them */
	bool of_plan;         /* SQL of the plan: sent in a read-only transaction of its own, briefly */
};

/**
 * A driver: one thing that the watcher reads with each tick and that work may have to wait for. One file each, with its SQL, its reading
 * and its judgement; it shares with nobody but what others read of it in exe->signals.
 */
struct tide_signal {
	const char *const
	    *keys; /* of [limits], ends with NULL: with all of them 0 it holds nothing back. NULL: none */
	bool of_writers; /* follows the WAL: work that only reads does not wait for it */
	size_t size;     /* of its state, which is zero at first; what it allocates belongs to it */
	/** False: nothing to ask in this tick. mem lives until the question is sent. NULL: it never asks. */
	bool (*ask)(struct tide_executor *exe, void *state, void *mem, struct tide_question *out);
	/** The answer, or (rows NULL) why there is none. Not called when the connection is lost. */
	void (*read)(
	    struct tide_executor *exe, void *state, const struct tide_rows *rows, const struct tide_err *err);
	/**
	 * Why work must stop now; no cause: not because of this. Asked again after each tick and whenever other work begins, and always with
	 * all the others, so that a limit that is exceeded is remembered whatever else holds the work back. The text belongs to ctx. NULL:
	 * others judge.
	 */
	struct tide_hold (*judge)(
	    void *ctx, const struct tide_executor *exe, void *state, const struct tide_limits *limits);
};

/**
 * All of them: asked in this order, and the first that holds is the one that is reported. New ones are added
 * here.
 */
/* clang-format off */
#define TIDE_SIGNALS(signal) \
	signal(phase_window) \
	signal(throttle_file) \
	signal(throttle_sql) \
	signal(expected_replicas) \
	signal(replica_lag) \
	signal(slot_wal) \
	signal(lock_waiters) \
	signal(horizon_holder) \
	signal(wal_room)
/* clang-format on */

#define TIDE_DECLARE_SIGNAL(name) extern const struct tide_signal tide_signal_##name;
TIDE_SIGNALS(TIDE_DECLARE_SIGNAL)
#undef TIDE_DECLARE_SIGNAL

#define TIDE_COUNT_SIGNAL(name) +1
enum { TIDE_SIGNAL_COUNT = 0 TIDE_SIGNALS(TIDE_COUNT_SIGNAL) };
#undef TIDE_COUNT_SIGNAL

extern const struct tide_signal *const tide_signal_table[TIDE_SIGNAL_COUNT];

#endif
