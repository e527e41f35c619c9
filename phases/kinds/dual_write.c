#include <string.h>

#include <talloc.h>

#include "build/build.h"
#include "catalog/change.h"
#include "catalog/lookup.h"
#include "checks/overlap.h"
#include "checks/dependents.h"
#include "pair/mirror.h"
#include "checks/ours.h"
#include "pair/pair.h"
#include "pair/prove.h"
#include "checks/relations.h"
#include "tidemark/plans/expression.h"
#include "tidemark/base/sqltext.h"
#include "catalog/types.h"

static const char *const on_error_choices[] = { "reject", "null", NULL };

static const struct tide_field fields[] = {
	TIDE_KEY(dual_write_spec, from, NAMES, .required = true, .help = "the old column or columns"),
	TIDE_KEY(dual_write_spec, to, NAMES, .required = true,
	    .help = "the new column or columns, which follow the old ones"),
	TIDE_KEY(dual_write_spec, up, DOWN,
	    .help = "the new value as an expression over the old columns; for several new columns a table; "
		    "left out: a plain copy"),
	TIDE_KEY(dual_write_spec, down, DOWN,
	    .help = "the old value as an expression over the new columns; for several old columns a table"),
	TIDE_KEY(dual_write_spec, on_error, CHOICE, .fallback = "reject", .choices = on_error_choices,
	    .help = "what happens to a row for which an expression fails: the write is rejected, or the "
		    "value is NULL"),
	{ 0 },
};

static void
expressions(const struct tide_phase_at *at, void (*take)(void *ctx, const char *source), void *ctx)
{
	tide_dual_expressions(at, take, ctx);
}

/* Every column of the side has a rule, and every rule a column of the side. */
static void
check_rules(const struct tide_checking *c, const struct tide_names *side, const struct tide_pairs *rules,
    const char *key)
{
	for (size_t i = 0; i < rules->count; i++) {
		if (rules->item[i].name == NULL && side->count > 1)
			tide_say(c, TIDE_ERROR, "dual-write-rules", key,
			    "write a table: { column = \"expression\", … }",
			    "one expression cannot fill %zu columns", side->count);
		else if (rules->item[i].name != NULL && !tide_names_have(side, rules->item[i].name))
			tide_say(c, TIDE_ERROR, "dual-write-rules", key, NULL,
			    "\"%s\" is not one of the columns that \"%s\" fills", rules->item[i].name, key);
		tide_check_expression(c, key, rules->item[i].value);
	}
	for (size_t i = 0; i < side->count && rules->count > 0; i++) {
		bool found = false;

		for (size_t k = 0; k < rules->count; k++)
			found = found || rules->item[k].name == NULL ||
				strcmp(rules->item[k].name, side->item[i]) == 0;
		if (!found)
			tide_say(c, TIDE_ERROR, "dual-write-rules", key, NULL,
			    "no expression given for column \"%s\"", side->item[i]);
	}
}

static void
check_shape(const struct tide_checking *c, const struct dual_write_spec *spec)
{
	if (spec->up.count == 0 && spec->down.count == 0 && spec->from.count != spec->to.count)
		tide_say(c, TIDE_ERROR, "dual-write-count", "to",
		    "say up and down when it is not a plain copy",
		    "a plain copy needs as many new columns as old ones, and there are %zu old and %zu new",
		    spec->from.count, spec->to.count);
	if ((spec->up.count == 0) != (spec->down.count == 0))
		tide_say(c, TIDE_ERROR, "dual-write-direction", spec->up.count == 0 ? "down" : "up",
		    "from the switch on the old column must follow the new one",
		    "\"%s\" is given and \"%s\" is not: both ways are needed",
		    spec->up.count == 0 ? "down" : "up", spec->up.count == 0 ? "up" : "down");
	for (size_t i = 0; i < spec->from.count; i++)
		if (tide_names_have(&spec->to, spec->from.item[i]))
			tide_say(c, TIDE_ERROR, "dual-write-same", "to", NULL,
			    "\"%s\" is both an old and a new column", spec->from.item[i]);
	check_rules(c, &spec->to, &spec->up, "up");
	check_rules(c, &spec->from, &spec->down, "down");
}

