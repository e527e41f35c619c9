#include "tidemark/postgres/catalog_load.h"

#include <string.h>
#include <strings.h>

#include <talloc.h>

#include "catalog_private.h"
#include "catalog_sql.h"
#include "tidemark/base/names.h"
#include "tidemark/postgres/session.h"
#include "tidemark/base/sqltext.h"

/* Reading a table's size waits for whoever holds it exclusively: not forever. */
#define BEGIN_SQL "BEGIN; SET LOCAL lock_timeout = '5s'"
#define PINNED_PATH "pg_catalog, pg_temp"

static const struct {
	char relkind;
	const char *word;
} other_kinds[] = {
	{ 'v', "a view" },
	{ 'm', "a materialized view" },
	{ 'f', "a foreign table" },
	{ 'i', "an index" },
	{ 'I', "an index" },
	{ 'S', "a sequence" },
	{ 'c', "a composite type" },
	{ 't', "a TOAST table" },
};

bool
tide_loading_ask(struct tide_loading *load, const char *sql, size_t count, const char *const *values,
    struct tide_rows **rows, struct tide_err *err)
{
	return tide_await_query(load->conn, load->mem, sql, count, values, rows, err);
}

bool
tide_loading_path(struct tide_loading *load, bool role, struct tide_err *err)
{
	return role ? tide_loading_ask(load, TIDE_SET_ROLE_SEARCH_PATH("true"), 0, NULL, NULL, err)
		    : tide_loading_ask(load, "SET LOCAL search_path = " PINNED_PATH, 0, NULL, NULL, err);
}

static const struct tide_record_field context_fields[] = {
	TIDE_FIELD(tide_catalog, database, TEXT),
	TIDE_FIELD(tide_catalog, role, TEXT),
	TIDE_FIELD(tide_catalog, superuser, BOOL),
	TIDE_FIELD(tide_catalog, may_create_schema, BOOL),
	TIDE_FIELD(tide_catalog, may_create_temp, BOOL),
	TIDE_FIELD(tide_catalog, may_monitor, BOOL),
	TIDE_FIELD(tide_catalog, in_recovery, BOOL),
	TIDE_FIELD(tide_catalog, max_wal, INT),
	TIDE_FIELD(tide_catalog, min_wal, INT),
	TIDE_FIELD(tide_catalog, wal_compressed, BOOL),
	TIDE_FIELD(tide_catalog, knows_lz4, BOOL),
	TIDE_FIELD(tide_catalog, few_characters, BOOL),
	TIDE_FIELD(tide_catalog, encoding_gaps, TEXT),
};
static const struct tide_record_field loading_fields[] = {
	TIDE_FIELD(tide_loading, role_path, TEXT),
	TIDE_FIELD(tide_loading, may_identify, BOOL),
};
static const struct tide_record context_record = TIDE_RECORD(context_fields);
static const struct tide_record loading_record = TIDE_RECORD(loading_fields);

/* Parameters that are a superuser's. Before 15 nobody else may set them, and there is no function that tells. */
static bool
may_set(struct tide_loading *load, const char *parameter, bool *may, struct tide_err *err)
{
	struct tide_rows *rows;

	*may = load->cat->superuser;
	if (*may || load->cat->server_version < 150000)
		return true;
	if (!tide_loading_ask(
		load, "SELECT has_parameter_privilege($1, 'SET')", TIDE_ARGS(parameter), &rows, err))
		return false;
	*may = tide_rows_only_bool(rows);
	return true;
}

static bool
read_context(struct tide_loading *load, struct tide_err *err)
{
	struct tide_catalog *cat = load->cat;
	struct tide_rows *rows;

	if (!tide_loading_ask(load, tide_sql_catalog_context, 0, NULL, &rows, err))
		return false;
	cat->server_version = tide_conn_server_version(load->conn);
	tide_rows_record(cat, rows, 0, &context_record, cat);
	tide_rows_record(load->mem, rows, 0, &loading_record, load);
	if (!may_set(load, "session_replication_role", &cat->may_skip_triggers, err) ||
	    !may_set(load, "wal_compression", &cat->may_compress_wal, err))
		return false;
	if (!load->may_identify)
		return true;
	if (!tide_loading_ask(load, tide_sql_catalog_identifier, 0, NULL, &rows, err))
		return false;
	cat->system_identifier = talloc_strdup(cat, tide_rows_only_text(rows));
	return true;
}

static char *
full_name(void *ctx, const char *schema, const char *name)
{
	return schema == NULL ? tide_ident(ctx, name) : tide_sqlf(ctx, "%I.%I", schema, name);
}

