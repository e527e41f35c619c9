#include "mirror.h"

#include <string.h>

#include <jansson.h>
#include <talloc.h>

#include "build/build.h"
#include "catalog/change.h"
#include "tidemark/plans/expression.h"
#include "tidemark/base/names.h"
#include "tidemark/base/sqltext.h"

/* Sort before and after every trigger that a table is likely to have: the last one sees what the others have changed. */
static const char *const trigger_prefix[] = {
	[TIDE_TRIGGER_FIRST] = "!!!!tidemark_",
	[TIDE_TRIGGER_LAST] = "~~~~tidemark_",
};
#define FUNCTION_PREFIX "tidemark_"

char *
tide_trigger_name(void *ctx, const struct tide_dual *dual, enum tide_trigger_place place, const char *role,
    const char *suffix)
{
	struct tide_names columns = tide_dual_identity(ctx, dual->plan, dual->phase);

	return tide_generated_name(
	    ctx, trigger_prefix[place], tide_identity(ctx, dual->plan, role, &columns), suffix);
}

static char *
function_name(void *ctx, const struct tide_plan *plan, const struct tide_phase *phase, const char *role,
    const char *suffix)
{
	struct tide_names columns = tide_dual_identity(ctx, plan, phase);

	return tide_generated_name(ctx, FUNCTION_PREFIX, tide_identity(ctx, plan, role, &columns), suffix);
}

char *
tide_trigger_function_name(void *ctx, const struct tide_dual *dual, const char *role, const char *suffix)
{
	return function_name(ctx, dual->plan, dual->phase, role, suffix);
}

void
tide_triggers_add_function(
    void *ctx, struct tide_triggers *t, const char *name, const char *body, bool definer)
{
	struct tide_function_text *f = &t->function[t->function_count++];
	char *text = talloc_asprintf(ctx, "%s%s", t->note, body), *tag = tide_dollar_tag(ctx, text);

	f->name = tide_sqlf(ctx, "tidemark.%I", name);
	f->create = tide_sqlf(ctx,
	    "CREATE FUNCTION %s() RETURNS pg_catalog.trigger LANGUAGE plpgsql %s\n"
	    "SET search_path = pg_catalog, pg_temp AS %s\n%s%s",
	    f->name, definer ? "SECURITY DEFINER" : "SECURITY INVOKER", tag, text, tag);
	if (definer)
		f->revoke = tide_sqlf(ctx, "REVOKE ALL ON FUNCTION %s() FROM PUBLIC", f->name);
	/* A new partition gets the triggers too, and the role that adds it needs EXECUTE. */
	if (t->cat->table.partition_maker != NULL)
		f->grant = tide_sqlf(
		    ctx, "GRANT EXECUTE ON FUNCTION %s() TO %I", f->name, t->cat->table.partition_maker);
}

static void
add_trigger(void *ctx, struct tide_triggers *t, const char *name, const char *function, const char *events,
    const char *when, bool after)
{
	struct tide_trigger_text *trigger = &t->trigger[t->trigger_count++];

	trigger->name = talloc_strdup(ctx, name);
	trigger->function_name = talloc_strdup(ctx, function);
	trigger->function = tide_sqlf(ctx, "tidemark.%I()", function);
	trigger->after = after;
	trigger->create = tide_sqlf(ctx,
	    "CREATE TRIGGER %I %s %s ON %s FOR EACH ROW%s%s%s EXECUTE FUNCTION %s", name,
	    after ? "AFTER" : "BEFORE", events, tide_table_text(ctx, t->cat), when == NULL ? "" : "\nWHEN (",
	    when == NULL ? "" : when, when == NULL ? "" : ")\n", trigger->function);
}

void
tide_triggers_add(void *ctx, struct tide_triggers *t, const char *name, const char *function_name_,
    const char *events, const char *when)
{
	add_trigger(ctx, t, name, function_name_, events, when, false);
}

void
tide_triggers_add_after(void *ctx, struct tide_triggers *t, const char *name, const char *function_name_,
    const char *events, const char *when)
{
	add_trigger(ctx, t, name, function_name_, events, when, true);
}

