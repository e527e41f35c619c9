#ifndef TIDE_PHASES_RENAME_H
#define TIDE_PHASES_RENAME_H

#include "tidemark/phases/phase.h"

/** Writes into each action which name the table had when it was compiled: see tide_action_renamed. */
void tide_steps_name_table(struct tide_steps *steps, const struct tide_catalog *cat);

#endif
