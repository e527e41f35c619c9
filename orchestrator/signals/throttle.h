#ifndef TIDE_THROTTLE_H
#define TIDE_THROTTLE_H

#include "executor/executor.h"

/** Short names of what may hold a sweep back; they are API. Ends with NULL. */
extern const char *const tide_throttle_causes[];

/**
 * Why work must stop now, or NULL. Pure. A limit is entered when it is reached and left at 80 % of it: `before` is
 * what the last call said. What cannot be read counts as reached. *cause is one of tide_throttle_causes, or NULL.
 * Belongs to ctx.
 */
char *tide_throttle_reason(void *ctx, const struct tide_limits *limits, const struct tide_signals *signals,
    bool file_exists, const char *before, const char **cause);

/**
 * The limits that concern work which only reads. It makes next to no WAL, so whoever follows the WAL is not behind because of
 * it. Pure; borrows the texts.
 */
struct tide_limits tide_throttle_of_reader(const struct tide_limits *limits);

#endif
