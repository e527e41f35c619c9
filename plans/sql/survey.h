#ifndef TIDE_SURVEY_H
#define TIDE_SURVEY_H

#include <stdbool.h>
#include <stddef.h>

#include "tidemark/plans/expression.h"

#include "sqltree.h"

/* What comes before the text when it is parsed. The line breaks keep a comment from swallowing a parenthesis. */
#define TIDE_SURVEY_HEAD "SELECT (\n"
#define TIDE_SURVEY_HEAD_LENGTH (sizeof(TIDE_SURVEY_HEAD) - 1)

/** One reference to a column of the row: where it starts in the text, and what it is called. */
struct tide_reference {
	size_t start;
	const char *name;
	unsigned qualifiers; /* names before it: row.a has one, schema.table.a two */
};

/** All that is known about one expression; whoever fills in the members before `tokens` gets the rest. */
struct tide_survey {
	void *ctx; /* scratch; owns everything below */
	const char *text;
	const char *row;                  /* what the row is called, or NULL */
	const struct tide_names *columns; /* what the row holds, where that is known */
	/* `row` is a table, of `schema`: only what is qualified with it is collected, and nothing is refused
	 * for it */
	bool table;
	const char *schema; /* or NULL: any */
	struct tide_err *err;
	struct tide_sqltokens tokens;
	struct tide_sqltree *tree;
	struct tide_reference *references;
	size_t count;
	struct tide_names functions;
	unsigned depth;   /* subqueries around this place */
	unsigned shadows; /* how many of them have a table that is called like the row */
	bool subquery, unparsed;
};

/** Scans, parses, checks and walks the text. False + err when it is not one expression. */
bool tide_survey_text(struct tide_survey *s) TIDE_CHECKED;

/** Walks a parsed value: collects references and functions, refuses what no expression may hold. */
bool tide_survey_walk(struct tide_survey *s, json_t *node) TIDE_CHECKED;

/** Index of the first token from `i` on that is no comment, or the count. */
size_t tide_survey_significant(const struct tide_survey *s, size_t i);

bool tide_survey_contains(const struct tide_names *names, const char *name);

/** Sets the error. Returns false. */
bool tide_survey_no_memory(struct tide_survey *s);

#endif