static void
check_table(const struct tide_checking *c, const struct tide_catalog *cat)
{
	if (cat->table.relkind != 'r' && cat->table.relkind != 'p')
		tide_say(c, TIDE_ERROR, "dual-write-relation", NULL, NULL,
		    "%s.%s is not a table: only tables can be kept in step by triggers", cat->table.schema,
		    cat->table.name);
	if (cat->table.relkind == 'r' && cat->table.has_children)
		tide_say(c, TIDE_ERROR, "dual-write-inheritance", NULL, NULL,
		    "%s.%s has tables that inherit from it: they would not get the trigger",
		    cat->table.schema, cat->table.name);
	if (cat->table.foreign_partition != NULL)
		tide_check_columns_of(c);
	if (cat->table.is_child_partition)
		tide_say(c, TIDE_WARNING, "dual-write-partition", NULL, "name the partitioned table itself",
		    "%s.%s is a partition: rows that go to other partitions are not kept in step",
		    cat->table.schema, cat->table.name);
}

/* A trigger after ours that changes the old column would break the pair. */
static void
check_triggers(const struct tide_checking *c, const struct tide_catalog *cat, const char *ours)
{
	for (size_t i = 0; i < cat->table.trigger_count; i++) {
		const struct tide_trigger *t = &cat->table.trigger[i];

		if (t->internal || !t->before || !t->row || !(t->on_insert || t->on_update) ||
		    strcmp(t->name, ours) <= 0 || tide_is_tool_trigger(t))
			continue;
		tide_say(c, TIDE_ERROR, "dual-write-trigger-order", NULL,
		    "rename it: triggers fire in the order of their names",
		    "trigger \"%s\"%s%s would fire after tidemark's and could change what it has kept in "
		    "step",
		    t->name, t->table != NULL ? " of " : "", t->table != NULL ? t->table : "");
	}
}

/* Lines as one, with "; " between. Belongs to ctx. */
static char *
in_one_line(void *ctx, const char *lines)
{
	char *out = talloc_strdup(ctx, "");

	for (const char *line = lines; *line != '\0'; line += strcspn(line, "\n"), line += *line == '\n')
		out = talloc_asprintf_append(
		    out, "%s%.*s", *out == '\0' ? "" : "; ", (int)strcspn(line, "\n"), line);
	return out;
}

/* The triggers run as the role that writes the row. */
static void
check_writers(const struct tide_checking *c, const char *key, const struct tide_pairs *rules)
{
	for (size_t i = 0; i < rules->count; i++) {
		const struct tide_fact *fact = tide_catalog_fact(c->at->cat, rules->item[i].value);

		if (fact == NULL || fact->writers_lack == NULL)
			continue;
		tide_say(c, TIDE_ERROR, "dual-write-role", key, in_one_line(c->out, fact->writers_lack),
		    "\"%s\" runs as whoever writes the row, and a role that writes to the table lacks a "
		    "right for it: its writes would fail",
		    key);
	}
}

/*
 * The triggers run it under pg_catalog alone, a CHECK under the path of whoever writes: what a function's body names without
 * its schema is not found there, though the role that runs the plan may find it.
 */
static void
check_path(const struct tide_checking *c, const char *key, const struct tide_pairs *rules)
{
	for (size_t i = 0; i < rules->count; i++) {
		const struct tide_fact *fact = tide_catalog_fact(c->at->cat, rules->item[i].value);

		if (fact == NULL || (fact->bare == NULL && fact->path_error == NULL))
			continue;
		tide_say(c, TIDE_ERROR, "dual-write-path", key,
		    fact->bare != NULL
			? in_one_line(c->out, fact->bare_cure)
			: "name it with its schema in the function's body, or give the function a path of "
			  "its own: ALTER FUNCTION … SET search_path = …, pg_temp",
		    "\"%s\" runs under search_path = pg_catalog: %s%s", key,
		    fact->bare != NULL ? in_one_line(c->out, fact->bare) : fact->path_error,
		    fact->bare != NULL ? " without a schema, and writes would fail" : "");
	}
}

