#include "tidemark/plans/findings.h"

#include <stdarg.h>

#include <talloc.h>

void
tide_findings_add(struct tide_findings *out, enum tide_severity severity, const char *rule, int line,
    int column, const char *hint, const char *fmt, ...)
{
	struct tide_finding *finding;
	va_list args;

	out->item = talloc_realloc(out, out->item, struct tide_finding, (unsigned)out->count + 1);
	finding = &out->item[out->count++];
	*finding =
	    (struct tide_finding){ .severity = severity, .rule = rule, .line = line, .column = column };
	va_start(args, fmt);
	finding->message = talloc_vasprintf(out, fmt, args);
	va_end(args);
	if (hint != NULL)
		finding->hint = talloc_strdup(out, hint);
}

bool
tide_findings_has_error(const struct tide_findings *findings)
{
	for (size_t i = 0; i < findings->count; i++)
		if (findings->item[i].severity == TIDE_ERROR)
			return true;
	return false;
}
