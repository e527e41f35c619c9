#include <talloc.h>

#include "build/build.h"
#include "catalog/change.h"
#include "pair/proof.h"
#include "tidemark/base/sqltext.h"

struct drop_not_null_spec {
	char *column;
};

static const struct tide_field fields[] = {
	TIDE_KEY(drop_not_null_spec, column, NAME, .required = true,
	    .help = "the column that may be NULL from here on"),
	{ 0 },
};

static void
check(const struct tide_phase_at *at, struct tide_findings *out)
{
	const struct tide_checking c = { at, out };
	const struct drop_not_null_spec *spec = at->phase->spec;
	const struct tide_constraint *key;
	const struct tide_column *column;

	if (at->cat == NULL || (column = tide_need_column(&c, "column", spec->column)) == NULL)
		return;
	key = tide_primary_key(at->cat);
	if (key != NULL && tide_uses(key->attnums, key->attnum_count, column->attnum))
		tide_say(&c, TIDE_ERROR, "drop-not-null-primary-key", "column", NULL,
		    "\"%s\" is in the primary key", spec->column);
	else if (column->identity != 0)
		tide_say(&c, TIDE_ERROR, "drop-not-null-identity", "column", NULL,
		    "\"%s\" is an identity column", spec->column);
	else if (!tide_rejects_null(column))
		tide_say(&c, TIDE_NOTE, "drop-not-null-already", "column", NULL, "\"%s\" may be NULL already",
		    spec->column);
	for (size_t i = 0; i < at->cat->table.index_count; i++)
		if (at->cat->table.index[i].replica_identity &&
		    tide_uses(at->cat->table.index[i].attnums, at->cat->table.index[i].attnum_count,
			column->attnum))
			tide_say(&c, TIDE_ERROR, "drop-not-null-replica-identity", "column", NULL,
			    "\"%s\" is in the replica identity \"%s\"", spec->column,
			    at->cat->table.index[i].name);
}

static bool
compile(const struct tide_phase_at *at, struct tide_steps *out, struct tide_err *err)
{
	const struct drop_not_null_spec *spec = at->phase->spec;
	const struct tide_column *column = tide_find_column(at, "column", spec->column, err);
	char *names[] = { spec->column }, *is_set;
	struct tide_proof proof = { 0 };
	struct tide_step *step;
	struct tide_action *undo;

	if (column == NULL)
		return false;
	if (!tide_rejects_null(column))
		return true;
	is_set = tide_when_not_null(out, at->cat, spec->column);
	step = tide_steps_add(out, "drop-not-null");
	tide_action_sql(out, at->cat, &step->forward, TIDE_ACCESS_EXCLUSIVE,
	    talloc_asprintf(out, "Let %s be NULL", tide_display_column(out, at->cat, spec->column)));
	step->forward.probe = tide_probe(out, tide_sqlf(out, "NOT %s", is_set), NULL);
	tide_action_add(out, &step->forward,
	    tide_sqlf(out, "ALTER TABLE %s ALTER COLUMN %I DROP NOT NULL", tide_table_text(out, at->cat),
		spec->column));
	tide_proof_not_null(out, at->plan, &(struct tide_names){ names, 1 }, &proof);
	proof.already = is_set;
	/* What was NOT VALID comes back as it was: it asks nothing of the rows. */
	if (column->not_null)
		tide_proof_undo(out, at->cat, &proof, step);
	undo = tide_step_add_undo(out, step);
	tide_action_sql(out, at->cat, undo, TIDE_ACCESS_EXCLUSIVE,
	    talloc_asprintf(out, "Set %s NOT NULL again%s", tide_display_column(out, at->cat, spec->column),
		column->not_null ? "; the check avoids the scan and is dropped" : ", NOT VALID"));
	undo->probe = tide_probe(out, is_set, NULL);
	tide_not_null_acts(out, at->cat, column, spec->column, undo);
	if (column->not_null)
		tide_proof_drop_add(out, at->cat, undo, proof.name);
	return true;
}

static void
apply(const struct tide_phase_at *at, struct tide_catalog *cat)
{
	const struct drop_not_null_spec *spec = at->phase->spec;
	struct tide_column *column = tide_catalog_column(cat, spec->column);

	if (column != NULL)
		column->not_null = column->not_null_unproved = false;
}

static char *
proof(void *ctx, const struct tide_phase_at *at)
{
	const struct drop_not_null_spec *spec = at->phase->spec;

	return tide_not_null_proof_name(ctx, at->plan, spec->column);
}

static const struct tide_touched touches[] = {
	{ "column", TIDE_USE_MADE, 0 },
	{ 0 },
};

const struct tide_phase_ops tide_phase_drop_not_null = {
	.kind = { "drop_not_null", "lets a column be NULL", fields, sizeof(struct drop_not_null_spec) },
	.check = check,
	.compile = compile,
	.apply = apply,
	.proof = proof,
	.touches = touches,
};
