#include "output.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <talloc.h>
#include <unistd.h>

static const char *const style_code[] = {
	[TIDE_PLAIN] = "",
	[TIDE_BOLD] = "\033[1m",
	[TIDE_DIM] = "\033[2m",
	[TIDE_RED] = "\033[1;31m",
	[TIDE_YELLOW] = "\033[33m",
	[TIDE_GREEN] = "\033[32m",
	[TIDE_CYAN] = "\033[36m",
};

void
tide_stream_init(
    struct tide_stream *stream, FILE *file, const char *color, tide_getenv *getenv_fn, void *getenv_ctx)
{
	const char *term = getenv_fn(getenv_ctx, "TERM"), *no_color = getenv_fn(getenv_ctx, "NO_COLOR");
	bool dumb = term == NULL || strcmp(term, "dumb") == 0;

	stream->file = file;
	stream->terminal = isatty(fileno(file)) == 1 && !dumb;
	stream->colour = stream->terminal && (no_color == NULL || no_color[0] == '\0');
	if (color != NULL && strcmp(color, "auto") != 0)
		stream->colour = strcmp(color, "always") == 0;
}

/** Length of the well-formed UTF-8 sequence at `s`, 0 when there is none. C1 controls count as malformed. */
static size_t
sequence(const unsigned char *s)
{
	size_t length = s[0] < 0x80                   ? 1
			: s[0] >= 0xc2 && s[0] < 0xe0 ? 2
			: s[0] >= 0xe0 && s[0] < 0xf0 ? 3
			: s[0] >= 0xf0 && s[0] < 0xf5 ? 4
						      : 0;

	if (length == 0 || (length == 1 && (s[0] == 0x7f || (s[0] < 0x20 && s[0] != '\n' && s[0] != '\t'))))
		return 0;
	for (size_t i = 1; i < length; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xc2 && s[1] < 0xa0) || (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return length;
}

char *
tide_output_printable(void *ctx, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	char *out = talloc_size(ctx, strlen(text) * 4 + 1);
	size_t used = 0;

	while (*s != '\0') {
		size_t length = sequence(s);

		if (length == 0) {
			used += (size_t)snprintf(out + used, 5, "\\x%02x", *s++);
			continue;
		}
		memcpy(out + used, s, length);
		used += length;
		s += length;
	}
	out[used] = '\0';
	talloc_set_name_const(out, "printable");
	return out;
}

void
tide_output_say(struct tide_stream *stream, enum tide_style style, const char *fmt, ...)
{
	void *mem = talloc_new(NULL);
	bool coloured = stream->colour && style != TIDE_PLAIN;
	va_list args;
	char *text;

	va_start(args, fmt);
	text = talloc_vasprintf(mem, fmt, args);
	va_end(args);
	if (text != NULL)
		(void)fprintf(stream->file, "%s%s%s", coloured ? style_code[style] : "",
		    tide_output_printable(mem, text), coloured ? "\033[0m" : "");
	talloc_free(mem);
}

void
tide_output_put(struct tide_stream *stream, const char *text)
{
	(void)fputs(text, stream->file);
}

void
tide_output_block(struct tide_stream *stream, const char *indent, const char *text)
{
	void *mem = talloc_new(NULL);

	for (const char *line = text; *line != '\0';) {
		size_t length = strcspn(line, "\n");
		char *shown = talloc_strdup(mem, indent);

		for (size_t i = 0; i < length; i++)
			shown = line[i] == '\t' ? talloc_strdup_append_buffer(shown, "    ")
						: talloc_strndup_append_buffer(shown, line + i, 1);
		tide_output_say(stream, TIDE_PLAIN, "%s\n", shown);
		line += length;
		if (*line == '\n')
			line++;
	}
	talloc_free(mem);
}

size_t
tide_output_columns(const char *text)
{
	size_t columns = 0;

	for (; *text != '\0'; text++)
		columns += ((unsigned char)*text & 0xc0) != 0x80;
	return columns;
}

char *
tide_output_pad(void *ctx, const char *text, size_t width)
{
	char *shown = tide_output_printable(ctx, text);
	size_t columns = tide_output_columns(shown);

	return columns >= width ? shown : talloc_asprintf_append(shown, "%*s", (int)(width - columns), "");
}

void
tide_output_error(struct tide_stream *stream, const struct tide_err *err)
{
	const char *hint = err->hint;

	tide_output_say(stream, TIDE_PLAIN, "tidemark: ");
	tide_output_say(stream, TIDE_RED, "error: ");
	tide_output_say(stream, TIDE_PLAIN, "%s%s%s\n", err->where, err->where[0] != '\0' ? ": " : "",
	    err->message[0] != '\0' ? err->message : "unknown failure");
	while (*hint != '\0') {
		size_t length = strcspn(hint, "\n");

		tide_output_say(stream, TIDE_CYAN, "hint: ");
		tide_output_say(stream, TIDE_PLAIN, "%.*s\n", (int)length, hint);
		hint += length;
		if (*hint == '\n')
			hint++;
	}
	(void)fflush(stream->file);
}

bool
tide_stream_close(struct tide_stream *stream, struct tide_err *err)
{
	errno = 0;
	if (fflush(stream->file) == 0 && !ferror(stream->file))
		return true;
	if (errno == EPIPE || errno == 0)
		return true;
	return tide_fail(err, TIDE_UNEXPECTED, "cannot write to standard output: %s", strerror(errno));
}
