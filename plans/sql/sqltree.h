#ifndef TIDE_SQLTREE_H
#define TIDE_SQLTREE_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "tidemark/base/err.h"
#include "tidemark/plans/fields.h"

/**
 * What libpg_query says about a text, in the shapes that this folder needs. All places are byte offsets into the
 * text that was given.
 */
enum tide_sqltoken_kind {
	TIDE_SQLTOKEN_COMMENT,
	TIDE_SQLTOKEN_STRING,
	TIDE_SQLTOKEN_NUMBER,
	TIDE_SQLTOKEN_PARAMETER,
	TIDE_SQLTOKEN_OTHER /* names, keywords, operators, punctuation */
};

struct tide_sqltoken {
	size_t start, end;
	enum tide_sqltoken_kind kind;
};

struct tide_sqltokens {
	struct tide_sqltoken *item;
	size_t count;
};

/** Deeper trees than a statement of this many tokens can have would exhaust the library's stack. */
#define TIDE_SQLTREE_TOKENS_MAX 20000

/** The tokens of `text`, comments among them. They belong to ctx. */
bool
tide_sqltree_scan(void *ctx, const char *text, struct tide_sqltokens *out, struct tide_err *err) TIDE_CHECKED;

/** Whether the token is this text; keywords in any case. */
bool tide_sqltoken_is(const char *text, const struct tide_sqltoken *token, const char *word);

/** One parse, good or bad. The JSON dies with it. */
struct tide_sqltree {
	json_t *statements; /* an array of RawStmt, or NULL when it could not be parsed */
	const char *message;
	size_t at;   /* where the parser gave up; the length of the text when it wanted more */
	bool syntax; /* a plain syntax error: perhaps newer syntax */
};

/** Parses; the tree belongs to ctx and is NULL only out of memory. */
struct tide_sqltree *tide_sqltree_parse(void *ctx, const char *text);

/** The only member of a node such as {"SelectStmt": {…}}: its name and, in *body, the rest. NULL for anything else. */
const char *tide_sqltree_node(const json_t *node, json_t **body);

/** Whether this key (value NULL), or this key with this text, is anywhere in the tree. */
bool tide_sqltree_has(const json_t *node, const char *key, const char *value);

/** A failure with code TIDE_PLAN whose message ends with the place of byte `at` of `text`. Returns false. */
bool
tide_sqltree_fail(struct tide_err *err, const char *text, size_t at, const char *fmt, ...) TIDE_PRINTF(4, 5);

/** Appends a copy of `name` to names that all belong to ctx. */
bool tide_sqltree_append(void *ctx, struct tide_names *names, const char *name, size_t length);

#endif
