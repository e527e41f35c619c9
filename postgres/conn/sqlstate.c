#include "sqlstate.h"

#include <stdio.h>
#include <string.h>

#include <libpq-fe.h>
#include <talloc.h>

#include "tidemark/base/array.h"
#include "tidemark/base/redact.h"

/* The first row whose state is a prefix decides: whole states stand before their class. */
static const struct {
	const char *state;
	enum tide_code code;
} codes[] = {
	{ "55P03", TIDE_LOCK },         /* lock_not_available */
	{ "40P01", TIDE_LOCK },         /* deadlock_detected */
	{ "08", TIDE_UNREACHABLE },     /* connection exceptions */
	{ "57P01", TIDE_UNREACHABLE },  /* admin_shutdown, pg_terminate_backend */
	{ "57P02", TIDE_UNREACHABLE },  /* crash_shutdown */
	{ "57P03", TIDE_UNREACHABLE },  /* cannot_connect_now: starting, stopping, recovering */
	{ "57P05", TIDE_UNREACHABLE },  /* idle_session_timeout */
	{ "25P03", TIDE_UNREACHABLE },  /* idle_in_transaction_session_timeout: the session is gone */
	{ "25P04", TIDE_UNREACHABLE },  /* transaction_timeout: the session is gone */
	{ "53300", TIDE_UNREACHABLE },  /* too_many_connections */
	{ "53100", TIDE_PRECONDITION }, /* disk_full */
	{ "53200", TIDE_PRECONDITION }, /* out_of_memory, of the server */
	{ "53400", TIDE_PRECONDITION }, /* configuration_limit_exceeded: temp_file_limit */
	{ "28", TIDE_USAGE },           /* wrong password, no such role, pg_hba.conf */
	{ "3D000", TIDE_USAGE },        /* no such database */
	{ "57P04", TIDE_PRECONDITION }, /* database_dropped */
	{ "42501", TIDE_PRECONDITION }, /* insufficient_privilege */
	{ "25006", TIDE_PRECONDITION }, /* read_only_sql_transaction: a standby */
	{ "2BP01", TIDE_PRECONDITION }, /* dependent_objects_still_exist */
	{ "55006", TIDE_PRECONDITION }, /* object_in_use */
};

/* Their detail is the whole row, with every column of the application in it. */
static const char *const row_in_detail[] = { "23502", "23514" };

enum tide_code
tide_sqlstate_code(const char *sqlstate)
{
	if (sqlstate == NULL || sqlstate[0] == '\0')
		return TIDE_UNREACHABLE;
	for (size_t i = 0; i < TIDE_COUNT(codes); i++)
		if (strncmp(sqlstate, codes[i].state, strlen(codes[i].state)) == 0)
			return codes[i].code;
	return TIDE_UNEXPECTED;
}

char *
tide_libpq_text(void *ctx, const char *text)
{
	char *out = tide_redact(ctx, text);
	size_t used = 0;

	for (const char *from = out; *from != '\0'; from++) {
		bool blank = *from == '\n' || *from == '\t' || *from == ' ';

		if (!blank)
			out[used++] = *from;
		else if (used > 0 && out[used - 1] != ' ')
			out[used++] = ' ';
	}
	while (used > 0 && (out[used - 1] == ' ' || out[used - 1] == '.'))
		used--;
	out[used] = '\0';
	return out;
}

char *
tide_libpq_line(void *ctx, const char *text)
{
	char *line = talloc_strndup(ctx, text, strcspn(text, "\n")), *out = tide_libpq_text(ctx, line);

	talloc_free(line);
	return out;
}

static bool
tells_row(const char *sqlstate)
{
	for (size_t i = 0; i < TIDE_COUNT(row_in_detail); i++)
		if (strcmp(sqlstate, row_in_detail[i]) == 0)
			return true;
	return false;
}

/* A panic takes all sessions with it, and the server comes back by itself: whatever its cause, for us a connection is lost. */
static enum tide_code
result_code(const PGresult *result, const char *sqlstate)
{
	const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);

	return severity != NULL && strcmp(severity, "PANIC") == 0 ? TIDE_UNREACHABLE
								  : tide_sqlstate_code(sqlstate);
}

/* The server's errors keep to its own capitals and quotes; only the primary message is made to look like ours. */
bool
tide_result_fail(struct tide_err *err, const PGresult *result)
{
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	const char *detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
	const char *hint = PQresultErrorField(result, PG_DIAG_MESSAGE_HINT);
	void *mem = talloc_new(NULL);

	/* Made by libpq itself: the connection is gone. */
	if (primary == NULL) {
		primary = tide_libpq_line(mem, PQresultErrorMessage(result));
		sqlstate = sqlstate == NULL ? "08006" : sqlstate;
	}
	if (primary[0] == '\0')
		primary = "the connection was lost";
	tide_fail(err, result_code(result, sqlstate), "%s", tide_libpq_text(mem, primary));
	if (err != NULL && sqlstate != NULL)
		snprintf(err->sqlstate, sizeof(err->sqlstate), "%s", sqlstate);
	if (detail != NULL && sqlstate != NULL && tells_row(sqlstate))
		detail = NULL;
	if (detail != NULL || hint != NULL)
		tide_hint(err, "%s%s%s", detail == NULL ? "" : tide_libpq_text(mem, detail),
		    detail != NULL && hint != NULL ? "; " : "",
		    hint == NULL ? "" : tide_libpq_text(mem, hint));
	talloc_free(mem);
	return false;
}
