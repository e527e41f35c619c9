#ifndef TIDE_PHASES_CONFLICT_H
#define TIDE_PHASES_CONFLICT_H

#include "mirror.h"

/**
 * Rows in which old and new column were both written and disagreed. The value that loses is noted before the row is written,
 * with the rights of
 * whoever writes it; it reaches tidemark.conflict only once the row is there, so that ON CONFLICT DO NOTHING leaves nothing.
 * Nothing of this makes a write of the application fail.
 */

/** Lines for DECLARE. */
const char *tide_conflict_variables(void);
/** Statements that note the columns of `part` as they are, `indent` before each line. */
char *tide_conflict_note(void *ctx, const struct tide_dual *part, const char *indent);
/** Statements that hand the notes on to the trigger after the write; `dual`: the whole. */
char *tide_conflict_pass_on(void *ctx, const struct tide_dual *dual);
/** That trigger and its function. */
void tide_conflict_add(void *ctx, struct tide_triggers *t, const struct tide_dual *dual, const char *role);

#endif
