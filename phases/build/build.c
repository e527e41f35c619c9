#include "build.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <talloc.h>

#include "tidemark/plans/expression.h"
#include "tidemark/base/names.h"
#include "tidemark/base/sqltext.h"

char *
tide_table_text(void *ctx, const struct tide_catalog *cat)
{
	return tide_sqlf(ctx, "%I.%I", cat->table.schema, cat->table.name);
}

char *
tide_display_table(void *ctx, const struct tide_catalog *cat)
{
	return talloc_asprintf(ctx, "%s.%s", cat->table.schema, cat->table.name);
}

char *
tide_display_column(void *ctx, const struct tide_catalog *cat, const char *column)
{
	return talloc_asprintf(ctx, "%s.%s.%s", cat->table.schema, cat->table.name, column);
}

char *
tide_append(void *ctx, char *text, const char *between, const char *more)
{
	if (text == NULL || *text == '\0')
		return talloc_strdup(ctx, more);
	return talloc_asprintf(ctx, "%s%s%s", text, between, more);
}

char *
tide_join_idents(void *ctx, const struct tide_names *names, const char *between)
{
	char *out = talloc_strdup(ctx, "");

	for (size_t i = 0; i < names->count; i++)
		out = tide_append(ctx, out, between, tide_ident(ctx, names->item[i]));
	return out;
}

char *
tide_join_plain(void *ctx, const struct tide_names *names, const char *between)
{
	char *out = talloc_strdup(ctx, "");

	for (size_t i = 0; i < names->count; i++)
		out = tide_append(ctx, out, between, names->item[i]);
	return out;
}

bool
tide_names_have(const struct tide_names *names, const char *name)
{
	for (size_t i = 0; i < names->count; i++)
		if (strcmp(names->item[i], name) == 0)
			return true;
	return false;
}

const char *
tide_column_name(const struct tide_catalog *cat, int attnum)
{
	for (size_t i = 0; i < cat->table.column_count; i++)
		if (cat->table.column[i].attnum == attnum)
			return cat->table.column[i].name;
	return NULL;
}

struct tide_names
tide_all_columns(void *ctx, const struct tide_catalog *cat)
{
	struct tide_names out = { .count = cat->table.column_count };

	out.item = talloc_array(ctx, char *, (unsigned)out.count);
	for (size_t i = 0; i < out.count; i++)
		out.item[i] = cat->table.column[i].name;
	return out;
}

const struct tide_constraint *
tide_primary_key(const struct tide_catalog *cat)
{
	for (size_t i = 0; i < cat->table.constraint_count; i++)
		if (cat->table.constraint[i].type == 'p' && cat->table.constraint[i].table == NULL)
			return &cat->table.constraint[i];
	return NULL;
}

bool
tide_has_primary_key(const struct tide_catalog *cat)
{
	return tide_primary_key(cat) != NULL;
}

char *
tide_row_key(void *ctx, const struct tide_catalog *cat, const char *row)
{
	const struct tide_constraint *key = tide_primary_key(cat);
	char *pairs = NULL;

	for (size_t i = 0; key != NULL && i < key->attnum_count; i++) {
		const char *name = tide_column_name(cat, key->attnums[i]);

		if (name == NULL)
			continue;
		pairs = tide_append(ctx, pairs, ", ", tide_sqlf(ctx, "%L, %s.%I", name, row, name));
	}
	if (pairs == NULL)
		pairs = tide_sqlf(ctx, "'ctid', CAST(%s.ctid AS pg_catalog.text)", row);
	return tide_sqlf(ctx, "pg_catalog.jsonb_build_object(%s)", pairs);
}

char *
tide_dollar_tag(void *ctx, const char *body)
{
	char *tag = talloc_strdup(ctx, "$tidemark$");

	for (int i = 1; strstr(body, tag) != NULL; i++)
		tag = talloc_asprintf(ctx, "$tidemark%d$", i);
	return tag;
}

char *
tide_do_block(void *ctx, const char *body)
{
	char *tag = tide_dollar_tag(ctx, body);

	return tide_sqlf(ctx, "DO %s\n%s\n%s", tag, body, tag);
}

char *
tide_identity(void *ctx, const struct tide_plan *plan, const char *role, const struct tide_names *columns)
{
	/* Every part with its length before it: no two lists of names give the same text. */
	char *out = talloc_asprintf(ctx, "%zu:%s %zu:%s %zu:%s", strlen(plan->name), plan->name,
	    strlen(plan->table), plan->table, strlen(role), role);

	for (size_t i = 0; i < columns->count; i++)
		out = talloc_asprintf_append(out, " %zu:%s", strlen(columns->item[i]), columns->item[i]);
	return out;
}

/* The table by name: a vanished one makes every condition false instead of an error. */
static char *
relation(void *ctx, const struct tide_catalog *cat)
{
	return tide_sqlf(ctx, "pg_catalog.to_regclass(%L)", tide_table_text(ctx, cat));
}

char *
tide_when_column(void *ctx, const struct tide_catalog *cat, const char *column)
{
	return tide_sqlf(ctx,
	    "EXISTS (SELECT FROM pg_catalog.pg_attribute WHERE attrelid = %s AND attname = %L AND NOT "
	    "attisdropped)",
	    relation(ctx, cat), column);
}

char *
tide_when_not_null(void *ctx, const struct tide_catalog *cat, const char *column)
{
	return tide_sqlf(ctx,
	    "EXISTS (SELECT FROM pg_catalog.pg_attribute WHERE attrelid = %s AND attname = %L AND "
	    "attnotnull)",
	    relation(ctx, cat), column);
}