static void
check_target(
    const struct tide_checking *c, const struct tide_dual *dual, const struct tide_dual_column *column)
{
	const struct tide_table *table = &dual->cat->table;
	const struct tide_constraint *key = tide_primary_key(dual->cat);

	if (column->column->generated != 0)
		tide_say(c, TIDE_ERROR, "dual-write-generated", "to", NULL,
		    "\"%s\" is a generated column and cannot be written", column->name);
	if (column->column->identity == 'a')
		tide_say(c, TIDE_ERROR, "dual-write-identity", "to", NULL,
		    "\"%s\" is GENERATED ALWAYS AS IDENTITY and cannot be written", column->name);
	if (tide_in_partition_key(dual->cat, column->column))
		tide_say(c, TIDE_ERROR, "dual-write-partition-key", "to", NULL,
		    "\"%s\" is in the partition key: filling it would move rows", column->name);
	if (key != NULL && tide_uses(key->attnums, key->attnum_count, column->column->attnum)) {
		tide_say(c, TIDE_ERROR, "dual-write-primary-key", "to", NULL,
		    "\"%s\" is in the primary key: filling it would move rows", column->name);
		return;
	}
	for (size_t i = 0; i < table->index_count; i++)
		if (tide_uses(table->index[i].attnums, table->index[i].attnum_count, column->column->attnum))
			tide_say(c, TIDE_WARNING, "dual-write-indexed", "to",
			    "create the index after the backfill",
			    "index \"%s\" is on \"%s\" already: every row that the backfill fills costs an "
			    "index entry",
			    table->index[i].name, column->name);
}

/* Which columns a rule may read: only those of the other side, or a change of another would go unseen. */
static void
check_reads(const struct tide_checking *c, const struct tide_dual *dual, const struct tide_dual_side *side,
    const struct tide_dual_side *other, const char *key)
{
	void *mem = talloc_new(NULL);
	struct tide_names allowed = tide_side_names(mem, other);

	for (size_t i = 0; i < side->count; i++) {
		struct tide_expression parsed = { 0 };
		struct tide_err ignored = { 0 };

		if (!tide_expression_read(mem, side->item[i].inner, &parsed, &ignored) || parsed.unparsed)
			continue;
		for (size_t k = 0; k < parsed.columns.count; k++) {
			const char *read = parsed.columns.item[k];
			const struct tide_column *column = tide_catalog_column(dual->cat, read);

			if (column != NULL && column->generated != 0)
				tide_say(c, TIDE_ERROR, "dual-write-reads-generated", key,
				    "write its expression out",
				    "\"%s\" is a generated column, which triggers see as NULL", read);
			else if (column != NULL && !parsed.subquery && !tide_names_have(&allowed, read))
				tide_say(c, TIDE_ERROR, "dual-write-reads", key,
				    talloc_asprintf(
					c->out, "add it to \"%s\"", strcmp(key, "up") == 0 ? "from" : "to"),
				    "\"%s\" reads \"%s\", which is not one of the columns that are kept in "
				    "step",
				    key, read);
		}
	}
	talloc_free(mem);
}

static void
check_nulls(const struct tide_checking *c, const struct tide_dual *dual)
{
	for (size_t i = 0; i < dual->new.count; i++) {
		const struct tide_dual_column *new = &dual->new.item[i];

		if (!new->column->not_null)
			continue;
		if (new->copy && !dual->old.item[i].column->not_null)
			tide_say(c, TIDE_ERROR, "dual-write-null", "to",
			    "let the new column be nullable; set_not_null after the backfill proves it",
			    "\"%s\" may be NULL and \"%s\" may not: a write of the old release could fail",
			    dual->old.item[i].name, new->name);
		else if (!new->copy)
			tide_say(c, TIDE_WARNING, "dual-write-null", "to", NULL,
			    "\"%s\" may not be NULL: a write for which \"up\" returns NULL will be rejected",
			    new->name);
	}
}

