#ifndef TIDE_PHASES_APPLYING_H
#define TIDE_PHASES_APPLYING_H

#include "script.h"

/** One change of the catalog under way, and what stands in the table of changes (script_apply.c) for objects that hold no rows. */
struct tide_applying {
	struct tide_catalog *cat;
	const struct tide_effect *effect;
	const struct tide_statement *statement;
	bool ours; /* the relation is the plan's table */
};

/** The numbers of the table's columns that are among these names. */
int *tide_apply_numbers(struct tide_catalog *cat, const struct tide_names *names, size_t *count);
/** The sequence, as SQL, belongs to no column any more. */
void tide_apply_lose_sequence(const struct tide_applying *a, const char *sequence);

void tide_apply_create_view(const struct tide_applying *a);
void tide_apply_create_function(const struct tide_applying *a);
void tide_apply_create_trigger(const struct tide_applying *a);
void tide_apply_drop_trigger(const struct tide_applying *a);
void tide_apply_rename_trigger(const struct tide_applying *a);
void tide_apply_create_object(const struct tide_applying *a);
void tide_apply_drop_object(const struct tide_applying *a);
void tide_apply_rename_object(const struct tide_applying *a);
void tide_apply_privilege(const struct tide_applying *a);
void tide_apply_publish(const struct tide_applying *a);
void tide_apply_unpublish(const struct tide_applying *a);

#endif
