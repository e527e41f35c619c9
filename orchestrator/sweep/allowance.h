#ifndef TIDE_ALLOWANCE_H
#define TIDE_ALLOWANCE_H

#include <stdbool.h>
#include <stdint.h>

/** No span of this length has more rows than the limit allows … */
#define TIDE_ALLOWANCE_SPAN 10
/** … and so many slots of 50 ms remember what was done in it; one more, for the oldest is only partly in the past. */
#define TIDE_ALLOWANCE_SLOTS (TIDE_ALLOWANCE_SPAN * 20 + 1)

/**
 * What `max_rows_per_second` still allows. Pure: the caller says what time it is.
 *
 * Two rules. A batch is due when the ones before it are paid for, at the rate of the limit; time in which nothing was sent
 * pays for a tenth of a second at most. So the work is spread evenly, and neither the length of a batch nor a late timer
 * costs anything. And what was done in the last ten seconds, with what is under way, never exceeds ten seconds' worth: rows
 * are counted from when their batch is sent until ten seconds after it has ended, whenever in between it commits.
 */
struct tide_allowance {
	int64_t limit; /* rows a second; 0: no limit */
	int64_t share; /* rows that one batch should have at most */
	int64_t due;   /* us; nothing is sent before */
	int64_t slot[TIDE_ALLOWANCE_SLOTS],
	    newest;               /* rows of the batches that ended in it; the newest's number */
	int64_t spent, under_way; /* rows, in all slots; of batches that have not ended */
};

void tide_allowance_begin(struct tide_allowance *allowance, int64_t limit, int64_t workers, int64_t now);
/**
 * Another limit from now on, or for so many workers. What was done before is not counted against it, what is under way is; nothing is
 * owed for either.
 */
void tide_allowance_change(struct tide_allowance *allowance, int64_t limit, int64_t workers, int64_t now);
/** Whether a batch that may change so many rows may be sent now. */
bool tide_allowance_allows(struct tide_allowance *allowance, int64_t now, int64_t rows);
/** us until it is worth asking again. */
int64_t tide_allowance_wait(const struct tide_allowance *allowance, int64_t now);
/** It was sent. */
void tide_allowance_take(struct tide_allowance *allowance, int64_t now, int64_t rows);
/** It has ended, and changed so many of the rows that were taken. */
void tide_allowance_settle(struct tide_allowance *allowance, int64_t now, int64_t taken, int64_t changed);
/**
 * So many stripes (a power of two, at least `stripes`) that one of a block with `fill` rows to change is no more than half a
 * second's worth. No more than half of the `rows` that a block has: the first stripe would find nothing.
 */
int tide_allowance_stripes(const struct tide_allowance *allowance, double fill, double rows, int stripes);

#endif
