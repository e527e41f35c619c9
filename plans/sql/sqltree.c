#include "sqltree.h"

#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <pg_query.h>
#include <talloc.h>

/* Protocol Buffers: (field number << 3) | wire type. */
enum { WIRE_VARINT = 0, WIRE_BYTES = 2, TOKENS = 2 << 3 | WIRE_BYTES, START = 1 << 3, END = 2 << 3 };

struct wire {
	const unsigned char *at, *end;
};

static bool
read_varint(struct wire *w, uint64_t *value)
{
	*value = 0;
	for (unsigned shift = 0; shift < 64 && w->at < w->end; shift += 7) {
		unsigned char byte = *w->at++;

		*value |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return true;
	}
	return false;
}

/* A field that nobody asked for. Scan results hold only these two wire types. */
static bool
skip_field(struct wire *w, uint64_t key)
{
	uint64_t length;

	if (!read_varint(w, &length))
		return false;
	if ((key & 7) == WIRE_VARINT)
		return true;
	if ((key & 7) != WIRE_BYTES || length > (uint64_t)(w->end - w->at))
		return false;
	w->at += length;
	return true;
}

static bool
starts_string(const char *s)
{
	if (strchr("eEbBxX", *s) != NULL && *s != '\0')
		s++;
	else if ((*s == 'u' || *s == 'U') && s[1] == '&')
		s += 2;
	return *s == '\'';
}

/* By its first bytes rather than by the library's numbers, which change from version to version. */
static enum tide_sqltoken_kind
kind_of(const char *s)
{
	bool number = s[1] >= '0' && s[1] <= '9';

	if (strncmp(s, "--", 2) == 0 || strncmp(s, "/*", 2) == 0)
		return TIDE_SQLTOKEN_COMMENT;
	if (*s == '$')
		return number ? TIDE_SQLTOKEN_PARAMETER : TIDE_SQLTOKEN_STRING;
	if ((*s >= '0' && *s <= '9') || (*s == '.' && number))
		return TIDE_SQLTOKEN_NUMBER;
	return starts_string(s) ? TIDE_SQLTOKEN_STRING : TIDE_SQLTOKEN_OTHER;
}

static bool
read_token(struct wire w, const char *text, size_t length, struct tide_sqltoken *token)
{
	uint64_t start = 0, end = 0, key;
	bool ok = true;

	while (ok && w.at < w.end) {
		if (!read_varint(&w, &key))
			return false;
		if (key == START)
			ok = read_varint(&w, &start);
		else if (key == END)
			ok = read_varint(&w, &end);
		else
			ok = skip_field(&w, key);
	}
	if (!ok || start >= length || end > length)
		return false;
	*token = (struct tide_sqltoken){ .start = start, .end = end, .kind = kind_of(text + start) };
	return true;
}

/*
 * The library leaves the end of U&"…" and U&'…' where the token before ended. They end with the last quote before the
 * next token: a string may continue after a line break.
 */
static bool
mend_ends(const char *text, struct tide_sqltokens *tokens)
{
	for (size_t i = 0; i < tokens->count; i++) {
		struct tide_sqltoken *token = &tokens->item[i];
		const char *s = text + token->start;
		size_t limit = i + 1 < tokens->count ? token[1].start : strlen(text);

		if ((*s == 'u' || *s == 'U') && s[1] == '&' && (s[2] == '"' || s[2] == '\''))
			for (token->end = limit; token->end > token->start && text[token->end - 1] != s[2];)
				token->end--;
		if (token->end <= token->start || token->end > limit)
			return false;
	}
	return true;
}

static bool
read_tokens(void *ctx, struct wire w, const char *text, struct tide_sqltokens *out)
{
	size_t length = strlen(text);
	size_t capacity = 0;

	while (w.at < w.end) {
		uint64_t key, size;

		if (!read_varint(&w, &key))
			return false;
		if (key != TOKENS) {
			if (!skip_field(&w, key))
				return false;
			continue;
		}
		if (!read_varint(&w, &size) || size > (uint64_t)(w.end - w.at))
			return false;
		if (out->count == capacity) {
			capacity = capacity == 0 ? 64 : capacity * 2;
			out->item = talloc_realloc_size(ctx, out->item, capacity * sizeof(*out->item));
			if (out->item == NULL)
				return false;
		}
		if (!read_token((struct wire){ w.at, w.at + size }, text, length, &out->item[out->count]))
			return false;
		w.at += size;
		out->count++;
	}
	return true;
}

/* The library counts characters from 1; 0 is "nowhere". */
static size_t
byte_offset(const char *text, int cursor)
{
	size_t at = 0;

	if (cursor <= 0)
		return strlen(text);
	for (int seen = 1; text[at] != '\0'; at++)
		if (((unsigned char)text[at] & 0xc0) != 0x80 && seen++ == cursor)
			break;
	return at;
}