char *
tide_when_not_null_proved(void *ctx, const struct tide_catalog *cat, const char *column)
{
	return tide_sqlf(ctx,
	    "EXISTS (SELECT FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = %s AND a.attname = %L AND "
	    "a.attnotnull AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint AS k WHERE k.conrelid = "
	    "a.attrelid AND k.contype = 'n' AND k.conkey = ARRAY[a.attnum] AND NOT k.convalidated))",
	    relation(ctx, cat), column);
}

bool
tide_rejects_null(const struct tide_column *column)
{
	return column->not_null || column->not_null_unproved;
}

char *
tide_when_constraint(void *ctx, const struct tide_catalog *cat, const char *constraint)
{
	return tide_sqlf(ctx,
	    "EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE conrelid = %s AND conname = %L)",
	    relation(ctx, cat), constraint);
}

char *
tide_when_validated(void *ctx, const struct tide_catalog *cat, const char *constraint)
{
	return tide_sqlf(ctx,
	    "EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE conrelid = %s AND conname = %L AND "
	    "convalidated)",
	    relation(ctx, cat), constraint);
}

char *
tide_probe(void *ctx, const char *done, const char *broken)
{
	if (broken == NULL)
		return tide_sqlf(ctx, "SELECT CASE WHEN %s THEN 'done' ELSE 'todo' END", done);
	return tide_sqlf(
	    ctx, "SELECT CASE WHEN %s THEN 'done' WHEN %s THEN 'broken' ELSE 'todo' END", done, broken);
}

void
tide_action_sql(struct tide_steps *steps, const struct tide_catalog *cat, struct tide_action *action,
    enum tide_lock_mode lock, char *title)
{
	action->kind = TIDE_STEP_SQL;
	action->title = title;
	action->lock = lock;
	action->lock_table = lock == TIDE_LOCK_NONE ? NULL : tide_table_text(steps, cat);
}

void
tide_action_whole(const struct tide_catalog *cat, struct tide_action *action, enum tide_touch touch)
{
	action->touch = touch;
	action->rows = cat->table.rows >= 0 ? (int64_t)cat->table.rows : -1;
	action->bytes = cat->table.bytes;
}

void
tide_action_condition(
    const struct tide_catalog *cat, struct tide_action *action, const struct tide_fact *fact)
{
	if (fact == NULL || fact->share < 0 || cat->table.rows < 0)
		return;
	action->looked_at = action->rows;
	action->rows = (int64_t)(cat->table.rows * fact->share + 0.5);
	action->bytes = (int64_t)((double)cat->table.bytes * fact->share);
}

struct tide_sweep_spec *
tide_action_sweep(
    struct tide_steps *steps, const struct tide_catalog *cat, struct tide_action *action, char *title)
{
	struct tide_sweep_spec *sweep = talloc_zero(steps, struct tide_sweep_spec);

	action->kind = TIDE_STEP_SWEEP;
	action->title = title;
	action->lock = TIDE_ACCESS_SHARE;
	action->lock_table = tide_table_text(steps, cat);
	action->flags = TIDE_RESTARTABLE;
	action->sweep = sweep;
	tide_action_whole(cat, action, TIDE_TOUCH_READ);
	sweep->key = tide_row_key(steps, cat, TIDE_ROW);
	return sweep;
}

static void
place_of(const struct tide_phase *phase, const char *key, int *line, int *column)
{
	const struct tide_toml *node =
	    key == NULL || phase->node == NULL ? NULL : tide_toml_get(phase->node, key);

	*line = node == NULL ? phase->line : node->line;
	*column = node == NULL ? phase->column : node->column;
}

void
tide_say(const struct tide_checking *c, enum tide_severity severity, const char *rule, const char *key,
    const char *hint, const char *fmt, ...)
{
	va_list args;
	char *text;
	int line, column;

	va_start(args, fmt);
	text = talloc_vasprintf(c->out, fmt, args);
	va_end(args);
	place_of(c->at->phase, key, &line, &column);
	tide_findings_add(c->out, severity, rule, line, column, hint, "%s", text);
	talloc_free(text);
}

static const char *
nearest_column(const struct tide_catalog *cat, const char *name)
{
	struct tide_names names = tide_all_columns(NULL, cat);
	const char *near = tide_nearest(name, (const char *const *)names.item, names.count);

	talloc_free(names.item);
	return near;
}

struct tide_column *
tide_find_column(const struct tide_phase_at *at, const char *key, const char *name, struct tide_err *err)
{
	struct tide_column *column = tide_catalog_column(at->cat, name);
	const char *near;

	if (column != NULL)
		return column;
	near = nearest_column(at->cat, name);
	tide_plan_fail(at->plan, at->phase, key, err, "table %s.%s has no column \"%s\"",
	    at->cat->table.schema, at->cat->table.name, name);
	err->code = TIDE_PRECONDITION;
	if (near != NULL)
		tide_hint(err, "did you mean \"%s\"?", near);
	return NULL;
}

struct tide_column *
tide_need_column(const struct tide_checking *c, const char *key, const char *name)
{
	struct tide_err err = { 0 };
	struct tide_column *column = tide_find_column(c->at, key, name, &err);

	if (column == NULL)
		tide_say(c, TIDE_ERROR, "column-missing", key, err.hint[0] != '\0' ? err.hint : NULL, "%s",
		    err.message);
	return column;
}

bool
tide_errors_since(const struct tide_findings *findings, size_t before)
{
	for (size_t i = before; i < findings->count; i++)
		if (findings->item[i].severity == TIDE_ERROR)
			return true;
	return false;
}
