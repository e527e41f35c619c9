#include "script.h"

#include <string.h>

#include <talloc.h>

#include "catalog/change.h"
#include "tidemark/base/array.h"
#include "tidemark/base/sqltext.h"

/* Rows of other tables that a foreign key takes along when statements of the plan's author delete, truncate or change a row. */

static bool
truncates(const struct tide_script_part *part)
{
	return part->effect->kind == TIDE_EFFECT_OTHER && part->effect->loses;
}

static bool
changes_key(const struct tide_catalog *cat, const struct tide_effect *effect, const struct tide_constraint *k)
{
	for (size_t i = 0; effect->replaces && i < effect->columns.count; i++) {
		const struct tide_column *column = tide_catalog_column(cat, effect->columns.item[i]);

		if (column != NULL && tide_uses(k->attnums, k->attnum_count, column->attnum))
			return true;
	}
	return false;
}

/* What the foreign key does with the rows of its own table; NULL: nothing, or it refuses. */
static const char *
follows(const struct tide_catalog *cat, const struct tide_script_part *part, const struct tide_constraint *k)
{
	static const struct {
		bool deletes;
		const char *action, *says;
	} rows[] = {
		{ true, "ON DELETE CASCADE", "goes with it" },
		{ true, "ON DELETE SET ", "loses the value that refers to it" },
		{ false, "ON UPDATE CASCADE", "gets its new value" },
		{ false, "ON UPDATE SET ", "loses the value that refers to it" },
	};
	const struct tide_effect *effect = part->effect;

	/* TRUNCATE asks no foreign key what to do. */
	if (truncates(part))
		return (part->statement->traits & TIDE_SQL_CASCADE) != 0 ? "is emptied with it" : NULL;
	for (size_t i = 0; effect->kind == TIDE_EFFECT_WRITE && i < TIDE_COUNT(rows); i++)
		if (strstr(k->definition, rows[i].action) != NULL &&
		    (rows[i].deletes ? effect->loses : changes_key(cat, effect, k)))
			return rows[i].says;
	return NULL;
}

size_t
tide_script_followers(void *ctx, const struct tide_catalog *cat, const struct tide_script_part *part,
    struct tide_follower **out)
{
	size_t count = 0;

	*out = NULL;
	for (size_t i = 0; cat != NULL && part->ours && i < cat->table.constraint_count; i++) {
		const struct tide_constraint *k = &cat->table.constraint[i];
		const char *says = k->referencing == NULL ? NULL : follows(cat, part, k);

		if (says == NULL)
			continue;
		*out = talloc_realloc(ctx, *out, struct tide_follower, (unsigned)(count + 1));
		(*out)[count++] = (struct tide_follower){ k->referencing, says };
	}
	return count;
}

char *
tide_script_followers_text(void *ctx, const struct tide_catalog *cat, const struct tide_script_part *part)
{
	const struct tide_effect *effect = part->effect;
	struct tide_follower *found;
	size_t count = tide_script_followers(ctx, cat, part, &found);
	char *out = NULL;

	for (size_t i = 0; i < count; i++)
		out = tide_append(ctx, out, ", ",
		    talloc_asprintf(
			ctx, "a row of %s that refers to one %s", found[i].relation, found[i].says));
	/* Of other tables it is not known who refers to them. */
	if (!part->ours && effect->relation != NULL && effect->kind == TIDE_EFFECT_WRITE && effect->loses)
		out = talloc_strdup(
		    ctx, "a row that refers to one is deleted too where a foreign key has ON DELETE CASCADE");
	return out;
}
