#ifndef TIDE_PHASES_STATEMENTS_H
#define TIDE_PHASES_STATEMENTS_H

#include "script/script.h"

/** What statements of the plan's author do to what depends on the table's columns. */

/** What an added or dropped column does to code, and to subscribers; `accept`: what the plan knows of. */
void tide_check_statements(
    const struct tide_checking *c, const struct tide_script *act, const struct tide_names *accept);

#endif
