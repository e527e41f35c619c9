#include "tidemark/plans/expression.h"

#include <string.h>

#include <talloc.h>

#include "survey.h"
#include "tidemark/base/array.h"

#define TAIL "\n)"
#define PAREN_AT (TIDE_SURVEY_HEAD_LENGTH - 2)

size_t
tide_survey_significant(const struct tide_survey *s, size_t i)
{
	while (i < s->tokens.count && s->tokens.item[i].kind == TIDE_SQLTOKEN_COMMENT)
		i++;
	return i;
}

static size_t
last_end(const struct tide_survey *s)
{
	for (size_t i = s->tokens.count; i-- > 0;)
		if (s->tokens.item[i].kind != TIDE_SQLTOKEN_COMMENT)
			return s->tokens.item[i].end;
	return 0;
}

/* One byte of punctuation, or 0: a longer token is a name, an operator, a constant. */
static char
punctuation(const struct tide_survey *s, const struct tide_sqltoken *token)
{
	return token->kind == TIDE_SQLTOKEN_OTHER && token->end == token->start + 1 ? s->text[token->start]
										    : '\0';
}

/* Whatever the grammar thinks of it: the text must not be able to leave its parentheses. */
static bool
check_closed(struct tide_survey *s)
{
	char open[256];
	size_t depth = 0, outermost = 0;

	for (size_t i = 0; i < s->tokens.count; i++) {
		const struct tide_sqltoken *token = &s->tokens.item[i];
		char c = punctuation(s, token);

		if (token->kind == TIDE_SQLTOKEN_PARAMETER)
			return tide_sqltree_fail(
			    s->err, s->text, token->start, "a parameter has no value in an expression");
		if (c == ';')
			return tide_sqltree_fail(
			    s->err, s->text, token->start, "an expression cannot hold a semicolon");
		if (c == '(' || c == '[') {
			if (depth == sizeof(open))
				return tide_sqltree_fail(s->err, s->text, token->start, "nested too deeply");
			if (depth == 0)
				outermost = token->start;
			open[depth++] = c == '(' ? ')' : ']';
		} else if (c == ')' || c == ']') {
			if (depth == 0 || open[--depth] != c)
				return tide_sqltree_fail(
				    s->err, s->text, token->start, "\"%c\" closes what was never opened", c);
		}
	}
	return depth == 0 || tide_sqltree_fail(s->err, s->text, outermost, "a parenthesis is never closed");
}

static bool
check_comment(struct tide_survey *s)
{
	const struct tide_sqltoken *token =
	    s->tokens.count == 0 ? NULL : &s->tokens.item[s->tokens.count - 1];

	if (token == NULL || strncmp(s->text + token->start, "--", 2) != 0 ||
	    strchr(s->text + token->start, '\n'))
		return true;
	tide_sqltree_fail(
	    s->err, s->text, token->start, "a comment to the end of the line hides what follows");
	return tide_hint(s->err, "leave it out, or write it as /* … */");
}

/* Whether the first token opens a parenthesis that the last one closes. */
static bool
is_enclosed(const struct tide_survey *s)
{
	size_t depth = 0;

	for (size_t i = tide_survey_significant(s, 0); i < s->tokens.count; i++) {
		char c = punctuation(s, &s->tokens.item[i]);

		depth += c == '(';
		depth -= c == ')' && depth > 0;
		if (depth == 0)
			return s->tokens.item[i].end == last_end(s);
	}
	return false;
}

static bool
refuse_query(struct tide_survey *s)
{
	tide_fail(s->err, TIDE_PLAN, "a query is not an expression");
	return tide_hint(s->err, "as a value it needs its own parentheses: (SELECT …)");
}

