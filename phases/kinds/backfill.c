#include <string.h>

#include <talloc.h>

#include "build/build.h"
#include "catalog/change.h"
#include "catalog/lookup.h"
#include "checks/dependents.h"
#include "pair/fill.h"
#include "pair/maintain.h"
#include "pair/pair.h"
#include "pair/triggers_and_rules.h"
#include "checks/relations.h"
#include "tidemark/plans/expression.h"
#include "tidemark/base/sqltext.h"

struct backfill_spec {
	struct tide_pairs set;
	char *where;
	char *other_triggers; /* "fire", "skip", or NULL: not said */
	char *order;
	int64_t max_rows_per_second;
	int64_t stripes, group_windows, window_blocks;
	char *bloat, *horizon;
	int64_t horizon_wait;
	bool vacuum;
};

static const char *const bloat_words[] = { "avoid", "accept", NULL };
static const char *const horizon_words[] = { "wait", "proceed", NULL };
static const char *const other_triggers[] = { TIDE_TRIGGERS_FIRE, TIDE_TRIGGERS_SKIP, NULL };
static const char *const orders[] = { "heap", "keyset", NULL };

static const struct tide_field fields[] = {
	TIDE_KEY(backfill_spec, set, ASSIGNMENTS,
	    .help = "columns and the expressions that fill them; left out: what the dual_write before keeps "
		    "in step"),
	TIDE_KEY(backfill_spec, where, EXPRESSION, .help = "only rows for which this is true; with set"),
	TIDE_KEY(backfill_spec, other_triggers, CHOICE, .choices = other_triggers,
	    .help = "whether the table's own triggers fire for the rows that are filled; required when there "
		    "are any"),
	TIDE_KEY(backfill_spec, order, CHOICE, .choices = orders,
	    .help = "by blocks or by a unique index; left out: by blocks where the rows are in a heap"),
	TIDE_KEY_MAX_ROWS_PER_SECOND(backfill_spec),
	TIDE_KEY(backfill_spec, stripes, INTEGER, .min = 1, .max = 32,
	    .help = "parts in which the rows of a window are done: 1, 2, 4, 8, 16 or 32; left out: measured"),
	TIDE_KEY(backfill_spec, group_windows, INTEGER, .min = 1, .max = 1024,
	    .help = "windows between two stripes of the same pages; left out: measured"),
	TIDE_KEY(backfill_spec, window_blocks, INTEGER, .min = 1, .max = 65536,
	    .help = "most blocks of a batch; left out: what limits.batch_duration allows"),
	TIDE_KEY(backfill_spec, bloat, CHOICE, .fallback = "avoid", .choices = bloat_words,
	    .help = "accept: as fast as possible, whatever space it costs"),
	TIDE_KEY(backfill_spec, horizon, CHOICE, .choices = horizon_words,
	    .help = "while the xmin horizon is held back: wait, or proceed and let the "
		    "table grow; left out: wait where more than 16 MB are at stake"),
	TIDE_KEY_HORIZON_WAIT(backfill_spec),
	TIDE_KEY(backfill_spec, vacuum, BOOLEAN, .fallback = "false",
	    .help = "clean up after the sweep with VACUUM (ANALYZE), at limits.vacuum_cost_limit"),
	{ 0 },
};

/* What both kinds of sweep take from the plan. */
static void
tune(struct tide_steps *out, const struct backfill_spec *spec, struct tide_sweep_spec *sweep)
{
	sweep->order = talloc_strdup(out, spec->order);
	sweep->max_rows_per_second = spec->max_rows_per_second;
	sweep->tuning = (struct tide_sweep_tuning){
		.stripes = spec->stripes,
		.group_windows = spec->group_windows,
		.window_blocks = spec->window_blocks,
		.accept_bloat = spec->bloat != NULL && strcmp(spec->bloat, "accept") == 0,
		.horizon = spec->horizon == NULL                ? TIDE_HORIZON_DEFAULT
			   : strcmp(spec->horizon, "wait") == 0 ? TIDE_HORIZON_WAIT
								: TIDE_HORIZON_GO,
		.horizon_wait = spec->horizon_wait,
	};
}

static void
expressions(const struct tide_phase_at *at, void (*take)(void *ctx, const char *source), void *ctx)
{
	const struct backfill_spec *spec = at->phase->spec;

	for (size_t i = 0; i < spec->set.count; i++)
		take(ctx, spec->set.item[i].value);
	if (spec->where != NULL)
		take(ctx, spec->where);
}

