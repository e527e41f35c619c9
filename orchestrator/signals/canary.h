#ifndef TIDE_CANARY_H
#define TIDE_CANARY_H

#include <stdbool.h>
#include <stdint.h>

#include "tidemark/postgres/conn.h"

/**
 * What an application would feel: a connection of its own that commits ten times a second, with the server's own
 * synchronous_commit, and measures how long that takes. The commit carries a message of the WAL and no row, so it leaves nothing
 * behind, and a subscriber does not see it. Once a second it also looks whether anybody else is there at all.
 */
struct tide_canary;

/** Where it measures; what it points to lives as long. */
struct tide_canary_place {
	struct ev_loop *loop;
	const struct tide_dsn *dsn;
	const char *name; /* application_name of its session */
	const char *ours; /* how the names of our own sessions begin, its own too */
};

/** Belongs to ctx. Opens its connection without waiting for it; one that is lost or refused is tried again every few seconds. */
struct tide_canary *tide_canary_start(void *ctx, const struct tide_canary_place *place);
/** us from one measurement to the next. */
void tide_canary_every(struct tide_canary *canary, int64_t period);

/** What was measured since a moment, two seconds ago at most. */
struct tide_felt {
	int count;
	int64_t p95; /* us; of few measurements the second longest: a single one is no sign. 0 without any */
	int64_t waiting; /* us that the measurement under way has lasted; 0 none is */
};

/** The measurement under way counts with how long it has lasted, when that is longer than all others. */
struct tide_felt tide_canary_felt(const struct tide_canary *canary, int64_t since, int64_t now);
/** Sessions of others that work, by the last look; what cannot be seen counts. looks: how many looks there were. */
int64_t tide_canary_others(const struct tide_canary *canary, int64_t *looks);
/** Whether there is a connection that measures; else nothing is known. */
bool tide_canary_works(const struct tide_canary *canary);
/** Why not, for display; NULL: it does, or has not been tried. */
const char *tide_canary_failure(const struct tide_canary *canary);

#endif
