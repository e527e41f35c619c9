#include "script.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <talloc.h>

#include "catalog/change.h"
#include "catalog/types.h"
#include "tidemark/plans/expression.h"
#include "tidemark/base/sqltext.h"

/* What the text of a statement leaves open, and the catalog or the statements before it know. */

/* "varchar(10)" as the server writes it: its length; 0: none said; -1: another type. */
static long
varchar_length(const char *type)
{
	static const char word[] = "character varying";

	if (type == NULL || strncmp(type, word, strlen(word)) != 0)
		return -1;
	type += strlen(word);
	return *type == '\0'                                   ? 0
	       : *type == '(' && type[strlen(type) - 1] == ')' ? strtol(type + 1, NULL, 10)
							       : -1;
}

/* A longer varchar, or text, is only said in the catalog, where no CHECK, predicate or expression must be looked at again. */
static bool
is_only_said(void *ctx, const struct tide_catalog *cat, const struct tide_effect *effect)
{
	const struct tide_column *column = tide_catalog_column(cat, effect->name);
	struct tide_column to = { 0 };
	long from, length;

	if (column == NULL || effect->definition == NULL || effect->converts)
		return false;
	tide_type_describe(
	    talloc_steal(ctx, tide_change_copy(ctx, cat)), tide_type_text(ctx, cat, effect->definition), &to);
	from = varchar_length(column->type);
	length = varchar_length(to.type);
	if (from < 0 || (length < 0 && strcmp(to.type, "text") != 0) ||
	    (length > 0 && (from == 0 || length < from)))
		return false;
	for (size_t i = 0; i < cat->table.constraint_count; i++)
		if (cat->table.constraint[i].type == 'c' &&
		    tide_uses(cat->table.constraint[i].attnums, cat->table.constraint[i].attnum_count,
			column->attnum))
			return false;
	for (size_t i = 0; i < cat->table.index_count; i++)
		if (tide_uses(
			cat->table.index[i].attnums, cat->table.index[i].attnum_count, column->attnum) &&
		    (strstr(cat->table.index[i].definition, " WHERE ") != NULL ||
			strstr(cat->table.index[i].definition, "((") != NULL))
			return false;
	return true;
}

/* CHECK (name IS NOT NULL) in the server's spelling or the author's. */
static bool
says_not_null(void *ctx, const char *definition, const char *name)
{
	static const char tail[] = "IS NOT NULL";
	size_t start = strcspn(definition, "("), length;
	char *inner, *parts[2];

	start += strspn(definition + start, "( ");
	length = strlen(definition);
	while (length > start && strchr(") ", definition[length - 1]) != NULL)
		length--;
	if (length < start + sizeof(tail) ||
	    strncasecmp(definition + length - strlen(tail), tail, strlen(tail)) != 0)
		return false;
	inner = talloc_strndup(ctx, definition + start, length - strlen(tail) - start);
	return tide_name_parse(ctx, inner, parts) == 1 && strcmp(parts[0], name) == 0;
}

/* The server looks at no row where it is NOT NULL already, or a CHECK says it. */
static bool
is_proved(void *ctx, const struct tide_catalog *cat, const char *name)
{
	const struct tide_column *column = tide_catalog_column(cat, name);

	for (size_t i = 0; i < cat->table.constraint_count; i++) {
		const struct tide_constraint *k = &cat->table.constraint[i];

		if (k->type == 'c' && k->validated && k->table == NULL &&
		    says_not_null(ctx, k->definition, name))
			return true;
	}
	return column != NULL && column->not_null && !column->not_null_unproved;
}

static bool
has_nullable(void *ctx, const struct tide_catalog *cat, const char *name)
{
	const struct tide_index *index = tide_catalog_index(cat, name);

	for (size_t i = 0; index != NULL && i < cat->table.column_count; i++)
		if (tide_uses(index->attnums, index->attnum_count, cat->table.column[i].attnum) &&
		    !is_proved(ctx, cat, cat->table.column[i].name))
			return true;
	return false;
}

static bool
fills_each_row(void *ctx, const struct tide_catalog *cat, const struct tide_effect *effect)
{
	const char *type = tide_type_of_serial(effect->definition);
	const struct tide_fact *fact = tide_type_fact(cat, type);

	if (fact != NULL && fact->rewrites)
		return true;
	if (effect->fallback == NULL)
		return false;
	fact = tide_catalog_fact(cat, tide_script_question(ctx, effect->fallback, type));
	return fact != NULL && fact->volatility == 'v';
}

/* What the server has said of the default: it is the same for every row. */
static bool
is_known(void *ctx, const struct tide_catalog *cat, const struct tide_effect *effect)
{
	const struct tide_fact *fact = tide_catalog_fact(
	    cat, tide_script_question(ctx, effect->fallback, tide_type_of_serial(effect->definition)));

	return fact != NULL && fact->error == NULL && fact->volatility != 'v';
}

/* IF NOT EXISTS: neither the column nor a constraint that is written after it. */
static bool
is_there(const struct tide_catalog *cat, const struct tide_effect *effect)
{
	bool column = effect->kind == TIDE_EFFECT_ADD_COLUMN,
	     constraint = effect->kind == TIDE_EFFECT_ADD_CONSTRAINT;

	return (column || (constraint && effect->columns.count > 0)) &&
	       tide_catalog_column(cat, column ? effect->name : effect->columns.item[0]) != NULL;
}

