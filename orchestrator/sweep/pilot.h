#ifndef TIDE_PILOT_H
#define TIDE_PILOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "executor/executor.h"
#include "signals/canary.h"

/**
 * Decides how much a sweep works at any moment, from what the canary measures, from who else is at work and from the WAL that lies
 * ready (controller.h). It belongs to one sweep; the sweep asks it before each batch.
 */
struct tide_pilot;

/** Belongs to ctx. blocks: to be done; a short sweep is not worth measuring for. */
struct tide_pilot *tide_pilot_start(void *ctx, const struct tide_limits *limits, int64_t blocks, bool write);
/** How many workers it can use. */
size_t tide_pilot_connections(const struct tide_pilot *pilot);
/** So many there are; they begin now. What `place` points to lives as long as the pilot. */
void tide_pilot_begin(struct tide_pilot *pilot, size_t connections, const struct tide_canary_place *place);
/** There are more of them, or fewer than were wanted. */
void tide_pilot_join(struct tide_pilot *pilot, size_t connections);
/** Other limits are in force. */
void tide_pilot_follow(struct tide_pilot *pilot, const struct tide_limits *limits);
/**
 * Ten times a second. done: what the sweep has done, in any unit that grows. held: no batch may be sent, for another reason. signals:
 * NULL for one that only reads.
 */
void tide_pilot_look(
    struct tide_pilot *pilot, int64_t now, double done, bool held, const struct tide_signals *signals);
/** Why nothing is measured, once; else NULL. */
const char *tide_pilot_failure(struct tide_pilot *pilot);
/** How much of the time this worker (0, 1 …) works: 0 to 1. */
double tide_pilot_share(const struct tide_pilot *pilot, size_t worker);

/** us that it rests after a batch that took so long: in proportion, so that the work is spread evenly. */
int64_t tide_pilot_rest(const struct tide_pilot *pilot, size_t worker, int64_t took);

/** For the progress. */
struct tide_pilot_report {
	double workers;         /* that work, as in controller.h */
	int64_t felt, baseline; /* us, p95 of a commit now and without us; -1 unknown */
};
struct tide_pilot_report tide_pilot_report(const struct tide_pilot *pilot);

#endif
