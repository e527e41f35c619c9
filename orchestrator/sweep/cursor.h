#ifndef TIDE_CURSOR_H
#define TIDE_CURSOR_H

#include <stdbool.h>
#include <stdint.h>

/**
 * How far the work on a segment is. Pure.
 *
 * The blocks of a segment are done group by group. A group is gone through once a stripe, window by window; a window and
 * a stripe are one batch. The first stripes take a fixed share of the rows each, the last one takes every row that is
 * left. So most rows find room in their own page, freed by the rows that left it a few batches before: see
 * docs/sweep.md.
 *
 * Only `next` is kept in the database. A resume begins the current group again, whatever its length and stripes are
 * then: the rows that were done are read and left alone.
 */
struct tide_cursor {
	int64_t next;  /* block; everything before it is done with */
	int64_t group; /* the block after the current group; 0: none is begun */
	int64_t at;    /* in the group: where the next batch begins */
	int stripe, stripes;
	bool found; /* the group has had rows to change */
};

/**
 * The rows a batch takes: those of blocks [from, to) whose line pointer has (number & mask) = stripe. Mask and stripe 0:
 * all of them. By the line pointer, and not by a hash of the tid, every stripe has its fair share of every page: with 16
 * stripes 13.5 % of the rows of bench/sweep had to move, and 20.5 % with hashtid().
 */
struct tide_span {
	int64_t from, to;
	int mask, stripe;
	int64_t rows; /* that a batch which deletes takes at most; 0: all of them */
};

/** At the beginning of a segment. */
void tide_cursor_begin(struct tide_cursor *cursor, int64_t first);
/** Begins a group of about `length` blocks, as long as the others up to `stop`. stripes: a power of two. */
void tide_cursor_group(struct tide_cursor *cursor, int64_t stop, int64_t length, int stripes);
/** The batch to do now, of at most `blocks`; the windows of a stripe are of equal length. A group must have been begun. */
void tide_cursor_span(const struct tide_cursor *cursor, int64_t blocks, struct tide_span *out);
/**
 * How far the work is when blocks up to `to` of this stripe are done. found: rows had to be changed there. A group
 * whose first stripe finds nothing has been done before, and continues with its last.
 */
void tide_cursor_advance(struct tide_cursor *cursor, int64_t to, bool found);
/**
 * Splits what is left for two workers: *cursor keeps blocks up to the new *stop, *other gets the rest, up to the old one.
 * The stripes that a part of a group has had count for both. busy: where the batch under way ends. False: too little is left.
 */
bool tide_cursor_split(struct tide_cursor *cursor, int64_t *stop, int64_t busy, struct tide_cursor *other);
/** Blocks of the current group that count as done, by its stripes. */
double tide_cursor_part(const struct tide_cursor *cursor);

#endif
