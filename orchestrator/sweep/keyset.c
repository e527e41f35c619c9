#include "keyset.h"

#include <talloc.h>

#include "tidemark/plans/expression.h"
#include "tidemark/base/sqltext.h"

/* The column of the row, or of what has the key as k1, k2 … */
static char *
value(void *ctx, const struct tide_keyset *keyset, size_t i, const char *alias)
{
	return alias == NULL ? tide_sqlf(ctx, TIDE_ROW ".%I", keyset->column[i].name)
			     : tide_sqlf(ctx, "%s.k%d", alias, (int)i + 1);
}

/* `value operator key[i]`, in the collation of the index. */
static char *
compared(void *ctx, const struct tide_keyset *keyset, size_t i, const char *alias, const char *operator,
    const char * key)
{
	const struct tide_keyset_column *c = &keyset->column[i];

	return tide_sqlf(ctx, "%s%s %s CAST((%s)[%d] AS %s)", value(ctx, keyset, i, alias),
	    c->collate, operator, key, (int)i + 1, c->type);
}

static const char *
behind(const struct tide_keyset_column *c)
{
	return c->descending ? c->less : c->greater;
}

static const char *
before(const struct tide_keyset_column *c)
{
	return c->descending ? c->greater : c->less;
}

static char *
joined(char *list, const char *with, char *item)
{
	return list[0] == '\0' ? talloc_asprintf_append(list, "%s", item)
			       : talloc_asprintf_append(list, "%s%s", with, item);
}

/* The first `equal` columns are those of the key. */
static char *
prefix(void *ctx, const struct tide_keyset *keyset, size_t equal, const char *alias, const char *key)
{
	char *out = talloc_strdup(ctx, "");

	for (size_t i = 0; i < equal; i++)
		out = joined(out, " AND ", compared(ctx, keyset, i, alias, keyset->column[i].equal, key));
	return out;
}

char *
tide_keyset_by(void *ctx, const struct tide_keyset *keyset, const char *alias)
{
	char *out = talloc_strdup(ctx, "");

	for (size_t i = 0; i < keyset->count; i++) {
		const struct tide_keyset_column *c = &keyset->column[i];

		out = joined(out, ", ",
		    tide_sqlf(ctx, "%s%s USING %s NULLS %s", value(ctx, keyset, i, alias), c->collate,
			before(c), c->nulls_first ? "FIRST" : "LAST"));
	}
	return out;
}

static char *
columns(void *ctx, const struct tide_keyset *keyset)
{
	char *out = talloc_strdup(ctx, "");

	for (size_t i = 0; i < keyset->count; i++)
		out = joined(out, ", ", tide_sqlf(ctx, "%s AS k%d", value(ctx, keyset, i, NULL), (int)i + 1));
	return out;
}

char *
tide_keyset_next(void *ctx, const struct tide_keyset *keyset, const char *relation, const char *more,
    const char *from, const char *limit, const char *condition)
{
	const char *list = columns(ctx, keyset), *order = tide_keyset_by(ctx, keyset, NULL);
	char *ranges = talloc_strdup(ctx, "");

	/* From the beginning, and after the key with ever fewer of its columns equal; a range of which the condition is false
	 * is not read at all. */
	for (size_t i = 0; i <= keyset->count; i++) {
		size_t equal = keyset->count - i;
		char *where = talloc_asprintf(ctx, "(%s) IS NULL", from);

		if (i > 0)
			where = joined(prefix(ctx, keyset, equal, NULL, from), " AND ",
			    compared(ctx, keyset, equal, NULL, behind(&keyset->column[equal]), from));
		ranges = joined(ranges, "\nUNION ALL\n",
		    tide_sqlf(ctx,
			"(SELECT %s%s FROM ONLY %s AS " TIDE_ROW " WHERE %s AND %s ORDER BY %s LIMIT %s)",
			list, more, relation, where, condition, order, limit));
	}
	return tide_sqlf(ctx, "SELECT r.* FROM (\n%s) AS r ORDER BY %s LIMIT %s", ranges,
	    tide_keyset_by(ctx, keyset, "r"), limit);
}

char *
tide_keyset_differing(
    void *ctx, const struct tide_keyset *keyset, const char *residual, const char *unmatched, const char *key)
{
	const char *name = key != NULL ? key : tide_keyset_text(ctx, keyset, NULL);
	char *more = talloc_strdup(ctx, ", false AS unmatched, NULL::text AS unmatched_name");

	if (unmatched != NULL)
		more = tide_sqlf(ctx,
		    ", (%s) AS unmatched, CASE WHEN (%s) THEN (%s)::text END AS unmatched_name", unmatched,
		    unmatched, name);
	return tide_sqlf(ctx, ", (%s) AS differs, CASE WHEN (%s) THEN (%s)::text END AS name%s", residual,
	    residual, name, more);
}

char *
tide_keyset_same(void *ctx, const struct tide_keyset *keyset, const char *alias)
{
	char *out = talloc_strdup(ctx, "");

	for (size_t i = 0; i < keyset->count; i++)
		out = joined(out, " AND ",
		    tide_sqlf(ctx, "%s%s %s %s", value(ctx, keyset, i, NULL), keyset->column[i].collate,
			keyset->column[i].equal, value(ctx, keyset, i, alias)));
	return out;
}

char *
tide_keyset_until(void *ctx, const struct tide_keyset *keyset, const char *alias, const char *last)
{
	char *out = prefix(ctx, keyset, keyset->count, alias, last);

	for (size_t i = keyset->count; i-- > 0;)
		out = joined(out, " OR ",
		    joined(prefix(ctx, keyset, i, alias, last), " AND ",
			compared(ctx, keyset, i, alias, before(&keyset->column[i]), last)));
	return out;
}

char *
tide_keyset_text(void *ctx, const struct tide_keyset *keyset, const char *alias)
{
	char *out = talloc_strdup(ctx, "");

	/* Not a cast: that of char(n), for one, is no output function. */
	for (size_t i = 0; i < keyset->count; i++)
		out = joined(
		    out, ", ", tide_sqlf(ctx, "pg_catalog.format('%%s', %s)", value(ctx, keyset, i, alias)));
	return tide_sqlf(ctx, "ARRAY[%s]", out);
}

char *
tide_keyset_stands(void *ctx, const struct tide_keyset *keyset)
{
	if (keyset->plain)
		return tide_sqlf(ctx,
		    "EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indexrelid = %l AND i.indisvalid)",
		    (long long)keyset->index);
	return tide_sqlf(ctx,
	    "EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indexrelid = %l "
	    "AND i.indisvalid AND i.indisunique "
	    "AND i.indimmediate AND NOT EXISTS (SELECT FROM pg_catalog.pg_attribute a "
	    "WHERE a.attrelid = i.indrelid "
	    "AND a.attnum = ANY ((i.indkey::smallint[])[0:i.indnkeyatts - 1]) AND (NOT a.attnotnull OR "
	    "EXISTS (SELECT FROM pg_catalog.pg_constraint n "
	    "WHERE n.conrelid = a.attrelid AND n.contype = 'n' "
	    "AND NOT n.convalidated AND n.conkey = ARRAY[a.attnum]))))",
	    (long long)keyset->index);
}
