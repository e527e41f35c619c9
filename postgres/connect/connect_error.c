#include "connect_error.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include <libpq-fe.h>
#include <talloc.h>

#include "conn/sqlstate.h"
#include "tidemark/postgres/conn.h"
#include "tidemark/base/redact.h"

/* The first row that fits decides. `state` is a prefix of the SQLSTATE; without a state only the words count. */
static const struct {
	const char *state, *words;
	enum tide_code code;
	const char *hint;
} causes[] = {
	{ "57P03", NULL, TIDE_UNREACHABLE,
	    "the server is starting, stopping or recovering: try again (tidemark wait does)" },
	{ "53300", "connections for role", TIDE_UNREACHABLE,
	    "the role has no connection left: try again, or ALTER ROLE … CONNECTION LIMIT" },
	{ "53300", "connections for database", TIDE_UNREACHABLE,
	    "the database has no connection left: try again, or ALTER DATABASE … CONNECTION LIMIT" },
	{ "53300", NULL, TIDE_UNREACHABLE,
	    "all connections of the server are in use: try again, or raise max_connections" },
	{ "28P01", NULL, TIDE_USAGE,
	    "the password is wrong or the role has none: `tidemark config` shows where it comes from" },
	{ "28000", "no pg_hba.conf entry", TIDE_USAGE,
	    "the server's pg_hba.conf does not allow this connection: check user, database, address, and whether "
	    "it wants TLS (sslmode=require)" },
	{ "28", NULL, TIDE_USAGE,
	    "the server does not allow this role to connect: check the user and the server's pg_hba.conf" },
	{ "3D000", NULL, TIDE_USAGE,
	    "there is no such database on this server: check the name, also its upper and lower case" },
	{ "42501", NULL, TIDE_PRECONDITION,
	    "the role lacks CONNECT on this database: GRANT CONNECT ON DATABASE … TO …" },
	{ "22023", NULL, TIDE_USAGE, "the server does not accept a setting of `options`" },
	{ "42704", NULL, TIDE_USAGE, "the server does not accept a setting of `options`" },
	{ "08P01", "startup parameter", TIDE_PRECONDITION,
	    "a connection pooler refuses a setting: connect to PostgreSQL directly" },
	{ "08P01", "no such database", TIDE_USAGE, "this pooler knows no such database: check the name" },
	{ "08P01", "auth", TIDE_USAGE,
	    "the pooler does not allow this role to connect: check user and password" },
	{ NULL, "no password supplied", TIDE_USAGE,
	    "the server wants a password and none is set: in the URL, PGPASSWORD or ~/.pgpass" },
	{ NULL, "authentication method", TIDE_USAGE,
	    "the server requires another authentication method than the one that is set" },
	{ NULL, "root certificate", TIDE_USAGE,
	    "TLS: set sslrootcert, or sslmode=require to skip the check of the certificate" },
	{ NULL, "certificate", TIDE_USAGE,
	    "TLS: the certificate is not accepted: check sslrootcert, sslcert, sslmode and the host name" },
	{ NULL, "private key", TIDE_USAGE, "TLS: check sslkey and its file permissions" },
	{ NULL, "does not support SSL", TIDE_USAGE,
	    "the server has no TLS: sslmode=prefer or disable, or turn it on there" },
	{ NULL, "server name", TIDE_USAGE,
	    "TLS: the certificate is for another host name: connect by that name" },
	{ NULL, "Connection refused", TIDE_UNREACHABLE,
	    "nothing listens there: is the server running, and are host and port right? (tidemark wait tries "
	    "again)" },
	{ NULL, "No such file or directory", TIDE_UNREACHABLE,
	    "there is no such socket: is the server running, and are its directory and port right? For TCP "
	    "set a host" },
	{ NULL, "Permission denied", TIDE_PRECONDITION,
	    "this user may not use the server's socket: check its directory's permissions" },
	{ NULL, "could not translate host name", TIDE_UNREACHABLE,
	    "the host name is unknown here: check its spelling and the network" },
	{ NULL, "timeout expired", TIDE_UNREACHABLE,
	    "no answer: a firewall, a wrong address or a server that hangs; connect_timeout sets the limit" },
	{ NULL, "timed out", TIDE_UNREACHABLE,
	    "no answer: a firewall, a wrong address or a server that hangs" },
	{ NULL, "No route to host", TIDE_UNREACHABLE, "no route to this host: check the network" },
	{ NULL, "Network is unreachable", TIDE_UNREACHABLE, "no route to this host: check the network" },
	{ NULL, "read-only", TIDE_UNREACHABLE,
	    "target_session_attrs asks for a server that accepts writes: a failover may be under way" },
	{ NULL, "hot standby", TIDE_UNREACHABLE,
	    "target_session_attrs asks for a primary: a failover may be under way" },
	{ NULL, "invalid response", TIDE_USAGE, "what answers there is not PostgreSQL: check host and port" },
	{ NULL, "invalid", TIDE_USAGE,
	    "a connection setting has a wrong value: `tidemark config` shows where each comes from" },
	{ NULL, "could not match", TIDE_USAGE, "as many ports as hosts, or only one port" },
	{ NULL, "definition of service", TIDE_USAGE,
	    "there is no such service in the service file: check PGSERVICE and ~/.pg_service.conf" },
	{ NULL, "service file", TIDE_USAGE, "check PGSERVICEFILE and ~/.pg_service.conf" },
	{ NULL, "", TIDE_UNREACHABLE, "is the server running, and are host and port right?" },
};

