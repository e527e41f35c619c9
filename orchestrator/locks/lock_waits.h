#ifndef TIDE_LOCK_WAITS_H
#define TIDE_LOCK_WAITS_H

#include <stdbool.h>
#include <stdint.h>

#include "executor/executor.h"

/**
 * Whether batches waited for a lock: such a wait says nothing about how much a batch can do. The session that waits cannot be
 * asked, so while a batch lasts longer than it should, the watching connection looks at pg_stat_activity now and then. Every
 * wait that lasts longer than the time between two looks is seen that way.
 */
struct tide_lock_waits;
/** One worker's place. Belongs to the waits. */
struct tide_lock_wait;

struct tide_lock_waits *tide_lock_waits_new(struct tide_executor *exe);
/** Waits for an answer that may be on its way. NULL: there are none. */
void tide_lock_waits_end(struct tide_lock_waits *waits);
struct tide_lock_wait *tide_lock_waits_add(struct tide_lock_waits *waits, const struct tide_conn *conn);

/** A batch was sent; look when it has not ended in `patience` us, and again after as long. */
void tide_lock_wait_begin(struct tide_lock_wait *wait, int64_t patience);
/** It has ended. True: it was seen waiting for a lock. */
bool tide_lock_wait_end(struct tide_lock_wait *wait);

#endif
