#include "url_drivers.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include <talloc.h>

#include "tidemark/base/names.h"

struct pair {
	const char *from, *to; /* to NULL: says nothing that libpq could be told */
};

/* How drivers say what libpq says with sslmode. */
static const struct pair ssl_modes[] = { { "disable", "disable" }, { "allow", "allow" },
	{ "prefer", "prefer" }, { "require", "require" }, { "verify-ca", "verify-ca" },
	{ "verify-full", "verify-full" }, { "true", "require" }, { "1", "require" }, { "on", "require" },
	{ "yes", "require" }, { "no-verify", "require" }, { "false", "disable" }, { "0", "disable" },
	{ "off", "disable" }, { "no", "disable" }, { NULL, NULL } };
static const struct pair ssl_accepts[] = { { "strict", "verify-full" }, { "accept_invalid_certs", NULL },
	{ NULL, NULL } };
static const struct pair switches[] = { { "true", "1" }, { "1", "1" }, { "false", "0" }, { "0", "0" },
	{ NULL, NULL } };
static const struct pair server_types[] = { { "any", "any" }, { "primary", "primary" },
	{ "master", "primary" }, { "secondary", "standby" }, { "slave", "standby" },
	{ "preferSecondary", "prefer-standby" }, { "preferSlave", "prefer-standby" }, { NULL, NULL } };

#define SCHEMA_NOTE "; the plan names its table, with its schema where that matters"
#define POOLER_NOTE "; tidemark needs a direct connection, not one through a transaction pooler"

