#ifndef TIDE_PHASES_CHANGE_H
#define TIDE_PHASES_CHANGE_H

#include "tidemark/catalog/catalog.h"

/**
 * Changes to a catalog in memory, so that a phase can be compiled against what the ones before it
 * will leave. Structs are copied as they are; their texts must live as long as `cat`, which must be talloc'd.
 */

/** A copy that can be changed without changing `cat`; the texts are shared. */
struct tide_catalog *tide_change_copy(void *ctx, const struct tide_catalog *cat);

/** Gets the next attribute number; the pointer is valid until the next one is added. */
struct tide_column *tide_change_add_column(struct tide_catalog *cat, const struct tide_column *column);
/** Takes everything with it that uses the column, as the server does. */
void tide_change_drop_column(struct tide_catalog *cat, const char *name);
void tide_change_swap_columns(struct tide_catalog *cat, const char *a, const char *b);
void tide_change_add_trigger(struct tide_catalog *cat, const struct tide_trigger *trigger);
void tide_change_drop_trigger(struct tide_catalog *cat, const char *name);
void tide_change_add_index(struct tide_catalog *cat, const struct tide_index *index);
void tide_change_drop_index(struct tide_catalog *cat, const char *name);
void tide_change_add_constraint(struct tide_catalog *cat, const struct tide_constraint *constraint);
void tide_change_drop_constraint(struct tide_catalog *cat, const char *name);
/** Replaces the fact of the same source. */
void tide_change_set_fact(struct tide_catalog *cat, const struct tide_fact *fact);

bool tide_uses(const int *attnums, size_t count, int attnum);

#endif
