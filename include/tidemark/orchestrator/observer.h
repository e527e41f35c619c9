#ifndef TIDE_OBSERVER_H
#define TIDE_OBSERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tidemark/orchestrator/hold.h"

/**
 * What the executor tells whoever watches it. The orchestrator never prints; the CLI turns
 * this into a progress line, log lines or NDJSON.
 */

struct tide_progress {
	const char *phase, *what; /* "backfill", "users.name → full_name" */
	double share; /* done of all, 0..1: never falls, whatever happens to the run (state/measure.h) */
	int64_t blocks_total, blocks_done; /* of the current pass */
	int64_t rows_seen, rows_changed, rows_stayed, rows_skipped, mismatches;
	double rows_per_second; /* recent; 0 unknown, or throttled */
	int64_t batch_p90;      /* us */
	double hot_share;       /* 0..1 of changed rows; -1 unknown */
	int64_t lag;            /* us; -1 unknown */
	int64_t eta;            /* us; -1 unknown, or throttled */
	bool at_work;           /* an executor works on it, or would but for the hold */
	struct tide_hold hold;
	int workers;                         /* connections */
	double working;                      /* workers that are running: not whole, such as 1.3 */
	int64_t commit_p95, commit_baseline; /* us, what the application feels, and without us; -1 unknown */
	const char *plan;                    /* NULL: not of a run */
	int64_t run;                         /* 0: not of a run */
};

/** One event; names are API: run.start, phase.start, step.start, step.done, step.skip, lock.retry, wait.start, gate.open … */
struct tide_event {
	const char *name;
	const char *plan;         /* NULL: it is not about one */
	int64_t run;              /* its number; 0: none yet */
	const char *phase, *step; /* may be NULL */
	const char *message;      /* a sentence for display */
	int64_t duration;         /* us; -1 none */
	int64_t lock_wait;        /* us; -1 none */
	bool warning;
};

/** What is counted and measured, told as it happens: `label` and `value` as each kind says. */
enum tide_sample {
	TIDE_SAMPLE_PHASE,   /* the state of a phase; its index in the plan */
	TIDE_SAMPLE_REPLICA, /* application_name; us behind */
	TIDE_SAMPLE_HEARTBEAT, /* NULL, 0: the lease is confirmed, and there are no more replicas than were told */
	TIDE_SAMPLE_BATCH,     /* NULL; us that a batch of a sweep lasted */
	TIDE_SAMPLE_LOCK_WAIT, /* NULL; us that a lock on a table was waited for, granted or not */
	TIDE_SAMPLE_RETRY      /* SQLSTATE of what will be tried again; 1 */
};

struct tide_observer {
	void *ctx;
	void (*event)(void *ctx, const struct tide_event *event);
	void (*progress)(void *ctx, const struct tide_progress *progress); /* at most 10 a second */
	void (*sample)(void *ctx, enum tide_sample kind, const char *label, int64_t value); /* may be NULL */
};

#endif
