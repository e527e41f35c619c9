#ifndef TIDE_PHASES_DROP_H
#define TIDE_PHASES_DROP_H

#include "build/build.h"
#include "pair/pair.h"

/** A column that a phase drops, and what its plan says of it. */
struct tide_leaving {
	const char *column;
	int64_t hold; /* us; 0 none */
	const struct tide_names *accept;
	const struct tide_dual_state
	    *pair; /* the dual write that has the column, as the phase finds it; NULL none */
};

/** What would go with the column, fail without it, or keep it from being dropped. Needs a catalog. */
void tide_check_drop(const struct tide_checking *c, const struct tide_leaving *leaving);

#endif
