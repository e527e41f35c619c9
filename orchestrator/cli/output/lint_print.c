#include "lint_print.h"

#include <string.h>
#include <talloc.h>

const char *
tide_severity_name(enum tide_severity severity)
{
	static const char *const names[] = {
		[TIDE_NOTE] = "note", [TIDE_WARNING] = "warning", [TIDE_ERROR] = "error"
	};

	return names[severity];
}

size_t
tide_lint_count(const struct tide_findings *findings, enum tide_severity severity)
{
	size_t count = 0;

	for (size_t i = 0; i < findings->count; i++)
		count += findings->item[i].severity == severity;
	return count;
}

static bool
same(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* Of a statement of the plan's author, what is known with the catalog replaces what is said without it. */
static bool
is_same(const struct tide_finding *a, const struct tide_finding *b)
{
	if (a->line != b->line || !same(a->rule, b->rule))
		return false;
	if (a->about != NULL && b->about != NULL)
		return same(a->about, b->about);
	return a->severity == b->severity && same(a->message, b->message);
}

void
tide_lint_merge(struct tide_findings *into, const struct tide_findings *more)
{
	for (size_t i = 0; i < more->count; i++) {
		const struct tide_finding *f = &more->item[i];
		size_t at = 0;

		while (at < into->count && !is_same(&into->item[at], f))
			at++;
		if (at == into->count)
			tide_findings_add(
			    into, f->severity, f->rule, f->line, f->column, f->hint, "%s", f->message);
		else if (f->severity > into->item[at].severity) {
			into->item[at].severity = f->severity;
			into->item[at].message = talloc_strdup(into, f->message);
		}
	}
}

void
tide_lint_from_err(struct tide_findings *into, const char *rule, const struct tide_err *err)
{
	tide_findings_add(into, TIDE_ERROR, rule, err->line, err->column,
	    err->hint[0] != '\0' ? err->hint : NULL, "%s", err->message);
}

static void
place(struct tide_stream *stream, enum tide_style style, const char *path, const struct tide_finding *f)
{
	if (f->line > 0)
		tide_output_say(stream, style, "%s:%d:%d: ", path, f->line, f->column);
	else
		tide_output_say(stream, style, "%s: ", path);
}

void
tide_lint_print_human(struct tide_stream *stream, const char *path, const struct tide_findings *findings)
{
	static const enum tide_style styles[] = {
		[TIDE_NOTE] = TIDE_CYAN, [TIDE_WARNING] = TIDE_YELLOW, [TIDE_ERROR] = TIDE_RED
	};

	for (size_t i = 0; i < findings->count; i++) {
		const struct tide_finding *f = &findings->item[i];

		place(stream, TIDE_BOLD, path, f);
		tide_output_say(stream, styles[f->severity], "%s: ", tide_severity_name(f->severity));
		tide_output_say(stream, TIDE_PLAIN, "%s", f->message);
		tide_output_say(stream, TIDE_DIM, " [%s]\n", f->rule);
		for (const char *hint = f->hint; hint != NULL && *hint != '\0';) {
			size_t length = strcspn(hint, "\n");

			tide_output_say(stream, TIDE_CYAN, "    hint: ");
			tide_output_say(stream, TIDE_PLAIN, "%.*s\n", (int)length, hint);
			hint += length + (hint[length] == '\n');
		}
	}
}

/** On one line, whatever it holds. */
static char *
flat(void *ctx, const char *text)
{
	char *copy = talloc_strdup(ctx, text);

	for (char *c = copy; *c != '\0'; c++)
		if (*c == '\n' || *c == '\t')
			*c = ' ';
	return copy;
}

void
tide_lint_print_gcc(struct tide_stream *stream, const char *path, const struct tide_findings *findings)
{
	void *mem = talloc_new(NULL);

	for (size_t i = 0; i < findings->count; i++) {
		const struct tide_finding *f = &findings->item[i];

		tide_output_say(stream, TIDE_PLAIN, "%s:%d:%d: %s: %s [%s]\n", path,
		    f->line > 0 ? f->line : 1, f->column > 0 ? f->column : 1, tide_severity_name(f->severity),
		    flat(mem, f->message), f->rule);
	}
	talloc_free(mem);
}

/** The escapes of workflow commands; properties need two more. */
static char *
escaped(void *ctx, const char *text, bool property)
{
	char *out = talloc_strdup(ctx, "");

	for (; *text != '\0'; text++) {
		bool special = *text == '%' || *text == '\r' || *text == '\n' ||
			       (property && (*text == ':' || *text == ','));

		out = special ? talloc_asprintf_append(out, "%%%02X", (unsigned)*text)
			      : talloc_strndup_append(out, text, 1);
	}
	return out;
}

void
tide_lint_print_github(struct tide_stream *stream, const char *path, const struct tide_findings *findings)
{
	static const char *const commands[] = {
		[TIDE_NOTE] = "notice", [TIDE_WARNING] = "warning", [TIDE_ERROR] = "error"
	};
	void *mem = talloc_new(NULL);

	for (size_t i = 0; i < findings->count; i++) {
		const struct tide_finding *f = &findings->item[i];
		const char *message =
		    f->hint == NULL ? f->message : talloc_asprintf(mem, "%s\nhint: %s", f->message, f->hint);

		tide_output_say(stream, TIDE_PLAIN, "::%s file=%s,line=%d,col=%d,title=%s::%s\n",
		    commands[f->severity], escaped(mem, path, true), f->line > 0 ? f->line : 1,
		    f->column > 0 ? f->column : 1, escaped(mem, f->rule, true), escaped(mem, message, false));
	}
	talloc_free(mem);
}
