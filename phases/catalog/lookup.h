#ifndef TIDE_PHASES_LOOKUP_H
#define TIDE_PHASES_LOOKUP_H

#include "tidemark/catalog/catalog.h"

/** Questions about a catalog beside those of the public header. */

bool tide_in_partition_key(const struct tide_catalog *cat, const struct tide_column *column);
/** Whether the trigger calls a function of schema tidemark, in which nobody else may have one. */
bool tide_is_tool_trigger(const struct tide_trigger *trigger);

#endif
