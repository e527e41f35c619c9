#ifndef TIDE_MADE_H
#define TIDE_MADE_H

#include <stdbool.h>
#include <stddef.h>

#include "tidemark/base/err.h"
#include "tidemark/plans/fields.h"
#include "tidemark/plans/plan.h"

/**
 * What a run has made, from the statements that it has executed, as its journal has them. Pure: statements in; objects, and
 * statements
 * that make them again on an empty copy of the table, out. The server can then say how each of them is defined.
 */

enum tide_made_kind {
	TIDE_MADE_COLUMN,
	TIDE_MADE_FUNCTION,
	TIDE_MADE_TRIGGER,
	TIDE_MADE_CONSTRAINT,
	TIDE_MADE_INDEX,
};

struct tide_made_thing {
	enum tide_made_kind kind;
	const char *name;   /* now */
	const char *schema; /* FUNCTION */
	bool author;        /* a phase of kind `sql` has made it */
	bool authors;       /* … or has altered it */
	bool defined;       /* the run has made or altered it; else it only must exist */
	int execute;        /* FUNCTION: 1 everybody may, -1 not everybody may, 0 nothing was said */
	const char *error;  /* for the caller: why it could not be made on the copy, or NULL */
	const char *aside;  /* why its definition is not compared, or NULL */
	bool unsure;        /* nor whether it exists */
	/* The rest is for made.c. */
	bool created, gone;
	const char *first; /* its name when it was made */
	struct tide_names earlier;
	struct tide_names columns; /* INDEX, CONSTRAINT: of which it is made, as they are called now */
};

/** A statement for the copy. Without a thing it prepares, and its failure means nothing. */
struct tide_made_statement {
	const char *sql; /* NULL: the one before makes this thing too */
	struct tide_made_thing *thing;
};

/** Made by tide_made_new; everything belongs to it. */
struct tide_made {
	struct tide_made_thing **thing; /* those that exist, once it is finished */
	size_t count;
	struct tide_names absent;       /* names that columns of the table may not have: the run needs them */
	struct tide_names not_compared; /* what only its author knows, each as a sentence without its point */
	struct tide_made_statement *statement; /* in the order to run them */
	size_t statement_count;
	struct tide_made_entry *entry; /* for made.c: the commands so far */
	size_t entry_count;
	const char *schema, *relation;
};

/** Nothing yet, of the plan's table (schema may be NULL). Belongs to ctx. */
struct tide_made *tide_made_new(void *ctx, const char *schema, const char *relation);

/** Columns that this phase works with (`begun`), or will make and must not find. */
void tide_made_phase(struct tide_made *made, const struct tide_phase *phase, bool begun);

/**
 * Takes what was executed for a phase, or to undo it: a script, as the journal has it. What a phase of kind `sql` does and is not
 * understood goes to not_compared, and so does what it may have done to things that are known.
 */
bool tide_made_take(struct tide_made *made, const struct tide_phase *phase, bool undo, const char *script,
    struct tide_err *err) TIDE_CHECKED;

/** The thing's definition cannot be compared, because …; `unsure`: nor whether it exists. */
void tide_made_set_aside(struct tide_made *made, struct tide_made_thing *thing, bool unsure, const char *why);

/** Adds the things that were set aside to not_compared; after tide_made_finish. */
void tide_made_tell(struct tide_made *made);

/**
 * Fills thing, absent and statement. `copy` and `schema`: SQL text, the copy of the table as it is now, without constraints and
 * triggers, and the schema for functions.
 */
void tide_made_finish(struct tide_made *made, const char *copy, const char *schema);

/** "column" and so on. */
const char *tide_made_kind_name(enum tide_made_kind kind);

#endif
