#include "tidemark/plans/expression.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <pg_query.h>
#include <talloc.h>

#include "sqltree.h"
#include "tidemark/base/array.h"

/*
 * The statement in [start, end) without the comments and blanks around it: a comment after it could swallow what
 * is appended. `next` goes through the tokens once for all statements.
 */
static bool
append_statement(void *ctx, const char *text, const struct tide_sqltokens *tokens, size_t *next,
    const PgQuerySplitStmt *piece, struct tide_names *out)
{
	size_t start = (size_t)piece->stmt_location;
	size_t end = piece->stmt_len == 0 ? SIZE_MAX : start + (size_t)piece->stmt_len;
	size_t from = SIZE_MAX, to = 0;

	for (; *next < tokens->count && tokens->item[*next].start < end; ++*next) {
		const struct tide_sqltoken *token = &tokens->item[*next];

		if (token->start < start || token->kind == TIDE_SQLTOKEN_COMMENT)
			continue;
		if (from == SIZE_MAX)
			from = token->start;
		to = token->end;
	}
	while (to > from && text[to - 1] == ';')
		to--;
	return from == SIZE_MAX || to <= from || tide_sqltree_append(ctx, out, text + from, to - from);
}

static bool
append_statements(void *ctx, const char *text, const struct tide_sqltokens *tokens,
    const PgQuerySplitResult *split, struct tide_names *out)
{
	size_t next = 0;

	for (int i = 0; i < split->n_stmts; i++)
		if (!append_statement(ctx, text, tokens, &next, split->stmts[i], out))
			return false;
	return true;
}

bool
tide_sql_split(void *ctx, const char *text, struct tide_names *out, struct tide_err *err)
{
	void *mem = talloc_new(NULL);
	struct tide_sqltokens tokens = { 0 };
	struct tide_names names = { 0 };
	PgQuerySplitResult split;
	bool ok;

	if (!tide_sqltree_scan(mem, text, &tokens, err)) {
		talloc_free(mem);
		return false;
	}
	split = pg_query_split_with_parser(text);
	/* Newer syntax: the scanner knows strings, comments and parentheses, and that is nearly all of it. */
	if (split.error != NULL) {
		pg_query_free_split_result(split);
		split = pg_query_split_with_scanner(text);
	}
	if (split.error != NULL)
		ok = tide_fail(err, TIDE_PLAN, "%s", split.error->message);
	else
		ok = append_statements(mem, text, &tokens, &split, &names) ||
		     tide_fail(err, TIDE_UNEXPECTED, "out of memory");
	if (ok)
		*out = (struct tide_names){ talloc_steal(ctx, names.item), names.count };
	pg_query_free_split_result(split);
	talloc_free(mem);
	return ok;
}

/* What may be shown of a statement that cannot even be scanned, as one that the server has cut in a string. */
static const char *
verb_of(const char *text)
{
	static const char *const verbs[] = { "SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "COPY", "WITH",
		"LOCK", "CREATE", "ALTER", "DROP", "TRUNCATE", "VACUUM", "ANALYZE", "BEGIN", "COMMIT",
		"EXECUTE", "FETCH", "CALL", "DO", "REINDEX", "CLUSTER", "REFRESH", "EXPLAIN", "PREPARE",
		"DECLARE" };

	text += strspn(text, " \t\r\n");
	for (size_t i = 0; i < TIDE_COUNT(verbs); i++) {
		size_t length = strlen(verbs[i]);

		if (strncasecmp(text, verbs[i], length) == 0 && strchr(" \t\r\n(", text[length]) != NULL)
			return verbs[i];
	}
	return "";
}

static unsigned long
highest_parameter(const char *text, const struct tide_sqltokens *tokens)
{
	unsigned long highest = 0;

	for (size_t i = 0; i < tokens->count; i++) {
		unsigned long number = tokens->item[i].kind == TIDE_SQLTOKEN_PARAMETER
					   ? strtoul(text + tokens->item[i].start + 1, NULL, 10)
					   : 0;

		if (number > highest && number < UINT32_MAX)
			highest = number;
	}
	return highest;
}

/* On one line, without comments, and with a parameter in place of every constant; not much more than `width` characters of it. */
static char *
masked(void *ctx, const char *text, const struct tide_sqltokens *tokens, size_t width)
{
	unsigned long parameter = highest_parameter(text, tokens);
	char *out = talloc_strdup(ctx, "");
	size_t done = 0;

	for (size_t i = 0; out != NULL && i < tokens->count; i++) {
		const struct tide_sqltoken *token = &tokens->item[i];

		/* A character has at most four bytes. */
		if (width > 0 && strlen(out) > 4 * width)
			break;
		if (token->kind == TIDE_SQLTOKEN_COMMENT)
			continue;
		if (*out != '\0' && token->start > done)
			out = talloc_strdup_append_buffer(out, " ");
		done = token->end;
		if (out == NULL)
			break;
		if (token->kind == TIDE_SQLTOKEN_STRING || token->kind == TIDE_SQLTOKEN_NUMBER)
			out = talloc_asprintf_append_buffer(out, "$%lu", ++parameter);
		else
			out =
			    talloc_strndup_append_buffer(out, text + token->start, token->end - token->start);
	}
	return out;
}

/** Width of what stands for the rest. */
#define DOTS 3

/* Cuts to `width` characters, the last of them "...", which a database of any encoding can store. 0 is no limit. */
static char *
shortened(char *text, size_t width)
{
	size_t seen = 0, last = 0;

	for (size_t i = 0; width > 0 && text[i] != '\0'; i++) {
		if (((unsigned char)text[i] & 0xc0) == 0x80)
			continue;
		if (++seen + DOTS == width + 1)
			last = i;
		if (seen > width) {
			text[last] = '\0';
			return talloc_strdup_append(text, "...");
		}
	}
	return text;
}

char *
tide_sql_mask(void *ctx, const char *text, size_t width)
{
	struct tide_sqltokens tokens = { 0 };
	char *out;

	if (tide_sqltree_scan(ctx, text, &tokens, NULL)) {
		out = masked(ctx, text, &tokens, width);
		talloc_free(tokens.item);
	} else {
		const char *verb = verb_of(text);

		out = talloc_asprintf(ctx, "%s%s...", verb, *verb == '\0' ? "" : " ");
	}
	return out == NULL ? NULL : shortened(out, width);
}
