#ifndef TIDE_GAUGE_H
#define TIDE_GAUGE_H

#include <stdbool.h>

#include "tidemark/base/err.h"
#include "tidemark/orchestrator/hold.h"
#include "tidemark/postgres/rows.h"

/** What a measured quantity is, and what is said when it has reached its limit. */
struct tide_gauge_kind {
	const char *name; /* begins the text */
	enum tide_cause reached, unreadable;
	bool bytes;
};

/** The quantity as it was read last, and whether its limit is exceeded. Zero at first. */
struct tide_gauge {
	double value;  /* negative: there is nothing to measure */
	char *failure; /* why it could not be read the last time; NULL it could */
	bool over;     /* from the limit until the value has fallen below 80 % of it */
};

/** Keeps the column of the only row (NULL there: nothing to measure), or why there is none. A failure belongs to ctx. */
void tide_gauge_read(struct tide_gauge *gauge, void *ctx, const struct tide_rows *rows, const char *column,
    const struct tide_err *err);
/** No cause: it may continue. limit 0: not checked. What cannot be read counts as reached. The text belongs to ctx. */
struct tide_hold
tide_gauge_judge(void *ctx, const struct tide_gauge_kind *kind, struct tide_gauge *gauge, double limit);

#endif
