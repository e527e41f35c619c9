#include <string.h>

#include <talloc.h>

#include "build/build.h"
#include "pair.h"
#include "tidemark/plans/expression.h"
#include "tidemark/base/sqltext.h"
#include "catalog/types.h"

/* Comparing the sides of a dual write, in the spellings that sweeps, triggers and the CHECK need. */

/* `=` of two values with different collations is refused: a collation of the column's own, or of its domain. */
static bool
has_own_collation(const struct tide_column *column)
{
	return column->collation != NULL ||
	       (column->collated != NULL && strcmp(column->collated, "pg_catalog.\"default\"") != 0);
}

/*
 * Where `=` means more or less than the same bytes, images are compared: a change of case in citext is a
 * change, and json has no `=` at all. So also where two collations would contradict each other.
 */
static bool
by_image(const struct tide_dual *dual, const struct tide_dual_column *c)
{
	const struct tide_dual_side *sides[] = { &dual->old, &dual->new };

	for (size_t s = 0; s < 2; s++)
		for (size_t i = 0; i < sides[s]->count; i++)
			if (has_own_collation(sides[s]->item[i].column))
				return true;
	return !c->column->identical;
}

/* Rows are alike only when their types are: a domain's value becomes one of the type below it. Blanks that character(n) adds count for nothing. */
static const char *
as_base(void *ctx, const struct tide_column *column, const char *value)
{
	if (column->unpadded != NULL)
		return tide_sqlf(ctx, "CAST(%s AS %s)", value, column->unpadded);
	if (strcmp(column->type, column->cast_type) == 0)
		return value;
	return tide_sqlf(ctx, "CAST(%s AS %s)", value, column->cast_type);
}

static char *
images(void *ctx, bool equal, const char *a, const char *b)
{
	return tide_sqlf(ctx, "ROW(%s)::pg_catalog.record OPERATOR(pg_catalog.%s) ROW(%s)::pg_catalog.record",
	    a, equal ? "*=" : "*<>", b);
}

/* The fields of a composite, in depth: a field that is compressed in one value and not in the other makes no difference then. */
static char *
fields_of(void *ctx, const struct tide_column *column, const char *value)
{
	const char *way = column->parts;
	char *out = NULL;

	while (*way != '\0') {
		size_t length = strcspn(way, "\x01");
		char *part = talloc_asprintf(ctx, "(%s)%.*s", value, (int)length - 1, way + 1);

		if (*way == '?')
			part = talloc_asprintf(ctx, "%s IS NOT DISTINCT FROM NULL", part);
		out = tide_append(ctx, out, ", ", part);
		way += length + (way[length] != '\0');
	}
	return out;
}

/* What looks different may only be stored differently: of composites the fields decide, of arrays of them the text. */
static char *
compare_inner(void *ctx, const struct tide_column *column, bool equal, const char *a, const char *b)
{
	char *same = images(ctx, equal, a, b), *deep;

	if (column->parts != NULL)
		deep = images(ctx, equal, fields_of(ctx, column, a), fields_of(ctx, column, b));
	else
		deep = images(ctx, equal, tide_sqlf(ctx, "CAST(%s AS pg_catalog.text)", a),
		    tide_sqlf(ctx, "CAST(%s AS pg_catalog.text)", b));
	return talloc_asprintf(ctx, "(%s %s %s)", same, equal ? "OR" : "AND", deep);
}

static char *
compare(void *ctx, const struct tide_column *column, bool image, bool equal, const char *a, const char *b)
{
	if (!image)
		return tide_sqlf(ctx, "%s IS %sDISTINCT FROM %s", a, equal ? "NOT " : "", b);
	a = as_base(ctx, column, a);
	b = as_base(ctx, column, b);
	return column->parts != NULL || column->composites ? compare_inner(ctx, column, equal, a, b)
							   : images(ctx, equal, a, b);
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
	return compare(ctx, column, !column->identical || has_own_collation(column), false, a, b);
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
tide_dual_differs_both(void *ctx, const struct tide_dual *dual)
{
	char *up = tide_dual_differs_row(ctx, dual), *down = NULL;

	if (dual->copy)
		return up;
	for (size_t i = 0; i < dual->old.count; i++) {
		const struct tide_dual_column *c = &dual->old.item[i];

		down = tide_append(ctx, down, " OR ",
		    tide_differs(ctx, dual, c, tide_sqlf(ctx, TIDE_ROW ".%I", c->name), c->value.row));
	}
	/* Where it agrees, nothing that may fail is tried. */
	return tide_sqlf(ctx, "CASE WHEN %s THEN %s ELSE false END", up, down);
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
	/* Follows from the rest, but only in this form the server takes it for a proof of NOT NULL. */
	for (size_t i = 0; i < dual->new.count; i++)
		if (tide_carries_not_null(dual, i))
			out = tide_append(ctx, out, " AND ",
			    tide_sqlf(ctx, "%I IS DISTINCT FROM NULL", dual->new.item[i].name));
	return out;
}

char *
tide_dual_what(void *ctx, const struct tide_dual *dual)
{
	struct tide_names old = tide_side_names(ctx, &dual->old), new = tide_side_names(ctx, &dual->new);

	return talloc_asprintf(ctx, "%s.%s %s %s", dual->cat->table.name, tide_join_plain(ctx, &old, ", "),
	    dual->cat->few_characters ? "->" : "\xe2\x86\x92", tide_join_plain(ctx, &new, ", "));
}

bool
tide_dual_provable(const struct tide_dual *dual)
{
	return dual->immutable && !dual->lookup;
}
