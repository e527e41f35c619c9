#ifndef TIDE_PHASES_DEPENDENTS_H
#define TIDE_PHASES_DEPENDENTS_H

#include "build/build.h"
#include "pair/pair.h"

/** What depends on a column, and whether the plan has acknowledged it. What happens to it is in inventory.h. */

/** Something that depends on a column; texts belong to the list's context. */
struct tide_dependent_object {
	const char *kind; /* a row of the inventory */
	const char *name; /* what `accept` must say */
	char *what;       /* for display: "index accounts_balance_idx" */
	bool alters;      /* a BEFORE trigger whose function may read or set the column */
	/* One of these, or neither. */
	const struct tide_index *index;
	const struct tide_constraint *constraint;
};

struct tide_dependents {
	struct tide_dependent_object *item;
	size_t count;
};

/** Everything but what this run has made itself. out must be zeroed. */
void tide_dependents_of(
    void *ctx, const struct tide_phase_at *at, const struct tide_column *column, struct tide_dependents *out);
bool tide_accepted(const struct tide_names *accept, const char *name);
/** "check constraint", "foreign key" and so on: a kind of the inventory. */
const char *tide_constraint_kind(const struct tide_constraint *k);

/**
 * Whether the new column has what asks the same of every row, so that what depends on the old one can be lost, and cannot be what
 * only one of the two releases fails on. `whole`: also what a query gets from it (the order of an index, its INCLUDE columns).
 */
bool tide_has_twin(const struct tide_catalog *cat, const struct tide_dependent_object *h,
    const struct tide_dual_column *old, const struct tide_dual_column *new, bool whole);

/** The index of the new column that keeps the same rows apart as the unique index `h`, or NULL. */
const struct tide_index *
tide_twin_index(const struct tide_catalog *cat, const struct tide_dependent_object *h,
    const struct tide_dual_column *old, const struct tide_dual_column *new);

/** What exists on an old column and not on the new one, and what else would make a write fail after the switch. */
void tide_check_switch(
    const struct tide_checking *c, const struct tide_dual *dual, const struct tide_names *accept, bool swaps);
/** What stays with the attribute when the names are exchanged. */
void
tide_check_swap(const struct tide_checking *c, const struct tide_dual *dual, const struct tide_names *accept);

#endif
