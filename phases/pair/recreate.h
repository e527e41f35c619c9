#ifndef TIDE_PHASES_RECREATE_H
#define TIDE_PHASES_RECREATE_H

#include "pair.h"
#include "tidemark/phases/step.h"

/**
 * Triggers of the application with UPDATE OF a column of a dual write. PostgreSQL binds them to the columns that a statement
 * names, so
 * from the switch on they must name the old and the new ones, and from the drop on only the new ones. They are created again, as
 * they
 * were in all else.
 */

/** Whether the switch can give the trigger both columns: not where its copies on partitions are enabled in different ways. */
bool tide_may_recreate(const struct tide_trigger *trigger);

/** In the switch: names old and new columns. `accept`: triggers that are left as they are. */
void tide_recreate_with_new(struct tide_steps *steps, struct tide_action *action,
    const struct tide_dual *dual, const struct tide_names *accept);
/** Its undo. */
void tide_recreate_as_before(struct tide_steps *steps, struct tide_action *action,
    const struct tide_dual *dual, const struct tide_names *accept);
/** In the drop of one old column: names the new ones in its place. */
void tide_recreate_without(struct tide_steps *steps, struct tide_action *action, const struct tide_dual *dual,
    const struct tide_column *dropped, const struct tide_names *accept);

/** The first and the last of these in a catalog in memory. */
void tide_recreate_apply(struct tide_catalog *cat, const struct tide_dual *dual,
    const struct tide_column *dropped, const struct tide_names *accept);

#endif
