#ifndef TIDE_IDENTITY_H
#define TIDE_IDENTITY_H

#include "session.h"

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
	const char *original; /* name of the database that it began in, if that is in this cluster; or NULL */
	int64_t table;        /* the OID in the row */
	int64_t found;        /* away from home: the table that must be its own; 0: there is none */
	const char *found_name; /* quoted, qualified; or NULL */
	bool marked;            /* it has triggers of the plan */
	int64_t fence;
	enum tide_run_state state; /* of the row */
	const char *plan_text;
};

/** Reads it for run `run`. Texts belong to ctx. Awaits. */
bool tide_identity_read(void *ctx, struct tide_conn *conn, int64_t run, struct tide_identity *out,
    struct tide_err *err) TIDE_CHECKED;

/** A run that is over: it needs no table, wherever it is. `back`: what is complete may still be rolled back. */
bool tide_identity_matters(enum tide_run_state state, bool back);

/** A word for each case, for machines: "home", "other-cluster" and so on. */
const char *tide_home_name(enum tide_home home);

/** Which case it is, as a sentence; NULL at home. Belongs to ctx. */
char *tide_identity_text(void *ctx, const struct tide_identity *id, const char *plan);
/** Whether `tidemark adopt` is the way out. */
bool tide_identity_adoptable(const struct tide_identity *id);
/** What to do about it. Belongs to ctx. */
char *tide_identity_hint(void *ctx, const struct tide_identity *id, const char *plan);

#endif
