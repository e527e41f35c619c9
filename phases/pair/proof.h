#ifndef TIDE_PHASES_PROOF_H
#define TIDE_PHASES_PROOF_H

#include "tidemark/phases/phase.h"

/** A CHECK that is added unvalidated and then validated while writes continue: the server's own proof of every row. */
struct tide_proof {
	const char *name;      /* of the constraint */
	const char *check;     /* boolean over unqualified columns */
	const char *differing; /* boolean over TIDE_ROW, true for rows that break it */
	const char *what;      /* for titles: "balance equals abalance" */
	const char *already;   /* condition over the catalogs under which nothing is left to do, or NULL */
};

/** Two steps, "add-<label>" and "validate-<label>". */
void tide_proof_steps(struct tide_steps *out, const struct tide_catalog *cat, const struct tide_proof *proof,
    const char *label);
/** The same as two undo actions of a step. */
void tide_proof_undo(struct tide_steps *out, const struct tide_catalog *cat, const struct tide_proof *proof,
    struct tide_step *step);
char *tide_proof_drop(void *ctx, const struct tide_catalog *cat, const char *name);
/** Adds that to an action, and what drops it on partitions that were attached with it. `name` is one that we made. */
void tide_proof_drop_add(
    struct tide_steps *out, const struct tide_catalog *cat, struct tide_action *action, const char *name);

/** That some columns hold no NULL. `columns` as they are called then; name, check and differing are set. */
void tide_proof_not_null(
    void *ctx, const struct tide_plan *plan, const struct tide_names *columns, struct tide_proof *out);
/** Only the name, of the proof for one column. */
char *tide_not_null_proof_name(void *ctx, const struct tide_plan *plan, const char *column);
/** SET NOT NULL as it was, under the column's present name; a validated proof avoids the scan. */
void tide_not_null_acts(struct tide_steps *out, const struct tide_catalog *cat,
    const struct tide_column *column, const char *name, struct tide_action *action);

#endif
