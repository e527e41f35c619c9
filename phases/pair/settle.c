#include "settle.h"
#include "catalog/lookup.h"

#include <string.h>

#include <talloc.h>

#include "tidemark/base/sqltext.h"

static bool
sees_column(const struct tide_dependent *d, const struct tide_dual_side *side)
{
	if (!d->alters ||
	    (strcmp(d->kind, "trigger function") != 0 && strcmp(d->kind, "trigger condition") != 0))
		return false;
	for (size_t i = 0; i < side->count; i++)
		if (d->attnum == side->item[i].column->attnum)
			return true;
	return false;
}

bool
tide_users_see_pair(const struct tide_dual *dual)
{
	const struct tide_table *table = &dual->cat->table;

	for (size_t i = 0; i < table->dependent_count; i++)
		if (sees_column(&table->dependent[i], &dual->old) ||
		    sees_column(&table->dependent[i], &dual->new))
			return true;
	return false;
}

static char *
variable(void *ctx, const char *side, size_t i)
{
	return talloc_asprintf(ctx, "tidemark_%s_%zu", side, i + 1);
}

/* Variables for what the other side makes of each column, and what fills them. */
static char *
declare(void *ctx, const struct tide_dual_side *side, const char *name)
{
	char *out = talloc_strdup(ctx, "");

	for (size_t i = 0; i < side->count; i++)
		out = talloc_asprintf_append(
		    out, "\t%s %s;\n", variable(ctx, name, i), side->item[i].column->type);
	return out;
}

static char *
fill(void *ctx, const struct tide_dual *dual, const struct tide_dual_side *side, const char *name)
{
	char *out = talloc_strdup(ctx, "");

	for (size_t i = 0; i < side->count; i++)
		out = talloc_strdup_append(
		    out, tide_assign(ctx, dual, &side->item[i], variable(ctx, name, i), "\t"));
	return out;
}

static char *
agrees(void *ctx, const struct tide_dual *dual, const struct tide_dual_side *side, const char *name)
{
	char *out = NULL;

	for (size_t i = 0; i < side->count; i++)
		out = tide_append(ctx, out, " AND ",
		    tide_equals(ctx, dual, &side->item[i], tide_sqlf(ctx, "NEW.%I", side->item[i].name),
			variable(ctx, name, i)));
	return out;
}

static char *
take(void *ctx, const struct tide_dual_side *side, const char *name)
{
	char *out = talloc_strdup(ctx, "");

	for (size_t i = 0; i < side->count; i++)
		out = talloc_strdup_append(
		    out, tide_sqlf(ctx, "\t\tNEW.%I := %s;\n", side->item[i].name, variable(ctx, name, i)));
	return out;
}

/* A regular expression for each name, as the review looks for names in functions. */
static char *
patterns(void *ctx, const struct tide_dual_side *side)
{
	char *out = NULL;

	for (size_t i = 0; i < side->count; i++)
		out = tide_append(ctx, out, ", ",
		    tide_sqlf(ctx,
			"'(^|[^[:alnum:]_$])' || pg_catalog.regexp_replace(pg_catalog.replace(%L, '\"', "
			"'\"\"'), "
			"'([][{}()*+?.\\\\^$|-])', '\\\\\\1', 'g') || '($|[^[:alnum:]_$])'",
			side->item[i].name));
	return out;
}

/* A number for what a side holds, as text. */
static char *
image(void *ctx, const struct tide_dual_side *side)
{
	char *list = NULL;

	for (size_t i = 0; i < side->count; i++)
		list = tide_append(ctx, list, ", ", tide_sqlf(ctx, "NEW.%I", side->item[i].name));
	return talloc_asprintf(ctx,
	    "CAST(pg_catalog.hashtextextended(CAST(ROW(%s) AS pg_catalog.text), 0) AS pg_catalog.text)",
	    list);
}

/* Where the first trigger leaves what both sides were when they agreed, for the last one. A setting of the transaction. */
static char *
setting(void *ctx, const struct tide_dual *dual, const char *role, const char *side)
{
	return talloc_asprintf(
	    ctx, "tidemark.%s_%s", tide_trigger_function_name(ctx, dual, role, "was"), side);
}

static char *
remember(void *ctx, const struct tide_dual *dual, const char *role)
{
	return tide_sqlf(ctx,
	    "BEGIN\n\tPERFORM pg_catalog.set_config(%L, %s, true), pg_catalog.set_config(%L, %s, true);\n"
	    "\tRETURN NEW;\nEND\n",
	    setting(ctx, dual, role, "old"), image(ctx, &dual->old), setting(ctx, dual, role, "new"),
	    image(ctx, &dual->new));
}

