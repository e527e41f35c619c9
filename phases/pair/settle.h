#ifndef TIDE_PHASES_SETTLE_H
#define TIDE_PHASES_SETTLE_H

#include "build/build.h"
#include "mirror.h"

/**
 * Triggers of the user that fire before each row and name a column of the pair. In the window both releases write, so such a trigger
 * must find in its column what the other release has changed: our triggers for both ways fire before it. One of ours after it
 * settles what the trigger itself has changed.
 */

/** Whether the table has such a trigger. */
bool tide_users_see_pair(const struct tide_dual *dual);

/** Adds the trigger that fires after them, with its function. */
void tide_settle_add(void *ctx, struct tide_triggers *t, const struct tide_dual *dual, const char *role);

/** Says which of those triggers would fire even before our first ones. */
void tide_settle_check(const struct tide_checking *c, const struct tide_dual *dual);

#endif
