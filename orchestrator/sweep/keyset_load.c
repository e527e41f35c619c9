#include "keyset_load.h"

#include <string.h>
#include <talloc.h>

#include "sweep_sql.h"

bool
tide_keyset_wanted(const char *order, bool heap)
{
	return order != NULL ? strcmp(order, "keyset") == 0 : !heap;
}

/* The version that the operating system, or ICU, has of the database's own collation; empty when it has none. */
static const char *
database_version_sql(const struct tide_conn *conn)
{
	if (tide_conn_server_version(conn) >= 150000)
		return "SELECT pg_catalog.pg_database_collation_actual_version(oid) "
		       "FROM pg_catalog.pg_database "
		       "WHERE datname = pg_catalog.current_database()";
	return "SELECT max(pg_catalog.pg_collation_actual_version(c.oid)) FROM pg_catalog.pg_collation c "
	       "JOIN pg_catalog.pg_database d ON d.datcollate = c.collname "
	       "WHERE d.datname = pg_catalog.current_database() AND c.collprovider = 'c'";
}

static const char *
text(void *ctx, const struct tide_rows *rows, size_t row, size_t column)
{
	const char *value = tide_rows_text(rows, row, column);

	return talloc_strdup(ctx, value != NULL ? value : "");
}

static struct tide_keyset *
take(void *ctx, const struct tide_rows *rows)
{
	struct tide_keyset *ks = talloc_zero(ctx, struct tide_keyset);

	ks->count = tide_rows_count(rows);
	ks->column = talloc_zero_array(ks, struct tide_keyset_column, (unsigned)ks->count);
	ks->index = tide_rows_int(rows, 0, 0);
	ks->order = talloc_strdup(ks, "");
	for (size_t i = 0; i < ks->count; i++) {
		ks->column[i] = (struct tide_keyset_column){
			.name = text(ks, rows, i, 1),
			.type = text(ks, rows, i, 2),
			.less = text(ks, rows, i, 3),
			.equal = text(ks, rows, i, 4),
			.greater = text(ks, rows, i, 5),
			.collate = text(ks, rows, i, 6),
			.descending = tide_rows_bool(rows, i, 7),
			.nulls_first = tide_rows_bool(rows, i, 8),
		};
		ks->order =
		    talloc_asprintf_append(ks->order, "%s%s", i > 0 ? ", " : "", tide_rows_text(rows, i, 9));
	}
	return ks;
}

bool
tide_keyset_load(void *ctx, struct tide_conn *conn, int64_t relation, const char *name,
    struct tide_keyset **out, struct tide_err *err)
{
	void *mem = talloc_new(NULL);
	struct tide_rows *version, *rows;
	bool ok = tide_await_query(conn, mem, database_version_sql(conn), 0, NULL, &version, err) &&
		  tide_await_query(conn, mem, tide_sql_sweep_keyset,
		      TIDE_ARGS(talloc_asprintf(mem, "%lld", (long long)relation),
			  tide_rows_count(version) > 0 ? tide_rows_text(version, 0, 0) : NULL),
		      &rows, err);

	if (ok && tide_rows_count(rows) == 0) {
		ok = tide_fail(err, TIDE_PRECONDITION, "%s has no suitable unique index", name);
		tide_hint(err,
		    "it must be unique, valid, not deferrable, a btree, without WHERE and expressions, and "
		    "all its columns NOT NULL: a primary key will do");
	}
	if (ok)
		*out = take(ctx, rows);
	talloc_free(mem);
	return ok;
}
