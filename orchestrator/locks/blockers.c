#include "blockers.h"

#include <string.h>
#include <talloc.h>

#include "tidemark/plans/expression.h"

static const struct tide_record_field blocker_fields[] = {
	TIDE_FIELD(tide_blocker, pid, INT32),
	TIDE_FIELD(tide_blocker, user, TEXT),
	TIDE_FIELD(tide_blocker, application, TEXT),
	TIDE_FIELD(tide_blocker, state, TEXT),
	TIDE_FIELD(tide_blocker, query, TEXT),
	TIDE_FIELD(tide_blocker, gid, TEXT),
	TIDE_FIELD(tide_blocker, age, REAL),
};
static const struct tide_record blocker_record = TIDE_RECORD(blocker_fields);

static void
read_blocker(void *ctx, const struct tide_rows *rows, size_t row, struct tide_blocker *out)
{
	const char *type = tide_rows_text(rows, row, tide_rows_column(rows, "backend_type"));

	tide_rows_record(ctx, rows, row, &blocker_record, out);
	out->query = out->query != NULL ? tide_sql_mask(ctx, out->query, 60) : NULL;
	out->vacuum = type != NULL && strcmp(type, "autovacuum worker") == 0;
}

/* blockers.sql gives one row even without a blocker: the number of sessions that wait for us is in it. */
void
tide_blockers_read(void *ctx, const struct tide_rows *rows, struct tide_blockers *out)
{
	size_t count = tide_rows_count(rows), pid = tide_rows_column(rows, "pid");

	out->item = talloc_zero_array(ctx, struct tide_blocker, (unsigned)count);
	out->count = 0;
	out->behind = count > 0 ? tide_rows_int(rows, 0, tide_rows_column(rows, "behind")) : 0;
	for (size_t i = 0; i < count; i++)
		if (!tide_rows_null(rows, i, pid))
			read_blocker(out->item, rows, i, &out->item[out->count++]);
}

/* At most three: the text becomes part of a log line, of an error message and of the run's reason. */
char *
tide_blockers_text(void *ctx, const struct tide_blockers *blockers)
{
	char *text = talloc_strdup(ctx, "");

	for (size_t i = 0; i < blockers->count && i < 3; i++) {
		const struct tide_blocker *b = &blockers->item[i];

		if (i > 0)
			text = talloc_strdup_append(text, "; ");
		if (b->pid == 0) {
			text = talloc_asprintf_append(
			    text, "prepared transaction '%s'", b->gid != NULL ? b->gid : "?");
			continue;
		}
		text = talloc_asprintf_append(text, "pid %d (%s '%s', user '%s', %s", b->pid,
		    b->vacuum ? "autovacuum" : "application", b->application != NULL ? b->application : "",
		    b->user != NULL ? b->user : "", b->state != NULL ? b->state : "state hidden");
		if (b->age >= 0)
			text = talloc_asprintf_append(text, ", transaction open for %.1f s", b->age);
		text = talloc_strdup_append(text, ")");
		if (b->query != NULL && b->query[0] != '\0')
			text = talloc_asprintf_append(text, ": %s", b->query);
	}
	if (blockers->count > 3)
		text = talloc_asprintf_append(text, "; and %zu more", blockers->count - 3);
	return text;
}