char *
tide_assign(void *ctx, const struct tide_dual *dual, const struct tide_dual_column *c, const char *target,
    const char *indent)
{
	if (!dual->null_on_error || c->copy)
		return tide_sqlf(ctx, "%s%s := %s;\n", indent, target, c->value.trigger);
	return talloc_asprintf(ctx, "%sBEGIN\n%s\t%s := %s;\n%s%sEND;\n", indent, indent, target,
	    c->value.trigger, tide_on_error(ctx, indent, talloc_asprintf(ctx, "%s := NULL", target)), indent);
}

struct tide_triggers *
tide_mirror_triggers(void *ctx, const struct tide_dual *dual)
{
	struct tide_triggers *t = talloc_zero(ctx, struct tide_triggers);
	char *function = tide_trigger_function_name(ctx, dual, "mirror", "mirror_v1");
	char *body = talloc_strdup(ctx, "BEGIN\n");
	bool when = !dual->null_on_error && tide_dual_provable(dual);

	t->cat = dual->cat;
	t->note = tide_dual_note(ctx, dual, NULL);
	for (size_t i = 0; i < dual->new.count; i++) {
		const struct tide_dual_column *c = &dual->new.item[i];

		body = talloc_strdup_append(
		    body, tide_assign(ctx, dual, c, tide_sqlf(ctx, "NEW.%I", c->name), "\t"));
	}
	body = talloc_strdup_append(body, "\tRETURN NEW;\nEND\n");
	tide_triggers_add_function(ctx, t, function, body, false);
	tide_triggers_add(ctx, t, tide_trigger_name(ctx, dual, TIDE_TRIGGER_LAST, "mirror", "mirror"),
	    function, "INSERT OR UPDATE", when ? tide_dual_differs_trigger(ctx, dual) : NULL);
	return t;
}

void
tide_triggers_create_functions(
    struct tide_steps *steps, struct tide_action *action, const struct tide_triggers *t)
{
	for (size_t i = 0; i < t->function_count; i++) {
		tide_action_add(steps, action, t->function[i].create);
		if (t->function[i].revoke != NULL)
			tide_action_add(steps, action, t->function[i].revoke);
		if (t->function[i].grant != NULL)
			tide_action_add(steps, action, t->function[i].grant);
	}
}

void
tide_triggers_create(struct tide_steps *steps, struct tide_action *action, const struct tide_triggers *t)
{
	char *table = tide_table_text(steps, t->cat);

	for (size_t i = 0; i < t->trigger_count; i++) {
		tide_action_add(steps, action, t->trigger[i].create);
		/* Also for replicated rows and restores: a row that was not kept in step is a lost write. */
		tide_action_add(steps, action,
		    tide_sqlf(steps, "ALTER TABLE %s ENABLE ALWAYS TRIGGER %I", table, t->trigger[i].name));
	}
}

void
tide_triggers_drop(struct tide_steps *steps, struct tide_action *action, const struct tide_triggers *t)
{
	char *table = tide_table_text(steps, t->cat);

	for (size_t i = 0; i < t->trigger_count; i++)
		tide_action_add(steps, action,
		    tide_sqlf(steps, "DROP TRIGGER IF EXISTS %I ON %s", t->trigger[i].name, table));
}

void
tide_triggers_drop_functions(
    struct tide_steps *steps, struct tide_action *action, const struct tide_triggers *t)
{
	for (size_t i = 0; i < t->function_count; i++)
		tide_action_add(
		    steps, action, tide_sqlf(steps, "DROP FUNCTION IF EXISTS %s()", t->function[i].name));
}

