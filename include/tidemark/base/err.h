#ifndef TIDE_ERR_H
#define TIDE_ERR_H

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What the operator should do about it; the numbers are the documented exit statuses. */
enum tide_code {
	TIDE_OK = 0,           /* done, or nothing to do */
	TIDE_UNEXPECTED = 1,   /* a defect of ours or of the machine's */
	TIDE_USAGE = 2,        /* command line or configuration */
	TIDE_PLAN = 3,         /* plan invalid, or changed since it started */
	TIDE_PRECONDITION = 4, /* precondition, drift, privilege */
	TIDE_DIFFERENCES = 5,  /* verification found differing rows */
	TIDE_UNREACHABLE = 6,  /* no connection to the database */
	TIDE_LOCK = 7,         /* lock not obtained within the policy */
	TIDE_LEASE = 8,        /* another executor holds the lease */
	TIDE_HOOK = 9,         /* a hook or the command of a gate said no */
	TIDE_PENDING = 10,     /* 10..13 only with --exit-code */
	TIDE_GATE = 11,
	TIDE_PAUSED = 12,
	TIDE_BUDGET = 13,        /* or outside the time window */
	TIDE_NOT_RUNNABLE = 126, /* the command of `ensure`, as a shell has it */
	TIDE_NO_COMMAND = 127,
	TIDE_INTERRUPTED = 130, /* SIGINT, after a clean checkpoint */
	TIDE_TERMINATED = 143   /* SIGTERM, after a clean checkpoint */
};

/**
 * One failure. Owned by the caller, filled once where it is detected, wrapped with
 * context on the way up, printed once by the CLI. Holds no allocation, so it can
 * report running out of memory. `{ 0 }` is the empty one.
 */
struct tide_err {
	enum tide_code code;
	char sqlstate[6];   /* "" when the server did not speak */
	char where[256];    /* "file:line:col", or "" */
	int line, column;   /* the same; 0 none */
	char message[1024]; /* what failed, lower case, no full stop */
	char hint[1024];    /* likely cause and what to do next, or "" */
};

#define TIDE_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define TIDE_CHECKED __attribute__((warn_unused_result))

/** Sets code and message, clears the rest. Returns false, so that `return tide_fail(…)` reads. */
bool tide_fail(struct tide_err *err, enum tide_code code, const char *fmt, ...) TIDE_PRINTF(3, 4);

/** Puts "context: " before the message. Returns false. */
bool tide_wrap(struct tide_err *err, const char *fmt, ...) TIDE_PRINTF(2, 3);

/** Sets the place. Returns false. */
bool tide_place(struct tide_err *err, const char *path, int line, int column);

/** Sets the hint. Returns false. */
bool tide_hint(struct tide_err *err, const char *fmt, ...) TIDE_PRINTF(2, 3);

/** Stable word for JSON, such as "lock" or "plan". Never NULL. */
const char *tide_code_name(enum tide_code code);

#ifdef __cplusplus
}
#endif
#endif
