#include "blockers.h"

#include <string.h>
#include <talloc.h>

#include "tidemark/plans/expression.h"

void
tide_blockers_read(void *ctx, const struct tide_rows *rows, struct tide_blockers *out)
{
	size_t count = tide_rows_count(rows);

	out->item = talloc_zero_array(ctx, struct tide_blocker, (unsigned)count);
	out->count = 0;
	out->behind = count > 0 ? tide_rows_int(rows, 0, 7) : 0;
	for (size_t i = 0; i < count; i++) {
		struct tide_blocker *b = &out->item[out->count];

		if (tide_rows_null(rows, i, 0))
			continue;
		b->pid = (int)tide_rows_int(rows, i, 0);
		b->user = talloc_strdup(out->item, tide_rows_text(rows, i, 1));
		b->application = talloc_strdup(out->item, tide_rows_text(rows, i, 2));
		b->state = talloc_strdup(out->item, tide_rows_text(rows, i, 3));
		b->age = tide_rows_null(rows, i, 4) ? -1 : tide_rows_real(rows, i, 4);
		b->query = tide_rows_null(rows, i, 5)
			       ? NULL
			       : tide_sql_mask(out->item, tide_rows_text(rows, i, 5), 60);
		b->vacuum = !tide_rows_null(rows, i, 6) &&
			    strcmp(tide_rows_text(rows, i, 6), "autovacuum worker") == 0;
		b->gid = talloc_strdup(out->item, tide_rows_text(rows, i, 8));
		out->count++;
	}
}

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