/* The same name elsewhere or in other case is meant before one that is merely alike. */
static void
hint_nearest(struct tide_loading *load, const char *name, struct tide_err *err)
{
	const char *schema =
	    load->request->schema != NULL ? load->request->schema : load->cat->default_schema;
	struct tide_err ignored;
	struct tide_rows *rows;
	const char **candidates, *nearest;
	size_t count, of_name;

	if (!tide_loading_ask(load, tide_sql_catalog_candidates, TIDE_ARGS(schema, name), &rows, &ignored))
		return;
	count = tide_rows_count(rows);
	of_name = tide_rows_column(rows, "name");
	candidates = talloc_array(load->mem, const char *, (unsigned)count + 1);
	for (size_t i = 0; i < count; i++)
		candidates[i] = tide_rows_required(rows, i, of_name);
	nearest = count > 0 && strcasecmp(candidates[0], name) == 0 ? candidates[0]
								    : tide_nearest(name, candidates, count);
	for (size_t i = 0; i < count; i++)
		if (candidates[i] == nearest) {
			tide_hint(err, "did you mean %s?",
			    full_name(load->mem,
				tide_rows_required(rows, i, tide_rows_column(rows, "schema")), nearest));
			return;
		}
	tide_hint(err, "is this the right database (%s), and may the role %s see the table?",
	    load->cat->database, load->cat->role);
}

static bool
check_kind(const char *shown, char relkind, struct tide_err *err)
{
	const char *word = "no table";

	if (relkind == 'r' || relkind == 'p')
		return true;
	for (size_t i = 0; i < TIDE_COUNT(other_kinds); i++)
		if (other_kinds[i].relkind == relkind)
			word = other_kinds[i].word;
	tide_fail(err, TIDE_PRECONDITION, "%s is %s, not a table", shown, word);
	return tide_hint(err, "a plan changes an ordinary or a partitioned table");
}

struct relation {
	char *oid, *schema, *name;
	char relkind;
};
static const struct tide_record_field relation_fields[] = {
	TIDE_FIELD(relation, oid, TEXT),
	TIDE_FIELD(relation, schema, TEXT),
	TIDE_FIELD(relation, name, TEXT),
	TIDE_FIELD(relation, relkind, CHAR),
};
static const struct tide_record relation_record = TIDE_RECORD(relation_fields);

static bool
resolve(struct tide_loading *load, struct tide_err *err)
{
	const struct tide_catalog_request *request = load->request;
	char *name = full_name(load->mem, request->schema, request->relation);
	char *oid = request->oid != 0 ? talloc_asprintf(load->mem, "%lld", (long long)request->oid) : NULL;
	struct tide_rows *schema, *rows;
	struct relation found;

	/* To find a table runs nobody's code: every schema of the path counts. */
	if (!tide_loading_ask(load, "SELECT pg_catalog.set_config('search_path', $1, true)",
		TIDE_ARGS(load->role_path), NULL, err) ||
	    !tide_loading_ask(load, "SELECT pg_catalog.current_schema()", 0, NULL, &schema, err) ||
	    !tide_loading_ask(load, tide_sql_catalog_resolve, TIDE_ARGS(name, oid), &rows, err) ||
	    !tide_loading_path(load, false, err))
		return false;
	/* NULL: no schema of the path exists. */
	load->cat->default_schema = talloc_strdup(load->cat, tide_rows_only_text(schema));
	if (tide_rows_count(rows) == 0) {
		tide_fail(err, TIDE_PRECONDITION, "there is no table %s in database %s%s", name,
		    load->cat->database, request->schema == NULL ? " on the role's search_path" : "");
		hint_nearest(load, request->relation, err);
		return false;
	}
	tide_rows_record(load->mem, rows, 0, &relation_record, &found);
	load->oid = found.oid;
	return check_kind(full_name(load->mem, found.schema, found.name), found.relkind, err);
}

/* Says what to do where the server only says what failed. */
static void
hint_failure(const struct tide_loading *load, struct tide_err *err)
{
	const struct tide_catalog_request *request = load->request;

	if (err->hint[0] != '\0')
		return;
	if (err->code == TIDE_LOCK)
		tide_hint(err, "another session holds %s exclusively: try again when it has ended",
		    full_name(load->mem, request->schema, request->relation));
	else if (strcmp(err->sqlstate, "42501") == 0 && request->schema != NULL && load->oid == NULL)
		tide_hint(err, "%s",
		    tide_sqlf(load->mem, "GRANT USAGE ON SCHEMA %I TO %I", request->schema, load->cat->role));
}

bool
tide_catalog_load(void *ctx, struct tide_conn *conn, const struct tide_catalog_request *request,
    struct tide_catalog **out, struct tide_err *err)
{
	struct tide_loading load = { .mem = talloc_new(ctx), .conn = conn, .request = request };
	struct tide_err ignored;
	bool ok;

	load.cat = talloc_zero(ctx, struct tide_catalog);
	ok = tide_await_exec(conn, load.mem, BEGIN_SQL, NULL, err) && read_context(&load, err) &&
	     resolve(&load, err) && tide_loading_table(&load, err) && tide_loading_others(&load, err) &&
	     tide_loading_facts(&load, err);
	/* Also after a failure: the connection must not stay in a transaction. */
	if (tide_conn_alive(conn))
		ok = tide_await_exec(conn, load.mem, "ROLLBACK", NULL, ok ? err : &ignored) && ok;
	if (!ok)
		hint_failure(&load, err);
	talloc_free(load.mem);
	if (!ok) {
		talloc_free(load.cat);
		return tide_wrap(err, "reading the catalog");
	}
	*out = load.cat;
	return true;
}
