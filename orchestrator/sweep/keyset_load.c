#include "keyset_load.h"

#include <string.h>
#include <talloc.h>

#include "sweep_sql.h"

bool
tide_keyset_wanted(const char *order, bool heap)
{
	return order != NULL ? strcmp(order, "keyset") == 0 : !heap;
}

static const struct tide_record_field column_fields[] = {
	TIDE_FIELD(tide_keyset_column, name, TEXT),
	TIDE_FIELD(tide_keyset_column, type, TEXT),
	TIDE_FIELD(tide_keyset_column, less, TEXT),
	TIDE_FIELD(tide_keyset_column, not_greater, TEXT),
	TIDE_FIELD(tide_keyset_column, equal, TEXT),
	TIDE_FIELD(tide_keyset_column, not_less, TEXT),
	TIDE_FIELD(tide_keyset_column, greater, TEXT),
	TIDE_FIELD(tide_keyset_column, collate, TEXT),
	TIDE_FIELD(tide_keyset_column, descending, BOOL),
	TIDE_FIELD(tide_keyset_column, nulls_first, BOOL),
};
static const struct tide_record column_record = TIDE_RECORD(column_fields);

static struct tide_keyset *
take(void *ctx, const struct tide_rows *rows)
{
	struct tide_keyset *ks = talloc_zero(ctx, struct tide_keyset);
	size_t described = tide_rows_column(rows, "described");

	ks->column = tide_rows_records(ks, rows, &column_record, sizeof(*ks->column), &ks->count);
	ks->index = tide_rows_int(rows, 0, tide_rows_column(rows, "index"));
	ks->order = talloc_strdup(ks, "");
	for (size_t i = 0; i < ks->count; i++)
		ks->order = talloc_asprintf_append(
		    ks->order, "%s%s", i > 0 ? ", " : "", tide_rows_text(rows, i, described));
	return ks;
}

/*
 * Versions of collations are part of the order: with another version the rows sort differently, and keys that
 * were done mean nothing. That of the database's own collation is not in pg_collation, and before 15 it can
 * only be looked up by its name.
 */
bool
tide_keyset_load(void *ctx, struct tide_conn *conn, int64_t relation, const char *name, const char *by,
    struct tide_keyset **out, struct tide_err *err)
{
	void *mem = talloc_new(NULL);
	struct tide_rows *version, *rows;
	bool ok = tide_await_query(conn, mem,
		      tide_conn_server_version(conn) >= 150000 ? tide_sql_sweep_collation
							       : tide_sql_sweep_collation_14,
		      0, NULL, &version, err) &&
		  tide_await_query(conn, mem, tide_sql_sweep_keyset,
		      TIDE_ARGS(talloc_asprintf(mem, "%lld", (long long)relation),
			  tide_rows_count(version) > 0 ? tide_rows_only_text(version) : NULL, by),
		      &rows, err);

	if (ok && tide_rows_count(rows) == 0 && by != NULL) {
		ok = tide_fail(err, TIDE_PRECONDITION, "%s has no index that begins with \"%s\"", name, by);
		tide_hint(err, "it must be valid, a btree, and without WHERE: create it, and run again");
	} else if (ok && tide_rows_count(rows) == 0) {
		ok = tide_fail(err, TIDE_PRECONDITION, "%s has no suitable unique index", name);
		tide_hint(err,
		    "it must be unique, valid, not deferrable, a btree, without WHERE and expressions, and "
		    "all its columns NOT NULL: a primary key will do");
	}
	if (ok) {
		*out = take(ctx, rows);
		(*out)->plain = by != NULL;
	}
	talloc_free(mem);
	return ok;
}