bool
tide_sqltree_scan(void *ctx, const char *text, struct tide_sqltokens *out, struct tide_err *err)
{
	struct tide_sqltokens tokens = { 0 };
	PgQueryScanResult result;
	struct wire w;
	bool ok;

	if (strlen(text) > INT_MAX / 4)
		return tide_fail(err, TIDE_PLAN, "SQL of this length cannot be read");
	result = pg_query_scan(text);
	w.at = (const unsigned char *)result.pbuf.data;
	w.end = w.at == NULL ? NULL : w.at + result.pbuf.len;
	if (result.error != NULL)
		ok = tide_sqltree_fail(
		    err, text, byte_offset(text, result.error->cursorpos), "%s", result.error->message);
	else if (!(ok = read_tokens(ctx, w, text, &tokens) && mend_ends(text, &tokens)))
		tide_fail(err, TIDE_UNEXPECTED, "the SQL scanner gave an answer that cannot be read");
	pg_query_free_scan_result(result);
	if (ok)
		*out = tokens;
	else
		talloc_free(tokens.item);
	return ok;
}

bool
tide_sqltoken_is(const char *text, const struct tide_sqltoken *token, const char *word)
{
	size_t length = token->end - token->start;

	return strlen(word) == length && strncasecmp(text + token->start, word, length) == 0;
}

static int
destroy(struct tide_sqltree *tree)
{
	json_decref(tree->statements);
	return 0;
}

static void
take(struct tide_sqltree *tree, const char *text, const PgQueryParseResult *result)
{
	json_error_t why;
	json_t *root;

	tree->at = strlen(text);
	if (result->error != NULL) {
		tree->message = talloc_strdup(tree, result->error->message);
		tree->at = byte_offset(text, result->error->cursorpos);
		tree->syntax = strncmp(result->error->message, "syntax error", strlen("syntax error")) == 0;
		return;
	}
	root = json_loads(result->parse_tree, 0, &why);
	tree->statements = json_incref(json_object_get(root, "stmts"));
	json_decref(root);
	if (!json_is_array(tree->statements))
		tree->message = json_error_code(&why) == json_error_stack_overflow
				    ? "nested too deeply"
				    : "the text is not valid UTF-8";
}

/* How many tokens one statement has at most; what is between two semicolons is never more than one. */
static bool
too_deep(void *ctx, const char *text)
{
	struct tide_sqltokens tokens = { 0 };
	size_t run = 0;
	bool deep = false;

	/* A token has at least one byte: most texts need no second look. */
	if (strlen(text) <= TIDE_SQLTREE_TOKENS_MAX)
		return false;
	if (!tide_sqltree_scan(ctx, text, &tokens, NULL))
		return false; /* what cannot be scanned is not parsed into a tree either */
	for (size_t i = 0; i < tokens.count && !deep; i++) {
		run = text[tokens.item[i].start] == ';' ? 0 : run + 1;
		deep = run > TIDE_SQLTREE_TOKENS_MAX;
	}
	talloc_free(tokens.item);
	return deep;
}

struct tide_sqltree *
tide_sqltree_parse(void *ctx, const char *text)
{
	struct tide_sqltree *tree = talloc_zero(ctx, struct tide_sqltree);
	PgQueryParseResult result;

	if (tree == NULL)
		return NULL;
	if (too_deep(tree, text)) {
		tree->message = "too long for one statement";
		return tree;
	}
	result = pg_query_parse(text);
	take(tree, text, &result);
	pg_query_free_parse_result(result);
	talloc_set_destructor(tree, destroy);
	return tree;
}

const char *
tide_sqltree_node(const json_t *node, json_t **body)
{
	void *member = json_object_size(node) == 1 ? json_object_iter((json_t *)(uintptr_t)node) : NULL;

	if (member == NULL)
		return NULL;
	*body = json_object_iter_value(member);
	return json_object_iter_key(member);
}

bool
tide_sqltree_has(const json_t *node, const char *key, const char *value)
{
	json_t *tree = (json_t *)(uintptr_t)node, *child;
	const char *name;
	size_t i;

	json_array_foreach (tree, i, child) {
		if (tide_sqltree_has(child, key, value))
			return true;
	}
	json_object_foreach (tree, name, child) {
		if (strcmp(name, key) == 0 &&
		    (value == NULL ||
			(json_is_string(child) && strcmp(json_string_value(child), value) == 0)))
			return true;
		if (tide_sqltree_has(child, key, value))
			return true;
	}
	return false;
}

bool
tide_sqltree_fail(struct tide_err *err, const char *text, size_t at, const char *fmt, ...)
{
	char message[sizeof(err->message)];
	size_t line = 1, column = 1;
	va_list args;

	va_start(args, fmt);
	vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	for (size_t i = 0; i < at && text[i] != '\0'; i++) {
		if (text[i] == '\n') {
			line++;
			column = 1;
		} else if (((unsigned char)text[i] & 0xc0) != 0x80) {
			column++;
		}
	}
	if (strchr(text, '\n') == NULL)
		return tide_fail(err, TIDE_PLAN, "%s (at character %zu)", message, column);
	return tide_fail(err, TIDE_PLAN, "%s (at line %zu, character %zu)", message, line, column);
}

bool
tide_sqltree_append(void *ctx, struct tide_names *names, const char *name, size_t length)
{
	char **item = names->item;

	/* Full at every power of two: the room is doubled then. */
	if ((names->count & (names->count - 1)) == 0) {
		item = talloc_realloc_size(
		    ctx, item, (names->count == 0 ? 1 : names->count * 2) * sizeof(*item));
		if (item == NULL)
			return false;
		names->item = item;
	}
	if ((item[names->count] = talloc_strndup(item, name, length)) == NULL)
		return false;
	names->count++;
	return true;
}
