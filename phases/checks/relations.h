#ifndef TIDE_PHASES_RELATIONS_H
#define TIDE_PHASES_RELATIONS_H

#include "build/build.h"
#include "checks/inventory.h"

/** What the table is, and who follows it: said by the kinds that it matters to. All need a catalog. */

/** Columns are added, hidden and dropped here: not of a typed table, of a partition by itself, where a partition is a foreign table. */
void tide_check_columns_of(const struct tide_checking *c);
/** An inherited column can be neither renamed nor dropped. */
void tide_check_inherited(const struct tide_checking *c, const struct tide_column *column);
/** Publications that will send a new column; `accept` may name the table. */
void tide_check_published_add(const struct tide_checking *c, const struct tide_names *accept);
/** The hold gives a published column a name that no subscriber has. */
void tide_check_published_hold(
    const struct tide_checking *c, const struct tide_column *column, const struct tide_names *accept);
/**
 * Rows will be updated. The server refuses that for a published table whose replica identity is missing or does not cover the
 * publication; on a subscriber without a key of its own the rows that arrive would not be found any more.
 */
void tide_check_published_updates(const struct tide_checking *c);
/** A subscription writes to the table by the names of its columns, of which one is hidden, dropped or exchanged. */
void tide_check_subscribed(
    const struct tide_checking *c, const struct tide_column *column, const struct tide_names *accept);
/** Tables that inherit from this one are changed as well, or left out, and nobody looks at them. */
void tide_check_children(const struct tide_checking *c);
/** Triggers and functions that take the columns by their positions: one column more or less breaks them. */
void tide_check_positions(const struct tide_checking *c, enum tide_moment moment, const char *column,
    const struct tide_names *accept);
/** A publication of every table sends the state of tidemark, too. Said once, in the first phase. */
void tide_check_published_state(const struct tide_checking *c);

/** Says it when keys that a sweep goes through in their order may have no form in UTF8. always: by the plan; else where there is no heap. */
void tide_check_keys(const struct tide_checking *c, bool always, const char *key);
/** The same of one column, in whose order rows are scanned. */
void tide_check_text_key(const struct tide_checking *c, const struct tide_column *column, const char *key);

/** The sweep ends with VACUUM, and the role may not. Without a catalog nothing is said. */
void tide_check_vacuum(const struct tide_checking *c);

#endif
