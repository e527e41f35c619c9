#ifndef TIDE_PHASES_DELETIONS_H
#define TIDE_PHASES_DELETIONS_H

#include "build/build.h"

/**
 * What reacts to rows that a sweep deletes: the application's triggers and rules, foreign keys of other tables, and publications. As
 * pair/triggers_and_rules.h has it for rows that are updated. All need a catalog.
 */

/** Says what the plan must say about the table's triggers, and what forbids skipping them. word: of `other_triggers`, NULL for not said. */
void tide_check_deletions(const struct tide_checking *c, const char *word);
/** Each foreign key that points to the table, with what it does; an error where nothing finds its rows but reading them all. */
void tide_check_referencing(const struct tide_checking *c);
/** The server refuses to delete from a published table whose replica identity is missing or does not cover the publication. */
void tide_check_published_deletes(const struct tide_checking *c);
/** Puts into `sweep` which triggers it meets, and skips them when the word is "skip" and nothing forbids it. */
void tide_deletions_apply(struct tide_steps *steps, const struct tide_catalog *cat, const char *word,
    struct tide_sweep_spec *sweep);
/** Whether a foreign key changes or deletes rows of another table with each row that is deleted. */
bool tide_deletions_spread(const struct tide_catalog *cat);

#endif
