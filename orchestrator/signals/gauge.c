#include "gauge.h"

#include <talloc.h>

#include "tidemark/base/units.h"

#define RELEASED_AT 0.8

void
tide_gauge_read(struct tide_gauge *gauge, void *ctx, const struct tide_rows *rows, const char *column,
    const struct tide_err *err)
{
	size_t at;

	TALLOC_FREE(gauge->failure);
	if (rows == NULL) {
		gauge->failure = talloc_strdup(ctx, err->message);
		return;
	}
	at = tide_rows_column(rows, column);
	gauge->value = tide_rows_null(rows, 0, at) ? -1 : tide_rows_real(rows, 0, at);
}

static char *
text_of(void *ctx, const struct tide_gauge_kind *kind, double value, double limit)
{
	char read[32], most[32];

	if (!kind->bytes)
		return talloc_asprintf(ctx, "%s %.1f, limit %.1f", kind->name, value, limit);
	return talloc_asprintf(ctx, "%s %s, limit %s", kind->name,
	    tide_size_format((int64_t)value, read, sizeof(read)),
	    tide_size_format((int64_t)limit, most, sizeof(most)));
}

struct tide_hold
tide_gauge_judge(void *ctx, const struct tide_gauge_kind *kind, struct tide_gauge *gauge, double limit)
{
	if (limit > 0 && gauge->failure != NULL)
		return (struct tide_hold){ kind->unreadable,
			talloc_asprintf(ctx, "%s cannot be read: %s", kind->name, gauge->failure) };
	gauge->over =
	    limit > 0 && gauge->value >= 0 && gauge->value >= limit * (gauge->over ? RELEASED_AT : 1);
	if (!gauge->over)
		return (struct tide_hold){ 0 };
	return (struct tide_hold){ kind->reached, text_of(ctx, kind, gauge->value, limit) };
}
