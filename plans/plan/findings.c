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

bool
tide_findings_refuse(
    const struct tide_findings *findings, size_t before, const char *path, struct tide_err *err)
{
	const struct tide_finding *first = NULL;
	size_t errors = 0;

	for (size_t i = before; i < findings->count; i++) {
		if (findings->item[i].severity != TIDE_ERROR)
			continue;
		if (first == NULL)
			first = &findings->item[i];
		errors++;
	}
	if (first == NULL)
		return true;
	tide_fail(err, TIDE_PRECONDITION, "%s%s", first->message,
	    errors > 1 ? " (and more: see tidemark plan)" : "");
	tide_place(err, path, first->line, first->column);
	return first->hint != NULL ? tide_hint(err, "%s", first->hint) : false;
}
