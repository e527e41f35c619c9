#ifndef TIDE_PHASES_DEPENDENTS_H
#define TIDE_PHASES_DEPENDENTS_H

#include "build.h"
#include "pair.h"

/** What hangs on a column, and whether the plan has acknowledged it. */

/** Something that hangs on a column; texts belong to the list's context. */
struct tide_hanging {
	const char *name; /* what `accept` must say */
	char *what;       /* for people: "index accounts_balance_idx" */
	bool blocks;      /* PostgreSQL itself would refuse to drop the column */
	bool breaks;      /* it stays and fails from then on */
};

struct tide_hangings {
	struct tide_hanging *item;
	size_t count;
};

/** Everything but the tool's own objects. out must be zeroed. */
void tide_hanging_on(
    void *ctx, const struct tide_catalog *cat, const struct tide_column *column, struct tide_hangings *out);
bool tide_in_partition_key(const struct tide_catalog *cat, const struct tide_column *column);
bool tide_accepted(const struct tide_names *accept, const char *name);
/** Whether a constraint is called as the tool calls its own. */
bool tide_is_our_name(const char *name);

/** Constraints on an old column that the new one does not share, and what else would make a write fail after the switch. */
void tide_check_switch(
    const struct tide_checking *c, const struct tide_dual *dual, const struct tide_names *accept, bool swaps);
/** What stays with the attribute when the names are exchanged. */
void
tide_check_swap(const struct tide_checking *c, const struct tide_dual *dual, const struct tide_names *accept);

#endif
