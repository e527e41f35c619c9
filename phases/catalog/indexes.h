#ifndef TIDE_PHASES_INDEXES_H
#define TIDE_PHASES_INDEXES_H

#include "build/build.h"

/** Index on the plan's table, by name: `"schema"."name"`. */
char *tide_index_text(void *ctx, const char *schema, const char *name);
/** It exists and is valid; it exists. */
char *tide_when_index_valid(void *ctx, const struct tide_catalog *cat, const char *schema, const char *name);
char *tide_when_index(void *ctx, const struct tide_catalog *cat, const char *schema, const char *name);
/** Makes `action` a concurrent build by `sql`, or a concurrent drop. */
void tide_action_build(struct tide_steps *out, const struct tide_catalog *cat, struct tide_action *action,
    const char *schema, const char *name, char *sql);
void tide_action_unbuild(struct tide_steps *out, const struct tide_catalog *cat, struct tide_action *action,
    const char *schema, const char *name);

#endif
