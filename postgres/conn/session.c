#include "tidemark/postgres/session.h"

#include <talloc.h>

#include "tidemark/postgres/conn.h"

/**
 * One row a setting. A role, a database or a pooler may have changed any of them, and each can make a migration wrong
 * (formats, row security, search path) or kill it half way (timeouts). `since` is the first server version that
 * knows it, 0 when all do.
 */
static const struct {
	const char *name, *value;
	int since;
} settings[] = {
	/* First: a role's own could end what follows. */
	{ "statement_timeout", "0", 0 },
	{ "search_path", "pg_catalog, pg_temp", 0 },
	{ "standard_conforming_strings", "on", 0 },
	{ "backslash_quote", "safe_encoding", 0 },
	/* Ours are set with SET LOCAL where they are wanted. */
	{ "lock_timeout", "0", 0 },
	{ "idle_session_timeout", "0", 140000 },
	{ "transaction_timeout", "0", 170000 },
	/* An executor that hangs in a transaction must release its locks. */
	{ "idle_in_transaction_session_timeout", "'30s'", 0 },
	{ "default_transaction_isolation", "'read committed'", 0 },
	{ "default_transaction_read_only", "off", 0 },
	{ "default_transaction_deferrable", "off", 0 },
	/* Under row security an update and its check would both see a part of the table: rather fail. */
	{ "row_security", "off", 0 },
	{ "TimeZone", "'UTC'", 0 },
	{ "DateStyle", "'ISO, MDY'", 0 },
	{ "IntervalStyle", "'postgres'", 0 },
	{ "extra_float_digits", "1", 0 },
	{ "bytea_output", "'hex'", 0 },
	{ "xmloption", "'content'", 0 },
	{ "xmlbinary", "'base64'", 0 },
	{ "array_nulls", "on", 0 },
	{ "transform_null_equals", "off", 0 },
	{ "quote_all_identifiers", "off", 0 },
	{ "check_function_bodies", "on", 0 },
	{ "plan_cache_mode", "auto", 0 },
	{ "jit", "off", 0 },
	/* Warnings matter (a commit that was not replicated), the chatter below them does not. */
	{ "client_min_messages", "warning", 0 },
};

/* Where the server can notice that its client is gone; elsewhere setting it is an error. */
static const char *
can_check_client(int server_version)
{
	return server_version < 150000 ? "linux" : "linux|bsd|darwin|illumos";
}

char *
tide_session_sql(void *ctx, int server_version)
{
	char *sql = talloc_strdup(ctx, "");

	for (size_t i = 0; i < TIDE_COUNT(settings); i++)
		if (server_version >= settings[i].since)
			sql = talloc_asprintf_append_buffer(
			    sql, "SET %s = %s;\n", settings[i].name, settings[i].value);
	return talloc_asprintf_append_buffer(sql,
	    /* Nothing is converted in a database of bytes, but UTF8 would make reading other bytes an error. */
	    "SELECT pg_catalog.set_config('client_encoding', CASE pg_catalog.getdatabaseencoding()"
	    " WHEN 'SQL_ASCII' THEN 'SQL_ASCII' ELSE 'UTF8' END, false);\n"
	    "SELECT pg_catalog.set_config('client_connection_check_interval', '500ms', false)"
	    " WHERE pg_catalog.version() ~* '%s';\n"
	    /* Only a superuser may change it, so that it is touched only where it is wrong; else this fails, rightly. */
	    "SELECT pg_catalog.set_config('session_replication_role', 'origin', false)"
	    " WHERE pg_catalog.current_setting('session_replication_role') <> 'origin';\n"
	    "SELECT pg_catalog.pg_backend_pid()",
	    can_check_client(server_version));
}
