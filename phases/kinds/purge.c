#include <string.h>

#include <talloc.h>

#include "build/build.h"
#include "catalog/lookup.h"
#include "checks/deletions.h"
#include "checks/relations.h"
#include "pair/maintain.h"
#include "pair/triggers_and_rules.h"
#include "tidemark/plans/expression.h"
#include "tidemark/base/sqltext.h"

struct purge_spec {
	char *where;
	char *by;
	int64_t limit;
	int64_t max_rows_per_second;
	char *other_triggers; /* "fire", "skip", or NULL: not said */
	bool vacuum;
};

static const char *const other_triggers[] = { TIDE_TRIGGERS_FIRE, TIDE_TRIGGERS_SKIP, NULL };

static const struct tide_field fields[] = {
	TIDE_KEY(purge_spec, where, EXPRESSION, .required = true,
	    .help = "rows for which this is true are deleted"),
	TIDE_KEY(purge_spec, by, NAME,
	    .help = "column in whose order rows are found, by an index that begins with it; left out: by "
		    "blocks, which reads the whole table"),
	TIDE_KEY(purge_spec, limit, INTEGER, .min = 1, .max = INT64_C(1000000000000),
	    .help = "most rows that one run deletes; left out: all for which `where` is true"),
	TIDE_KEY_MAX_ROWS_PER_SECOND(purge_spec),
	TIDE_KEY(purge_spec, other_triggers, CHOICE, .choices = other_triggers,
	    .help = "whether the table's own triggers fire for the rows that are deleted; required when "
		    "there are any"),
	TIDE_KEY(purge_spec, vacuum, BOOLEAN, .fallback = "false",
	    .help = "clean up after the sweep with VACUUM (ANALYZE), at limits.vacuum_cost_limit"),
	{ 0 },
};

static void
expressions(const struct tide_phase_at *at, void (*take)(void *ctx, const char *source), void *ctx)
{
	take(ctx, ((const struct purge_spec *)at->phase->spec)->where);
}

static void
check_condition(const struct tide_checking *c)
{
	const struct purge_spec *spec = c->at->phase->spec;
	const struct tide_fact *fact = c->at->cat != NULL ? tide_catalog_fact(c->at->cat, spec->where) : NULL;
	struct tide_expression parsed = { 0 };
	struct tide_err ignored = { 0 };
	void *mem = talloc_new(NULL);

	if (!tide_check_expression(c, "where", spec->where)) {
		talloc_free(mem);
		return;
	}
	if (tide_expression_read(mem, spec->where, &parsed, &ignored)) {
		if (parsed.columns.count == 0)
			tide_say(c, TIDE_WARNING, "purge-every-row", "where", NULL,
			    "the condition reads no column: it holds for every row or for none");
		else if (spec->by != NULL && !tide_names_have(&parsed.columns, spec->by))
			tide_say(c, TIDE_WARNING, "purge-by-unused", "by",
			    "leave \"by\" out, or name a column that the condition compares with a value",
			    "the condition does not read \"%s\": in the order of its index every row of the "
			    "table is read, at random places",
			    spec->by);
	}
	if (fact != NULL && fact->type != NULL && strcmp(fact->type, "boolean") != 0)
		tide_say(c, TIDE_ERROR, "purge-condition", "where", NULL,
		    "the condition must be a boolean, not %s", fact->type);
	else if (fact != NULL && fact->canonical != NULL && fact->volatility == 'v')
		tide_say(c, TIDE_ERROR, "purge-condition", "where", NULL,
		    "the condition is volatile: asked again, it would choose other rows");
	talloc_free(mem);
}

static void
check_by(const struct tide_checking *c)
{
	const struct purge_spec *spec = c->at->phase->spec;
	const struct tide_table *table = &c->at->cat->table;
	const struct tide_column *column;

	if (spec->by == NULL) {
		tide_check_order(c);
		tide_check_keys(c, false, NULL);
		return;
	}
	column = tide_need_column(c, "by", spec->by);
	if (column == NULL)
		return;
	tide_check_text_key(c, column, "by");
	for (size_t i = 0; i < table->index_count; i++)
		if (table->index[i].table == NULL && table->index[i].valid && table->index[i].ready &&
		    table->index[i].leads == column->attnum)
			return;
	tide_say(c, TIDE_ERROR, "purge-by-index", "by",
	    "create one first, with a phase of kind \"create_index\" or by hand; or leave \"by\" out, and the "
	    "whole table is read",
	    "no index begins with \"%s\": it must be valid, a btree, and without WHERE", spec->by);
}