/** A key that libpq does not have, or has with other values. `to` NULL: left out with a warning. */
static const struct driver_key {
	const char *key, *to;
	const struct pair *values; /* NULL: as it is */
	const char *note;          /* for the warning */
} driver_keys[] = {
	/* libpq's own, with values of others */
	{ "sslmode", "sslmode", ssl_modes, NULL },
	/* asyncpg, psycopg, SQLAlchemy */
	{ "ssl", "sslmode", ssl_modes, NULL },
	{ "direct_tls", NULL, NULL, NULL },
	{ "prepared_statement_cache_size", NULL, NULL, NULL },
	{ "prepared_statement_name_func", NULL, NULL, NULL },
	{ "statement_cache_size", NULL, NULL, NULL },
	{ "max_cached_statement_lifetime", NULL, NULL, NULL },
	{ "max_cacheable_statement_size", NULL, NULL, NULL },
	{ "command_timeout", NULL, NULL, NULL },
	{ "timeout", NULL, NULL, NULL },
	{ "server_settings", NULL, NULL, NULL },
	{ "async_fallback", NULL, NULL, NULL },
	{ "prepare_threshold", NULL, NULL, NULL },
	{ "autocommit", NULL, NULL, NULL },
	{ "isolation_level", NULL, NULL, NULL },
	{ "charset", NULL, NULL, NULL },
	/* SQLAlchemy's engine and its pool */
	{ "pool_size", NULL, NULL, NULL },
	{ "max_overflow", NULL, NULL, NULL },
	{ "pool_recycle", NULL, NULL, NULL },
	{ "pool_pre_ping", NULL, NULL, NULL },
	{ "echo", NULL, NULL, NULL },
	/* Django */
	{ "conn_max_age", NULL, NULL, NULL },
	{ "conn_health_checks", NULL, NULL, NULL },
	{ "disable_server_side_cursors", NULL, NULL, NULL },
	{ "ssl_require", "sslmode", ssl_modes, NULL },
	/* Prisma */
	{ "schema", NULL, NULL, SCHEMA_NOTE },
	{ "connection_limit", NULL, NULL, NULL },
	{ "pool_timeout", NULL, NULL, NULL },
	{ "socket_timeout", NULL, NULL, NULL },
	{ "pgbouncer", NULL, NULL, POOLER_NOTE },
	{ "sslaccept", "sslmode", ssl_accepts, NULL },
	{ "sslidentity", NULL, NULL, NULL },
	{ "single_use_connections", NULL, NULL, NULL },
	/* JDBC */
	{ "currentSchema", NULL, NULL, SCHEMA_NOTE },
	{ "ApplicationName", NULL, NULL, NULL },
	{ "connectTimeout", "connect_timeout", NULL, NULL },
	{ "loginTimeout", NULL, NULL, NULL },
	{ "socketTimeout", NULL, NULL, NULL },
	{ "cancelSignalTimeout", NULL, NULL, NULL },
	{ "tcpKeepAlive", "keepalives", switches, NULL },
	{ "tcpNoDelay", NULL, NULL, NULL },
	{ "targetServerType", "target_session_attrs", server_types, NULL },
	{ "hostRecheckSeconds", NULL, NULL, NULL },
	{ "loadBalanceHosts", NULL, NULL, NULL },
	{ "channelBinding", "channel_binding", NULL, NULL },
	{ "gssEncMode", "gssencmode", NULL, NULL },
	{ "kerberosServerName", "krbsrvname", NULL, NULL },
	{ "prepareThreshold", NULL, NULL, NULL },
	{ "preparedStatementCacheQueries", NULL, NULL, NULL },
	{ "preparedStatementCacheSizeMiB", NULL, NULL, NULL },
	{ "preferQueryMode", NULL, NULL, NULL },
	{ "databaseMetadataCacheFields", NULL, NULL, NULL },
	{ "databaseMetadataCacheFieldsMiB", NULL, NULL, NULL },
	{ "reWriteBatchedInserts", NULL, NULL, NULL },
	{ "defaultRowFetchSize", NULL, NULL, NULL },
	{ "adaptiveFetch", NULL, NULL, NULL },
	{ "binaryTransfer", NULL, NULL, NULL },
	{ "binaryTransferEnable", NULL, NULL, NULL },
	{ "binaryTransferDisable", NULL, NULL, NULL },
	{ "stringtype", NULL, NULL, NULL },
	{ "autosave", NULL, NULL, NULL },
	{ "cleanupSavepoints", NULL, NULL, NULL },
	{ "readOnly", NULL, NULL, NULL },
	{ "readOnlyMode", NULL, NULL, NULL },
	{ "assumeMinServerVersion", NULL, NULL, NULL },
	{ "allowEncodingChanges", NULL, NULL, NULL },
	{ "logUnclosedConnections", NULL, NULL, NULL },
	{ "logServerErrorDetail", NULL, NULL, NULL },
	{ "loggerLevel", NULL, NULL, NULL },
	{ "loggerFile", NULL, NULL, NULL },
	{ "disableColumnSanitiser", NULL, NULL, NULL },
	{ "escapeSyntaxCallMode", NULL, NULL, NULL },
	{ "maxResultBuffer", NULL, NULL, NULL },
	{ "socketFactory", NULL, NULL, NULL },
	{ "socketFactoryArg", NULL, NULL, NULL },
	{ "sslfactory", NULL, NULL, NULL },
	{ "sslfactoryarg", NULL, NULL, NULL },
	{ "sslhostnameverifier", NULL, NULL, NULL },
	{ "sslpasswordcallback", NULL, NULL, NULL },
	{ "sslResponseTimeout", NULL, NULL, NULL },
	/* Rails */
	{ "pool", NULL, NULL, NULL },
	{ "checkout_timeout", NULL, NULL, NULL },
	{ "idle_timeout", NULL, NULL, NULL },
	{ "reaping_frequency", NULL, NULL, NULL },
	{ "prepared_statements", NULL, NULL, NULL },
	{ "statement_limit", NULL, NULL, NULL },
	{ "advisory_locks", NULL, NULL, NULL },
	{ "encoding", NULL, NULL, NULL },
	{ "min_messages", NULL, NULL, NULL },
	{ "schema_search_path", NULL, NULL, SCHEMA_NOTE },
	{ "variables", NULL, NULL, NULL },
	{ "adapter", NULL, NULL, NULL },
	{ "reconnect", NULL, NULL, NULL },
	/* Go: pgx, lib/pq, golang-migrate */
	{ "pool_max_conns", NULL, NULL, NULL },
	{ "pool_min_conns", NULL, NULL, NULL },
	{ "pool_max_conn_lifetime", NULL, NULL, NULL },
	{ "pool_max_conn_lifetime_jitter", NULL, NULL, NULL },
	{ "pool_max_conn_idle_time", NULL, NULL, NULL },
	{ "pool_health_check_period", NULL, NULL, NULL },
	{ "default_query_exec_mode", NULL, NULL, NULL },
	{ "statement_cache_capacity", NULL, NULL, NULL },
	{ "statement_cache_mode", NULL, NULL, NULL },
	{ "description_cache_capacity", NULL, NULL, NULL },
	{ "prefer_simple_protocol", NULL, NULL, NULL },
	{ "binary_parameters", NULL, NULL, NULL },
	{ "search_path", NULL, NULL, SCHEMA_NOTE },
	{ "statement_timeout", NULL, NULL, NULL },
	{ "lock_timeout", NULL, NULL, NULL },
	{ "idle_in_transaction_session_timeout", NULL, NULL, NULL },
	{ "timezone", NULL, NULL, NULL },
	{ "x-migrations-table", NULL, NULL, NULL },
	{ "x-migrations-table-quoted", NULL, NULL, NULL },
	{ "x-statement-timeout", NULL, NULL, NULL },
	{ "x-multi-statement", NULL, NULL, NULL },
	/* Node, Rust, Elixir, hosts */
	{ "uselibpqcompat", NULL, NULL, NULL },
	{ "max", NULL, NULL, NULL },
	{ "keepAlive", "keepalives", switches, NULL },
	{ "query_timeout", NULL, NULL, NULL },
	{ "idleTimeoutMillis", NULL, NULL, NULL },
	{ "connectionTimeoutMillis", NULL, NULL, NULL },
	{ "statement-cache-capacity", NULL, NULL, NULL },
	{ "socket_options", NULL, NULL, NULL },
	{ "ipv6", NULL, NULL, NULL },
	{ "workaround", NULL, NULL, NULL },
	{ "supa", NULL, NULL, NULL },
	/* other words for the same */
	{ "database", "dbname", NULL, NULL },
	{ "username", "user", NULL, NULL },
	{ "passwd", "password", NULL, NULL },
};

