#include <string.h>

#include <talloc.h>

#include "build/build.h"
#include "catalog/change.h"
#include "pair/pair.h"
#include "pair/proof.h"
#include "tidemark/base/sqltext.h"

struct set_not_null_spec {
	char *column;
};

static const struct tide_field fields[] = {
	TIDE_KEY(set_not_null_spec, column, NAME, .required = true,
	    .help = "the column that may not be NULL from here on"),
	{ 0 },
};

static void
check(const struct tide_phase_at *at, struct tide_findings *out)
{
	const struct tide_checking c = { at, out };
	const struct set_not_null_spec *spec = at->phase->spec;
	const struct tide_column *column;

	if (at->cat == NULL || (column = tide_need_column(&c, "column", spec->column)) == NULL)
		return;
	if (column->not_null)
		tide_say(&c, TIDE_NOTE, "set-not-null-already", "column", NULL, "\"%s\" is NOT NULL already",
		    spec->column);
	else
		tide_check_order(&c);
}

static void
add_read(const struct tide_phase_at *at, const struct tide_proof *proof, struct tide_steps *out)
{
	struct tide_step *step = tide_steps_add(out, "look-for-nulls");
	struct tide_sweep_spec *sweep = tide_action_sweep(out, at->cat, &step->forward,
	    talloc_strdup(out, "Look for rows that are NULL, before anything could reject a write"));

	step->forward.flags |= TIDE_PROVES;
	sweep->residual = talloc_strdup(out, proof->differing);
	sweep->what = talloc_strdup(out, proof->what);
}

/* What is NOT VALID rejects NULL already: only the proof is missing, and it may be undone. */
static void
validate_steps(const struct tide_phase_at *at, const struct tide_column *column,
    const struct tide_proof *proof, struct tide_steps *out)
{
	const struct set_not_null_spec *spec = at->phase->spec;
	char *table = tide_table_text(out, at->cat), *what = tide_display_column(out, at->cat, spec->column);
	struct tide_step *step = tide_steps_add(out, "validate-not-null");
	struct tide_action *action = &step->forward, *undo;

	action->kind = TIDE_STEP_CONCURRENT;
	action->title = talloc_asprintf(
	    out, "Let the server prove for every row that %s is not NULL, while writers continue", what);
	action->probe = tide_probe(out, proof->already, NULL);
	action->lock = TIDE_SHARE_UPDATE_EXCLUSIVE;
	action->lock_table = table;
	action->flags = TIDE_RESTARTABLE | TIDE_PROVES;
	action->differing = talloc_strdup(out, proof->differing);
	tide_action_whole(at->cat, action, TIDE_TOUCH_READ);
	tide_action_add(out, action,
	    tide_sqlf(out, "ALTER TABLE %s VALIDATE CONSTRAINT %I", table, column->not_null_constraint));
	undo = tide_step_add_undo(out, step);
	tide_action_sql(out, at->cat, undo, TIDE_ACCESS_EXCLUSIVE,
	    talloc_asprintf(out, "Let NOT NULL of %s be NOT VALID again", what));
	undo->probe = tide_probe(out, tide_sqlf(out, "NOT %s", proof->already), NULL);
	tide_action_add(out, undo, tide_proof_drop(out, at->cat, column->not_null_constraint));
	tide_not_null_acts(out, at->cat, column, spec->column, undo);
}

/*
 * SET NOT NULL does not scan the table where a validated check proves it. The check has done its work then,
 * and goes in the same transaction.
 */
