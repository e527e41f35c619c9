#ifndef TIDE_PHASES_PAIR_H
#define TIDE_PHASES_PAIR_H

#include "tidemark/phases/phase.h"

/**
 * The two sides of a dual write with every fragment of SQL that the triggers, the backfill and the proof
 * need. Column names are those the columns have at the point of the plan that is compiled: a switch may have
 * exchanged them, a hold may have renamed one away.
 */

/** One SQL value in the places where it is used. */
struct tide_value {
	char *row;     /* about TIDE_ROW: sweeps */
	char *trigger; /* about NEW */
	char *bare;    /* unqualified: CHECK */
};

struct tide_dual_column {
	const struct tide_column *column; /* its facts; its name may be older than `name` */
	char *name;
	struct tide_value value; /* what the other side makes of it, cast to its type */
	/* same, or with on_error = "null" the call of the function that catches errors */
	struct tide_value safe;
	char *inner; /* canonical text before the cast; a copy: the other column */
	bool copy;   /* a copy of a column of the same type */
	/* of the new side: the default that the switch makes for it of the old side's; NULL: none */
	char *carried;
};

struct tide_dual_side {
	struct tide_dual_column *item;
	size_t count;
};

struct tide_dual {
	const struct tide_plan *plan;
	const struct tide_phase *phase; /* the dual_write */
	const struct tide_catalog *cat;
	struct tide_dual_side old, new;
	/* neither up nor down is given: each new column is computed from the old one in the same place */
	bool plain;
	bool copy;      /* every column is a plain copy of the same type, both ways */
	bool lookup;    /* up has a subquery */
	bool immutable; /* up, as far as the server knows */
	bool null_on_error;
};

/** What the plan has done with a dual write before the phase `index`. */
struct tide_dual_state {
	size_t phase; /* index of the dual_write */
	bool backfilled, verified, verified_late, switched, swapped, ended;
	struct tide_names from, to; /* what the columns of the old and the new side are called */
	const char *other_triggers; /* what its backfill says of them, or NULL */
	char *held; /* the column of the old side that a hold has renamed, by its name before; or NULL */
};

/** Index of the last dual_write before `index`, or -1. */
long tide_dual_before(const struct tide_plan *plan, size_t index);
void tide_dual_state_at(
    void *ctx, const struct tide_plan *plan, size_t dual, size_t index, struct tide_dual_state *out);
/** The same with `column` of the old side held. */
void tide_dual_state_held(
    void *ctx, const struct tide_plan *plan, const char *column, struct tide_dual_state *state);
/** Whether a pair that is opened before `index` has the column on either side, as the plan calls it. */
bool tide_dual_names(const struct tide_plan *plan, size_t index, const char *column);
/** What a held column is called. */
char *tide_held_name(void *ctx, const struct tide_plan *plan, const char *column);

/** Columns and expressions in that state, from at->cat; errors are placed at at->phase. */
bool tide_dual_build(void *ctx, const struct tide_phase_at *at, const struct tide_dual_state *state,
    struct tide_dual **out, struct tide_err *err) TIDE_CHECKED;
/** The dual write that the phase `at` is about: the last one before it (or itself). TIDE_PLAN when there is none. */
bool tide_dual_for(void *ctx, const struct tide_phase_at *at, struct tide_dual **out,
    struct tide_dual_state *state, struct tide_err *err) TIDE_CHECKED;
/** The same dual write with before[i] called after[i]; the facts of the columns stay. */
bool tide_dual_rename(void *ctx, const struct tide_dual *dual, const struct tide_names *before,
    const struct tide_names *after, struct tide_dual **out, struct tide_err *err) TIDE_CHECKED;

/** Every spelling of the expressions that a later state of the table needs, for the catalog loader. */
void
tide_dual_expressions(const struct tide_phase_at *at, void (*take)(void *ctx, const char *source), void *ctx);
/** Records in `cat` what the expressions mean once the names are exchanged. */
void tide_dual_apply_swap(const struct tide_phase_at *at, struct tide_catalog *cat);

/** `a` differs from `b`, NULL being a value; both of the column's type. */
char *tide_differs(
    void *ctx, const struct tide_dual *dual, const struct tide_dual_column *c, const char *a, const char *b);
char *tide_equals(
    void *ctx, const struct tide_dual *dual, const struct tide_dual_column *c, const char *a, const char *b);
/** The same for a column by itself. */
char *tide_column_differs(void *ctx, const struct tide_column *column, const char *a, const char *b);
/** Some new column differs from what the old side makes of it; `row` TIDE_ROW (sweep, safe) or NEW (trigger, raw). */
char *tide_dual_differs_row(void *ctx, const struct tide_dual *dual);
char *tide_dual_differs_trigger(void *ctx, const struct tide_dual *dual);
/** Neither side is what the other one makes of it, about TIDE_ROW: what no release can have written since the switch. */
char *tide_dual_differs_both(void *ctx, const struct tide_dual *dual);
/** All equal, over unqualified columns: the body of the CHECK. */
char *tide_dual_agrees(void *ctx, const struct tide_dual *dual);
/** "users.first_name, last_name → full_name"; "->" where the database may not have the arrow. */
char *tide_dual_what(void *ctx, const struct tide_dual *dual);

struct tide_names tide_side_names(void *ctx, const struct tide_dual_side *side);
/** The new column that takes the place of the old one `i`: the one at the same place. NULL: more or fewer columns take it together. */
const struct tide_dual_column *tide_dual_successor(const struct tide_dual *dual, size_t i);
/** Each new column is a copy of one old one, with a cast at most: no value becomes NULL on the way. */
bool tide_copies(const struct tide_dual *dual);
/** Whether the new column `i` must not hold NULL because the old one does not; the proof shows it, and the switch sets it. */
bool tide_carries_not_null(const struct tide_dual *dual, size_t i);
/** The same of a NOT NULL that is NOT VALID: the switch gives the new column one too. */
bool tide_carries_not_valid(const struct tide_dual *dual, size_t i);
/** Whether the column is looked up in another table. */
bool tide_dual_looks_up(const struct tide_dual_column *column);
/** Whether a CHECK can prove the pair equal. */
bool tide_dual_provable(const struct tide_dual *dual);
/** The columns as the plan calls them, old side first: what generated names are made of. */
struct tide_names tide_dual_identity(void *ctx, const struct tide_plan *plan, const struct tide_phase *phase);

/** Function of on_error = "null" for the new column `i`: quoted, qualified name, and its CREATE statement. */
char *tide_safe_function(void *ctx, const struct tide_plan *plan, const struct tide_phase *phase, size_t i);
char *tide_safe_function_create(void *ctx, const struct tide_dual *dual, size_t i);
/**
 * The end of a block for on_error = "null": `instead` is done for whatever the value of an expression can raise, which is any
 * class, by
 * functions of the user. Passed on is what says nothing about the value: a lock, a lost right, something dropped, a full disk.
 */
char *tide_on_error(void *ctx, const char *indent, const char *instead);

#endif
