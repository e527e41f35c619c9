#ifndef TIDE_PHASES_PROPERTIES_H
#define TIDE_PHASES_PROPERTIES_H

#include "build/build.h"
#include "pair/pair.h"

/**
 * What is set on a column itself: collation, storage, compression, statistics target, options, comment, privileges. add_column gives a
 * column that will be a copy what the copied one has; what differs at the switch is said. Defaults and NOT NULL: pair.h.
 */

/**
 * The column that the new `column` of a later dual_write will be a plain copy of; NULL: it will be none, or there is no catalog.
 */
const struct tide_column *tide_copied_column(const struct tide_phase_at *at, const char *column);

/** Whether a column of this type that is a copy of `from` (may be NULL) takes its collation. */
bool tide_takes_collation(const struct tide_column *from, const struct tide_column *type);

/** Adds statements that give `column` what `from` has; a comment of the plan's own stays. */
void tide_properties_carry(struct tide_steps *out, const struct tide_catalog *cat, struct tide_action *action,
    const struct tide_column *from, const struct tide_column *column, bool has_comment);
/** The same for the catalog in memory. */
void tide_properties_apply(const struct tide_column *from, struct tide_column *column, bool has_comment);

/** The same privileges of their own, in whatever order they were given. */
bool tide_same_grants(const struct tide_column *a, const struct tide_column *b);

/** Says what the new column of a pair of copies lacks. */
void tide_properties_check(
    const struct tide_checking *c, const struct tide_dual *dual, const struct tide_names *accept);

#endif