static const struct driver_key *
find_key(const char *key)
{
	for (size_t i = 0; i < TIDE_COUNT(driver_keys); i++)
		if (strcasecmp(driver_keys[i].key, key) == 0)
			return &driver_keys[i];
	return NULL;
}

/* What is in a URL is shown only when it cannot be anything but the name of a key. */
static bool
may_be_named(const char *key)
{
	if (!isalpha((unsigned char)key[0]) || strlen(key) > 40)
		return false;
	for (; *key != '\0'; key++)
		if (!isalnum((unsigned char)*key) && strchr("_-.", *key) == NULL)
			return false;
	return true;
}

static bool
refuse_unknown(struct tide_settings_builder *builder, const char *key, const char *origin,
    const char *nearest, struct tide_err *err)
{
	(void)builder;
	tide_fail(err, TIDE_USAGE, "%s: unknown key \"%s\"", origin, key);
	return tide_hint(err, "did you mean %s?", nearest);
}

/* Drivers invent keys, so that an unknown one is no error; one that looks like a mistyped key of libpq is. */
static bool
take_unknown(struct tide_settings_builder *builder, const char *key, const char *origin, bool suspect,
    struct tide_err *err)
{
	const char *candidates[128], *nearest;
	size_t count = 0;

	if (suspect) {
		tide_fail(err, TIDE_USAGE, "%s has an @ after the part for the host", origin);
		return tide_hint(err, "in a password / is written %%2F, ? is %%3F, # is %%23 and @ is %%40");
	}
	if (!may_be_named(key)) {
		tide_settings_builder_warn(builder, "%s: a key that is not a name was ignored", origin);
		return true;
	}
	for (const PQconninfoOption *o = builder->known; o->keyword != NULL && count < TIDE_COUNT(candidates);
	     o++)
		candidates[count++] = o->keyword;
	nearest = tide_nearest(key, candidates, count);
	if (nearest != NULL)
		return refuse_unknown(builder, key, origin, nearest, err);
	tide_settings_builder_warn(builder, "%s: \"%s\" is unknown to libpq and was left out", origin, key);
	return true;
}

static bool
translate(struct tide_settings_builder *builder, const struct driver_key *row, const char *value,
    const char *origin, struct tide_err *err)
{
	const struct pair *pair = row->values;

	/* libpq's own word is stronger than a driver's, whichever comes first. */
	if (strcmp(row->key, row->to) != 0 && tide_settings_builder_find(builder, row->to) != NULL &&
	    strcmp(tide_settings_builder_find(builder, row->to)->origin, origin) == 0)
		return true;
	if (value[0] == '\0')
		value = "true"; /* JDBC: ?ssl */
	while (pair != NULL && pair->from != NULL && strcasecmp(pair->from, value) != 0)
		pair++;
	if (pair != NULL && pair->from == NULL) {
		tide_fail(err, TIDE_USAGE, "%s: the value of \"%s\" is not understood", origin, row->key);
		return tide_hint(err, "use libpq's own key %s", row->to);
	}
	tide_settings_builder_put(builder, row->to, pair == NULL ? value : pair->to, origin);
	return true;
}

bool
tide_url_query(struct tide_settings_builder *builder, const char *key, const char *value, const char *origin,
    bool suspect, struct tide_err *err)
{
	const struct driver_key *row = find_key(key);

	if (row != NULL && row->to != NULL)
		return translate(builder, row, value, origin, err);
	if (row != NULL) {
		tide_settings_builder_warn(builder, "%s: \"%s\" is a driver's own key and was left out%s",
		    origin, row->key, row->note == NULL ? "" : row->note);
		return true;
	}
	if (tide_settings_builder_keyword(builder, key) != NULL) {
		tide_settings_builder_put(builder, key, value, origin);
		return true;
	}
	return take_unknown(builder, key, origin, suspect, err);
}
