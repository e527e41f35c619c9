#ifndef TIDE_EXECUTOR_H
#define TIDE_EXECUTOR_H

/**
 * One executor: what the parts of orchestrator/ share while a run is worked on. Each part has one owner that writes it: session the
 * state, requests the functions of requests.h, in_force those of steering.h, report those of report.h, signals and throttle the watcher. Made and ended in
 * run/lifecycle.h; freed with its talloc context, which closes the connections and stops the watcher.
 */

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include "report.h"
#include "requests.h"
#include "steering.h"
#include "state/session.h"
#include "tidemark/base/err.h"
#include "tidemark/base/units.h"
#include "tidemark/catalog/catalog.h"
#include "tidemark/orchestrator/hold.h"
#include "tidemark/orchestrator/run.h"
#include "tidemark/phases/step.h"
#include "tidemark/plans/plan.h"
#include "tidemark/postgres/conn.h"

/** What does not change while we are connected. */
struct tide_server {
	bool may_lower_deadlock_timeout;
	int64_t deadlock_timeout; /* us */
	int64_t shared_buffers;   /* blocks */
};

/** What the last tick of the watcher saw and others read. What only the throttle needs is the signals' own: signals/signal.h. */
struct tide_signals {
	double lag_seconds;  /* of the replica with the greatest lag; -1: none, or unknown */
	int64_t horizon_age; /* us, age of the oldest holder of the xmin horizon; -1 none, or not checked */
	char *horizon;       /* who that is; NULL */
	int64_t wal_ready; /* WAL segments that lie ready behind the current one; -1 unknown, or not asked */
	int64_t wal_written; /* bytes, position in the WAL when that was read */
	int64_t wal_at;      /* tide_now_us of that */
	bool window_open;
	long window_of; /* the phase of which that is true, from 1; 0: of none yet */
	char *window_opens,
	    *window_text;   /* when it opens next; why nothing is done before; NULL before the first answer */
	int64_t ticks;      /* how many ticks have answered */
	int64_t at;         /* tide_now_us of the last one */
	int64_t round_trip; /* us; the shortest seen, 0 unknown */
};

/** Whether the current work has to stop for a while. */
struct tide_throttle {
	struct tide_hold hold; /* no cause: it may continue. The text belongs to the executor */
	bool only_reads;       /* the work writes next to no WAL: replicas and slots do not count */
	bool looks_at_horizon; /* the watcher asks who holds the xmin horizon */
};

/** A soak or a hold with more left than this ends the command (the run stays where it is) instead of keeping a process waiting. */
#define TIDE_WAIT_IN_PROCESS (60 * TIDE_SECOND)

struct tide_executor {
	struct ev_loop *loop;
	const struct tide_dsn *dsn;
	const struct tide_plan *plan;
	const struct tide_run_options *options;
	struct tide_conn *control, *watch; /* control: also session->conn */
	struct tide_session *session;
	struct tide_server server;
	struct tide_requests requests;
	struct tide_report report;
	struct tide_signals signals;
	struct tide_throttle throttle;
	struct tide_in_force in_force;
	struct tide_watcher *watcher; /* NULL: it does not run */

	bool reached;       /* the server has answered at least once */
	bool back;          /* a rollback: whatever stops it, the state of the run stays as it is */
	bool asks_for_room; /* while it waits for the lease, the holder is asked to release the run */
	int64_t last_fence; /* held before the connection was lost; 0 none */
	int64_t deadline;   /* tide_now_us when the budget ends; 0 none */
	/* tide_now_us until which a stop or a pause that was asked for waits: what hurts the application is being removed; 0 none */
	int64_t grace;
};

/**
 * At a safe point: true to continue. A wanted pause is served here (waits until resumed). false + err with
 * code INTERRUPTED, TERMINATED, PAUSED (another executor asked this one to release the run), BUDGET, LEASE or UNREACHABLE to stop.
 */
bool tide_executor_check(struct tide_executor *exe, struct tide_err *err) TIDE_CHECKED;
/** Outside the time window of the current phase, and nobody has asked to wait for it. */
bool tide_executor_shut_out(const struct tide_executor *exe);
/** At a safe point of work that has its hours: false + err with code BUDGET where the attempt is shut out. A hold passes at any hour. */
bool tide_executor_within_hours(struct tide_executor *exe, struct tide_err *err) TIDE_CHECKED;
/** As tide_executor_check, but never waits: a wanted pause is not checked. True: it has to stop, and err says why. */
bool tide_executor_halted(struct tide_executor *exe, struct tide_err *err);
/** Runs the loop for `us`, or less when a request arrives. */
void tide_executor_sleep(struct tide_executor *exe, int64_t us);
/** The same, or less when *woken becomes true. */
void tide_executor_sleep_until(struct tide_executor *exe, int64_t us, const bool *woken);
/** Runs the loop once: blocks until some event. */
void tide_executor_turn(struct tide_executor *exe);

/** Moves the phase's row and tells the observer. */
bool tide_executor_move_phase(
    struct tide_executor *exe, long phase, enum tide_phase_state state, struct tide_err *err) TIDE_CHECKED;

/**
 * Tells the observer that no executor works on the phase that was begun, or that one does again. Calls come in pairs, which may be
 * nested.
 */
void tide_executor_rest(struct tide_executor *exe, bool resting);

/** Sends an event; message is printf-like. step may be NULL. */
void tide_executor_event(struct tide_executor *exe, const char *name, const char *step, bool warning,
    const char *fmt, ...) TIDE_PRINTF(5, 6);
/** Sends an event of the run: its plan and number are put into it. */
void tide_executor_tell(struct tide_executor *exe, const struct tide_event *event);
/** Sends something measured; enum tide_sample says what. label may be NULL. */
void tide_executor_sample(struct tide_executor *exe, enum tide_sample kind, const char *label, int64_t value);
/** Why the run waits, for `status`: written with each heartbeat. fmt NULL: it does not wait. */
void tide_executor_set_wait_reason(struct tide_executor *exe, const char *fmt, ...) TIDE_PRINTF(2, 3);

#endif
