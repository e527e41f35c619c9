#ifndef TIDE_EXECUTOR_STEERING_H
#define TIDE_EXECUTOR_STEERING_H

#include <stdint.h>

#include "tidemark/plans/steering.h"

struct tide_executor;

/**
 * What counts now: the plan's values, with what `tidemark set` has put over them. Read anywhere, from here and not from the plan, and
 * again for each use: a heartbeat replaces it. Written by tide_executor_steer() alone.
 */
struct tide_in_force {
	const struct tide_limits *limits;
	struct tide_steering *steering; /* belongs to the executor; NULL: nothing is set */
	char *settings;                 /* what it was made of; NULL: nothing is set */
	int64_t changes;                /* how often it was replaced */
};

/**
 * Takes over what is set: the JSON that a heartbeat has brought, [{key, value, by}, …], NULL: nothing. Tells the observer what has changed.
 * What cannot be read is left out, and said.
 */
void tide_executor_steer(struct tide_executor *exe, const char *settings);

/** The hours in which the current phase may work: those that are set, or else those of its gate. NULL: at any time. */
const char *tide_executor_window(const struct tide_executor *exe);
/** Why nothing is done outside of them. */
const char *tide_executor_closed_window(const struct tide_executor *exe);

#endif
