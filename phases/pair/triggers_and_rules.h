#ifndef TIDE_PHASES_TRIGGERS_AND_RULES_H
#define TIDE_PHASES_TRIGGERS_AND_RULES_H

#include "build/build.h"
#include "tidemark/phases/step.h"

/**
 * What reacts to the rows that a sweep fills: the application's triggers, which may see them or not, and what must not be kept
 * from them. Under session_replication_role = replica ordinary triggers and the server's own checks of foreign keys and deferrable
 * keys do not run; ENABLE ALWAYS ones, ours among them, and ENABLE REPLICA ones do.
 */

/** The words of `other_triggers`. */
#define TIDE_TRIGGERS_FIRE "fire"
#define TIDE_TRIGGERS_SKIP "skip"

/** The columns that a sweep writes, by their numbers in the table. */
struct tide_filled {
	int *attnums;
	size_t count;
};

/** Says what the plan must say about the table's triggers, and what forbids skipping them. word: NULL for not said. */
void tide_check_triggers_and_rules(
    const struct tide_checking *c, const struct tide_filled *filled, const char *word);
/** Puts into `sweep` which triggers it meets, and skips them when the word is "skip" and nothing forbids it. */
void tide_triggers_and_rules_apply(struct tide_steps *steps, const struct tide_catalog *cat,
    const struct tide_filled *filled, const char *word, struct tide_sweep_spec *sweep);

#endif
