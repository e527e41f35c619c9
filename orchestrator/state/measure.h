#ifndef TIDE_MEASURE_H
#define TIDE_MEASURE_H

#include <stdbool.h>
#include <stdint.h>

/**
 * How far a sweep is, and how long it will still take. Pure: the executor, `status`, the JSON and the metrics all have their figure
 * from here, so it is the same one.
 */

/** What the checkpoints of a sweep say: nothing that a crash could undo. */
struct tide_extent {
	int64_t total; /* blocks of the current pass, over all relations; in key order a measure of them */
	int64_t done;  /* of these, the ones that no batch will begin with again, skipped ranges included */
	int pass;      /* from 1 */
	bool repeats;  /* another pass follows until one changes nothing */
	double floor;  /* the share that had been reached when the pass, or a part of it, was begun last */
	bool finished; /* the journal says that the sweep is done; until then the share is below 1 */
};

/**
 * Done of all, 0 to 1. It never falls: blocks that are done stay so; split segments have the blocks of the whole; and where work
 * begins
 * again (other storage or another order, a new partition, another pass) the floor keeps what had been reached. The first pass of
 * a sweep
 * that repeats is half of the work, each further one half of what is left.
 */
double tide_extent_share(const struct tide_extent *extent);

/** How fast a sweep has been lately. Time in which it was throttled does not count. */
struct tide_speed {
	int64_t at;          /* tide_now_us of the last look; 0 none */
	double rows, blocks; /* what was done by then */
	double rows_per_second, blocks_per_second;
};

/** Looks again; more often than twice a second is no use, and no harm. held: nothing may be sent now. */
void tide_speed_look(struct tide_speed *speed, int64_t now, double rows, double blocks, bool held);
/** How long `left` blocks will take, us; -1: nobody can say, as while held. */
int64_t tide_speed_eta(const struct tide_speed *speed, double left, bool held);

#endif
