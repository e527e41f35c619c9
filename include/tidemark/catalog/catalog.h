#ifndef TIDE_CATALOG_H
#define TIDE_CATALOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * What compiling must know of the live database: plain structs, filled by postgres/catalog/catalog.c, read (and, to
 * see ahead, changed) by phases/. All names are as stored, not quoted. NULL means absent.
 */

struct tide_column {
	char *name;
	int attnum;
	char *type; /* format_type with modifier: "numeric(10,2)" */
	/* what a value is cast to before it is compared: without the modifier where a cast would cut silently
	 * (varchar, bpchar, bit) */
	char *cast_type;
	char *collation; /* quoted, only when not the type's default */
	char *collated;  /* quoted, also when it is the type's default; NULL: the type has none */
	/* equality is byte identity (int, uuid, text with a deterministic collation …), else images are
	 * compared */
	bool identical;
	/* character(n) and arrays of it: the type in which values have no blanks at the end; else NULL */
	char *unpadded;
	/* of a composite: the ways to itself ("?"), to composites in it ("?.x") and to its fields ("=.x"),
	 * after each but the last \x01; else NULL */
	char *parts;
	bool composites; /* an array of composites */
	bool not_null;   /* proved: no row holds NULL */
	/* PostgreSQL 18: NOT VALID, so that rows may hold NULL and no write may bring one */
	bool not_null_unproved;
	bool inherited; /* by the table itself, from one that it does not partition */
	/* or that of its domain; NULL: none; of a generated column what it is generated from */
	char *default_expr;
	bool default_of_type; /* default_expr is the type's */
	/* the default has the same value for every row of a transaction: immutable, or now() and its like */
	bool default_constant;
	char identity;  /* 'a', 'd' or 0 */
	char generated; /* 's', 'v' or 0 */
	char *sequence; /* quoted name of an owned sequence, or NULL */
	char *comment;
	char *acl; /* column privileges as text, or NULL */
	/* the same, one a line: privilege, role as SQL, " WITH GRANT OPTION" or nothing, tabs between; or
	 * NULL */
	char *grants;
	char storage, type_storage; /* p e m x; of the column and of its type */
	char compression;           /* p l, or 0 */
	char *statistics;           /* its own target, or NULL */
	char *options;              /* n_distinct=1, as in SET (…); or NULL */
	char *not_null_constraint;  /* PostgreSQL 18: its name; else NULL */
	bool not_null_no_inherit;   /* … and NO INHERIT: tables that inherit may hold NULL */
};

struct tide_constraint {
	char *name;
	char type;        /* c f p u x t n */
	char *definition; /* pg_get_constraintdef */
	int *attnums;
	size_t attnum_count;
	bool validated;
	bool to_primary; /* a foreign key of the table to the primary key of the other one */
	char *comment;
	char *referencing; /* a foreign key that points here: the table that has it, quoted; else NULL */
	char *on_delete;   /* of it: "CASCADE" */
	char *
	    unindexed; /* of it: its columns, quoted, when no index of that table begins with them; else NULL */
	char *table;   /* the partition that has it for itself, quoted; NULL: the table */
};

struct tide_index {
	char *schema, *name;
	char *definition; /* pg_get_indexdef */
	bool unique, primary, valid, ready, replica_identity, clustered;
	char *constraint; /* constraint that owns it, or NULL */
	int *attnums;     /* every column used: key, INCLUDE, expressions, predicate */
	size_t attnum_count;
	char *comment;
	bool has_statistics; /* ALTER INDEX … SET STATISTICS was used */
	bool deferrable;     /* checked at the end of the statement or later; of a unique one */
	int leads; /* a btree without WHERE: its first column; 0: another sort, or it begins with an expression */
	char *table; /* the partition that has it for itself, quoted where needed; NULL: the table */
};

struct tide_trigger {
	char *name, *definition, *function; /* function: schema-qualified, quoted */
	char enabled;                       /* O D R A */
	bool before, row, on_insert, on_update;
	bool internal; /* foreign keys */
	char *table;   /* the partition that has it for itself, quoted where needed; NULL: the table */
	char *columns; /* "UPDATE OF a, b" as the definition has it; NULL: any column wakes it */
	int *attnums;  /* the same by their numbers in the table */
	size_t attnum_count;
	char *comment;
	bool uneven; /* a partition's copy is enabled in another way */
};

/**
 * What runs by itself when rows are updated, or deleted: triggers and rules that are not ours, and checks of the server that are triggers
 * inside.
 */
struct tide_reaction {
	char *name;
	/* t trigger, c constraint trigger, r rule, k foreign key of either side or deferrable key */
	char kind;
	/* the partition it is on, quoted where needed; NULL: the table itself, and so every partition */
	char *table;
	char *does;      /* its function; of a k the definition; of a rule NULL */
	char *timing;    /* "BEFORE UPDATE OF qty FOR EACH ROW"; of a deletion "BEFORE DELETE FOR EACH ROW" */
	char *condition; /* of WHEN, or NULL */
	char enabled;    /* O D R A */
	bool
	    alters; /* a BEFORE trigger for each row: any column may come out of it changed, or the row stay */
	int *attnums; /* columns whose update fires it, by their numbers in the table; none: any */
	size_t attnum_count;
};