static char *
moved(void *ctx, const struct tide_dual *dual, const char *role, const struct tide_dual_side *side)
{
	return tide_sqlf(ctx, "pg_catalog.current_setting(%L, true) IS DISTINCT FROM %s",
	    setting(ctx, dual, role, side == &dual->old ? "old" : "new"), image(ctx, side));
}

/*
 * Whether a function of a BEFORE trigger of the user names a new column: what decides where both sides were changed since ours had
 * made them agree, or where that is not known, because a trigger wrote another row of the table meanwhile. Functions are replaced
 * in the middle of the window, from naming the old column to naming the new one. Read only when the sides differ.
 */
static char *
users_name_new(void *ctx, const struct tide_dual *dual)
{
	return tide_sqlf(ctx,
	    "EXISTS (SELECT FROM pg_catalog.pg_trigger AS t JOIN pg_catalog.pg_proc AS p ON p.oid = t.tgfoid"
	    " WHERE t.tgrelid = TG_RELID AND (NOT t.tgisinternal OR t.tgparentid <> 0) AND t.tgenabled <> "
	    "'D' AND t.tgtype & 3 = 3"
	    " AND p.pronamespace <> 'tidemark'::pg_catalog.regnamespace AND"
	    " pg_catalog.regexp_replace(p.prosrc, $re$([eE]'(?:[^'\\\\]|\\\\.|'')*'|'(?:[^']|'')*')|"
	    "--[^\\n]*|/\\*.*?\\*/$re$, '\\1', 'g') ~* ANY (ARRAY[%s]))",
	    patterns(ctx, &dual->new));
}

static char *
body(void *ctx, const struct tide_dual *dual, const char *role)
{
	return talloc_asprintf(ctx,
	    "DECLARE\n%s%s"
	    "\ttidemark_old_moved boolean := %s;\n"
	    "\ttidemark_new_moved boolean := %s;\nBEGIN\n"
	    "%s\tIF %s THEN\n\t\tRETURN NEW;\n\tEND IF;\n"
	    "%s\tIF %s THEN\n\t\tRETURN NEW;\n\tEND IF;\n"
	    "\tIF (tidemark_new_moved AND NOT tidemark_old_moved)\n"
	    "\t    OR (tidemark_new_moved = tidemark_old_moved AND %s) THEN\n%s\tELSE\n%s\tEND IF;\n"
	    "\tRETURN NEW;\nEND\n",
	    declare(ctx, &dual->new, "up"), declare(ctx, &dual->old, "down"),
	    moved(ctx, dual, role, &dual->old), moved(ctx, dual, role, &dual->new),
	    fill(ctx, dual, &dual->new, "up"), agrees(ctx, dual, &dual->new, "up"),
	    fill(ctx, dual, &dual->old, "down"), agrees(ctx, dual, &dual->old, "down"),
	    users_name_new(ctx, dual), take(ctx, &dual->old, "down"), take(ctx, &dual->new, "up"));
}

void
tide_settle_add(void *ctx, struct tide_triggers *t, const struct tide_dual *dual, const char *role)
{
	char *name = tide_trigger_function_name(ctx, dual, role, "settle_v2");
	char *first = tide_trigger_function_name(ctx, dual, role, "was_v1");
	bool when = !dual->null_on_error && tide_dual_provable(dual);

	/* Its name comes after those that make the sides agree. */
	tide_triggers_add_function(ctx, t, first, remember(ctx, dual, role), false);
	tide_triggers_add(ctx, t, tide_trigger_name(ctx, dual, TIDE_TRIGGER_FIRST, role, "was"), first,
	    "INSERT OR UPDATE", NULL);
	tide_triggers_add_function(ctx, t, name, body(ctx, dual, role), false);
	tide_triggers_add(ctx, t, tide_trigger_name(ctx, dual, TIDE_TRIGGER_LAST, role, "settle"), name,
	    "INSERT OR UPDATE", when ? tide_dual_differs_trigger(ctx, dual) : NULL);
}

void
tide_settle_check(const struct tide_checking *c, const struct tide_dual *dual)
{
	const struct tide_table *table = &dual->cat->table;
	const char *ours = tide_trigger_name(c->out, dual, TIDE_TRIGGER_FIRST, "both", "insert");

	if (!tide_users_see_pair(dual))
		return;
	for (size_t i = 0; i < table->trigger_count; i++) {
		const struct tide_trigger *t = &table->trigger[i];

		if (t->internal || !t->before || !t->row || !(t->on_insert || t->on_update) ||
		    strcmp(t->name, ours) >= 0 || tide_is_tool_trigger(t))
			continue;
		tide_say(c, TIDE_ERROR, "switch-trigger-order", NULL,
		    "rename it: triggers fire in the order of their names",
		    "trigger \"%s\" would fire before tidemark's and not see what the new release has "
		    "changed",
		    t->name);
	}
}