static bool
compile(const struct tide_phase_at *at, struct tide_steps *out, struct tide_err *err)
{
	const struct set_not_null_spec *spec = at->phase->spec;
	const struct tide_column *column = tide_find_column(at, "column", spec->column, err);
	char *names[] = { spec->column }, *is_set, *table = tide_table_text(out, at->cat);
	struct tide_proof proof = { 0 };
	struct tide_step *step;
	struct tide_action *undo;

	if (column == NULL)
		return false;
	if (column->not_null)
		return true;
	is_set = tide_when_not_null_proved(out, at->cat, spec->column);
	tide_proof_not_null(out, at->plan, &(struct tide_names){ names, 1 }, &proof);
	proof.already = is_set;
	add_read(at, &proof, out);
	if (column->not_null_unproved) {
		validate_steps(at, column, &proof, out);
		return true;
	}
	tide_proof_steps(out, at->cat, &proof, "not-null");
	step = tide_steps_add(out, "set-not-null");
	tide_action_sql(out, at->cat, &step->forward, TIDE_ACCESS_EXCLUSIVE,
	    talloc_asprintf(out, "Set %s NOT NULL; the check avoids the scan and is dropped",
		tide_display_column(out, at->cat, spec->column)));
	step->forward.probe = tide_probe(out, is_set, NULL);
	tide_action_add(out, &step->forward,
	    tide_sqlf(out, "ALTER TABLE %s ALTER COLUMN %I SET NOT NULL", table, spec->column));
	tide_proof_drop_add(out, at->cat, &step->forward, proof.name);
	undo = tide_step_add_undo(out, step);
	tide_action_sql(out, at->cat, undo, TIDE_ACCESS_EXCLUSIVE,
	    talloc_asprintf(out, "Let %s be NULL again", tide_display_column(out, at->cat, spec->column)));
	undo->probe = tide_probe(out, tide_sqlf(out, "NOT %s", is_set), NULL);
	tide_action_add(
	    out, undo, tide_sqlf(out, "ALTER TABLE %s ALTER COLUMN %I DROP NOT NULL", table, spec->column));
	return true;
}

static void
apply(const struct tide_phase_at *at, struct tide_catalog *cat)
{
	const struct set_not_null_spec *spec = at->phase->spec;
	struct tide_column *column = tide_catalog_column(cat, spec->column);

	if (column != NULL) {
		column->not_null = true;
		column->not_null_unproved = false;
	}
}

static char *
proof(void *ctx, const struct tide_phase_at *at)
{
	const struct set_not_null_spec *spec = at->phase->spec;

	return tide_not_null_proof_name(ctx, at->plan, spec->column);
}

static const struct tide_touched touches[] = {
	{ "column", TIDE_USE_MADE, 0 },
	{ 0 },
};

static struct tide_added
added_before(const struct tide_phase_at *at, const char *column)
{
	for (size_t i = 0; i < at->index; i++) {
		struct tide_added added = tide_adds(&at->plan->phase[i]);

		if (added.name != NULL && strcmp(added.name, column) == 0)
			return added;
	}
	return (struct tide_added){ 0 };
}

/* A column that must have a value fails for those who do not know it, unless a default or our trigger gives one. */
static struct tide_old
releases(void *ctx, const struct tide_phase_at *at)
{
	const struct set_not_null_spec *spec = at->phase->spec;
	const struct tide_column *column = tide_catalog_column(at->cat, spec->column);
	struct tide_added added = added_before(at, spec->column);

	if (tide_dual_names(at->plan, at->index, spec->column) || added.has_default ||
	    (column != NULL && (column->default_expr != NULL || column->identity != 0)))
		return (struct tide_old){ TIDE_OLD_FITS, NULL };
	return (struct tide_old){ added.name != NULL ? TIDE_OLD_FAILS : TIDE_OLD_UNKNOWN,
		talloc_asprintf(ctx, "an INSERT that gives %s no value fails", spec->column) };
}

const struct tide_phase_ops tide_phase_set_not_null = {
	.kind = { "set_not_null", "makes a column NOT NULL without a scan under a strong lock", fields,
	    sizeof(struct set_not_null_spec) },
	.check = check,
	.compile = compile,
	.apply = apply,
	.proof = proof,
	.touches = touches,
	.releases = releases,
};
