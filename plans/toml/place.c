#include "place.h"

#include <stdio.h>
#include <string.h>

#include <talloc.h>

#include "tidemark/base/utf8.h"

/** Longest piece of the plan that a message repeats, bytes. */
#define QUOTE_MAX 80

/** Control characters (C0, DEL, C1) become one space or question mark; a character cut by the buffer is dropped. */
static void
make_printable(char *text)
{
	size_t length = strlen(text), to = 0, step;

	for (size_t at = 0; at < length; at += step) {
		unsigned char byte = (unsigned char)text[at];

		step = tide_utf8_sequence(text + at);
		if (step == 0) {
			step = 1;
		} else if (byte < 0x20 || byte == 0x7f) {
			text[to++] = strchr("\t\n\r", byte) != NULL ? ' ' : '?';
		} else if (byte == 0xc2 && (unsigned char)text[at + 1] < 0xa0) {
			text[to++] = '?';
		} else {
			memmove(text + to, text + at, step);
			to += step;
		}
	}
	text[to] = '\0';
}

bool
tide_place_set(struct tide_err *err, const char *path, int line, int column)
{
	char place[32];
	size_t room, length = strlen(path);
	const char *mark = "";

	snprintf(place, sizeof(place), ":%d:%d", line, column);
	room = sizeof(err->where) - strlen(place) - 4;
	if (length > room) {
		path += length - room;
		while (((unsigned char)*path & 0xc0) == 0x80)
			path++;
		mark = "...";
	}
	snprintf(err->where, sizeof(err->where), "%s%s%s", mark, path, place);
	err->line = line;
	err->column = column;
	make_printable(err->where);
	make_printable(err->message);
	make_printable(err->hint);
	return false;
}

bool
tide_place_vfail(struct tide_err *err, const char *path, int line, int column, const char *fmt, va_list args)
{
	char message[sizeof(err->message)];

	vsnprintf(message, sizeof(message), fmt, args);
	tide_fail(err, TIDE_PLAN, "%s", message);
	return tide_place_set(err, path, line, column);
}

bool
tide_place_fail(struct tide_err *err, const char *path, int line, int column, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	tide_place_vfail(err, path, line, column, fmt, args);
	va_end(args);
	return false;
}

char *
tide_place_quote(void *ctx, const char *text)
{
	size_t cut = tide_utf8_fit(text, QUOTE_MAX);

	return talloc_asprintf(ctx, "\"%.*s%s\"", (int)cut, text, text[cut] != '\0' ? "..." : "");
}

const char *
tide_place_type(const struct tide_toml *node)
{
	static const char *const words[] = {
		[TIDE_TOML_TABLE] = "a table",
		[TIDE_TOML_ARRAY] = "an array",
		[TIDE_TOML_STRING] = "text",
		[TIDE_TOML_INTEGER] = "a whole number",
		[TIDE_TOML_FLOAT] = "a decimal number",
		[TIDE_TOML_BOOLEAN] = "true or false",
		[TIDE_TOML_DATE] = "a date or time",
	};

	return words[node->type];
}
