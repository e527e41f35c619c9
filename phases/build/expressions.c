#include <string.h>

#include <talloc.h>

#include "build.h"
#include "tidemark/plans/expression.h"
#include "tidemark/base/sqltext.h"

/* User expressions: as the server sees them, for another row, with other column names. */

static char *
server_refuses(
    const struct tide_phase_at *at, const char *key, const struct tide_fact *fact, struct tide_err *err)
{
	tide_plan_fail(at->plan, at->phase, key, err, "the server refuses the expression: %s", fact->error);
	err->code = TIDE_PRECONDITION;
	memcpy(err->sqlstate, fact->sqlstate, sizeof(err->sqlstate));
	tide_hint(err, "the expression is: %.400s", fact->source);
	return NULL;
}

char *
tide_canonical(void *ctx, const struct tide_phase_at *at, const char *key, const char *source,
    const struct tide_fact **used, struct tide_err *err)
{
	const struct tide_fact *fact = tide_catalog_fact(at->cat, source);
	struct tide_names columns;
	struct tide_err parse = { 0 };
	char *text;

	if (used != NULL)
		*used = fact;
	if (fact != NULL && fact->error != NULL)
		return server_refuses(at, key, fact, err);
	if (fact != NULL && fact->canonical != NULL)
		return talloc_strdup(ctx, fact->canonical);
	columns = tide_all_columns(ctx, at->cat);
	text = tide_expression_qualify(ctx, source, &columns, NULL, TIDE_ROW, &parse);
	if (text == NULL)
		tide_plan_fail(at->plan, at->phase, key, err, "%s", parse.message);
	return text;
}

char *
tide_requalify(
    void *ctx, const struct tide_catalog *cat, const char *text, const char *to, struct tide_err *err)
{
	struct tide_names columns = tide_all_columns(ctx, cat);
	char *out = tide_expression_qualify(ctx, text, &columns, TIDE_ROW, to, err);

	talloc_free(columns.item);
	return out;
}

/* A word that the text does not hold, so that what the parser marked can be found again. */
static char *
unused_word(void *ctx, const char *text)
{
	char *word = talloc_strdup(ctx, "tidemark_mark");

	for (int i = 1; strstr(text, word) != NULL; i++)
		word = talloc_asprintf(ctx, "tidemark_mark%d", i);
	return word;
}

/* The index of the name whose quoted form stands at `text`, or -1. */
static long
name_at(void *ctx, const char *text, const struct tide_names *names, size_t *length)
{
	for (size_t i = 0; i < names->count; i++) {
		char *quoted = tide_ident(ctx, names->item[i]);

		*length = strlen(quoted);
		/* "a" is also the beginning of "a""b". */
		if (strncmp(text, quoted, *length) == 0 && text[*length] != '"')
			return (long)i;
	}
	return -1;
}

/*
 * Columns are first qualified with a word that the text does not hold: what only looks like a column is not
 * renamed then.
 */
char *
tide_rename_columns(void *ctx, const char *text, const char *row, const struct tide_names *before,
    const struct tide_names *after, struct tide_err *err)
{
	void *mem = talloc_new(NULL);
	char *word = unused_word(mem, text), *mark = talloc_asprintf(mem, "%s.", word);
	char *marked = tide_expression_qualify(mem, text, before, row, word, err);
	char *out = marked == NULL ? NULL : talloc_strdup(ctx, "");
	const char *rest = marked;

	while (out != NULL) {
		const char *hit = strstr(rest, mark);
		size_t length;
		long i;

		if (hit == NULL) {
			out = talloc_strdup_append_buffer(out, rest);
			break;
		}
		out = talloc_strndup_append_buffer(out, rest, (size_t)(hit - rest));
		i = name_at(mem, hit + strlen(mark), before, &length);
		if (i < 0) {
			tide_fail(err, TIDE_UNEXPECTED, "cannot rename the columns of: %.200s", text);
			out = NULL;
			break;
		}
		out = talloc_asprintf_append_buffer(out, "%s%s%s", row == NULL ? "" : row,
		    row == NULL ? "" : ".", tide_ident(mem, after->item[i]));
		rest = hit + strlen(mark) + length;
	}
	talloc_free(mem);
	return out;
}

/*
 * With a database the server has said already whether it takes the expression; without one only its syntax
 * can be checked.
 */
bool
tide_check_expression(const struct tide_checking *c, const char *key, const char *source)
{
	const struct tide_fact *fact = c->at->cat == NULL ? NULL : tide_catalog_fact(c->at->cat, source);
	struct tide_expression parsed = { 0 };
	struct tide_err err = { 0 };
	void *mem;
	bool good;

	if (fact != NULL && fact->error != NULL) {
		tide_say(c, TIDE_ERROR, "expression-refused", key, NULL,
		    "the server refuses the expression: %s", fact->error);
		return false;
	}
	if (fact != NULL)
		return true;
	mem = talloc_new(NULL);
	good = tide_expression_read(mem, source, &parsed, &err);
	talloc_free(mem);
	if (!good)
		tide_say(c, TIDE_ERROR, "expression-syntax", key, err.hint[0] != '\0' ? err.hint : NULL, "%s",
		    err.message);
	return good;
}

void
tide_check_order(const struct tide_checking *c)
{
	const char *relation = c->at->cat->table.orderless;

	if (relation != NULL)
		tide_say(c, TIDE_ERROR, "sweep-no-order", NULL, TIDE_ORDER_HINT,
		    "%s is not stored in a heap and has no suitable unique index", relation);
}