static void
check_of_dual(const struct tide_checking *c)
{
	const struct backfill_spec *spec = c->at->phase->spec;
	const struct tide_plan *plan = c->at->plan;
	long index = tide_dual_before(plan, c->at->index);
	struct tide_dual_state state;
	struct tide_err ignored = { 0 };
	struct tide_filled filled;
	struct tide_dual *dual;
	void *mem;

	if (index < 0) {
		tide_say(c, TIDE_ERROR, "backfill-without-dual-write", NULL,
		    "say what to fill: set = { column = \"expression\" }",
		    "no dual_write precedes this backfill, and \"set\" is not given");
		return;
	}
	mem = talloc_new(NULL);
	tide_dual_state_at(mem, plan, (size_t)index, c->at->index, &state);
	if (state.switched) {
		tide_say(c, TIDE_ERROR, "backfill-after-switch", NULL, "put it before the switch",
		    "a backfill after the switch would overwrite values of the new release");
	} else if (c->at->cat != NULL && tide_dual_for(mem, c->at, &dual, &state, &ignored)) {
		filled = tide_dual_filled(mem, dual);
		tide_check_triggers_and_rules(c, &filled, spec->other_triggers);
	}
	talloc_free(mem);
}

static void
check_column(const struct tide_checking *c, const struct tide_column *column)
{
	const struct tide_catalog *cat = c->at->cat;
	const struct tide_constraint *key = tide_primary_key(cat);

	if (column->generated != 0)
		tide_say(c, TIDE_ERROR, "backfill-generated", "set", NULL,
		    "\"%s\" is a generated column and cannot be written", column->name);
	if (tide_in_partition_key(cat, column))
		tide_say(c, TIDE_ERROR, "backfill-partition-key", "set", NULL,
		    "\"%s\" is in the partition key: filling it would move rows", column->name);
	if (key != NULL && tide_uses(key->attnums, key->attnum_count, column->attnum)) {
		tide_say(c, TIDE_ERROR, "backfill-primary-key", "set", NULL,
		    "\"%s\" is in the primary key: rows that are referenced or moved cannot be filled like "
		    "this",
		    column->name);
		return;
	}
	for (size_t i = 0; i < cat->table.index_count; i++) {
		const struct tide_index *index = &cat->table.index[i];

		if (!tide_uses(index->attnums, index->attnum_count, column->attnum))
			continue;
		if (index->unique)
			tide_say(c, TIDE_WARNING, "backfill-unique", "set", NULL,
			    "\"%s\" is in the unique index \"%s\": a batch fails on the first duplicate, and "
			    "rows that foreign keys refer to wait for the rows that refer to them",
			    column->name, index->name);
		else
			tide_say(c, TIDE_WARNING, "backfill-indexed", "set",
			    "create the index after the backfill",
			    "index \"%s\" is on \"%s\": every row that is filled costs an entry in each "
			    "index",
			    index->name, column->name);
	}
}

/* lower(email) is idempotent; qty + 1 is not. Only the rows can tell: the review warns, and a batch refuses. */
static void
check_twice(const struct tide_checking *c)
{
	const struct backfill_spec *spec = c->at->phase->spec;

	for (size_t i = 0; i < spec->set.count; i++)
		for (size_t j = 0; j < spec->set.count; j++) {
			void *mem = talloc_new(NULL);
			struct tide_err ignored = { 0 };
			struct tide_expression parsed = { 0 };

			if (tide_expression_read(mem, spec->set.item[i].value, &parsed, &ignored) &&
			    tide_names_have(&parsed.columns, spec->set.item[j].name))
				tide_say(c, TIDE_WARNING, "backfill-reads-itself", "set",
				    "if it is not, add a \"where\" that no longer holds for a filled row",
				    "\"%s\" is computed from \"%s\", which is filled as well: the expression "
				    "must be idempotent",
				    spec->set.item[i].name, spec->set.item[j].name);
			talloc_free(mem);
		}
}

/* The columns of `set` that exist. */
static struct tide_filled
filled_by_set(void *ctx, const struct tide_phase_at *at)
{
	const struct backfill_spec *spec = at->phase->spec;
	struct tide_filled out = { .attnums = talloc_array(ctx, int, (unsigned)spec->set.count) };

	for (size_t i = 0; i < spec->set.count; i++) {
		const struct tide_column *column = tide_catalog_column(at->cat, spec->set.item[i].name);

		if (column != NULL)
			out.attnums[out.count++] = column->attnum;
	}
	return out;
}

