#include "notices.h"

#include <stdio.h>
#include <string.h>

#include <libpq-fe.h>
#include <talloc.h>

#include "sqlstate.h"

/* A statement that warns for every row must not fill the memory. */
#define KEPT 256

static const char *const worth_telling[] = { "WARNING", "ERROR", "FATAL", "PANIC" };

static bool
is_worth_telling(const char *severity)
{
	for (size_t i = 0; severity != NULL && i < TIDE_COUNT(worth_telling); i++)
		if (strcmp(severity, worth_telling[i]) == 0)
			return true;
	return false;
}

void
tide_notices_add(void *ctx, struct tide_notices *notices, const PGresult *result)
{
	const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	struct tide_notice *notice;

	if (!is_worth_telling(severity) || notices->count >= KEPT)
		return;
	notice = talloc_zero(ctx, struct tide_notice);
	snprintf(notice->severity, sizeof(notice->severity), "%s", severity);
	snprintf(notice->sqlstate, sizeof(notice->sqlstate), "%s", sqlstate == NULL ? "" : sqlstate);
	notice->message = tide_libpq_text(notice, message == NULL ? "" : message);
	if (notices->first == NULL)
		notices->last = &notices->first;
	*notices->last = notice;
	notices->last = &notice->next;
	notices->count++;
}

struct tide_notice *
tide_notices_shift(struct tide_notices *notices)
{
	struct tide_notice *notice = notices->first;

	if (notice == NULL)
		return NULL;
	notices->first = notice->next;
	notices->count--;
	return notice;
}
