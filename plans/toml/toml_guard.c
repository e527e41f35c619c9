#include "toml_guard.h"

#include <string.h>

#include <talloc.h>

#include "tidemark/plans/toml.h"
#include "tidemark/base/utf8.h"

#include "place.h"

static const char byte_order_mark[] = "\xef\xbb\xbf";

/** A reading position; columns count characters, as the parser's do. */
struct cursor {
	const char *path, *at, *end;
	int line, column;
	int depth; /* open brackets */
	int dots;  /* of the key that is being read */
	struct tide_err *err;
};

static void
advance(struct cursor *cursor)
{
	if (*cursor->at == '\n') {
		cursor->line++;
		cursor->column = 1;
	} else if (((unsigned char)*cursor->at & 0xc0) != 0x80) {
		cursor->column++;
	}
	cursor->at++;
}

static bool
bad_byte(const struct cursor *cursor)
{
	unsigned char byte = (unsigned char)*cursor->at;

	if (byte == '\0') {
		tide_place_fail(
		    cursor->err, cursor->path, cursor->line, cursor->column, "the plan contains a NUL byte");
		return tide_hint(cursor->err, "a plan is a text file; this one may be UTF-16 or damaged");
	}
	if (byte == '\r') {
		tide_place_fail(cursor->err, cursor->path, cursor->line, cursor->column,
		    "a carriage return without a line feed");
		return tide_hint(cursor->err, "end lines with LF, or with CR LF");
	}
	tide_place_fail(cursor->err, cursor->path, cursor->line, cursor->column,
	    "byte 0x%02x is not valid UTF-8 here", byte);
	return tide_hint(cursor->err, "save the plan as UTF-8");
}

/** Checks every byte and writes the text, which only gets shorter, to `out`: its own beginning. */
static bool
make_clean(struct cursor *cursor, char *out)
{
	while (cursor->at < cursor->end) {
		size_t step = tide_utf8_sequence(cursor->at);

		if (cursor->at[0] == '\r' && cursor->at[1] == '\n') {
			cursor->at++;
			continue;
		}
		if (step == 0 || *cursor->at == '\r')
			return bad_byte(cursor);
		for (size_t i = 0; i < step; i++) {
			*out++ = *cursor->at;
			advance(cursor);
		}
	}
	*out = '\0';
	return true;
}

/** Skips a string from its opening quote, as TOML would; an unclosed one is left to the parser. */
static void
skip_string(struct cursor *cursor)
{
	char quote = *cursor->at;
	char triple[4] = { quote, quote, quote, '\0' };
	bool lines = strncmp(cursor->at, triple, 3) == 0;
	int extra = 2;

	for (int i = lines ? 3 : 1; i > 0; i--)
		advance(cursor);
	while (*cursor->at != '\0') {
		if (quote == '"' && *cursor->at == '\\' && cursor->at[1] != '\0') {
			advance(cursor);
		} else if (lines && strncmp(cursor->at, triple, 3) == 0) {
			for (int i = 0; i < 3; i++)
				advance(cursor);
			while (extra-- > 0 && *cursor->at == quote)
				advance(cursor);
			return;
		} else if (!lines && (*cursor->at == quote || *cursor->at == '\n')) {
			if (*cursor->at == quote)
				advance(cursor);
			return;
		}
		advance(cursor);
	}
}

bool
tide_toml_too_deep(const char *path, int line, int column, struct tide_err *err)
{
	tide_place_fail(err, path, line, column, "nested more than %d levels deep", TIDE_TOML_DEPTH_MAX);
	return tide_hint(err, "no key of a plan needs more than four levels; is a bracket not closed?");
}

/**
 * The parser recurses for brackets, and its trees for dots of keys, which nothing in it limits. Neither a number
 * nor a date has more than one dot, so counting them between separators needs no grammar.
 */
static bool
check_depth(struct cursor *cursor)
{
	while (*cursor->at != '\0') {
		char c = *cursor->at;

		if (c == '"' || c == '\'') {
			skip_string(cursor);
			continue;
		}
		if (c == '#') {
			while (*cursor->at != '\0' && *cursor->at != '\n')
				advance(cursor);
			continue;
		}
		if (c == '[' || c == '{')
			cursor->depth++;
		else if ((c == ']' || c == '}') && cursor->depth > 0)
			cursor->depth--;
		if (c == '.')
			cursor->dots++;
		else if (strchr("[]{}=,\n", c) != NULL)
			cursor->dots = 0;
		if (cursor->depth > TIDE_TOML_DEPTH_MAX || cursor->dots > TIDE_TOML_DEPTH_MAX)
			return tide_toml_too_deep(cursor->path, cursor->line, cursor->column, cursor->err);
		advance(cursor);
	}
	return true;
}

char *
tide_toml_guard(void *ctx, const char *path, const char *text, size_t length, struct tide_err *err)
{
	struct cursor cursor = { .path = path, .line = 1, .column = 1, .err = err };
	char *clean;

	if (length > TIDE_PLAN_SIZE_MAX) {
		tide_place_fail(err, path, 1, 1, "the plan has %zu bytes; at most %d are accepted", length,
		    TIDE_PLAN_SIZE_MAX);
		tide_hint(err, "a plan describes one change in a few kilobytes; is this the right file?");
		return NULL;
	}
	if (length >= 3 && memcmp(text, byte_order_mark, 3) == 0) {
		text += 3;
		length -= 3;
	}
	clean = talloc_size(ctx, length + 1);
	if (length > 0)
		memcpy(clean, text, length);
	clean[length] = '\0';
	cursor.at = clean;
	cursor.end = clean + length;
	if (make_clean(&cursor, clean)) {
		cursor.at = clean;
		cursor.line = cursor.column = 1;
		if (check_depth(&cursor))
			return clean;
	}
	talloc_free(clean);
	return NULL;
}