static void
look_up_one(void *ctx, const struct tide_catalog *cat, bool ours, struct tide_effect *effect)
{
	const struct tide_column *column =
	    ours && effect->name != NULL ? tide_catalog_column(cat, effect->name) : NULL;

	if (ours && effect->missing_ok && is_there(cat, effect)) {
		effect->work = TIDE_WORK_INSTANT;
		if (effect->kind == TIDE_EFFECT_ADD_CONSTRAINT)
			effect->kind = TIDE_EFFECT_OTHER;
	} else if (effect->name == NULL) {
		return;
	} else if (effect->kind == TIDE_EFFECT_ADD_COLUMN && effect->definition != NULL &&
		   fills_each_row(ctx, cat, effect)) {
		effect->work = TIDE_WORK_REWRITE;
	} else if (ours && effect->guessed && is_known(ctx, cat, effect)) {
		effect->work = TIDE_WORK_INSTANT;
	} else if ((effect->kind == TIDE_EFFECT_DROP_DEFAULT || effect->kind == TIDE_EFFECT_DROP_IDENTITY) &&
		   column != NULL && column->not_null) {
		effect->old = TIDE_OLD_FAILS;
	} else if (ours && effect->constraint == 'p' && effect->to != NULL) {
		if (has_nullable(ctx, cat, effect->to))
			effect->work = TIDE_WORK_SCAN;
		else
			effect->old = TIDE_OLD_FITS;
	} else if (ours && effect->kind == TIDE_EFFECT_SET_NOT_NULL && is_proved(ctx, cat, effect->name)) {
		effect->work = TIDE_WORK_INSTANT;
	} else if (ours && effect->kind == TIDE_EFFECT_ALTER_TYPE && is_only_said(ctx, cat, effect)) {
		effect->work = TIDE_WORK_INSTANT;
		effect->replaces = false;
	}
}

static bool
is_same(const struct tide_effect *a, const struct tide_effect *b)
{
	return a->relation != NULL && b->relation != NULL && strcmp(a->relation, b->relation) == 0 &&
	       ((a->schema == NULL && b->schema == NULL) ||
		   (a->schema != NULL && b->schema != NULL && strcmp(a->schema, b->schema) == 0));
}

/* The statement of the same transaction that made the table: nobody else sees it, and nothing of it was there before. */
static const struct tide_effect *
maker_of(const struct tide_script *script, const struct tide_script_part *part)
{
	for (const struct tide_script_part *p = part; p-- > script->part;)
		if (p->effect->kind == TIDE_EFFECT_CREATE_TABLE && !p->effect->missing_ok &&
		    p->number < part->number && is_same(p->effect, part->effect))
			return p->effect;
	return NULL;
}

static void
forget(struct tide_names *names, const char *name)
{
	size_t kept = 0;

	for (size_t i = 0; i < names->count; i++)
		if (strcmp(names->item[i], name) != 0)
			names->item[kept++] = names->item[i];
	names->count = kept;
}

/* A temporary table is found before any other of its name. */
static void
forget_temporary(const struct tide_script *script, struct tide_statement *statement, size_t number)
{
	for (size_t i = 0; i < script->part_count; i++)
		if (script->part[i].effect->kind == TIDE_EFFECT_CREATE_TABLE &&
		    script->part[i].effect->temporary && script->part[i].number < number)
			forget(&statement->bare, script->part[i].effect->relation);
}

/* Rows were written to the table, or it was made of some. */
static bool
has_rows(
    const struct tide_script *script, const struct tide_script_part *part, const struct tide_effect *maker)
{
	for (const struct tide_script_part *p = part; p-- > script->part;)
		if (p->effect->kind == TIDE_EFFECT_WRITE && is_same(p->effect, part->effect))
			return true;
	return maker->filled || part->effect->kind == TIDE_EFFECT_WRITE;
}

static void
is_nobodys(struct tide_script_part *part, struct tide_effect *effect)
{
	part->ours = false;
	effect->lock = TIDE_LOCK_NONE;
	effect->old = TIDE_OLD_FITS;
	effect->loses = effect->replaces = effect->milder = false;
	if (effect->work == TIDE_WORK_ALL)
		effect->work = TIDE_WORK_SOME;
}

/* A default that goes from a column which an earlier statement made NOT NULL. */
static bool
leaves_nothing(const struct tide_script *script, const struct tide_script_part *part)
{
	const struct tide_effect *effect = part->effect;

	for (const struct tide_script_part *p = part; p-- > script->part;)
		if (p->effect->kind == TIDE_EFFECT_ADD_COLUMN && p->effect->not_null &&
		    is_same(p->effect, effect) && p->effect->name != NULL && effect->name != NULL &&
		    strcmp(p->effect->name, effect->name) == 0)
			return effect->kind == TIDE_EFFECT_DROP_DEFAULT ||
			       effect->kind == TIDE_EFFECT_DROP_IDENTITY;
	return false;
}

void
tide_script_look_up(void *ctx, const struct tide_catalog *cat, struct tide_script *script, size_t first,
    struct tide_statement *statement)
{
	const struct tide_effect *maker = NULL;

	for (size_t i = first; i < script->part_count; i++) {
		struct tide_script_part *part = &script->part[i];
		struct tide_effect *effect = &statement->effect[i - first];

		/* What is said of tables that are not named belongs to the one before. */
		if (effect->relation != NULL)
			maker = maker_of(script, part);
		if (maker != NULL && (effect->relation != NULL || maker->temporary)) {
			if (!has_rows(script, part, maker))
				effect->work = TIDE_WORK_INSTANT;
			is_nobodys(part, effect);
		} else if (effect->kind == TIDE_EFFECT_LOCK_BELOW && i > first && part[-1].ours)
			effect->lock = TIDE_LOCK_NONE;
		else if (leaves_nothing(script, part))
			effect->old = TIDE_OLD_FAILS;
		if (cat != NULL)
			look_up_one(ctx, cat, part->ours, effect);
	}
	forget_temporary(script, statement, first < script->part_count ? script->part[first].number : 0);
}
