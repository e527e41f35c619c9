#ifndef TIDE_PHASES_MIRROR_H
#define TIDE_PHASES_MIRROR_H

#include "pair.h"
#include "tidemark/phases/step.h"

/**
 * The row triggers of a dual write and their functions. Functions are write-once: another mode, or a column that is
 * called differently, gives other names.
 */

#define TIDE_TRIGGERS_MAX 8
#define TIDE_FUNCTIONS_MAX 8

/** Where a trigger of ours fires among those of the user, which fire in the order of their names. */
enum tide_trigger_place { TIDE_TRIGGER_FIRST, TIDE_TRIGGER_LAST };

struct tide_trigger_text {
	char *name;          /* as stored */
	char *function;      /* quoted, qualified */
	char *function_name; /* as stored */
	char *create;
	bool after; /* the row was written */
};

struct tide_function_text {
	char *name; /* quoted, qualified */
	char *create;
	char *revoke, *grant; /* NULL: none needed */
};

struct tide_triggers {
	const struct tide_catalog *cat;
	char *note; /* first line of each function: see overlap.h */
	struct tide_trigger_text trigger[TIDE_TRIGGERS_MAX];
	size_t trigger_count;
	struct tide_function_text function[TIDE_FUNCTIONS_MAX];
	size_t function_count;
};

/** From dual_write until switch: new follows old. */
struct tide_triggers *tide_mirror_triggers(void *ctx, const struct tide_dual *dual);
/** From switch on: what changed decides. `held`: the column a hold has renamed, by its name before; or NULL. */
struct tide_triggers *tide_both_ways_triggers(void *ctx, const struct tide_dual *dual, const char *held);

/** Statements, added to an action in the order given by their names. */
void tide_triggers_create_functions(
    struct tide_steps *steps, struct tide_action *action, const struct tide_triggers *t);
void
tide_triggers_create(struct tide_steps *steps, struct tide_action *action, const struct tide_triggers *t);
void tide_triggers_drop(struct tide_steps *steps, struct tide_action *action, const struct tide_triggers *t);
void tide_triggers_drop_functions(
    struct tide_steps *steps, struct tide_action *action, const struct tide_triggers *t);
/** Conditions for probes: all exist, enabled, with their functions; some exist. */
char *tide_triggers_stand(void *ctx, const struct tide_triggers *t);
char *tide_triggers_linger(void *ctx, const struct tide_triggers *t);
/** A statement that fails with 55000 unless all exist, as they were made, on the table and on each of its partitions. */
char *tide_triggers_assert(void *ctx, const struct tide_triggers *t);
/** Changes a catalog to what it is with, or without them. */
void tide_triggers_apply(struct tide_catalog *cat, const struct tide_triggers *t, bool stand);
/** Whether the first of them is in the catalog. */
bool tide_triggers_found(const struct tide_catalog *cat, const struct tide_triggers *t);

/** The functions of on_error = "null"; nothing without it. */
void tide_safe_functions_create(
    struct tide_steps *steps, struct tide_action *action, const struct tide_dual *dual);
void
tide_safe_functions_drop(struct tide_steps *steps, struct tide_action *action, const struct tide_dual *dual);

/** Shared by the two texts. */
char *tide_trigger_name(void *ctx, const struct tide_dual *dual, enum tide_trigger_place place,
    const char *role, const char *suffix);
char *
tide_trigger_function_name(void *ctx, const struct tide_dual *dual, const char *role, const char *suffix);
/** CREATE FUNCTION of a trigger function; `definer`: SECURITY DEFINER, and a REVOKE. */
void tide_triggers_add_function(
    void *ctx, struct tide_triggers *t, const char *name, const char *body, bool definer);
/** Events: "INSERT OR UPDATE". when: NULL for none. Uses the function added last as `function_name`. */
void tide_triggers_add(void *ctx, struct tide_triggers *t, const char *name, const char *function_name,
    const char *events, const char *when);
/** The same after the write. */
void tide_triggers_add_after(void *ctx, struct tide_triggers *t, const char *name, const char *function_name,
    const char *events, const char *when);
/** `NEW."c" := value;` or the block that makes NULL of what fails; `indent` is put before each line. */
char *tide_assign(void *ctx, const struct tide_dual *dual, const struct tide_dual_column *c,
    const char *target, const char *indent);

/**
 * The first line of a trigger function's body: whose it is, and which columns it keeps in step. `held`: also that name; or
 * NULL.
 */
char *tide_dual_note(void *ctx, const struct tide_dual *dual, const char *held);

#endif
