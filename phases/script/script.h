#ifndef TIDE_PHASES_SCRIPT_H
#define TIDE_PHASES_SCRIPT_H

#include "build/build.h"
#include "tidemark/plans/effects.h"

/** Statements of the plan's author that run in one transaction, and what they do to the plan's table and to others. */

struct tide_script_part {
	const struct tide_effect *effect;
	const struct tide_statement *statement;
	size_t number; /* of the statement, from 1 */
	bool ours;     /* the relation is the plan's table, or an index of it */
};

struct tide_script {
	struct tide_statement *item;
	size_t count;
	struct tide_script_part *part; /* every effect, in order */
	size_t part_count;
};

/** Texts may hold several statements each. at->cat may be NULL: then names decide what is the plan's table. Belongs to ctx. */
void tide_script_read(
    void *ctx, const struct tide_phase_at *at, const struct tide_names *texts, struct tide_script *out);

/** Locks, and what is read or written meanwhile; `declared` is the lock that the plan asks for. */
void tide_script_describe(const struct tide_script *script, const struct tide_phase_at *at,
    enum tide_lock_mode declared, struct tide_steps *steps, struct tide_action *action);
/** What going back loses, when `undo` follows on `act`. */
void tide_script_loss(const struct tide_script *act, const struct tide_script *undo,
    const struct tide_catalog *cat, struct tide_steps *steps, struct tide_action *action);
/** What happens to the releases from before; *why (may be NULL) gets the part that decides. */
enum tide_old_release tide_script_old(const struct tide_script *script, const struct tide_script_part **why);

/** Says what is dangerous about the statements under `key`. transaction: whether they run in one. */
void tide_script_check(
    const struct tide_checking *c, const char *key, const struct tide_script *script, bool transaction);
/** Changes the catalog as the statements will, as far as they can be read. */
void tide_script_apply(const struct tide_script *script, struct tide_catalog *cat);

/** A table whose rows a foreign key changes along with what the part deletes, truncates or overwrites in the plan's table. */
struct tide_follower {
	const char *relation; /* quoted */
	const char *says;     /* "goes with it"; static */
};
/** *out belongs to ctx; NULL with 0. */
size_t tide_script_followers(void *ctx, const struct tide_catalog *cat, const struct tide_script_part *part,
    struct tide_follower **out);
/** What is to be said of them, also where they are not known; NULL: there are none. */
char *
tide_script_followers_text(void *ctx, const struct tide_catalog *cat, const struct tide_script_part *part);

void tide_script_apply_part(const struct tide_script_part *part, struct tide_catalog *cat);
/** What the text of the last statement leaves open, whose parts begin at `first`: the catalog as it finds it (may be NULL), and the
 * statements before it, know. */
void tide_script_look_up(void *ctx, const struct tide_catalog *cat, struct tide_script *script, size_t first,
    struct tide_statement *statement);

/** "public.t", or what is known of the relation. Belongs to ctx. */
char *tide_script_relation(void *ctx, const struct tide_script_part *part);
/** The fate of earlier releases for one part: what a later statement puts in the place of what is gone is looked at. */
enum tide_old_release tide_script_fate(const struct tide_script *script, const struct tide_script_part *part);
/** Whether the part takes a column of the plan's table away, under this name or with this type. */
bool tide_script_takes(const struct tide_script_part *part, const char *column);
/** Whether the foreign key of another table, as the catalog has it, is the constraint `name` of that relation. */
bool tide_script_is_foreign_key(void *ctx, const struct tide_constraint *key,
    const struct tide_effect *effect, const struct tide_catalog *cat);
/** Nothing is known of what it locks, reads or loses. */
bool tide_script_is_unknown(const struct tide_script_part *part);
/** Columns that the statements add to the plan's table, as name and type. Belong to ctx. */
struct tide_pairs
tide_script_added(void *ctx, const struct tide_phase_at *at, const struct tide_names *texts);

/** What the catalog loader is asked about a default of a column that they add. Belongs to ctx. */
char *tide_script_question(void *ctx, const char *value, const char *type);
/** One for each column that they add with a default. Belong to ctx. */
struct tide_names
tide_script_questions(void *ctx, const struct tide_phase_at *at, const struct tide_names *texts);

/** Whether the text says the word, in any case, and not as a part of a longer one. */
bool tide_script_has_word(const char *text, const char *word);

#endif
