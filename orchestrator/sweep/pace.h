#ifndef TIDE_PACE_H
#define TIDE_PACE_H

#include <stdint.h>

#define TIDE_PACE_MEMORY 16

/** How much a batch takes, from how long the last ones took. What an amount counts is the caller's business. Pure. */
struct tide_pace {
	int64_t target;      /* us a batch should last */
	double amount, most; /* of the next batch; at least 1 */
	/* Of the last batches: us, and us for one. */
	int64_t recent[TIDE_PACE_MEMORY];
	double each[TIDE_PACE_MEMORY];
	int count, at;
};

void tide_pace_begin(struct tide_pace *pace, int64_t target, int64_t first, int64_t most);
/**
 * A batch of `amount` lasted `us`. The next one takes what would last the target at the 90th percentile of what one has cost lately. Grows
 * by at most half, and only when more than half of it was used (an amount is rounded to what a batch can take); shrinks
 * at once on an overrun.
 */
void tide_pace_learn(struct tide_pace *pace, int64_t amount, int64_t us);
/** Another target: what has been learned about the cost stays. */
void tide_pace_aim(struct tide_pace *pace, int64_t target);
/** A batch met a lock: the next ones are half as long, so that less is held while waiting. */
void tide_pace_yield(struct tide_pace *pace);
int64_t tide_pace_amount(const struct tide_pace *pace);
/** 90th percentile of the last batches, us; 0 before the first. */
int64_t tide_pace_p90(const struct tide_pace *pace);

#endif