/* With verbose errors libpq writes "FATAL:  28P01: …". The last one is of the server that was tried last. */
static const char *
find_state(const char *text)
{
	const char *found = NULL;

	for (const char *s = strstr(text, ":  "); s != NULL; s = strstr(s + 1, ":  ")) {
		size_t length = 0;

		while (isupper((unsigned char)s[3 + length]) || isdigit((unsigned char)s[3 + length]))
			length++;
		if (length == 5 && strncmp(s + 8, ": ", 2) == 0)
			found = s + 3;
	}
	return found;
}

/* Where it failed is said by us already; only with several hosts does it matter which. */
static const char *
skip_place(const char *text)
{
	static const char place[] = "connection to server ", failed[] = " failed: ";
	const char *end = strstr(text, failed);

	if (strncmp(text, place, strlen(place)) != 0 || end == NULL || strstr(text + 1, place) != NULL)
		return text;
	return end + strlen(failed);
}

/* Leaves out the SQLSTATE and the place in the server's source, which only the verbose form has, and libpq's advice. */
static char *
plain_text(void *ctx, const char *text)
{
	char *out = talloc_strdup(ctx, "");

	while (*text != '\0') {
		size_t length = strcspn(text, "\n");
		char *line = talloc_strndup(ctx, text, length);
		const char *state = find_state(line);

		if (state != NULL)
			memmove(line + (state - line), state + 7, strlen(state + 7) + 1);
		if (strncmp(line, "LOCATION:", 9) != 0 && line[0] != '\t')
			out = talloc_asprintf_append_buffer(out, "%s\n", line);
		text += length + (text[length] != '\0');
	}
	return tide_libpq_text(ctx, skip_place(out));
}

bool
tide_connect_fail(struct tide_err *err, const char *where, const char *text)
{
	void *mem = talloc_new(NULL);
	const char *state = find_state(text);
	size_t i = 0;

	for (; i + 1 < TIDE_COUNT(causes); i++) {
		bool fits = causes[i].state == NULL ||
			    (state != NULL && strncmp(state, causes[i].state, strlen(causes[i].state)) == 0);

		/* What the server has said is told by its state, not by words that a name may contain. */
		if (fits && causes[i].state == NULL && state != NULL)
			fits = false;
		if (fits && (causes[i].words == NULL || strstr(text, causes[i].words) != NULL))
			break;
	}
	tide_fail(err, causes[i].code, "cannot connect to %s: %s", where, plain_text(mem, text));
	tide_hint(err, "%s", causes[i].hint);
	if (err != NULL && state != NULL) {
		snprintf(err->sqlstate, sizeof(err->sqlstate), "%.5s", state);
		if (i + 1 == TIDE_COUNT(causes)) {
			err->code = tide_sqlstate_code(err->sqlstate);
			err->hint[0] = '\0';
		}
	}
	talloc_free(mem);
	return false;
}

static const char *
or_word(const char *text, const char *word)
{
	return text == NULL || text[0] == '\0' ? word : text;
}

char *
tide_connect_target(void *ctx, const PGconn *pg)
{
	const char *host = or_word(PQhost(pg), "the local server");
	const char *colon = strchr(host, ':') != NULL ? "[]" : NULL; /* an IPv6 address */
	char *text = talloc_asprintf(ctx, "%s%s%s:%s, database \"%s\", user \"%s\"", colon ? "[" : "", host,
	    colon ? "]" : "", or_word(PQport(pg), "5432"), or_word(PQdb(pg), ""), or_word(PQuser(pg), ""));
	char *safe = tide_redact(ctx, text);

	talloc_free(text);
	return safe;
}
