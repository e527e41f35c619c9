#ifndef TIDE_CATALOG_PRIVATE_H
#define TIDE_CATALOG_PRIVATE_H

#include "tidemark/postgres/catalog_load.h"
#include "tidemark/postgres/rows.h"

/** One load. Rows and texts that are only needed meanwhile are in mem, what stays is in cat. */
struct tide_loading {
	void *mem;
	struct tide_conn *conn;
	const struct tide_catalog_request *request;
	struct tide_catalog *cat;
	char *role_path;   /* the search_path that the session would have had without ours */
	char *oid;         /* of the table */
	bool may_identify; /* may read the system identifier */
};

bool tide_loading_ask(struct tide_loading *load, const char *sql, size_t count, const char *const *values,
    struct tide_rows **rows, struct tide_err *err) TIDE_CHECKED;
/** Back to pg_catalog, or, with true, to the role's own. Until the end of the transaction. */
bool tide_loading_path(struct tide_loading *load, bool role, struct tide_err *err) TIDE_CHECKED;

/** Fills cat->table but its column defaults' default_constant. */
bool tide_loading_table(struct tide_loading *load, struct tide_err *err) TIDE_CHECKED;

/** Fills cat->other_run and cat->keeper. */
bool tide_loading_others(struct tide_loading *load, struct tide_err *err) TIDE_CHECKED;

/** Fills cat->fact and the columns' default_constant with the help of a temporary clone of the table. */
bool tide_loading_facts(struct tide_loading *load, struct tide_err *err) TIDE_CHECKED;

#endif
