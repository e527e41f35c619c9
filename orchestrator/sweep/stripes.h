#ifndef TIDE_STRIPES_H
#define TIDE_STRIPES_H

#include <stdbool.h>
#include <stdint.h>

/** Numbers of stripes that are tried: powers of two, 1 to 2^(COUNT - 1). */
#define TIDE_STRIPES_COUNT 6

/** What is known of a relation before the first batch. */
struct tide_stripe_facts {
	int64_t pages, rows; /* rows: of the planner; < 0 unknown */
	int64_t indexes;
	int fillfactor;
	bool accept_bloat; /* only time counts */
	bool indexed;      /* an index contains a column that is filled: no update can be heap-only */
};

/**
 * How many stripes a group gets. Pure. More stripes let more rows stay in their page, and read each page more often;
 * where the best is depends on the indexes, the free space, the row and the machine. So it is measured: a group costs its
 * time and the bytes it leaves behind, now and then a group tries the number beside the best, and the cheapest wins.
 */
struct tide_stripes {
	/* stripes do not help now, mostly because a session holds back the xmin horizon: plain passes */
	bool stuck;
	bool fixed;                      /* pinned, or nothing to gain: no trying */
	int best;                        /* exponent */
	int most;                        /* exponent; more stripes than a page has rows would find nothing */
	double cost[TIDE_STRIPES_COUNT]; /* us a row, moving average; 0 not tried */
	double row_bytes, byte_price;    /* us a byte */
	int groups;                      /* begun since the last trial */
	bool upward;                     /* where the last trial went */
};

/** pinned: the plan's number of stripes (a power of two); 0: choose. */
void tide_stripes_begin(struct tide_stripes *stripes, const struct tide_stripe_facts *facts, int pinned);
/** The stripes of the next group. */
int tide_stripes_next(struct tide_stripes *stripes);
/** A group of `count` stripes took `us` for `changed` rows, of which `moved` left their window. */
void tide_stripes_learn(struct tide_stripes *stripes, int count, int64_t us, int64_t changed, int64_t moved);
/**
 * Blocks of a group: windows of `window` blocks, which take `window_us` each (0: not known), so many that a page rests for
 * `rest` us before its next stripe: by then the snapshots that see its dead rows have ended.
 */
int64_t tide_stripes_group(int64_t window, int64_t window_us, int64_t rest);

#endif
