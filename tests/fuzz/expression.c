#include "tidemark/plans/expression.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <talloc.h>
#include "must.h"

/* Every column of an expression can be qualified, and then none is left. */
static void
check_qualified(void *ctx, const char *text, const struct tide_expression *e)
{
	struct tide_expression again = { 0 };
	struct tide_err err = { 0 };
	char *out = tide_expression_qualify(ctx, text, &e->columns, TIDE_ROW, "NEW", &err);

	must(out != NULL, err.message, text);
	must(tide_expression_read(ctx, out, &again, &err), err.message, out);
	must(!again.unparsed && again.columns.count == 0, "a column was left", out);
	must(again.functions.count == e->functions.count && again.subquery == e->subquery, "changed", out);
}

/* There and back again names the same columns in the same order. */
static void
check_canonical(void *ctx, const char *text, const struct tide_expression *e)
{
	struct tide_expression again = { 0 };
	struct tide_err err = { 0 };
	char *out = tide_expression_qualify(ctx, text, &e->columns, NULL, TIDE_ROW, &err);

	must(out != NULL, err.message, text);
	must(tide_expression_read(ctx, out, &again, &err), err.message, out);
	must(again.columns.count == e->columns.count, "columns were lost", out);
	out = tide_expression_qualify(ctx, out, &e->columns, TIDE_ROW, "", &err);
	must(out != NULL, err.message, text);
	must(tide_expression_read(ctx, out, &again, &err), err.message, out);
	must(again.columns.count == e->columns.count, "columns were lost", out);
	for (size_t i = 0; i < e->columns.count; i++)
		must(strcmp(again.columns.item[i], e->columns.item[i]) == 0, "columns were changed", out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void *ctx = talloc_new(NULL);
	char *text = talloc_strndup(ctx, (const char *)data, size);
	struct tide_expression e = { 0 };
	struct tide_err err = { 0 };

	if (tide_expression_read(ctx, text, &e, &err)) {
		if (!e.unparsed)
			check_qualified(ctx, text, &e);
		/* An alias that is called like the row would capture what is qualified by it. */
		if (!e.unparsed && strcasestr(text, TIDE_ROW) == NULL && strcasestr(text, "U&") == NULL)
			check_canonical(ctx, text, &e);
	} else {
		must(err.code == TIDE_PLAN && err.message[0] != '\0', "an error without a reason", text);
		must(e.columns.item == NULL && e.functions.item == NULL, "a result beside an error", text);
	}
	talloc_free(ctx);
	return 0;
}
