#ifndef TIDE_KEYSET_H
#define TIDE_KEYSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * Rows in the order of a unique index, where they cannot be found by blocks. Pure: SQL texts. The row is TIDE_ROW.
 *
 * A key is an array of texts in SQL (text[]), what the output function of each column gives, so that it can be kept in the
 * database and goes back through the input function. Rows after a key (a, b) are those with a equal and b after, and those
 * with a after: each a range of the index of its own, so that no batch reads what lies before its key, whatever the
 * directions of the columns are. A row comparison would do so only where all columns ascend, or all descend.
 */

/** Operators, and what names the collation, are SQL texts: OPERATOR(pg_catalog.<), ` COLLATE "pg_catalog"."de-x-icu"`. */
struct tide_keyset_column {
	const char *name; /* not quoted */
	const char *type; /* as SQL, without modifier; of a domain the type below it */
	const char *less, *not_greater, *equal, *not_less, *greater;
	const char *collate;          /* "" when the type has none */
	bool descending, nulls_first; /* no value is NULL, but an index is only used in its own order */
};

struct tide_keyset {
	int64_t index; /* oid */
	size_t count;
	struct tide_keyset_column *column;
	char *order; /* columns, directions, collations and their versions: another order is another text */
	bool plain;  /* only the first column of an index that need not be unique */
};

/** ORDER BY list. alias: of what has the key as columns k1, k2 …; NULL: the row's own columns. */
char *tide_keyset_by(void *ctx, const struct tide_keyset *keyset, const char *alias);
/**
 * The next rows of `relation` after the key `from` (SQL of a text[]; NULL is the beginning), at most `limit` (SQL), in
 * order: columns k1, k2 …, and `more` (", expression AS name"; or ""). condition: a boolean that is not about the row.
 */
char *tide_keyset_next(void *ctx, const struct tide_keyset *keyset, const char *relation, const char *more,
    const char *from, const char *limit, const char *condition);
/**
 * `more` of a read: `differs`, and what the row is called when it does, `name`; the same for `unmatched` (NULL: never), with
 * `unmatched_name`. key: jsonb expression; NULL: the key.
 */
char *tide_keyset_differing(void *ctx, const struct tide_keyset *keyset, const char *residual,
    const char *unmatched, const char *key);
/** What a read counts of them. */
#define TIDE_KEYSET_UNMATCHED                                                                                \
	"pg_catalog.count(*) FILTER (WHERE unmatched) AS unmatched, pg_catalog.min(unmatched_name) AS "      \
	"unmatched_key"
/** The row has the key in `alias`. */
char *tide_keyset_same(void *ctx, const struct tide_keyset *keyset, const char *alias);
/** The key in `alias` (NULL: of the row) is `last` (SQL of a text[]) or comes before it. */
char *tide_keyset_until(void *ctx, const struct tide_keyset *keyset, const char *alias, const char *last);
/** The key in `alias` as text[]; NULL: of the row. */
char *tide_keyset_text(void *ctx, const struct tide_keyset *keyset, const char *alias);
/** The index is still there, and fit. */
char *tide_keyset_stands(void *ctx, const struct tide_keyset *keyset);

#endif
