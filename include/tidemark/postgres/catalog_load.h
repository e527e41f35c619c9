#ifndef TIDE_CATALOG_LOAD_H
#define TIDE_CATALOG_LOAD_H

#include "tidemark/catalog/catalog.h"
#include "tidemark/postgres/conn.h"
#include "tidemark/plans/fields.h"

/** What to read. */
struct tide_catalog_request {
	const char *schema; /* NULL: resolve by the role's own search_path */
	const char *relation;
	int64_t oid;      /* of the table, whatever it is called by now; 0: the one of that name */
	const char *plan; /* its own runs and triggers are not those of another plan; NULL: all are */
	/* whose defaults matter; of others only literals are known to be constant */
	struct tide_names columns;
	struct tide_names expressions; /* each becomes a tide_fact */
	/* name, type: added to the clone on which expressions are tried when absent in the table */
	struct tide_pairs future_columns;
};

/**
 * Reads the catalog of one table, in one transaction that is rolled back (a temporary clone is made for expressions; on a hot
 * standby, or without the TEMPORARY privilege, facts stay empty with an error text). Never call it from a callback. Belongs to ctx.
 * No such table: TIDE_PRECONDITION with the nearest names.
 */
bool tide_catalog_load(void *ctx, struct tide_conn *conn, const struct tide_catalog_request *request,
    struct tide_catalog **out, struct tide_err *err) TIDE_CHECKED;

#endif
