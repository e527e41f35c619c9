#ifndef TIDE_EFFECTS_H
#define TIDE_EFFECTS_H

#include <stdbool.h>
#include <stddef.h>

#include "tidemark/plans/fields.h"
#include "tidemark/base/lockmode.h"

/**
 * What a statement does, read from its text with the grammar of libpg_query (PostgreSQL 15): which relations it locks, what it
 * reads or writes meanwhile, what is lost, which statements of an application fail afterwards. What the tables of this module do
 * not
 * know is unknown, never nothing. The locks are those that pg_locks shows on 14, 15 and 18 (tests/live/test_sql_phases.py).
 */

/** Changes that a catalog in memory can follow have a kind of their own. */
enum tide_effect_kind {
	TIDE_EFFECT_UNKNOWN,
	TIDE_EFFECT_OTHER,
	TIDE_EFFECT_READ,
	TIDE_EFFECT_WRITE, /* INSERT, UPDATE, DELETE, MERGE, COPY FROM */
	TIDE_EFFECT_LOCK,
	TIDE_EFFECT_LOCK_BELOW,   /* what a view that is locked reads */
	TIDE_EFFECT_CREATE_TABLE, /* also of a query's rows */
	TIDE_EFFECT_GAIN_CHILD,   /* a partition, or a table that inherits */
	TIDE_EFFECT_ATTACHED,     /* it becomes a partition */
	TIDE_EFFECT_DETACHED,
	TIDE_EFFECT_ADD_VALUE, /* of an enum; relation: none */
	TIDE_EFFECT_ADD_COLUMN,
	TIDE_EFFECT_DROP_COLUMN,
	TIDE_EFFECT_RENAME_COLUMN,
	TIDE_EFFECT_ALTER_TYPE,
	TIDE_EFFECT_SET_DEFAULT,
	TIDE_EFFECT_DROP_DEFAULT,
	TIDE_EFFECT_SET_NOT_NULL,
	TIDE_EFFECT_DROP_NOT_NULL,
	TIDE_EFFECT_SET_IDENTITY,
	TIDE_EFFECT_DROP_IDENTITY,
	TIDE_EFFECT_ADD_CONSTRAINT,
	TIDE_EFFECT_REFERENCE, /* a foreign key of another table points here from now on */
	TIDE_EFFECT_VALIDATE_CONSTRAINT,
	TIDE_EFFECT_DROP_CONSTRAINT,
	TIDE_EFFECT_RENAME_CONSTRAINT,
	TIDE_EFFECT_CREATE_INDEX,
	TIDE_EFFECT_DROP_INDEX,
	TIDE_EFFECT_RENAME_INDEX,
	TIDE_EFFECT_OWN_SEQUENCE, /* ALTER SEQUENCE … OWNED BY */
	TIDE_EFFECT_CREATE_TRIGGER,
	TIDE_EFFECT_DROP_TRIGGER,
	TIDE_EFFECT_RENAME_TRIGGER,
	TIDE_EFFECT_CREATE_FUNCTION,
	TIDE_EFFECT_CREATE_VIEW,
	TIDE_EFFECT_CREATE_OBJECT, /* a policy or rule, by its name on a table */
	TIDE_EFFECT_COMMENT,
	TIDE_EFFECT_PUBLISH, /* `name` sends it from now on; relation NULL: every table of `schema`, or of all */
	TIDE_EFFECT_UNPUBLISH,
	TIDE_EFFECT_GRANT, /* privilege `name` (NULL: all) on `columns` (none: the table) to the role `to` */
	TIDE_EFFECT_REVOKE,
	TIDE_EFFECT_RENAME_TABLE,
	TIDE_EFFECT_MOVE_TABLE, /* to another schema */
	TIDE_EFFECT_DROP_TABLE,
	TIDE_EFFECT_DROP_OBJECT,   /* a view, policy, rule, function, statistics object … by its name */
	TIDE_EFFECT_RENAME_OBJECT, /* the same */
};

/** What is done while the lock is held. */
enum tide_work {
	TIDE_WORK_INSTANT, /* catalog rows only */
	TIDE_WORK_SCAN,    /* reads all of the relation */
	TIDE_WORK_BUILD,   /* builds an index */
	TIDE_WORK_REWRITE, /* rewrites the relation, or may */
	TIDE_WORK_SOME,    /* the rows that a condition finds, or that are given */
	TIDE_WORK_ALL,     /* every row, each a new version or gone */
	TIDE_WORK_UNKNOWN
};

