#ifndef TIDE_ROLLBACK_PLAN_H
#define TIDE_ROLLBACK_PLAN_H

#include "executor/executor.h"
#include "state/run.h"

/** One phase to undo. */
struct tide_rollback_entry {
	long index;
	enum tide_phase_state was; /* its state before */
	struct tide_steps *steps;  /* NULL: never compiled, nothing to undo */
};

/** What a rollback undoes, the last phase first. */
struct tide_rollback_plan {
	struct tide_rollback_entry *entry;
	size_t count;
	bool accepted; /* what it loses: it is under way */
	long target;   /* index of the phase to stop after; -1 all */
};

/**
 * Collects the phases to undo, and checks that they may be: that no other plan has taken over what this one made, that no step has
 * passed the point of no return, and that what is lost was accepted. To be asked twice: `first` before the lease is taken, when what is
 * lost is counted and told, and again under it. Belongs to exe.
 */
bool tide_rollback_plan_look(struct tide_executor *exe, const struct tide_run_row *run, bool first,
    struct tide_rollback_plan *rollback, struct tide_err *err) TIDE_CHECKED;

#endif
