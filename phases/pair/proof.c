#include "proof.h"

#include <string.h>

#include <talloc.h>

#include "build/build.h"
#include "tidemark/plans/expression.h"
#include "tidemark/base/names.h"
#include "tidemark/base/sqltext.h"

char *
tide_proof_drop(void *ctx, const struct tide_catalog *cat, const char *name)
{
	return tide_sqlf(ctx, "ALTER TABLE %s DROP CONSTRAINT IF EXISTS %I", tide_table_text(ctx, cat), name);
}

void
tide_proof_drop_add(
    struct tide_steps *out, const struct tide_catalog *cat, struct tide_action *action, const char *name)
{
	char *table = tide_table_text(out, cat);

	tide_action_add(out, action, tide_proof_drop(out, cat, name));
	if (cat->table.relkind != 'p')
		return;
	/* A partition that had the check before it was attached keeps it as its own. */
	tide_action_add(out, action,
	    tide_do_block(
		out, tide_sqlf(out,
			 "DECLARE\n\ttidemark_partition pg_catalog.regclass;\nBEGIN\n"
			 "\tFOR tidemark_partition IN\n"
			 "\t\tSELECT k.conrelid FROM pg_catalog.pg_partition_tree(%L) AS p\n"
			 "\t\t  JOIN pg_catalog.pg_constraint AS k ON k.conrelid = p.relid\n"
			 "\t\t WHERE k.conname = %L ORDER BY p.level\n"
			 "\tLOOP\n"
			 "\t\tEXECUTE pg_catalog.format('ALTER TABLE %%s DROP CONSTRAINT IF EXISTS %%I', "
			 "tidemark_partition, %L);\n"
			 "\tEND LOOP;\nEND",
			 table, name, name)));
}

static char *
or_already(void *ctx, const struct tide_proof *proof, char *condition)
{
	return proof->already == NULL ? condition : tide_sqlf(ctx, "%s OR %s", condition, proof->already);
}

static void
fill_add(struct tide_steps *out, const struct tide_catalog *cat, const struct tide_proof *proof,
    struct tide_action *action)
{
	tide_action_sql(out, cat, action, TIDE_ACCESS_EXCLUSIVE,
	    talloc_asprintf(out, "Add a check that %s; existing rows are not checked yet", proof->what));
	action->probe =
	    tide_probe(out, or_already(out, proof, tide_when_constraint(out, cat, proof->name)), NULL);
	tide_action_add(out, action,
	    tide_sqlf(out, "ALTER TABLE %s ADD CONSTRAINT %I CHECK (%s) NOT VALID", tide_table_text(out, cat),
		proof->name, proof->check));
}

static void
fill_validate(struct tide_steps *out, const struct tide_catalog *cat, const struct tide_proof *proof,
    struct tide_action *action)
{
	action->kind = TIDE_STEP_CONCURRENT;
	action->title = talloc_asprintf(
	    out, "Let the server prove for every row that %s, while writes continue", proof->what);
	action->probe =
	    tide_probe(out, or_already(out, proof, tide_when_validated(out, cat, proof->name)), NULL);
	action->lock = TIDE_SHARE_UPDATE_EXCLUSIVE;
	action->lock_table = tide_table_text(out, cat);
	action->flags = TIDE_RESTARTABLE | TIDE_PROVES;
	action->differing = talloc_strdup(out, proof->differing);
	/* As long as it is not validated, it would keep rejecting rows of the application. */
	action->cleanup = tide_proof_drop(out, cat, proof->name);
	tide_action_whole(cat, action, TIDE_TOUCH_READ);
	tide_action_add(out, action,
	    tide_sqlf(out, "ALTER TABLE %s VALIDATE CONSTRAINT %I", tide_table_text(out, cat), proof->name));
}

void
tide_proof_steps(
    struct tide_steps *out, const struct tide_catalog *cat, const struct tide_proof *proof, const char *label)
{
	struct tide_step *step = tide_steps_add(out, talloc_asprintf(out, "add-%s", label));
	struct tide_action *undo;

	fill_add(out, cat, proof, &step->forward);
	undo = tide_step_add_undo(out, step);
	tide_action_sql(out, cat, undo, TIDE_ACCESS_EXCLUSIVE,
	    talloc_asprintf(out, "Drop the check that %s", proof->what));
	undo->probe =
	    tide_probe(out, tide_sqlf(out, "NOT %s", tide_when_constraint(out, cat, proof->name)), NULL);
	tide_proof_drop_add(out, cat, undo, proof->name);
	step = tide_steps_add(out, talloc_asprintf(out, "validate-%s", label));
	fill_validate(out, cat, proof, &step->forward);
}

void
tide_proof_undo(struct tide_steps *out, const struct tide_catalog *cat, const struct tide_proof *proof,
    struct tide_step *step)
{
	struct tide_sweep_spec *look = tide_action_sweep(out, cat, tide_step_add_undo(out, step),
	    talloc_asprintf(out, "Check for every row that %s, before anything is rejected", proof->what));

	look->residual = talloc_strdup(out, proof->differing);
	look->key = tide_row_key(out, cat, TIDE_ROW);
	look->what = talloc_strdup(out, proof->what);
	fill_add(out, cat, proof, tide_step_add_undo(out, step));
	fill_validate(out, cat, proof, tide_step_add_undo(out, step));
}

static char *
not_null_name(void *ctx, const struct tide_plan *plan, const struct tide_names *columns)
{
	return tide_generated_name(
	    ctx, "tidemark_", tide_identity(ctx, plan, "not null", columns), "not_null");
}

char *
tide_not_null_proof_name(void *ctx, const struct tide_plan *plan, const char *column)
{
	char *names[] = { (char *)column };

	return not_null_name(ctx, plan, &(struct tide_names){ names, 1 });
}

void
tide_proof_not_null(
    void *ctx, const struct tide_plan *plan, const struct tide_names *columns, struct tide_proof *out)
{
	char *check = NULL, *differing = NULL;

	/* Of a composite, IS NULL asks about its fields; this asks about the value, as SET NOT NULL does. */
	for (size_t i = 0; i < columns->count; i++) {
		check = tide_append(
		    ctx, check, " AND ", tide_sqlf(ctx, "%I IS DISTINCT FROM NULL", columns->item[i]));
		differing = tide_append(ctx, differing, " OR ",
		    tide_sqlf(ctx, TIDE_ROW ".%I IS NOT DISTINCT FROM NULL", columns->item[i]));
	}
	out->name = not_null_name(ctx, plan, columns);
	out->check = check;
	out->differing = differing;
	out->what = talloc_asprintf(
	    ctx, "%s %s not NULL", tide_join_plain(ctx, columns, ", "), columns->count == 1 ? "is" : "are");
}

void
tide_not_null_acts(struct tide_steps *out, const struct tide_catalog *cat, const struct tide_column *column,
    const char *name, struct tide_action *action)
{
	char *table = tide_table_text(out, cat);

	/* From 18 on NOT NULL is a constraint with a name, and a dump shows a name that is not the usual one. */
	if (column->not_null_constraint != NULL)
		tide_action_add(out, action,
		    talloc_asprintf(out, "%s%s%s",
			tide_sqlf(out, "ALTER TABLE %s ADD CONSTRAINT %I NOT NULL %I", table,
			    column->not_null_constraint, name),
			column->not_null_no_inherit ? " NO INHERIT" : "",
			column->not_null_unproved ? " NOT VALID" : ""));
	else
		tide_action_add(
		    out, action, tide_sqlf(out, "ALTER TABLE %s ALTER COLUMN %I SET NOT NULL", table, name));
}