static void
check_up(const struct tide_checking *c, const struct tide_dual *dual)
{
	if (!dual->lookup && !dual->immutable)
		tide_say(c, TIDE_ERROR, "dual-write-volatile", "up",
		    "say what the value depends on (AT TIME ZONE 'UTC', to_char with a fixed format, a "
		    "function declared IMMUTABLE), or look it up in a table with a subquery",
		    "\"up\" with its cast to the column's type is not immutable: sessions with other "
		    "settings (TimeZone, DateStyle, extra_float_digits, bytea_output) or at another time "
		    "would get another value for the same row");
	else if (dual->lookup)
		tide_say(c, TIDE_NOTE, "dual-write-lookup", "up", NULL,
		    "\"up\" looks into another table: no constraint can prove it, a full read of the table "
		    "takes its place");
	check_reads(c, dual, &dual->new, &dual->old, "up");
	check_reads(c, dual, &dual->old, &dual->new, "down");
}

static void
check(const struct tide_phase_at *at, struct tide_findings *out)
{
	const struct tide_checking c = { at, out };
	const struct dual_write_spec *spec = at->phase->spec;
	size_t before = out->count;
	struct tide_dual_state state;
	struct tide_dual *dual;
	struct tide_err err = { 0 };
	void *mem;

	check_shape(&c, spec);
	/* With an error in the shape, or a column missing, no pair can be built: the rest would only
	 * repeat it. */
	if (at->cat == NULL || out->count > before)
		return;
	check_table(&c, at->cat);
	check_writers(&c, "up", &spec->up);
	check_writers(&c, "down", &spec->down);
	check_path(&c, "up", &spec->up);
	check_path(&c, "down", &spec->down);
	for (size_t i = 0; i < spec->from.count; i++)
		tide_need_column(&c, "from", spec->from.item[i]);
	for (size_t i = 0; i < spec->to.count; i++)
		tide_need_column(&c, "to", spec->to.item[i]);
	if (tide_errors_since(out, before))
		return;
	mem = talloc_new(NULL);
	if (!tide_dual_for(mem, at, &dual, &state, &err)) {
		tide_say(&c, TIDE_ERROR, "dual-write-expression", NULL, err.hint[0] != '\0' ? err.hint : NULL,
		    "%s", err.message);
	} else {
		check_triggers(&c, at->cat, tide_mirror_triggers(mem, dual)->trigger[0].name);
		for (size_t i = 0; i < dual->new.count; i++)
			check_target(&c, dual, &dual->new.item[i]);
		check_up(&c, dual);
		check_nulls(&c, dual);
	}
	talloc_free(mem);
}

/* What does not fit the column would be rejected, or cut by a cast: both are seen in this read, before a trigger exists. */
static char *
trial(void *ctx, const struct tide_dual *dual)
{
	char *out = NULL;

	for (size_t i = 0; i < dual->new.count; i++) {
		const struct tide_dual_column *c = &dual->new.item[i];

		if (c->copy)
			continue;
		if (strcmp(c->column->type, c->column->cast_type) == 0)
			out = tide_append(ctx, out, " OR ",
			    tide_sqlf(ctx, "CASE WHEN %s IS NOT DISTINCT FROM NULL THEN %s ELSE false END",
				c->value.row, c->column->not_null ? "true" : "false"));
		else
			out = tide_append(ctx, out, " OR ",
			    tide_differs(ctx, dual, c, c->value.row,
				tide_sqlf(ctx, "CAST(CAST(%s AS %s) AS %s)", c->value.row, c->column->type,
				    c->column->cast_type)));
	}
	return out;
}

