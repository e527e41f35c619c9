#ifndef TIDE_STEERING_H
#define TIDE_STEERING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tidemark/base/err.h"
#include "tidemark/plans/plan.h"

/**
 * What `tidemark set` may change while a run is worked on, and what then counts instead of the plan's values. Pure: who has set what is
 * in the state (orchestrator/state/setting.c).
 */
struct tide_steering {
	/* The plan's (flags and environment included), where nothing is set. */
	struct tide_limits limits;
	/* Of the phases; as each phase says, where nothing is set. */
	int64_t max_rows_per_second; /* 0: not set */
	int64_t horizon_wait;        /* us; -1: not set */
	char *window;                /* NULL: not set */
};

/** The keys, in the order in which they are listed; ends with NULL. */
const char *const *tide_steering_keys(void);

/** Whether there is such a key. No: one error (TIDE_USAGE) with the list of those that there are. */
bool tide_steering_known(const char *key, struct tide_err *err) TIDE_CHECKED;

/** Nothing is set. Belongs to ctx; what it takes over of `limits` must outlive it. */
struct tide_steering *tide_steering_new(void *ctx, const struct tide_limits *limits);

/**
 * Puts a value, written as text, over the plan's. Checked as the plan would be, with its messages; TIDE_USAGE, also
 * for an unknown key. What is refused changes nothing.
 */
bool tide_steering_set(
    struct tide_steering *steering, const char *key, const char *value, struct tide_err *err) TIDE_CHECKED;

#endif
