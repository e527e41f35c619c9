#ifndef TIDE_IDENTITY_H
#define TIDE_IDENTITY_H

#include "executor.h"

/** Whether a run belongs to the database that has its rows. */
enum tide_home {
	TIDE_HOME,           /* yes, and its table is there */
	TIDE_HOME_RENAMED,   /* yes, and its table is called differently now */
	TIDE_OTHER_CLUSTER,  /* the rows were restored from, or copied with, another cluster */
	TIDE_OTHER_DATABASE, /* … another database of this cluster */
	TIDE_OTHER_TABLE,    /* the table was dropped, and another one has its name */
	TIDE_TABLE_TAKEN,    /* … and something that is no table has its name */
	TIDE_TABLE_DROPPED,  /* … and nothing has */
};

struct tide_identity {
	enum tide_home home;
	const char *recorded;      /* the table's name in the run's row */
	const char *now;           /* what the table with the run's OID is called; NULL: there is none */
	const char *before, *here; /* "cluster/database": of the row, and of this database */
};

/** SQL of this database's identity: one text. */
#define TIDE_IDENTITY_SQL                                                                                    \
	"(SELECT c.system_identifier::text || '/' || d.oid::text FROM pg_catalog.pg_control_system() c, "    \
	"pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())"

/** Reads it for run `run`. Texts belong to ctx. Awaits. */
bool tide_identity_read(void *ctx, struct tide_conn *conn, int64_t run, struct tide_identity *out,
    struct tide_err *err) TIDE_CHECKED;

/** Refuses a run that is not at home, saying which of all this it is and what to do. `state`: of the run's row. Awaits. */
bool tide_identity_check(struct tide_executor *exe, const char *state, struct tide_err *err) TIDE_CHECKED;

#endif
