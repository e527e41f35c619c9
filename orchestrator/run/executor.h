#ifndef TIDE_EXECUTOR_H
#define TIDE_EXECUTOR_H

/**
 * One executor: what every part of orchestrator/ shares while a run goes on. Made by tide_executor_open,
 * freed with its talloc context, which closes the connections and stops the watchers.
 */

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include "tidemark/catalog/catalog.h"
#include "tidemark/postgres/conn.h"
#include "tidemark/base/err.h"
#include "tidemark/orchestrator/observer.h"
#include "tidemark/plans/plan.h"
#include "tidemark/orchestrator/run.h"
#include "tidemark/phases/step.h"

/** What the last tick of the watcher saw. */
struct tide_signals {
	int64_t replicas, unreadable_replicas;
	double lag_seconds, lag_bytes; /* -1: no replica */
	char *replica_names;           /* one a line; NULL none */
	double slot_bytes;             /* -1: no slot */
	int64_t lock_waiters;
	bool throttle_sql;        /* the plan's own query gave true … */
	bool throttle_sql_failed; /* … or could not be read */
	int64_t
	    horizon_age; /* us, of whoever keeps dead rows from being cleaned up for longest; -1 nobody, or not looked at */
	char *horizon;      /* who that is; NULL */
	char *horizon_xmin; /* the oldest, and since when it is (tide_now_us) */
	int64_t horizon_since;
	bool window_open;
	int64_t ticks;      /* how many ticks have answered */
	int64_t at;         /* tide_now_us of the last one */
	int64_t round_trip; /* us; the shortest seen, 0 unknown */
};

/** What somebody asked for; set by signal watchers and by the watcher connection. */
struct tide_wishes {
	int signo;   /* SIGINT or SIGTERM; 0 none */
	int signals; /* how many have come */
	bool pause, yield;
	char *by;    /* who asked */
	bool lost;   /* the lease is no longer ours */
	bool broken; /* the watcher's connection broke */
};

/** The latest run of a plan as the database has it. Texts belong to the executor. */
struct tide_run_row {
	bool found;
	enum tide_run_state state;
	enum tide_direction direction;
	const char *wanted, *wanted_by, *owner;
	long back_to; /* index of the phase that a rollback stops behind; -1 all the way */
	bool live;    /* the lease is held and fresh */
};

struct tide_executor {
	struct ev_loop *loop;
	const struct tide_dsn *dsn;
	const struct tide_plan *plan;
	const struct tide_run_options *options;
	const struct tide_observer *observer;
	struct tide_conn *control, *watch;
	int64_t run; /* id of the run row */
	int64_t fence;
	char *relation; /* quoted, qualified */
	int64_t table_oid;
	const char *phase; /* name of the phase at work, for events */
	long ordinal;      /* its index; -1 none */
	int failure;       /* exit status of the attempt, once it has failed */
	bool reached;      /* the server has answered at least once */
	char *owner;       /* "user@host pid 123" */
	bool may_lower_deadlock_timeout;
	int64_t deadlock_timeout; /* us, the server's */
	int64_t shared_buffers;   /* blocks, the server's */
	int64_t deadline;         /* tide_now_us when the budget ends; 0 none */

	bool may_extend;    /* phases that the plan file has got at its end are taken over */
	size_t known;       /* phases of the run when the file has more; 0: it has the same */
	char *known_hash;   /* of the plan that the run has then */
	bool back;          /* a rollback: how the run stands is not its to say before it begins */
	bool asks_for_room; /* while it waits for the lease, the holder is asked to yield */
	int64_t last_fence; /* held before the connection was lost; 0 none */
	enum tide_run_state
	    state;            /* of the run row as last written, but for a pause; TIDE_RUN_NONE none yet */
	char *seen_heartbeat; /* of the lease's holder, while we wait for it; NULL */
	struct tide_signals signals;
	struct tide_wishes wishes;
	bool only_reads;               /* the work at hand makes no WAL that anybody has to follow */
	char *throttle_reason;         /* NULL when nothing holds the work at hand back */
	const char *throttle_cause;    /* the same as one of tide_throttle_causes */
	char *reason;                  /* see tide_executor_because; NULL until it is first said */
	bool looks_at_horizon;         /* the watcher asks who holds the xmin horizon */
	struct tide_progress progress; /* of the sweep under way; blocks_total 0 when none */
	struct tide_watcher *watcher;
};

/** An executor that is not connected yet, with its signal watchers. Belongs to ctx. observer may be NULL. */
struct tide_executor *
tide_executor_new(void *ctx, struct ev_loop *loop, const struct tide_dsn *dsn, const struct tide_plan *plan,
    const struct tide_run_options *options, const struct tide_observer *observer);
/** Connects and looks: *run is what the database knows of the plan (found false: nothing yet). Changes nothing. */
bool
tide_executor_connect(struct tide_executor *exe, struct tide_run_row *run, struct tide_err *err) TIDE_CHECKED;
/** Takes the lease of exe->run and starts the watcher. */
bool tide_executor_start(struct tide_executor *exe, struct tide_err *err) TIDE_CHECKED;
/** Gives the lease back with a final state and reason; ignores a lease that is lost. */
void tide_executor_close(struct tide_executor *exe, enum tide_run_state state, const char *reason);

/**
 * At a safe point: true to go on. A wanted pause is served here (waits until resumed). false + err with
 * code INTERRUPTED, TERMINATED, PAUSED (somebody asked this executor to yield), BUDGET, LEASE or UNREACHABLE to stop.
 */
bool tide_executor_check(struct tide_executor *exe, struct tide_err *err) TIDE_CHECKED;
/** As tide_executor_check, but never waits: a wanted pause is not looked at. */
bool tide_executor_halted(struct tide_executor *exe, struct tide_err *err);
/** Runs the loop for `us`, or less when somebody wants something. */
void tide_executor_sleep(struct tide_executor *exe, int64_t us);
/** Runs the loop once: blocks until some event. */
void tide_executor_turn(struct tide_executor *exe);

/** Sends an event; message is printf-like. step may be NULL. */
void tide_executor_event(struct tide_executor *exe, const char *name, const char *step, bool warning,
    const char *fmt, ...) TIDE_PRINTF(5, 6);

/** Sends something measured; enum tide_sample says what. label may be NULL. */
void tide_executor_sample(struct tide_executor *exe, enum tide_sample kind, const char *label, int64_t value);

/** Why the run waits, for `status`: written with each heartbeat. fmt NULL: nothing holds it back. */
void tide_executor_because(struct tide_executor *exe, const char *fmt, ...) TIDE_PRINTF(2, 3);

/** A statement of the control connection that may write only while the lease is ours: it must contain the fence check itself and
 * return or change at least one row; none means that the lease is lost (TIDE_LEASE). */
bool tide_executor_write(struct tide_executor *exe, const char *sql, size_t count, const char *const *values,
    struct tide_rows **rows, void *mem, struct tide_err *err) TIDE_CHECKED;

/** $n parameters as text; the results belong to ctx. */
const char *tide_param_int(void *ctx, int64_t value);
const char *tide_param_interval(void *ctx, int64_t us);

#endif
