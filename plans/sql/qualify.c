#include "tidemark/plans/expression.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <talloc.h>

#include "tidemark/base/sqltext.h"

#include "survey.h"

/* Where the name that begins at token `i` ends: U&"…" may carry its own escape character. */
static size_t
name_token_end(const struct tide_survey *s, size_t i)
{
	size_t uescape = tide_survey_significant(s, i + 1);
	size_t character = tide_survey_significant(s, uescape + 1);

	if (character < s->tokens.count && tide_sqltoken_is(s->text, &s->tokens.item[uescape], "UESCAPE") &&
	    strncasecmp(s->text + s->tokens.item[i].start, "U&\"", 3) == 0)
		return character;
	return i;
}

/* Last byte of the reference, found in the tokens: spaces and comments may stand between its parts. */
static bool
reference_end(const struct tide_survey *s, const struct tide_reference *r, size_t *end)
{
	size_t low = 0, high = s->tokens.count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (s->tokens.item[middle].start < r->start)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == s->tokens.count || s->tokens.item[low].start != r->start)
		return false;
	low = name_token_end(s, low);
	for (unsigned i = 0; i < r->qualifiers; i++) {
		low = tide_survey_significant(s, low + 1);
		if (low >= s->tokens.count || !tide_sqltoken_is(s->text, &s->tokens.item[low], "."))
			return false;
		low = tide_survey_significant(s, low + 1);
		if (low >= s->tokens.count)
			return false;
		low = name_token_end(s, low);
	}
	*end = s->tokens.item[low].end;
	return true;
}

static bool
is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
	       c == '$' || (unsigned char)c >= 0x80;
}

/*
 * The reference as it will be written. Quotes may have stood between a name and a keyword (NOT"a"), and a quote
 * after "U&" would begin something else: then a space keeps them apart.
 */
static char *
replacement(const struct tide_survey *s, const struct tide_reference *r, size_t end, const char *to)
{
	char before = r->start == 0 ? '\0' : s->text[r->start - 1];

	return talloc_asprintf(s->ctx, "%s%s%s%s%s", is_word(before) || before == '&' ? " " : "", to,
	    *to == '\0' ? "" : ".", tide_ident(s->ctx, r->name), s->text[end] == '"' ? " " : "");
}

static int
by_place(const void *a, const void *b)
{
	const struct tide_reference *left = a, *right = b;

	return (left->start > right->start) - (left->start < right->start);
}

/* From the front, copying what lies between: the tree is not in the order of the text. */
static char *
rewrite(struct tide_survey *s, const char *to)
{
	char *out = talloc_strdup(s->ctx, "");
	size_t done = 0;

	if (s->count > 0)
		qsort(s->references, s->count, sizeof(*s->references), by_place);
	for (size_t i = 0; out != NULL && i < s->count; i++) {
		const struct tide_reference *r = &s->references[i];
		size_t end = 0;

		if (!s->table && !tide_survey_contains(s->columns, r->name))
			continue;
		if (r->start < done || !reference_end(s, r, &end)) {
			tide_fail(
			    s->err, TIDE_UNEXPECTED, "lost the place of \"%s\" in an expression", r->name);
			return NULL;
		}
		out = talloc_strndup_append_buffer(out, s->text + done, r->start - done);
		if (out != NULL)
			out = talloc_strdup_append_buffer(out, replacement(s, r, end, to));
		done = end;
	}
	out = out == NULL ? NULL : talloc_strdup_append_buffer(out, s->text + done);
	if (out == NULL)
		tide_survey_no_memory(s);
	return out;
}

static void
refuse_unparsed(struct tide_survey *s)
{
	size_t at = s->tree->at < TIDE_SURVEY_HEAD_LENGTH ? 0 : s->tree->at - TIDE_SURVEY_HEAD_LENGTH;

	tide_sqltree_fail(s->err, s->text, at, "%s", s->tree->message);
	tide_hint(
	    s->err, "columns are found with the grammar of PostgreSQL 15: put what is newer into a function");
}

char *
tide_expression_qualify(void *ctx, const char *text, const struct tide_names *columns, const char *from,
    const char *to, struct tide_err *err)
{
	void *mem = talloc_new(NULL);
	struct tide_survey s = { .ctx = mem, .text = text, .row = from, .columns = columns, .err = err };
	char *out = NULL;

	if (tide_survey_text(&s)) {
		if (s.unparsed)
			refuse_unparsed(&s);
		else
			out = talloc_steal(ctx, rewrite(&s, to));
	}
	talloc_free(mem);
	return out;
}

char *
tide_expression_of_table(void *ctx, const char *text, const char *schema, const char *table)
{
	void *mem = talloc_new(NULL);
	struct tide_err ignored = { 0 };
	struct tide_survey s = {
		.ctx = mem, .text = text, .row = table, .table = true, .schema = schema, .err = &ignored
	};
	char *out = NULL;

	if (strchr(text, '.') != NULL && tide_survey_text(&s) && !s.unparsed && s.count > 0)
		out = talloc_steal(ctx, rewrite(&s, TIDE_ROW));
	talloc_free(mem);
	return out != NULL ? out : talloc_strdup(ctx, text);
}
