#include "maintain.h"

#include <talloc.h>

#include "build/build.h"
#include "tidemark/base/sqltext.h"

/** The server's default_statistics_target, as it comes, times the 300 rows that ANALYZE reads for each of it. */
#define SAMPLE 30000

static struct tide_action *
add(struct tide_steps *steps, const struct tide_phase_at *at, const char *name)
{
	struct tide_action *action = &tide_steps_add(steps, name)->forward;

	action->kind = TIDE_STEP_CONCURRENT;
	action->lock = TIDE_SHARE_UPDATE_EXCLUSIVE;
	action->lock_table = tide_table_text(steps, at->cat);
	action->flags = TIDE_RESTARTABLE | TIDE_YIELDS;
	return action;
}

void
tide_maintain_vacuum(struct tide_steps *steps, const struct tide_phase_at *at)
{
	struct tide_action *action = add(steps, at, "vacuum");

	action->title = talloc_strdup(
	    steps, "Clean up the row versions that the sweep has left, and refresh the planner's statistics");
	tide_action_whole(at->cat, action, TIDE_TOUCH_VACUUM);
	/* Giving pages back at the end of the file takes ACCESS EXCLUSIVE, here and on each standby. */
	tide_action_add(steps, action,
	    tide_sqlf(steps, "VACUUM (ANALYZE, TRUNCATE false, PARALLEL 0) %s", action->lock_table));
}

/* Empty relations get no statistics, and a column of NULLs alone is what the planner has seen before the sweep. */
static char *
present(void *ctx, const struct tide_catalog *cat, const struct tide_names *columns)
{
	char *names = NULL, *table = tide_table_text(ctx, cat);

	for (size_t i = 0; i < columns->count; i++)
		names = tide_append(ctx, names, ", ", tide_literal(ctx, columns->item[i]));
	return tide_sqlf(ctx,
	    "NOT EXISTS (SELECT FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = "
	    "c.relnamespace CROSS JOIN pg_catalog.unnest(ARRAY[%s]) AS w (name) "
	    "WHERE (c.oid = pg_catalog.to_regclass(%L) OR c.oid IN (SELECT t.relid FROM "
	    "pg_catalog.pg_partition_tree(pg_catalog.to_regclass(%L)) AS t WHERE t.isleaf)) "
	    "AND c.reltuples <> 0 AND (c.relkind = 'p' OR pg_catalog.pg_relation_size(c.oid) > 0) "
	    "AND NOT EXISTS (SELECT FROM pg_catalog.pg_stats AS s WHERE s.schemaname = n.nspname AND "
	    "s.tablename = c.relname AND s.attname = w.name AND s.inherited = (c.relkind = 'p') AND "
	    "s.null_frac < 1))",
	    names, table, table);
}

void
tide_maintain_statistics(struct tide_steps *steps, const struct tide_phase_at *at,
    const struct tide_dual *dual, bool unless_present)
{
	struct tide_action *action = add(steps, at, "statistics");
	struct tide_names columns = tide_side_names(steps, &dual->new);

	action->title = talloc_asprintf(
	    steps, "Refresh the planner's statistics of %s", tide_join_plain(steps, &columns, ", "));
	tide_action_whole(at->cat, action, TIDE_TOUCH_SAMPLE);
	if (action->rows > SAMPLE && at->cat->table.relkind == 'r') {
		action->bytes = action->bytes / action->rows * SAMPLE;
		action->rows = SAMPLE;
	}
	if (unless_present) {
		/* The role may not be allowed to see them, or ANALYZE may be told to leave the column out: then the journal knows. */
		action->flags |= TIDE_TRACELESS;
		action->probe = tide_probe(steps, present(steps, at->cat, &columns), NULL);
	}
	tide_action_add(steps, action,
	    tide_sqlf(steps, "ANALYZE %s (%s)", action->lock_table, tide_join_idents(steps, &columns, ", ")));
}
