#ifndef TIDE_PHASES_PROVE_H
#define TIDE_PHASES_PROVE_H

#include "pair.h"
#include "proof.h"

/** The proof that a dual write's sides agree, and what its constraint is called. */
void tide_dual_proof(void *ctx, const struct tide_dual *dual, struct tide_proof *out);
char *tide_dual_proof_name(void *ctx, const struct tide_plan *plan, const struct tide_phase *phase);
/**
 * Steps that prove it: a CHECK and its validation, or where no CHECK is possible a read of the whole table.
 * already: condition over the catalogs under which nothing is left to prove, or NULL.
 */
void tide_dual_prove(struct tide_steps *out, const struct tide_dual *dual, const char *already);
/** The same after a comparison that finds and counts all rows that differ, where VALIDATE would end at the first. */
void tide_dual_verify(struct tide_steps *out, const struct tide_dual *dual);
/** A read of every row before a column of a switched pair is dropped: nothing may differ that a release cannot have written. */
void tide_dual_compare_last(struct tide_steps *out, const struct tide_dual *dual, const char *column);
/** The read-only comparison itself. */
void tide_dual_compare(void *ctx, const struct tide_dual *dual, struct tide_sweep_spec *sweep);

#endif
