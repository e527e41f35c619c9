#ifndef TIDE_PHASES_MOVED_H
#define TIDE_PHASES_MOVED_H

#include "mirror.h"

/**
 * An UPDATE that moves a row to another partition is an UPDATE, a DELETE and an INSERT for triggers. What the UPDATE has settled, the
 * INSERT must leave alone: it finds a mark.
 */

/** Statements that return the row as it is when it has only moved; "" where rows cannot move, or moving cannot matter. */
char *tide_moved_here(void *ctx, const struct tide_dual *dual);
/** The trigger that leaves the mark, with its function; nothing where there is nothing to be done. */
void tide_moved_add(void *ctx, struct tide_triggers *t, const struct tide_dual *dual, const char *role);

#endif