static void
check(const struct tide_phase_at *at, struct tide_findings *out)
{
	const struct tide_checking c = { at, out };
	const struct purge_spec *spec = at->phase->spec;

	tide_say(&c, TIDE_NOTE, "purge-loses", NULL, NULL,
	    "the rows that it deletes are lost: a rollback does not bring them back");
	check_condition(&c);
	if (at->cat == NULL)
		return;
	check_by(&c);
	tide_check_children(&c);
	tide_check_published_deletes(&c);
	tide_check_referencing(&c);
	tide_check_deletions(&c, spec->other_triggers);
	if (spec->vacuum)
		tide_check_vacuum(&c);
}

/* There is nothing to do, and it is always done: it is there for the loss that a rollback has to announce. */
static void
add_undo(const struct tide_phase_at *at, struct tide_steps *out, struct tide_step *step)
{
	struct tide_action *undo = tide_step_add_undo(out, step);

	tide_action_sql(out, at->cat, undo, TIDE_LOCK_NONE,
	    talloc_strdup(out, "Leave the rows deleted: they cannot be brought back"));
	undo->probe = talloc_strdup(out, "SELECT 'done'");
	undo->loss = TIDE_LOSSY;
	undo->loss_note = talloc_asprintf(out, "the rows of %s that were deleted%s: nothing brings them back",
	    tide_display_table(out, at->cat),
	    tide_deletions_spread(at->cat) ? ", and what foreign keys deleted or changed with them" : "");
}

/* In the order of an index only rows for which the condition holds are read; a limit ends the sweep early. */
static void
estimate(const struct tide_catalog *cat, struct tide_action *action, const struct purge_spec *spec,
    const struct tide_fact *fact)
{
	int64_t found;

	tide_action_condition(cat, action, fact);
	found = action->rows;
	if (spec->by != NULL)
		action->looked_at = 0;
	if (spec->limit > 0 && spec->limit < found) {
		action->rows = spec->limit;
		action->bytes = (int64_t)((double)action->bytes * (double)spec->limit / (double)found);
		action->looked_at =
		    (int64_t)((double)action->looked_at * (double)spec->limit / (double)found);
	}
}

static bool
compile(const struct tide_phase_at *at, struct tide_steps *out, struct tide_err *err)
{
	const struct purge_spec *spec = at->phase->spec;
	const struct tide_fact *fact;
	char *where = tide_canonical(out, at, "where", spec->where, &fact, err), *table;
	struct tide_sweep_spec *sweep;
	struct tide_step *step;

	if (where == NULL)
		return false;
	table = tide_display_table(out, at->cat);
	step = tide_steps_add(out, "delete");
	sweep = tide_action_sweep(out, at->cat, &step->forward,
	    talloc_asprintf(out, "Delete the rows of %s for which the condition holds", table));
	step->forward.lock = TIDE_ROW_EXCLUSIVE;
	step->forward.touch = TIDE_TOUCH_BATCHES;
	estimate(at->cat, &step->forward, spec, fact);
	sweep->write = true;
	sweep->deletes = true;
	sweep->repeats = true;
	sweep->residual = tide_sqlf(out, "(\n%s\n)", where);
	sweep->what = table;
	sweep->by = talloc_strdup(out, spec->by);
	sweep->limit = spec->limit;
	sweep->max_rows_per_second = spec->max_rows_per_second;
	/* The order of the rows of a block does not matter: nothing is written that would need room. */
	sweep->tuning =
	    (struct tide_sweep_tuning){ .stripes = 1, .accept_bloat = 1, .horizon = TIDE_HORIZON_GO };
	tide_deletions_apply(out, at->cat, spec->other_triggers, sweep);
	add_undo(at, out, step);
	if (spec->vacuum)
		tide_maintain_vacuum(out, at);
	return true;
}

const struct tide_phase_ops tide_phase_purge = {
	.kind = { "purge", "deletes rows in small batches", fields, sizeof(struct purge_spec) },
	.check = check,
	.compile = compile,
	.expressions = expressions,
	.recurs = true,
};
