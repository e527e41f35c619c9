#ifndef TIDE_EFFECTS_TREE_H
#define TIDE_EFFECTS_TREE_H

#include <jansson.h>

#include "sqltree.h"
#include "tidemark/plans/effects.h"

/** One statement while it is read. Everything that is added belongs to ctx. */
struct tide_reading {
	void *ctx;
	const char *text;
	struct tide_sqltokens tokens;
	struct tide_statement *out;
	char *schema, *relation; /* of ALTER TABLE: the table */
};

/** What the tables know of a node: one row each. `more` looks at the rest of it, and may change the effect and add others. */
struct tide_effect_row {
	const char *node;
	const char *relation; /* the member that says which relation, or NULL */
	enum tide_effect_kind kind;
	enum tide_lock_mode lock;
	enum tide_work work;
	enum tide_old_release old;
	unsigned traits;
	size_t (*more)(struct tide_reading *r, const json_t *body, size_t at);
};

/** A member that is a text; "" where there is none. */
const char *tide_tree_text(const json_t *body, const char *key);
bool tide_tree_true(const json_t *body, const char *key);
/** The text of a String node, or NULL. */
const char *tide_tree_string(const json_t *node);
/** The list under {"List": {"items": […]}}, or the array itself. */
const json_t *tide_tree_list(const json_t *node);
/** Calls `take` for every member of the tree under `key`, the outer ones first. */
void
tide_tree_each(const json_t *node, const char *key, void (*take)(void *ctx, const json_t *found), void *ctx);

/** Adds an effect; returns its place: the pointer is valid until the next one is added. */
size_t tide_reading_add(struct tide_reading *r, const struct tide_effect *effect);
/** Adds a lock on tables that the statement does not name: a default partition, the target of a foreign key. */
void tide_reading_unnamed(struct tide_reading *r, enum tide_lock_mode lock);
struct tide_effect *tide_reading_at(struct tide_reading *r, size_t at);
/** Sets the relation from a RangeVar, or from the first `count` parts of a list of names. */
void tide_reading_relation(struct tide_reading *r, struct tide_effect *effect, const json_t *range);
void tide_reading_names(struct tide_reading *r, struct tide_effect *effect, const json_t *list, size_t count);
char *tide_reading_copy(struct tide_reading *r, const char *text);
/**
 * The text from byte `from` to the comma, bracket or end of this level, without what `stop` names (NULL-terminated keywords;
 * NULL).
 */
char *tide_reading_slice(struct tide_reading *r, size_t from, const char *const *stop);
/** The effect of the row that has this node; unknown where there is none. Returns its place. */
size_t tide_reading_row(
    struct tide_reading *r, const struct tide_effect_row *rows, const char *node, const json_t *body);

/** The statement ALTER TABLE (INDEX, VIEW, …): an effect for each of its parts. */
void tide_effects_alter(struct tide_reading *r, const json_t *body);
/** DROP and RENAME of any object. */
void tide_effects_drop(struct tide_reading *r, const json_t *body);
void tide_effects_rename(struct tide_reading *r, const json_t *body);
/** SELECT, INSERT, UPDATE, DELETE, MERGE, wherever they are in the statement. */
void tide_effects_rows(struct tide_reading *r, const char *node, const json_t *body);
/** What is in `more` of a row. */
size_t tide_effects_setting(struct tide_reading *r, const json_t *body, size_t at);
size_t tide_effects_view(struct tide_reading *r, const json_t *body, size_t at);
size_t tide_effects_function(struct tide_reading *r, const json_t *body, size_t at);
size_t tide_effects_trigger(struct tide_reading *r, const json_t *body, size_t at);
size_t tide_effects_policy(struct tide_reading *r, const json_t *body, size_t at);
size_t tide_effects_comment(struct tide_reading *r, const json_t *body, size_t at);
size_t tide_effects_publication(struct tide_reading *r, const json_t *body, size_t at);
size_t tide_effects_grant(struct tide_reading *r, const json_t *body, size_t at);
size_t tide_effects_move(struct tide_reading *r, const json_t *body, size_t at);
/** Whether it calls a function of which it is not known that it changes nothing. */
bool tide_effects_calls(const json_t *body);
/** The relations, columns and names without a schema that the statement has. */
void tide_effects_names(struct tide_reading *r, const json_t *statement);

#endif
