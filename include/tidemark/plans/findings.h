#ifndef TIDE_FINDINGS_H
#define TIDE_FINDINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "tidemark/base/err.h"

enum tide_severity { TIDE_NOTE, TIDE_WARNING, TIDE_ERROR };

/** One thing to say about a plan. `rule` is a stable id such as "sql-blocking-index". */
struct tide_finding {
	enum tide_severity severity;
	const char *rule;
	int line, column;
	char *message, *hint; /* hint may be NULL */
	/* the same rule says the same of it in every pass; NULL: only the same message is the same */
	char *about;
};

struct tide_findings {
	struct tide_finding *item;
	size_t count;
};

/** `out` must be talloc'd; texts are allocated under it. hint may be NULL. */
void tide_findings_add(struct tide_findings *out, enum tide_severity severity, const char *rule, int line,
    int column, const char *hint, const char *fmt, ...) TIDE_PRINTF(7, 8);
bool tide_findings_has_error(const struct tide_findings *findings);

/** The first error of those from `before` on becomes err (TIDE_PRECONDITION, placed in `path`), which says when there are more. True: none. */
bool tide_findings_refuse(
    const struct tide_findings *findings, size_t before, const char *path, struct tide_err *err) TIDE_CHECKED;

#endif
