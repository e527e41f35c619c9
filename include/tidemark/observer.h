#ifndef TIDE_OBSERVER_H
#define TIDE_OBSERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * What the executor tells whoever watches it. The orchestrator never prints; the CLI turns
 * this into a progress line, log lines or NDJSON.
 */

struct tide_progress {
	const char *phase, *what; /* "backfill", "users.name → full_name" */
	int64_t blocks_total, blocks_done;
	int64_t rows_seen, rows_changed, rows_stayed, rows_skipped, mismatches;
	double rows_per_second; /* recent */
	int64_t batch_p90;      /* us */
	double hot_share;       /* 0..1 of changed rows; -1 unknown */
	int64_t lag;            /* us; -1 unknown */
	int64_t eta;            /* us; -1 unknown */
	const char *state;      /* "RUNNING", "THROTTLED", "PAUSED" */
	const char *reason;     /* NULL when running */
	int workers;
};

/** One event; names are API: run.start, phase.start, step.start, step.done, step.skip, lock.retry, wait.start, gate.open … */
struct tide_event {
	const char *name;
	const char *phase, *step; /* may be NULL */
	const char *message;      /* a sentence for people */
	int64_t duration;         /* us; -1 none */
	int64_t lock_wait;        /* us; -1 none */
	bool warning;
};

struct tide_observer {
	void *ctx;
	void (*event)(void *ctx, const struct tide_event *event);
	void (*progress)(void *ctx, const struct tide_progress *progress); /* at most 10 a second */
};

#endif