static void
check_set_on(const struct tide_checking *c)
{
	const struct backfill_spec *spec = c->at->phase->spec;
	void *mem = talloc_new(NULL);
	struct tide_filled filled = filled_by_set(mem, c->at);

	if (spec->where == NULL)
		check_twice(c);
	for (size_t i = 0; i < spec->set.count; i++) {
		const struct tide_column *column = tide_need_column(c, "set", spec->set.item[i].name);

		if (column != NULL)
			check_column(c, column);
	}
	tide_check_triggers_and_rules(c, &filled, spec->other_triggers);
	talloc_free(mem);
}

static void
check_order(const struct tide_checking *c)
{
	const struct tide_table *table = &c->at->cat->table;
	const char *order = ((const struct backfill_spec *)c->at->phase->spec)->order;

	if (order == NULL)
		tide_check_order(c);
	else if (strcmp(order, "heap") == 0 && table->not_heap != NULL)
		tide_say(c, TIDE_ERROR, "backfill-order-heap", "order", "leave \"order\" out",
		    "%s is not stored in a heap: it cannot be scanned by block", table->not_heap);
	else if (strcmp(order, "keyset") == 0 && table->keyless != NULL)
		tide_say(c, TIDE_ERROR, "backfill-order-keyset", "order", TIDE_ORDER_HINT,
		    "%s has no suitable unique index", table->keyless);
	tide_check_keys(c, order != NULL && strcmp(order, "keyset") == 0, order == NULL ? NULL : "order");
}

static void
check(const struct tide_phase_at *at, struct tide_findings *out)
{
	const struct tide_checking c = { at, out };
	const struct backfill_spec *spec = at->phase->spec;

	if ((spec->stripes & (spec->stripes - 1)) != 0)
		tide_say(&c, TIDE_ERROR, "backfill-stripes", "stripes", "1, 2, 4, 8, 16 or 32",
		    "the number of stripes is a power of two, not %lld", (long long)spec->stripes);
	if (spec->vacuum)
		tide_check_vacuum(&c);
	if (at->cat != NULL) {
		check_order(&c);
		tide_check_published_updates(&c);
	}
	if (spec->set.count == 0) {
		if (spec->where != NULL)
			tide_say(&c, TIDE_ERROR, "backfill-where", "where", NULL,
			    "\"where\" needs \"set\": the backfill of a dual_write reaches every row");
		check_of_dual(&c);
		return;
	}
	for (size_t i = 0; i < spec->set.count; i++)
		tide_check_expression(&c, "set", spec->set.item[i].value);
	if (spec->where != NULL)
		tide_check_expression(&c, "where", spec->where);
	if (at->cat != NULL) {
		check_set_on(&c);
		tide_check_children(&c);
	}
}

static char *
title_of(void *ctx, const char *what)
{
	return talloc_asprintf(ctx, "Fill the rows that exist already: %s", what);
}

static bool
compile_dual(const struct tide_phase_at *at, struct tide_steps *out, struct tide_err *err)
{
	const struct backfill_spec *spec = at->phase->spec;
	struct tide_dual_state state;
	struct tide_dual *dual;
	struct tide_step *step;

	if (!tide_dual_for(out, at, &dual, &state, err))
		return false;
	step = tide_steps_add(out, "fill");
	tune(out, spec,
	    tide_dual_fill(
		out, dual, &step->forward, title_of(out, tide_dual_what(out, dual)), spec->other_triggers));
	/* The vacuum refreshes them as well. */
	if (!spec->vacuum)
		tide_maintain_statistics(out, at, dual, false);
	return true;
}

static struct tide_sweep_spec *
add_sweep(const struct tide_phase_at *at, struct tide_steps *out, char *what)
{
	const struct backfill_spec *spec = at->phase->spec;
	struct tide_step *step = tide_steps_add(out, "fill");
	struct tide_sweep_spec *sweep = tide_action_sweep(out, at->cat, &step->forward, title_of(out, what));
	struct tide_filled filled = filled_by_set(out, at);

	step->forward.lock = TIDE_ROW_EXCLUSIVE;
	step->forward.touch = TIDE_TOUCH_BATCHES;
	sweep->write = true;
	sweep->what = what;
	sweep->repeats = true;
	tune(out, spec, sweep);
	tide_triggers_and_rules_apply(out, at->cat, &filled, spec->other_triggers, sweep);
	return sweep;
}

