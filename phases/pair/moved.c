#include "moved.h"

#include <talloc.h>

#include "build/build.h"
#include "catalog/change.h"
#include "catalog/lookup.h"
#include "tidemark/base/names.h"
#include "tidemark/base/sqltext.h"

/* Copies that were settled are equal wherever the row is. */
static bool
matters(const struct tide_dual *dual)
{
	return dual->cat->table.relkind == 'p' && !dual->copy;
}

static char *
setting(void *ctx, const struct tide_dual *dual)
{
	struct tide_names columns = tide_dual_identity(ctx, dual->plan, dual->phase);

	return tide_literal(ctx, tide_generated_name(ctx, "tidemark.moved_",
				     tide_identity(ctx, dual->plan, "moved", &columns), NULL));
}

/* The pair, the key and the place, short: the same row, for all that this statement can know. */
static char *
mark(void *ctx, const struct tide_dual *dual)
{
	const struct tide_constraint *key = tide_primary_key(dual->cat);
	const struct tide_dual_side *sides[] = { &dual->old, &dual->new };
	const struct tide_table *table = &dual->cat->table;
	char *out = NULL;

	for (size_t i = 0; i < table->column_count; i++)
		if (tide_in_partition_key(dual->cat, &table->column[i]) ||
		    (key != NULL && tide_uses(key->attnums, key->attnum_count, table->column[i].attnum)))
			out = tide_append(ctx, out, ", ", tide_sqlf(ctx, "NEW.%I", table->column[i].name));
	for (size_t s = 0; s < 2; s++)
		for (size_t i = 0; i < sides[s]->count; i++)
			out = tide_append(ctx, out, ", ", tide_sqlf(ctx, "NEW.%I", sides[s]->item[i].name));
	return talloc_asprintf(ctx,
	    "CAST(pg_catalog.hashtextextended(CAST(ROW(%s) AS pg_catalog.text), 0) AS pg_catalog.text)", out);
}

/* The row may belong elsewhere from now on. */
static char *
key_changes(void *ctx, const struct tide_dual *dual)
{
	const struct tide_table *table = &dual->cat->table;
	char *out = NULL;

	for (size_t i = 0; i < table->column_count; i++)
		if (tide_in_partition_key(dual->cat, &table->column[i]))
			out = tide_append(ctx, out, " OR ",
			    tide_column_differs(ctx, &table->column[i],
				tide_sqlf(ctx, "NEW.%I", table->column[i].name),
				tide_sqlf(ctx, "OLD.%I", table->column[i].name)));
	return out;
}

char *
tide_moved_here(void *ctx, const struct tide_dual *dual)
{
	char *name = setting(ctx, dual);

	if (!matters(dual))
		return talloc_strdup(ctx, "");
	return talloc_asprintf(ctx,
	    "\tIF pg_catalog.current_setting(%s, true) <> '' THEN\n"
	    "\t\tIF pg_catalog.current_setting(%s, true) = %s THEN\n"
	    "\t\t\tPERFORM pg_catalog.set_config(%s, '', true);\n"
	    "\t\t\tRETURN NEW;\n"
	    "\t\tEND IF;\n"
	    "\tEND IF;\n",
	    name, name, mark(ctx, dual), name);
}

void
tide_moved_add(void *ctx, struct tide_triggers *t, const struct tide_dual *dual, const char *role)
{
	char *name;

	if (!matters(dual))
		return;
	name = tide_trigger_function_name(ctx, dual, role, "update_moves_v1");
	tide_triggers_add_function(ctx, t, name,
	    talloc_asprintf(ctx,
		"BEGIN\n\tPERFORM pg_catalog.set_config(%s, %s, true);\n\tRETURN NEW;\nEND\n",
		setting(ctx, dual), mark(ctx, dual)),
	    false);
	/* After all others: what it marks is what will be inserted. */
	tide_triggers_add(ctx, t, tide_trigger_name(ctx, dual, TIDE_TRIGGER_LAST, role, "update_moves"), name,
	    "UPDATE", key_changes(ctx, dual));
}