static void
add_trial(const struct tide_phase_at *at, const struct tide_dual *dual, struct tide_steps *out)
{
	char *residual = dual->null_on_error ? NULL : trial(out, dual);
	struct tide_step *step;
	struct tide_sweep_spec *sweep;

	if (residual == NULL)
		return;
	step = tide_steps_add(out, "try-expression");
	sweep = tide_action_sweep(out, at->cat, &step->forward,
	    talloc_strdup(out,
		"Try the expression on every existing row, read-only, before the application depends on it"));
	step->forward.flags |= TIDE_PROVES;
	sweep->residual = residual;
	sweep->what = talloc_asprintf(out, "%s (trial)", tide_dual_what(out, dual));
}

/*
 * CREATE TRIGGER takes SHARE ROW EXCLUSIVE, which readers do not notice; DROP TRIGGER takes ACCESS EXCLUSIVE.
 */
static bool
compile(const struct tide_phase_at *at, struct tide_steps *out, struct tide_err *err)
{
	struct tide_dual_state state;
	struct tide_names both;
	struct tide_dual *dual;
	struct tide_triggers *mirror;
	struct tide_step *step;
	struct tide_action *undo;

	if (!tide_dual_for(out, at, &dual, &state, err))
		return false;
	add_trial(at, dual, out);
	mirror = tide_mirror_triggers(out, dual);
	both = tide_dual_identity(out, at->plan, at->phase);
	step = tide_steps_add(out, "install-mirror");
	tide_action_sql(out, at->cat, &step->forward, TIDE_SHARE_ROW_EXCLUSIVE,
	    talloc_asprintf(
		out, "Install the trigger that keeps %s in step on every write", tide_dual_what(out, dual)));
	step->forward.flags = TIDE_CREATES;
	step->forward.probe =
	    tide_probe(out, tide_triggers_stand(out, mirror), tide_triggers_linger(out, mirror));
	tide_overlap_guard(out, &step->forward, &both);
	tide_safe_functions_create(out, &step->forward, dual);
	tide_triggers_create_functions(out, &step->forward, mirror);
	tide_triggers_create(out, &step->forward, mirror);
	undo = tide_step_add_undo(out, step);
	tide_action_sql(out, at->cat, undo, TIDE_ACCESS_EXCLUSIVE,
	    talloc_asprintf(out, "Remove the trigger that keeps %s in step", tide_dual_what(out, dual)));
	undo->probe = tide_probe(out, tide_sqlf(out, "NOT %s", tide_triggers_linger(out, mirror)), NULL);
	tide_triggers_drop(out, undo, mirror);
	tide_triggers_drop_functions(out, undo, mirror);
	tide_safe_functions_drop(out, undo, dual);
	return true;
}

static void
apply(const struct tide_phase_at *at, struct tide_catalog *cat)
{
	struct tide_dual_state state;
	struct tide_dual *dual;
	struct tide_err ignored = { 0 };

	if (tide_dual_for(cat, at, &dual, &state, &ignored))
		tide_triggers_apply(cat, tide_mirror_triggers(cat, dual), true);
}

static char *
proof(void *ctx, const struct tide_phase_at *at)
{
	return tide_dual_proof_name(ctx, at->plan, at->phase);
}

static const struct tide_touched touches[] = {
	{ "from", TIDE_USE_MADE, TIDE_USE_KEPT | TIDE_USE_DROPS },
	{ "to", TIDE_USE_MADE, TIDE_USE_KEPT | TIDE_USE_DROPS },
	{ 0 },
};

static const struct dual_write_spec *
opens(const struct tide_phase *phase)
{
	return phase->spec;
}

const struct tide_phase_ops tide_phase_dual_write = {
	.kind = { "dual_write", "keeps new columns in step with old ones on every write", fields,
	    sizeof(struct dual_write_spec) },
	.check = check,
	.compile = compile,
	.apply = apply,
	.expressions = expressions,
	.proof = proof,
	.touches = touches,
	.opens = opens,
};