/* One assignment: adds to SET and to what still differs. */
static bool
assign(const struct tide_phase_at *at, struct tide_steps *out, const struct tide_pair *pair,
    struct tide_sweep_spec *sweep, struct tide_err *err)
{
	const struct tide_column *column = tide_find_column(at, "set", pair->name, err);
	const struct tide_fact *fact;
	char *value, *here, *differs;

	if (column == NULL || (value = tide_canonical(out, at, "set", pair->value, &fact, err)) == NULL)
		return false;
	value = tide_sqlf(out, "CAST((\n%s\n) AS %s)", value, column->cast_type);
	here = tide_sqlf(out, TIDE_ROW ".%I", column->name);
	if (fact != NULL && fact->volatility == 'v') {
		/* A volatile expression gives another value each time: only NULL tells that a row is not
		 * filled yet. */
		differs = tide_sqlf(out, "%s IS NOT DISTINCT FROM NULL", here);
	} else {
		differs = tide_column_differs(out, column, here, value);
		sweep->again = tide_append(out, sweep->again, " OR ", differs);
	}
	sweep->set = tide_append(out, sweep->set, ", ", tide_sqlf(out, "%I = %s", column->name, value));
	sweep->columns = tide_append(out, sweep->columns, "\n", column->name);
	sweep->residual = tide_append(out, sweep->residual, " OR ", differs);
	return true;
}

/* The undo does nothing, and is always done: it is there for the loss that a rollback has to announce. */
static bool
compile_set(const struct tide_phase_at *at, struct tide_steps *out, struct tide_err *err)
{
	const struct backfill_spec *spec = at->phase->spec;
	char *names = NULL, *where;
	const struct tide_fact *fact;
	struct tide_sweep_spec *sweep;
	struct tide_action *undo;

	for (size_t i = 0; i < spec->set.count; i++)
		names = tide_append(out, names, ", ", spec->set.item[i].name);
	sweep = add_sweep(at, out, talloc_asprintf(out, "%s.%s", at->cat->table.name, names));
	for (size_t i = 0; i < spec->set.count; i++)
		if (!assign(at, out, &spec->set.item[i], sweep, err))
			return false;
	if (spec->where != NULL) {
		if ((where = tide_canonical(out, at, "where", spec->where, &fact, err)) == NULL)
			return false;
		tide_action_condition(at->cat, &out->item[out->count - 1].forward, fact);
		sweep->residual = tide_sqlf(out, "(\n%s\n) AND (%s)", where, sweep->residual);
		if (sweep->again != NULL)
			sweep->again = tide_sqlf(out, "(\n%s\n) AND (%s)", where, sweep->again);
	}
	undo = tide_step_add_undo(out, &out->item[out->count - 1]);
	tide_action_sql(
	    out, at->cat, undo, TIDE_LOCK_NONE, talloc_asprintf(out, "Leave %s as it was filled", names));
	undo->probe = talloc_strdup(out, "SELECT 'done'");
	undo->loss = TIDE_LOSSY;
	undo->loss_note =
	    talloc_asprintf(out, "the values that were in %s before the backfill are not kept", names);
	return true;
}

static bool
compile(const struct tide_phase_at *at, struct tide_steps *out, struct tide_err *err)
{
	const struct backfill_spec *spec = at->phase->spec;

	if (!(spec->set.count == 0 ? compile_dual(at, out, err) : compile_set(at, out, err)))
		return false;
	if (spec->vacuum)
		tide_maintain_vacuum(out, at);
	return true;
}

static const struct tide_touched touches[] = {
	{ "set", TIDE_USE_MADE, 0 },
	{ 0 },
};

static void
follow(const struct tide_phase *phase, bool latest, struct tide_dual_state *state)
{
	const struct backfill_spec *spec = phase->spec;

	if (!latest || spec->set.count > 0)
		return;
	state->backfilled = true;
	state->other_triggers = spec->other_triggers;
}

const struct tide_phase_ops tide_phase_backfill = {
	.kind = { "backfill", "fills existing rows in small batches", fields, sizeof(struct backfill_spec) },
	.check = check,
	.compile = compile,
	.expressions = expressions,
	.touches = touches,
	.follow = follow,
	.recurs = true,
};
