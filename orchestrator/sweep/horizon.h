#ifndef TIDE_HORIZON_H
#define TIDE_HORIZON_H

#include <stdbool.h>
#include <stdint.h>

/**
 * What to do while the xmin horizon is held back, so that no page can be pruned and every row has to move. Pure.
 *
 * Waiting is worth it only when it is measured to matter: rows that should stay have moved, and the holder is older than
 * a group of windows can be made to last. All waits of a sweep together are limited; then it continues and accepts the bloat.
 */
struct tide_horizon {
	bool proceed;          /* the plan says not to wait */
	bool asked;            /* the plan says to wait: for small tables too */
	int64_t limit;         /* us, of all waits together */
	int64_t waited, since; /* us; tide_now_us, 0: not waiting */
	bool given_up;         /* waited long enough, or was told to proceed: it has been said */
	double stayed;         /* of the rows that should stay in their page, moving average; -1 unknown */
};

enum tide_horizon_turn {
	TIDE_HORIZON_SAME,
	TIDE_HORIZON_HOLD,    /* begins to wait */
	TIDE_HORIZON_RELEASE, /* the holder is gone */
	TIDE_HORIZON_PROCEED, /* continues all the same */
};

void tide_horizon_begin(struct tide_horizon *horizon);
/** A batch whose rows should stay: how many did. */
void tide_horizon_learn(struct tide_horizon *horizon, int64_t changed, int64_t stayed);
/** Called now and then. age: of the oldest holder, us, -1 none; patience: what a group can bridge, us; bytes: what continuing
 * would leave behind.
 */
enum tide_horizon_turn
tide_horizon_look(struct tide_horizon *horizon, int64_t now, int64_t age, int64_t patience, int64_t bytes);
/** Another limit of all waits together. With more time than was waited it may wait again. */
void tide_horizon_allow(struct tide_horizon *horizon, int64_t limit);
static inline bool
tide_horizon_holds(const struct tide_horizon *horizon)
{
	return horizon->since != 0;
}

#endif