/** What happens to the statements of a release that was written for the schema before. */
enum tide_old_release {
	TIDE_OLD_FITS,
	TIDE_OLD_UNKNOWN, /* depends on what it writes */
	TIDE_OLD_FAILS
};

struct tide_effect {
	enum tide_effect_kind kind;
	enum tide_lock_mode lock; /* on the relation, until the transaction ends */
	enum tide_work work;
	enum tide_old_release old;
	bool loses;              /* stored data that exists nowhere else then */
	bool replaces;           /* stored values that an undo could have kept: UPDATE, a change of type */
	bool converts;           /* a change of type, with USING */
	bool not_valid;          /* of a constraint: rows that exist are not checked */
	bool not_null;           /* of a column */
	bool missing_ok;         /* IF [NOT] EXISTS */
	bool unique;             /* of an index, or a constraint */
	bool milder;             /* the same with CONCURRENTLY would lock less */
	bool disables;           /* triggers: `name`, or all of the user's */
	bool filled;             /* of a new table: with the rows of a query */
	bool temporary;          /* of a new table */
	bool option;             /* of a privilege: that it may be passed on */
	bool in_using, in_check; /* of a policy: which of its two expressions it says */
	bool guessed;            /* REWRITE only because a default calls what is not known */
	bool of_index;           /* `relation` is an index, and its table is locked as strongly */
	int trigger; /* of CREATE TRIGGER and RULE, as pg_trigger.tgtype: 1 row, 2 BEFORE, 4 INSERT, 8 DELETE, 16 UPDATE */
	char constraint;          /* c f p u x, as pg_constraint.contype; 0 */
	char identity, generated; /* of a column, as in pg_attribute; 0 */
	char *schema;             /* of the relation, or of a function; NULL: not said */
	char *relation;           /* as stored; NULL: none, or only the catalog knows */
	/* The column, constraint, index, trigger or object that it is about; NULL: not said, or none. */
	char *name;
	/* Its new name. Of OWN_SEQUENCE the sequence as SQL, of USING INDEX the index, of a trigger its function, of REFERENCE the table that
	 * has the foreign key, as SQL. */
	char *to;
	/* The text of a type (of ADD_VALUE its name), default, constraint, CREATE INDEX, CREATE TRIGGER, or of a function's body; NULL. */
	char *definition;
	char *fallback;  /* of ADD COLUMN its default, or NULL */
	char *collation; /* of ADD COLUMN as SQL, or NULL */
	const char
	    *object; /* of CREATE, DROP and RENAME_OBJECT: "view", "policy", "rule", "function" …; static */
	struct tide_names columns; /* that it names on the relation */
};

enum tide_sql_trait {
	TIDE_SQL_TRANSACTION_CONTROL = 1, /* BEGIN, COMMIT, SAVEPOINT … */
	TIDE_SQL_CONCURRENT = 2,          /* cannot run inside a transaction */
	TIDE_SQL_CASCADE = 4,             /* drops what nobody has named */
	TIDE_SQL_UNPARSED = 8,
	TIDE_SQL_LIMIT = 64,     /* sets a timeout that the engine sets again for the next one */
	TIDE_SQL_SETTING = 32,   /* changes what the statements after it mean, or when they are ended */
	TIDE_SQL_READ_ONLY = 16, /* a SELECT without FOR UPDATE or data-modifying CTE */
};

struct tide_statement {
	char *text;
	char *tag;       /* "ALTER TABLE", "DO": its first words, for display */
	unsigned traits; /* of enum tide_sql_trait */
	struct tide_effect *effect;
	size_t effect_count; /* 0 only for transaction control */
	/* relations, types and functions named without a schema, as a search_path would find them */
	struct tide_names bare;
	struct tide_names relations; /* every relation that is named, without its schema */
	struct tide_names placed;    /* the same as SQL, with the schema where one is said */
	struct tide_names columns;   /* every column that is named */
};

struct tide_statements {
	struct tide_statement *item;
	size_t count;
};

/** The statements of `text`, in their order. Never fails: what cannot be parsed is unknown. Belongs to ctx. */
void tide_statements_read(void *ctx, const char *text, struct tide_statements *out);

/** OR of the traits of all statements in `text`; TIDE_SQL_READ_ONLY only where all have it. */
unsigned tide_sql_traits(const char *text);

#endif
