#ifndef TIDE_LOCK_ACQUIRE_H
#define TIDE_LOCK_ACQUIRE_H

#include <stdint.h>

#include "tidemark/phases/step.h"

/** How long a transaction of ours may wait for its locks, us. */
struct tide_lock_budget {
	int64_t total;            /* for all of them together: limits.lock_timeout */
	int64_t deadlock_timeout; /* the server's; while we hold a lock, we wait for less than this */
};

/**
 * Statements that take the lock of `action` on its table and on every partition or child table, all within one budget of wall-clock
 * time, and leave what remains of it as lock_timeout for the rest of the transaction. 55P03 when it does not suffice. "" when the action
 * asks for no lock. Belongs to ctx.
 */
char *
tide_lock_acquire_sql(void *ctx, const struct tide_action *action, const struct tide_lock_budget *budget);

/** Between two statements of the action: lock_timeout becomes what is left. */
const char *tide_lock_remaining_sql(void);

#endif