char *
tide_triggers_stand(void *ctx, const struct tide_triggers *t)
{
	char *pairs = NULL;

	for (size_t i = 0; i < t->trigger_count; i++)
		pairs = tide_append(ctx, pairs, ", ",
		    tide_sqlf(ctx, "(%L, %L)", t->trigger[i].name, t->trigger[i].function_name));
	return tide_sqlf(ctx,
	    "(SELECT pg_catalog.count(*) FROM pg_catalog.pg_trigger AS t "
	    "JOIN pg_catalog.pg_proc AS p ON p.oid = t.tgfoid"
	    " WHERE t.tgrelid = pg_catalog.to_regclass(%L) AND t.tgenabled = 'A' "
	    "AND (t.tgname, p.proname) IN (%s)) = %l",
	    tide_table_text(ctx, t->cat), pairs, (long long)t->trigger_count);
}

/* On each partition, too: a trigger can be disabled there alone. */
char *
tide_triggers_assert(void *ctx, const struct tide_triggers *t)
{
	char *rows = NULL;

	for (size_t i = 0; i < t->trigger_count; i++)
		rows = tide_append(ctx, rows, ", ",
		    tide_sqlf(ctx, "(%L, %L)", t->trigger[i].name, t->trigger[i].function_name));
	return tide_do_block(ctx,
	    tide_sqlf(ctx,
		"DECLARE\n\ttidemark_missing pg_catalog.text;\nBEGIN\n"
		"\tSELECT pg_catalog.format('trigger %%I of %%s', w.name, "
		"r.oid::pg_catalog.regclass) INTO tidemark_missing\n"
		"\t  FROM (SELECT pg_catalog.to_regclass(%L)::pg_catalog.oid UNION SELECT relid FROM "
		"pg_catalog.pg_partition_tree(pg_catalog.to_regclass(%L))) AS r (oid)\n"
		"\t CROSS JOIN (VALUES %s) AS w (name, function)\n"
		"\t WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_trigger AS t\n"
		"\t                     JOIN pg_catalog.pg_proc AS p "
		"ON p.oid = t.tgfoid AND p.pronamespace = "
		"'tidemark'::pg_catalog.regnamespace\n"
		"\t                    WHERE t.tgrelid = r.oid AND t.tgname = w.name "
		"AND p.proname = w.function AND "
		"t.tgenabled = 'A')\n\t LIMIT 1;\n"
		"\tIF tidemark_missing IS NOT NULL THEN\n"
		"\t\tRAISE EXCEPTION '%% is gone, "
		"replaced or not enabled ALWAYS: rows may have been written without it', tidemark_missing\n"
		"\t\t\tUSING ERRCODE = 'object_not_in_prerequisite_state', "
		"HINT = 'Nothing was dropped. Enable "
		"it again (ALTER TABLE ... ENABLE ALWAYS TRIGGER), "
		"or roll back: tidemark rollback; the next run compares the rows.';\n"
		"\tEND IF;\nEND",
		tide_table_text(ctx, t->cat), tide_table_text(ctx, t->cat), rows));
}

char *
tide_triggers_linger(void *ctx, const struct tide_triggers *t)
{
	char *names = NULL;

	for (size_t i = 0; i < t->trigger_count; i++)
		names = tide_append(ctx, names, ", ", tide_literal(ctx, t->trigger[i].name));
	return tide_sqlf(ctx,
	    "EXISTS (SELECT FROM pg_catalog.pg_trigger WHERE tgrelid = pg_catalog.to_regclass(%L) AND tgname "
	    "IN (%s))",
	    tide_table_text(ctx, t->cat), names);
}

void
tide_triggers_apply(struct tide_catalog *cat, const struct tide_triggers *t, bool stand)
{
	for (size_t i = 0; i < t->trigger_count; i++) {
		const struct tide_trigger_text *text = &t->trigger[i];

		tide_change_drop_trigger(cat, text->name);
		if (!stand)
			continue;
		tide_change_add_trigger(cat, &(struct tide_trigger){ .name = text->name,
						 .definition = text->create,
						 .function = text->function,
						 .enabled = 'A',
						 .before = !text->after,
						 .row = true,
						 .on_insert = true,
						 .on_update = true });
	}
}

