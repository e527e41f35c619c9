#ifndef TIDE_PHASES_OPS_H
#define TIDE_PHASES_OPS_H

#include "tidemark/phases/phase.h"
#include "tidemark/plans/effects.h"

/**
 * A phase kind: all that the rest of the program may ask of it, in one table at the end of its file in phases/kinds. Nothing else
 * knows a kind by its name, and no spec is read outside the kind's file: what others need of it is a member here.
 *
 * All functions are pure: plan entry and catalog in, answers and steps out, no I/O. A member that is NULL or zero means that there
 * is nothing of that sort, unless its comment says otherwise. What a function takes a `ctx` for belongs to that; what it returns
 * without one belongs to the plan.
 */

/** How a plan uses a column, for those of other plans; bits. */
enum tide_use {
	TIDE_USE_ADDED = 1, /* its rollback drops the column */
	TIDE_USE_KEPT = 2,  /* its triggers read or write it */
	TIDE_USE_HELD = 4,  /* hidden; the name is needed for the rollback */
	TIDE_USE_DROPS = 8, /* a later phase of it drops the column */
};
#define TIDE_USE_ANY (TIDE_USE_ADDED | TIDE_USE_KEPT | TIDE_USE_HELD | TIDE_USE_DROPS)
/** What is there already, and would be lost or would break. */
#define TIDE_USE_MADE (TIDE_USE_ADDED | TIDE_USE_KEPT | TIDE_USE_HELD)

/** Columns of the plan's table that a phase touches, and which uses by another plan are in its way. A row with key NULL ends. */
struct tide_touched {
	const char *key;  /* of the kind's fields; of type NAME, NAMES or ASSIGNMENTS, which name columns */
	unsigned begun;   /* enum tide_use, of phases that have begun */
	unsigned planned; /* of phases that have not */
};

/** A column that a phase adds; name NULL: none. */
struct tide_added {
	char *name, *type; /* type: as the plan writes it */
	bool has_default;
};

/** A column that a phase drops; name NULL: none. */
struct tide_dropped {
	char *name;
	bool held; /* it is hidden at first, under tide_held_name() */
};

/** A pair of columns as the plan writes it: the old side, the new side, and what each is made of. */
struct dual_write_spec {
	struct tide_names from, to;
	struct tide_pairs up, down;
	char *on_error;
};

/** What a phase means for a release of the application that was written for the schema before the plan. */
struct tide_old {
	enum tide_old_release fate;
	char *why; /* in words, where that is not plain; NULL: nothing to say */
};

/** Where a pair stands at a point of the plan: pair/pair.h. */
struct tide_dual_state;

struct tide_phase_ops {
	struct tide_kind kind; /* what the plan reader must know */

	/** Offline checks and, when at->cat is not NULL, checks against the database. */
	void (*check)(const struct tide_phase_at *at, struct tide_findings *out);
	/**
	 * Adds the phase's steps; never NULL. at->cat is never NULL here. The rollback is the undo of each step, compiled together
	 * with it, while the facts it needs (an index's definition, whether a column was NOT NULL) can still be read.
	 */
	bool (*compile)(const struct tide_phase_at *at, struct tide_steps *out, struct tide_err *err);
	/** Changes `cat` to what it will be after the phase, so that later phases can be compiled ahead. NULL: it stays. */
	void (*apply)(const struct tide_phase_at *at, struct tide_catalog *cat);
	/** Calls `take` for each SQL expression of the phase, with the table's columns it may use. */
	void (*expressions)(
	    const struct tide_phase_at *at, void (*take)(void *ctx, const char *source), void *ctx);

	/** The name of the CHECK that the phase, or its rollback, adds as a proof and drops again. at->cat may be NULL. */
	char *(*proof)(void *ctx, const struct tide_phase_at *at);
	/** What another plan's use of the columns is checked by. */
	const struct tide_touched *touches;

	/** The pair of columns that is kept in step from this phase on; may return NULL. */
	const struct dual_write_spec *(*opens)(const struct tide_phase *phase);
	/**
	 * Changes `state`, of a pair opened by an earlier phase, to what it is after this one. latest: no other pair has been opened
	 * in between; most phases are about the latest one only. NULL: it stays.
	 */
	void (*follow)(const struct tide_phase *phase, bool latest, struct tide_dual_state *state);
	/** Both releases may write from here on; once it is undone, what the new one writes to the new side is ignored. */
	bool switches;
	/** The column that the phase adds, and its rollback drops. */
	struct tide_added (*adds)(const struct tide_phase *phase);
	/** The column that the phase drops permanently. */
	struct tide_dropped (*drops)(const struct tide_phase *phase);
	/** Statements that the plan's author wrote, as texts that may hold several each: what they do is read from them. */
	const struct tide_names *(*authored)(const struct tide_phase *phase);

	/** What becomes of the old release. at->cat: that of the phase that is compiled, this one or a later one. NULL: it fits. */
	struct tide_old (*releases)(void *ctx, const struct tide_phase_at *at);

	/** It may be done again and again: a plan of such phases may be recurring. */
	bool recurs;

	/** Its result is a number of rows that differ, which the metrics show. */
	bool counts_differences;
};

/** Generated from the files of phases/kinds: one row each, in alphabetical order. */
extern const struct tide_phase_ops *const tide_phase_table[];

/** NULL when there is no such kind. */
const struct tide_phase_ops *tide_phase_find(const char *kind);
/** Those of the phase's kind; never NULL for a phase of a plan that was read with tide_phase_kinds(). */
const struct tide_phase_ops *tide_ops(const struct tide_phase *phase);

/** The same members, asked of any phase: NULL, or a name that is NULL, where there is nothing. */
const struct dual_write_spec *tide_opens(const struct tide_phase *phase);
struct tide_added tide_adds(const struct tide_phase *phase);
struct tide_dropped tide_drops(const struct tide_phase *phase);
const struct tide_names *tide_authored(const struct tide_phase *phase);

#endif