/* `SELECT ( text )` and not a thing besides: no second target, no clause, no set operation. */
static bool
check_shape(struct tide_survey *s, json_t **value)
{
	json_t *select = NULL, *target = NULL, *body = NULL;
	json_t *statement = json_object_get(json_array_get(s->tree->statements, 0), "stmt");
	const char *type = tide_sqltree_node(statement, &select);
	const json_t *targets = json_object_get(select, "targetList");
	const char *op = json_string_value(json_object_get(select, "op"));
	const char *limit = json_string_value(json_object_get(select, "limitOption"));

	if (json_array_size(s->tree->statements) != 1 || type == NULL || strcmp(type, "SelectStmt") != 0 ||
	    json_array_size(targets) != 1 || json_object_size(select) != 3 || op == NULL ||
	    strcmp(op, "SETOP_NONE") != 0 || limit == NULL || strcmp(limit, "LIMIT_OPTION_DEFAULT") != 0)
		return tide_fail(s->err, TIDE_PLAN, "this is not one expression");
	target = json_object_get(json_array_get(targets, 0), "ResTarget");
	*value = json_object_get(target, "val");
	if (*value == NULL || json_object_get(target, "name") != NULL)
		return tide_fail(s->err, TIDE_PLAN, "this is not one expression");
	type = tide_sqltree_node(*value, &body);
	if (type == NULL || json_integer_value(json_object_get(body, "location")) != (json_int_t)PAREN_AT)
		return true;
	/* The outer parenthesis is ours; here it was taken for part of a row or of a query. */
	if (strcmp(type, "RowExpr") == 0)
		return tide_fail(s->err, TIDE_PLAN, "several expressions where one is expected");
	if (strcmp(type, "SubLink") == 0 && !is_enclosed(s))
		return refuse_query(s);
	return true;
}

/* Perhaps the syntax of a newer server: its own parser decides. But a statement is none, in any version. */
static bool
accept_unparsed(struct tide_survey *s)
{
	static const char *const statements[] = { "SELECT", "WITH", "TABLE", "INSERT", "UPDATE", "DELETE",
		"MERGE", "VALUES" };
	const struct tide_sqltoken *first = &s->tokens.item[tide_survey_significant(s, 0)];

	if (!s->tree->syntax)
		return tide_sqltree_fail(s->err, s->text,
		    s->tree->at < TIDE_SURVEY_HEAD_LENGTH ? 0 : s->tree->at - TIDE_SURVEY_HEAD_LENGTH, "%s",
		    s->tree->message);
	if (s->tree->at >= TIDE_SURVEY_HEAD_LENGTH + last_end(s))
		return tide_sqltree_fail(s->err, s->text, last_end(s), "the expression ends too early");
	for (size_t i = 0; i < TIDE_COUNT(statements); i++)
		if (tide_sqltoken_is(s->text, first, statements[i]))
			return refuse_query(s);
	s->unparsed = true;
	return true;
}

bool
tide_survey_text(struct tide_survey *s)
{
	char *wrapped = talloc_asprintf(s->ctx, TIDE_SURVEY_HEAD "%s" TAIL, s->text);
	json_t *value = NULL;

	if (wrapped == NULL)
		return tide_survey_no_memory(s);
	if (!tide_sqltree_scan(s->ctx, s->text, &s->tokens, s->err))
		return false;
	if (tide_survey_significant(s, 0) == s->tokens.count)
		return tide_fail(s->err, TIDE_PLAN, "the expression is empty");
	if (!check_closed(s) || !check_comment(s))
		return false;
	if ((s->tree = tide_sqltree_parse(s->ctx, wrapped)) == NULL)
		return tide_survey_no_memory(s);
	if (s->tree->statements == NULL)
		return accept_unparsed(s);
	return check_shape(s, &value) && tide_survey_walk(s, value);
}

bool
tide_expression_read(void *ctx, const char *text, struct tide_expression *out, struct tide_err *err)
{
	void *mem = talloc_new(NULL);
	struct tide_survey s = { .ctx = mem, .text = text, .row = TIDE_ROW, .err = err };
	struct tide_names columns = { 0 };
	bool ok = tide_survey_text(&s);

	for (size_t i = 0; ok && i < s.count; i++)
		if (!tide_survey_contains(&columns, s.references[i].name) &&
		    !tide_sqltree_append(mem, &columns, s.references[i].name, strlen(s.references[i].name)))
			ok = tide_survey_no_memory(&s);
	if (ok)
		*out = (struct tide_expression){
			.columns = { talloc_steal(ctx, columns.item), columns.count },
			.functions = { talloc_steal(ctx, s.functions.item), s.functions.count },
			.subquery = s.subquery,
			.unparsed = s.unparsed,
		};
	talloc_free(mem);
	return ok;
}
