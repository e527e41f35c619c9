#ifndef TIDE_PHASE_H
#define TIDE_PHASE_H

#include <stdbool.h>
#include <stddef.h>

#include "tidemark/catalog/catalog.h"
#include "tidemark/base/err.h"
#include "tidemark/plans/findings.h"
#include "tidemark/plans/plan.h"
#include "tidemark/phases/step.h"

/** The place of a phase while it is checked or compiled. */
struct tide_phase_at {
	const struct tide_plan *plan;
	const struct tide_phase *phase;
	size_t index; /* plan->phase[index] == phase */
	const struct tide_catalog
	    *cat; /* as it will be when the phase starts; NULL in lint without a database */
};

/** The kinds of phase, for tide_plan_load. What they are made of is private: phases/build/ops.h. */
extern const size_t tide_phase_count;
const struct tide_kind *const *tide_phase_kinds(void);

/** Whether both releases may write from this phase on, so that the new one must be stopped before it is undone. */
bool tide_phase_switches(const struct tide_phase *phase);
/** Whether from this phase on triggers keep a pair of columns in step. */
bool tide_phase_opens(const struct tide_phase *phase);
/** Whether it may be done again and again, as a part of a recurring plan. */
bool tide_phase_recurs(const struct tide_phase *phase);
/** Whether its result is a number of rows that differ. */
bool tide_phase_counts_differences(const struct tide_phase *phase);

/** Checks plan->phase[index] against `cat` and compiles it. Steps belong to ctx. */
bool tide_phase_compile(void *ctx, const struct tide_plan *plan, size_t index, const struct tide_catalog *cat,
    struct tide_steps **out, struct tide_err *err) TIDE_CHECKED;

/**
 * Compiles all phases, each against what the one before leaves: out[plan->count]. `cat` stays as it is. Findings of all checks are added; stops at the first phase that cannot be compiled.
 */
bool tide_phase_compile_all(void *ctx, const struct tide_plan *plan, const struct tide_catalog *cat,
    struct tide_steps **out, struct tide_findings *findings, struct tide_err *err) TIDE_CHECKED;

/**
 * The same from plan->phase[first] on, for a run under way: out[0 … first - 1] are what the journal has, and `cat` is the
 * table as the finished phases have left it. A phase before `first` that is running (apply_last) counts as done.
 */
bool tide_phase_compile_rest(void *ctx, const struct tide_plan *plan, size_t first, bool apply_last,
    const struct tide_catalog *cat, struct tide_steps **out, struct tide_findings *findings,
    struct tide_err *err) TIDE_CHECKED;

/** Offline checks of the whole plan (order of kinds, gates, names, SQL traits) plus each phase's. cat may be NULL. */
void tide_phase_lint(const struct tide_plan *plan, const struct tide_catalog *cat, struct tide_findings *out);

/** Every distinct expression of the plan, for the catalog loader, which turns each into a tide_fact. */
struct tide_names tide_phase_expressions(void *ctx, const struct tide_plan *plan);
/** Columns of the dual writes of the plan, by every name they have on the way: those whose defaults matter. */
struct tide_names tide_phase_paired_columns(void *ctx, const struct tide_plan *plan);
/**
 * Adds what a drop_column needs that takes a pair over from a complete run of another plan, which only the catalog tells: false
 * when there is none, else it is to be loaded again with these.
 */
bool tide_phase_more_facts(void *ctx, const struct tide_plan *plan, const struct tide_catalog *cat,
    struct tide_names *expressions, struct tide_names *columns);
/** The column of a pair that `first` leaves in step at its end and that phase `index` of `second` drops; NULL: none. */
const char *tide_phase_needs(const struct tide_plan *first, const struct tide_plan *second, size_t index);
/** Columns the plan will add to the table, as `name`, `type` SQL text pairs: the loader's clone needs them to parse expressions. */
struct tide_pairs tide_phase_future_columns(void *ctx, const struct tide_plan *plan);

/**
 * The read-only comparison of old and new for the plan's last dual write as the table is now (also while the old column is
 * held under its other name), for `tidemark verify`. false + TIDE_PRECONDITION when there is nothing to compare.
 */
bool tide_phase_compare_spec(void *ctx, const struct tide_plan *plan, const struct tide_catalog *cat,
    struct tide_sweep_spec **out, struct tide_err *err) TIDE_CHECKED;

#endif
