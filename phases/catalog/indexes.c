#include "indexes.h"

#include <talloc.h>

#include "tidemark/base/sqltext.h"

char *
tide_index_text(void *ctx, const char *schema, const char *name)
{
	return tide_sqlf(ctx, "%I.%I", schema, name);
}

static char *
when(void *ctx, const struct tide_catalog *cat, const char *schema, const char *name, const char *more)
{
	return tide_sqlf(ctx,
	    "EXISTS (SELECT FROM pg_catalog.pg_index WHERE indexrelid = pg_catalog.to_regclass(%L)"
	    " AND indrelid = pg_catalog.to_regclass(%L)%s)",
	    tide_index_text(ctx, schema, name), tide_table_text(ctx, cat), more);
}

char *
tide_when_index_valid(void *ctx, const struct tide_catalog *cat, const char *schema, const char *name)
{
	return when(ctx, cat, schema, name, " AND indisvalid AND indisready");
}

char *
tide_when_index(void *ctx, const struct tide_catalog *cat, const char *schema, const char *name)
{
	return when(ctx, cat, schema, name, "");
}

static void
fill(struct tide_steps *out, const struct tide_catalog *cat, struct tide_action *action, char *sql)
{
	action->kind = TIDE_STEP_CONCURRENT;
	action->lock = TIDE_SHARE_UPDATE_EXCLUSIVE;
	action->lock_table = tide_table_text(out, cat);
	tide_action_add(out, action, sql);
}

static char *
drop_sql(void *ctx, const char *schema, const char *name)
{
	return tide_sqlf(ctx, "DROP INDEX CONCURRENTLY IF EXISTS %s", tide_index_text(ctx, schema, name));
}

void
tide_action_build(struct tide_steps *out, const struct tide_catalog *cat, struct tide_action *action,
    const char *schema, const char *name, char *sql)
{
	fill(out, cat, action, sql);
	action->probe = tide_probe(
	    out, tide_when_index_valid(out, cat, schema, name), tide_when_index(out, cat, schema, name));
	action->repair = drop_sql(out, schema, name);
	action->flags = TIDE_CREATES;
	tide_action_whole(cat, action, TIDE_TOUCH_BUILD);
}

void
tide_action_unbuild(struct tide_steps *out, const struct tide_catalog *cat, struct tide_action *action,
    const char *schema, const char *name)
{
	fill(out, cat, action, drop_sql(out, schema, name));
	action->title = talloc_asprintf(out, "Drop the index %s while writes continue", name);
	action->probe =
	    tide_probe(out, tide_sqlf(out, "NOT %s", tide_when_index(out, cat, schema, name)), NULL);
}