bool
tide_triggers_found(const struct tide_catalog *cat, const struct tide_triggers *t)
{
	for (size_t i = 0; i < cat->table.trigger_count; i++)
		if (strcmp(cat->table.trigger[i].name, t->trigger[0].name) == 0)
			return true;
	return false;
}

char *
tide_safe_function(void *ctx, const struct tide_plan *plan, const struct tide_phase *phase, size_t i)
{
	char *role = talloc_asprintf(ctx, "value %zu", i);

	return tide_sqlf(ctx, "tidemark.%I", function_name(ctx, plan, phase, role, "value_v1"));
}

char *
tide_safe_function_create(void *ctx, const struct tide_dual *dual, size_t i)
{
	const struct tide_dual_column *c = &dual->new.item[i];
	char *types = NULL, *body, *tag;

	/* The block's label is the name of the row: the canonical text needs no change. */
	body = talloc_strdup(ctx, "<<" TIDE_ROW ">>\nDECLARE\n");
	for (size_t k = 0; k < dual->old.count; k++) {
		const struct tide_dual_column *from = &dual->old.item[k];

		types = tide_append(ctx, types, ", ", from->column->type);
		/* A variable does not take over the collation of its value; in a trigger the row's columns have theirs. */
		body = talloc_strdup_append(
		    body, tide_sqlf(ctx, "\t%I CONSTANT %s%s%s := $%d;\n", from->name, from->column->type,
			      from->column->collated == NULL ? "" : " COLLATE ",
			      from->column->collated == NULL ? "" : from->column->collated, (int)k + 1));
	}
	body = talloc_asprintf_append(body,
	    "\ttidemark_value %s;\nBEGIN\n\ttidemark_value := %s;\n\tRETURN tidemark_value;\n%sEND\n",
	    c->column->type, c->value.row, tide_on_error(ctx, "", "RETURN NULL"));
	tag = tide_dollar_tag(ctx, body);
	return tide_sqlf(ctx,
	    "CREATE FUNCTION %s(%s) RETURNS %s LANGUAGE plpgsql %s\n"
	    "SET search_path = pg_catalog, pg_temp AS %s\n%s%s",
	    tide_safe_function(ctx, dual->plan, dual->phase, i), types, c->column->cast_type,
	    dual->immutable && !dual->lookup ? "IMMUTABLE" : "STABLE", tag, body, tag);
}

void
tide_safe_functions_create(struct tide_steps *steps, struct tide_action *action, const struct tide_dual *dual)
{
	for (size_t i = 0; dual->null_on_error && i < dual->new.count; i++) {
		tide_action_add(steps, action, tide_safe_function_create(steps, dual, i));
		/* The proof's CHECK calls it as the role that writes a row. */
		tide_action_add(steps, action,
		    tide_sqlf(steps, "GRANT EXECUTE ON FUNCTION %s TO PUBLIC",
			tide_safe_function(steps, dual->plan, dual->phase, i)));
	}
}

void
tide_safe_functions_drop(struct tide_steps *steps, struct tide_action *action, const struct tide_dual *dual)
{
	for (size_t i = 0; dual->null_on_error && i < dual->new.count; i++)
		tide_action_add(steps, action,
		    tide_sqlf(steps, "DROP FUNCTION IF EXISTS %s",
			tide_safe_function(steps, dual->plan, dual->phase, i)));
}

char *
tide_dual_note(void *ctx, const struct tide_dual *dual, const char *held)
{
	const struct tide_dual_side *sides[] = { &dual->old, &dual->new };
	json_t *columns = json_array(), *note;
	char *text, *out;

	for (size_t s = 0; s < 2; s++)
		for (size_t i = 0; i < sides[s]->count; i++)
			json_array_append_new(columns, json_string(sides[s]->item[i].name));
	if (held != NULL)
		json_array_append_new(columns, json_string(held));
	note = json_pack("{s:s, s:o}", "plan", dual->plan->name, "columns", columns);
	text = json_dumps(note, 0);
	out = talloc_asprintf(ctx, "-- tidemark %s\n", text);
	free(text);
	json_decref(note);
	return out;
}