/** Anything else that depends on a column: view, rule, policy, publication, statistics, generated column, trigger, function. */
struct tide_dependent {
	int attnum;
	char *kind;       /* a row of the inventory: "view", "trigger function", … */
	char *name;       /* what `accept` must say */
	char *identity;   /* for display: "view public.v" */
	bool blocks_drop; /* DROP COLUMN would fail (else it would go silently, or stay and fail) */
	/* a BEFORE trigger for each row, whose function may read or set the column before ours does */
	bool alters;
	bool in_using, in_check; /* of a policy: the expressions that name the column */
};

/** One user expression as the server sees it. */
struct tide_fact {
	char *source; /* as written in the plan */
	/* parsed back by the server, everything qualified, the row as TIDE_ROW; NULL when error */
	char *canonical;
	char volatility; /* 'i' 's' 'v' */
	/* a column of the type cannot be added without rewriting the table: a domain with a constraint */
	bool rewrites;
	/* GRANTs that roles need who write to the table and may not evaluate it, one a line; or NULL */
	char *writers_lack;
	/* functions that it calls whose bodies name something without its schema, one a line: "f(integer)
	 * names g"; or NULL */
	char *bare;
	/* the statements that give each of them a search_path of its own, one a line; NULL with bare */
	char *bare_cure;
	/* what the server said when it was evaluated under pg_catalog alone and a name was not found; or NULL */
	char *path_error;
	bool builtin; /* no function of somebody's own is called */
	/* immutable, and over the constant defaults of the columns (else NULL) it gives a value */
	bool takes_defaults;
	char *type;
	double
	    share; /* a condition: of the table's rows those for which it holds, as the planner thinks; -1: unknown */
	char *error; /* the server's message, or NULL */
	char sqlstate[6];
};

struct tide_table {
	int64_t oid, filenode;
	char *schema, *name;
	char relkind;        /* r p */
	char *access_method; /* "heap" */
	/* The table, or its first partition of which it is true (quoted as SQL), else NULL: its rows are not in a heap; no index
	 * leads through its rows, that is a unique one, valid, immediate, over columns that are NOT NULL; both. */
	char *not_heap, *keyless, *orderless;
	bool row_security, has_children, is_child_partition;
	bool published;           /* in any publication */
	char *publications;       /* those that send every column, quoted; or NULL */
	char *state_publications; /* those that send the tables of schema tidemark, too; or NULL */
	/* a table of it that is published for updates and has no replica identity; or NULL */
	char *without_identity;
	/* whose filter or column list the replica identity does not cover: updates are refused; or NULL */
	char *narrow_publications;
	/* both for tables that are published for deletes */
	char *without_identity_deletes, *narrow_publications_deletes;
	char *subscriptions;               /* those that write to it; or NULL */
	char *foreign_partition, *of_type; /* quoted; or NULL */
	char *partition_maker; /* owner of a partitioned table, where it is not our role; or NULL */
	int64_t pages, bytes, index_bytes;
	double rows; /* reltuples; -1 unknown */
	int max_attnum;
	double xid_age; /* age(relfrozenxid) */
	struct tide_column *column;
	size_t column_count;
	struct tide_constraint *constraint;
	size_t constraint_count;
	struct tide_index *index;
	size_t index_count;
	struct tide_trigger *trigger;
	size_t trigger_count;
	struct tide_reaction *reaction; /* to an UPDATE */
	size_t reaction_count;
	struct tide_reaction *deletion; /* to a DELETE */
	size_t deletion_count;
	struct tide_dependent *dependent;
	size_t dependent_count;
};

/** A run of another plan on the table, a partition of it or what it is a partition of; not one that was rolled back. */
struct tide_other_run {
	char *plan, *state;
	char *phase;     /* where it is, or NULL */
	char *text;      /* of the plan */
	char *phases;    /* states of its phases in their order, one a line */
	bool earlier;    /* begun before the run of the plan at hand, or that one has not begun */
	bool same_table; /* on the table itself */
};

/** A column that a trigger of another plan reads or writes; found on the table, whatever the state says. */
struct tide_keeper {
	char *trigger, *plan, *column;
};

/** A function that statements of the plan make: known to no server yet. */
struct tide_made_function {
	char *name, *body;
};

struct tide_catalog {
	int server_version; /* PQserverVersion: 150018 */
	char *database;
	char *system_identifier;
	char *role;
	bool superuser, owns_table;
	bool may_vacuum; /* the table and each partition: else the server leaves some out, with a warning */
	bool may_create_schema, may_create_temp, may_monitor, in_recovery;
	bool may_skip_triggers;   /* set session_replication_role */
	int64_t max_wal, min_wal; /* bytes, max_wal_size and min_wal_size; 0 unknown */
	bool wal_compressed;      /* for the whole server */
	bool knows_lz4;           /* and a session of a role with may_compress_wal turns it on for itself */
	bool may_compress_wal;
	bool few_characters;  /* not all of Unicode: titles, which are stored, keep to ASCII */
	char *encoding_gaps;  /* the database's encoding, when it has codes that Unicode has not; or NULL */
	char *default_schema; /* first of the role's search_path: where unqualified names of the plan live */
	struct tide_table table;
	struct tide_fact *fact;
	size_t fact_count;
	struct tide_other_run *other_run;
	size_t other_run_count;
	struct tide_keeper *keeper;
	size_t keeper_count;
	struct tide_made_function *made; /* empty until phases are looked ahead */
	size_t made_count;
};

/** NULL when there is none. */
struct tide_column *tide_catalog_column(const struct tide_catalog *cat, const char *name);
const struct tide_fact *tide_catalog_fact(const struct tide_catalog *cat, const char *source);
const struct tide_index *tide_catalog_index(const struct tide_catalog *cat, const char *name);

#endif
