#include <string.h>

#include <talloc.h>

#include "build.h"
#include "pair.h"
#include "tidemark/expression.h"
#include "tidemark/sqltext.h"
#include "types.h"

/* Comparing the sides of a dual write, in the spellings that sweeps, triggers and the CHECK need. */

/*
 * Where `=` means more or less than the same bytes, images are compared: a change of case in citext is a
 * change, and json has no `=` at all. So also where two collations would contradict each other.
 */
static bool
by_image(const struct tide_dual *dual, const struct tide_dual_column *c)
{
	const struct tide_dual_side *sides[] = { &dual->old, &dual->new };

	if (tide_is_padded(c->column->type))
		return false;
	for (size_t s = 0; s < 2; s++)
		for (size_t i = 0; i < sides[s]->count; i++)
			if (sides[s]->item[i].column->collation != NULL)
				return true;
	return !c->column->identical;
}

/* Rows are alike only when their types are: a domain's value becomes one of the type below it. */
static const char *
as_base(void *ctx, const struct tide_column *column, const char *value)
{
	if (strcmp(column->type, column->cast_type) == 0)
		return value;
	return tide_sqlf(ctx, "CAST(%s AS %s)", value, column->cast_type);
}

static char *
compare(void *ctx, const struct tide_column *column, bool image, bool equal, const char *a, const char *b)
{
	if (!image)
		return tide_sqlf(ctx, "%s IS %sDISTINCT FROM %s", a, equal ? "NOT " : "", b);
	a = as_base(ctx, column, a);
	b = as_base(ctx, column, b);
	return tide_sqlf(ctx, "ROW(%s)::pg_catalog.record OPERATOR(pg_catalog.%s) ROW(%s)::pg_catalog.record",
	    a, equal ? "*=" : "*<>", b);
}

char *
tide_differs(
    void *ctx, const struct tide_dual *dual, const struct tide_dual_column *c, const char *a, const char *b)
{
	return compare(ctx, c->column, by_image(dual, c), false, a, b);
}

char *
tide_equals(
    void *ctx, const struct tide_dual *dual, const struct tide_dual_column *c, const char *a, const char *b)
{
	return compare(ctx, c->column, by_image(dual, c), true, a, b);
}

char *
tide_column_differs(void *ctx, const struct tide_column *column, const char *a, const char *b)
{
	bool image = !tide_is_padded(column->type) && (!column->identical || column->collation != NULL);

	return compare(ctx, column, image, false, a, b);
}

char *
tide_dual_differs_row(void *ctx, const struct tide_dual *dual)
{
	char *out = NULL;

	for (size_t i = 0; i < dual->new.count; i++) {
		const struct tide_dual_column *c = &dual->new.item[i];

		out = tide_append(ctx, out, " OR ",
		    tide_differs(ctx, dual, c, tide_sqlf(ctx, TIDE_ROW ".%I", c->name), c->safe.row));
	}
	return out;
}

char *
tide_dual_differs_trigger(void *ctx, const struct tide_dual *dual)
{
	char *out = NULL;

	for (size_t i = 0; i < dual->new.count; i++) {
		const struct tide_dual_column *c = &dual->new.item[i];

		out = tide_append(ctx, out, " OR ",
		    tide_differs(ctx, dual, c, tide_sqlf(ctx, "NEW.%I", c->name), c->value.trigger));
	}
	return out;
}

char *
tide_dual_agrees(void *ctx, const struct tide_dual *dual)
{
	char *out = NULL;

	for (size_t i = 0; i < dual->new.count; i++) {
		const struct tide_dual_column *c = &dual->new.item[i];

		out = tide_append(
		    ctx, out, " AND ", tide_equals(ctx, dual, c, tide_ident(ctx, c->name), c->safe.bare));
	}
	return out;
}

char *
tide_dual_what(void *ctx, const struct tide_dual *dual)
{
	struct tide_names old = tide_side_names(ctx, &dual->old), new = tide_side_names(ctx, &dual->new);

	return talloc_asprintf(ctx, "%s.%s \xe2\x86\x92 %s", dual->cat->table.name,
	    tide_join_plain(ctx, &old, ", "), tide_join_plain(ctx, &new, ", "));
}

bool
tide_dual_provable(const struct tide_dual *dual)
{
	return dual->immutable && !dual->lookup;
}
