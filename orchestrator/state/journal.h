#ifndef TIDE_JOURNAL_H
#define TIDE_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "session.h"
#include "tidemark/phases/step.h"

/** Outcome of a step that was found done, and that this run did not do. */
#define TIDE_ALREADY_SO "already satisfied"

/** One row of the journal. NULL texts and negative numbers are left out. */
struct tide_entry {
	const char *event; /* "step.done" */
	long phase;        /* index, 0-based; -1 none */
	const char *step, *sql, *outcome;
	const char *detail; /* JSON text */
	double seconds, lock_wait;
};

/** Writes it, in its own transaction, only while the lease is ours. *seq (may be NULL) receives its number. */
bool tide_journal_add(struct tide_session *session, const struct tide_entry *entry, int64_t *seq,
    struct tide_err *err) TIDE_CHECKED;

/**
 * The same as SQL text for use inside a step's own transaction; seconds and lock_wait are computed there from
 * the settings tidemark.begun and tidemark.locked. Belongs to ctx.
 */
char *tide_journal_sql(void *ctx, const struct tide_session *session, const struct tide_entry *entry);

/** Whether the journal has `event` for this phase and step since its steps were compiled. */
bool tide_journal_has(struct tide_session *session, const char *event, long phase, const char *step,
    bool *has, struct tide_err *err) TIDE_CHECKED;

/**
 * Whether what the sweep of this step has found still counts: it is done, and our triggers are those under which it read, on every
 * relation that holds rows. A trigger that was disabled and enabled again leaves no other trace.
 */
bool tide_journal_unchanged(struct tide_session *session, long phase, const char *step, bool *unchanged,
    struct tide_err *err) TIDE_CHECKED;
/** The same as the text of one SELECT of one boolean, to be asked under a lock. Belongs to ctx. */
char *tide_journal_unchanged_sql(void *ctx, const struct tide_session *session, long phase, const char *step);

/**
 * Whether the step was found as it should become when it was reached, so that this run changed nothing: it has no undo. An attempt
 * that was interrupted before its row was written has an intent, or its act was rolled back.
 */
bool tide_journal_untouched(struct tide_session *session, long phase, const char *step, bool *untouched,
    struct tide_err *err) TIDE_CHECKED;

/** Moves the phase row: state and, as it says, started/ended/approval/compiled. */
bool tide_phase_row_state(
    struct tide_session *session, long phase, enum tide_phase_state state, struct tide_err *err) TIDE_CHECKED;
/** Writes them and remembers in the phase row where they are. */
bool tide_journal_compiled(struct tide_session *session, long phase, const struct tide_steps *steps,
    struct tide_err *err) TIDE_CHECKED;

#endif
