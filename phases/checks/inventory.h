#ifndef TIDE_PHASES_INVENTORY_H
#define TIDE_PHASES_INVENTORY_H

#include "build/build.h"

/**
 * What happens to the objects and properties that depend on a column or on its table, at each moment of a change. One table: the
 * checks
 * of the kinds read it, docs/dependents.md is printed from it, and a kind that it does not list is refused.
 */

enum tide_moment {
	TIDE_AT_ADD,
	TIDE_AT_DUAL_WRITE,
	TIDE_AT_BACKFILL,
	TIDE_AT_SWITCH,
	TIDE_AT_SWAP, /* instead of TIDE_AT_SWITCH when names are exchanged */
	TIDE_AT_HOLD,
	TIDE_AT_DROP,
	TIDE_AT_UNDO,
	TIDE_MOMENTS
};

enum tide_fate {
	TIDE_FATE_NONE,    /* the moment does not touch it */
	TIDE_FATE_KEPT,    /* it stays, and stays right */
	TIDE_FATE_CARRIED, /* tidemark gives it to the other column */
	TIDE_FATE_REFUSED, /* an error unless the plan accepts it */
	TIDE_FATE_WARNED
};

/**
 * What is said uses {what} {name} {column} {new} {accept}: the object, its name, the old and the new column, `accept =
 * ["name"]`.
 */
struct tide_fate_cell {
	enum tide_fate fate;
	const char *rule; /* of the finding, or NULL */
	const char *says; /* NULL: a check of its own says it */
	const char *hint;
};

struct tide_inventory_row {
	const char *kind; /* of a dependent, or the name of a property */
	const char *what; /* for the page */
	struct tide_fate_cell at[TIDE_MOMENTS];
	const char *way_out; /* for the page: what leads on where it is refused */
};

extern const struct tide_inventory_row tide_inventory[];
extern const size_t tide_inventory_count;

const char *tide_moment_name(enum tide_moment moment);
const char *tide_fate_name(enum tide_fate fate);
/** NULL when the table does not know the kind. */
const struct tide_inventory_row *tide_inventory_find(const char *kind);

/** Whether PostgreSQL itself refuses to drop a column that has such an object. */
bool tide_blocks_drop(const struct tide_inventory_row *row);

/** One object in its place, for what is said about it. */
struct tide_dependent_place {
	const char *kind;
	const char *what;   /* "index accounts_balance_idx" */
	const char *name;   /* what `accept` must say */
	const char *column; /* the column that it depends on */
	const char *other;  /* the column that takes its place, or NULL */
	const char *key;    /* of the phase, for the finding's place; NULL: the phase */
};

/** Says what the table says of such an object at that moment. A kind that it does not know is an error. */
void tide_inventory_say(
    const struct tide_checking *c, enum tide_moment moment, const struct tide_dependent_place *place);

/** `accept = ["name"]` as it must be written in a plan for this name. */
char *tide_accept_text(void *ctx, const char *name);

#endif
