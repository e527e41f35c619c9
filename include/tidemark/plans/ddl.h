#ifndef TIDE_DDL_H
#define TIDE_DDL_H

#include <stdbool.h>
#include <stddef.h>

/** What a statement does to a table, or to what belongs to it. */
enum tide_ddl_verb {
	TIDE_DDL_ADD_COLUMN,
	TIDE_DDL_ALTER_COLUMN, /* type, default, NOT NULL, storage … */
	TIDE_DDL_RENAME_COLUMN,
	TIDE_DDL_DROP_COLUMN,
	TIDE_DDL_CREATE_TRIGGER,
	TIDE_DDL_ALTER_TRIGGER, /* ENABLE, DISABLE … */
	TIDE_DDL_DROP_TRIGGER,
	TIDE_DDL_ADD_CONSTRAINT,
	TIDE_DDL_VALIDATE_CONSTRAINT,
	TIDE_DDL_DROP_CONSTRAINT,
	TIDE_DDL_CREATE_INDEX,
	TIDE_DDL_DROP_INDEX,
	TIDE_DDL_CREATE_FUNCTION, /* functions: only those that are named with their schema */
	TIDE_DDL_GRANT_FUNCTION,  /* EXECUTE, to everybody */
	TIDE_DDL_REVOKE_FUNCTION, /* from everybody */
	TIDE_DDL_DROP_FUNCTION,
};

/** One command. Texts belong to the context it was read into. */
struct tide_ddl {
	enum tide_ddl_verb verb;
	char *relation; /* the table's name without its schema, where the statement has one; else NULL */
	char *schema;   /* the table's or the function's, where it is written; else NULL */
	char *name;     /* of the column, trigger, constraint, index or function */
	char *to; /* RENAME_COLUMN: its new name; ADD_CONSTRAINT: the index that it takes over, or NULL */
	/* CREATE_TRIGGER: its function is not in schema tidemark; CREATE_FUNCTION, DROP_FUNCTION: itself */
	bool foreign;
	bool if_missing;     /* IF NOT EXISTS */
	bool names_not_null; /* ALTER_COLUMN: ADD CONSTRAINT … NOT NULL, of PostgreSQL 18 */
	size_t start, end;   /* the bytes that name the table, of CREATE_FUNCTION the function; 0, 0: none */
};

/**
 * The commands of one statement that are any of these (ALTER TABLE and DROP may have several): how many. *out belongs to ctx. `whole`
 * (may be NULL): whether there is no other command in it.
 */
size_t tide_ddl_read(void *ctx, const char *statement, struct tide_ddl **out, bool *whole);

/** The statement with `target` (SQL text) in the place of what it names, and without CONCURRENTLY. Belongs to ctx. */
char *tide_ddl_aim(void *ctx, const char *statement, const struct tide_ddl *ddl, const char *target);

#endif
