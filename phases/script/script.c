#include "script.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <talloc.h>

#include "catalog/change.h"
#include "catalog/types.h"
#include "tidemark/plans/expression.h"
#include "tidemark/base/sqltext.h"

/* The plan's table as the plan writes it, for when nobody knows better. */
static void
table_of(void *ctx, const struct tide_phase_at *at, const char **schema, const char **name)
{
	char *parts[2] = { NULL, NULL };
	int count;

	if (at->cat != NULL) {
		*schema = at->cat->table.schema;
		*name = at->cat->table.name;
		return;
	}
	count = tide_name_parse(ctx, at->plan->table, parts);
	*name = count == 0 ? at->plan->table : parts[count - 1];
	*schema = count == 2 ? parts[0] : NULL;
}

/* A name without a schema is looked up where the role would find it; without a catalog it is taken for the table's. */
static bool
is_table(void *ctx, const struct tide_phase_at *at, const char *schema, const char *relation)
{
	const char *own_schema, *own_name;

	table_of(ctx, at, &own_schema, &own_name);
	if (relation == NULL || strcmp(relation, own_name) != 0)
		return false;
	if (schema == NULL && at->cat != NULL && at->cat->default_schema != NULL)
		schema = at->cat->default_schema;
	return schema == NULL || own_schema == NULL || strcmp(schema, own_schema) == 0;
}

static bool
is_index_of_table(const struct tide_phase_at *at, const char *schema, const char *name)
{
	const struct tide_index *index =
	    at->cat == NULL || name == NULL ? NULL : tide_catalog_index(at->cat, name);

	return index != NULL &&
	       (schema == NULL || index->schema == NULL || strcmp(schema, index->schema) == 0);
}

static void
add_parts(void *ctx, const struct tide_phase_at *at, struct tide_statement *statement, size_t number,
    struct tide_script *out)
{
	size_t first = out->part_count;

	out->part = talloc_realloc(ctx, out->part, struct tide_script_part,
	    (unsigned)(out->part_count + statement->effect_count + 1));
	for (size_t i = 0; i < statement->effect_count; i++) {
		struct tide_effect *effect = &statement->effect[i];

		out->part[out->part_count++] = (struct tide_script_part){ .effect = effect,
			.statement = statement,
			.number = number,
			.ours = effect->of_index || effect->kind == TIDE_EFFECT_RENAME_INDEX
				    ? is_index_of_table(at, effect->schema, effect->relation)
				    : is_table(ctx, at, effect->schema, effect->relation) };
	}
	tide_script_look_up(ctx, at->cat, out, first, statement);
}

void
tide_script_read(
    void *ctx, const struct tide_phase_at *at, const struct tide_names *texts, struct tide_script *out)
{
	struct tide_phase_at here = *at;
	struct tide_catalog *ahead = NULL;

	*out = (struct tide_script){ 0 };
	for (size_t i = 0; i < texts->count; i++) {
		struct tide_statements read;

		tide_statements_read(ctx, texts->item[i], &read);
		out->item = talloc_realloc(
		    ctx, out->item, struct tide_statement, (unsigned)(out->count + read.count + 1));
		for (size_t k = 0; k < read.count; k++)
			out->item[out->count++] = read.item[k];
	}
	if (at->cat != NULL)
		here.cat = ahead = tide_change_copy(ctx, at->cat);
	/* Only now: growing the list moves it. Each statement finds what those before it have left. */
	for (size_t i = 0; i < out->count; i++) {
		size_t before = out->part_count;

		add_parts(ctx, &here, &out->item[i], i + 1, out);
		for (size_t k = before; ahead != NULL && k < out->part_count; k++)
			tide_script_apply_part(&out->part[k], ahead);
	}
}

bool
tide_script_is_unknown(const struct tide_script_part *part)
{
	return part->effect->work == TIDE_WORK_UNKNOWN || part->effect->kind == TIDE_EFFECT_UNKNOWN;
}

bool
tide_script_takes(const struct tide_script_part *part, const char *column)
{
	enum tide_effect_kind kind = part->effect->kind;

	return part->ours && part->effect->name != NULL && strcmp(part->effect->name, column) == 0 &&
	       (kind == TIDE_EFFECT_DROP_COLUMN || kind == TIDE_EFFECT_RENAME_COLUMN ||
		   kind == TIDE_EFFECT_ALTER_TYPE);
}

char *
tide_script_relation(void *ctx, const struct tide_script_part *part)
{
	const struct tide_effect *effect = part->effect;
	char *name;

	if (effect->relation == NULL)
		return talloc_strdup(ctx, "tables that the statements do not name, if there are any");
	name = effect->schema == NULL ? talloc_strdup(ctx, effect->relation)
				      : talloc_asprintf(ctx, "%s.%s", effect->schema, effect->relation);
	return effect->of_index ? talloc_asprintf(ctx, "the table of %s", name) : name;
}

/* A relation that is locked twice is named once, with the stronger lock. */
static void
lock_also(struct tide_steps *steps, struct tide_action *action, char *relation, enum tide_lock_mode lock)
{
	for (size_t i = 0; i < action->also_count; i++)
		if (strcmp(action->also[i].relation, relation) == 0) {
			if (lock > action->also[i].lock)
				action->also[i].lock = lock;
			return;
		}
	action->also =
	    talloc_realloc(steps, action->also, struct tide_locked, (unsigned)(action->also_count + 1));
	action->also[action->also_count++] = (struct tide_locked){ relation, lock };
}

/* The table after REFERENCES, for display. */
static char *
referenced(void *ctx, const struct tide_catalog *cat, const char *definition)
{
	static const char word[] = "REFERENCES ";
	const char *at = strstr(definition, word);
	char *parts[2], *text;
	int count;

	if (at == NULL)
		return NULL;
	at += strlen(word);
	text = talloc_strndup(ctx, at, strcspn(at, "( "));
	count = tide_name_parse(ctx, text, parts);
	if (count == 0)
		return text;
	return talloc_asprintf(ctx, "%s.%s", count == 2 ? parts[0] : cat->table.schema, parts[count - 1]);
}

bool
tide_script_is_foreign_key(void *ctx, const struct tide_constraint *key, const struct tide_effect *effect,
    const struct tide_catalog *cat)
{
	const char *schema = effect->schema != NULL ? effect->schema : cat->default_schema;
	char *parts[2];
	int count;

	if (key->referencing == NULL || effect->relation == NULL)
		return false;
	count = tide_name_parse(ctx, key->referencing, parts);
	return count > 0 && strcmp(parts[count - 1], effect->relation) == 0 &&
	       (count == 1 || schema == NULL || strcmp(parts[0], schema) == 0) &&
	       (effect->kind == TIDE_EFFECT_DROP_TABLE ||
		   (effect->name != NULL && strcmp(key->name, effect->name) == 0));
}

/* The foreign key of another table that goes locks the plan's table as strongly. */
static void
lock_as_referenced(void *ctx, struct tide_action *action, const struct tide_catalog *cat,
    const struct tide_script_part *part)
{
	enum tide_effect_kind kind = part->effect->kind;

	if (part->ours || (kind != TIDE_EFFECT_DROP_CONSTRAINT && kind != TIDE_EFFECT_DROP_TABLE))
		return;
	for (size_t i = 0; i < cat->table.constraint_count; i++)
		if (tide_script_is_foreign_key(ctx, &cat->table.constraint[i], part->effect, cat))
			action->lock = TIDE_ACCESS_EXCLUSIVE;
}

/* With a foreign key go its triggers on the other table. */
static void
lock_referenced(struct tide_steps *steps, struct tide_action *action, const struct tide_catalog *cat,
    const struct tide_script_part *part)
{
	const struct tide_effect *effect = part->effect;
	const struct tide_column *column =
	    effect->name == NULL ? NULL : tide_catalog_column(cat, effect->name);

	for (size_t i = 0; part->ours && i < cat->table.constraint_count; i++) {
		const struct tide_constraint *k = &cat->table.constraint[i];
		bool named = effect->name != NULL && strcmp(k->name, effect->name) == 0;
		bool hit = effect->kind == TIDE_EFFECT_DROP_COLUMN
			       ? column != NULL && tide_uses(k->attnums, k->attnum_count, column->attnum)
			       : (named && effect->kind == TIDE_EFFECT_DROP_CONSTRAINT) ||
				     effect->kind == TIDE_EFFECT_DROP_TABLE;
		bool checks = named && effect->kind == TIDE_EFFECT_VALIDATE_CONSTRAINT;
		char *relation;

		if (k->type != 'f' || (!hit && !checks) || k->table != NULL)
			continue;
		relation = k->referencing != NULL ? talloc_strdup(steps, k->referencing)
						  : referenced(steps, cat, k->definition);
		if (relation != NULL)
			lock_also(steps, action, relation, checks ? TIDE_ROW_SHARE : TIDE_ACCESS_EXCLUSIVE);
	}
}

/* Rows of other tables that are written along. */
static void
lock_followers(struct tide_steps *steps, struct tide_action *action, const struct tide_catalog *cat,
    const struct tide_script_part *part)
{
	struct tide_follower *found;
	size_t count = tide_script_followers(steps, cat, part, &found);

	for (size_t i = 0; i < count; i++)
		lock_also(steps, action, talloc_strdup(steps, found[i].relation),
		    part->effect->lock == TIDE_ACCESS_EXCLUSIVE ? TIDE_ACCESS_EXCLUSIVE : TIDE_ROW_EXCLUSIVE);
}

/* What reads, writes or locks a view does so with the tables below. */
static bool
is_over_table(void *ctx, const struct tide_catalog *cat, const struct tide_script_part *part)
{
	static const char word[] = "view ";
	const struct tide_effect *e = part->effect;
	const char *schema = e->schema != NULL ? e->schema : cat->default_schema;

	if (e->relation == NULL || schema == NULL ||
	    (e->kind != TIDE_EFFECT_READ && e->kind != TIDE_EFFECT_WRITE && e->kind != TIDE_EFFECT_LOCK))
		return false;
	for (size_t i = 0; i < cat->table.dependent_count; i++) {
		const char *at = strstr(cat->table.dependent[i].identity, word);
		char *parts[2];

		if (strcmp(cat->table.dependent[i].kind, "view") == 0 && at != NULL &&
		    tide_name_parse(ctx, at + strlen(word), parts) == 2 && strcmp(parts[0], schema) == 0 &&
		    strcmp(parts[1], e->relation) == 0)
			return true;
	}
	return false;
}

static enum tide_touch
touch_of(enum tide_work work)
{
	static const enum tide_touch touches[] = {
		[TIDE_WORK_INSTANT] = TIDE_TOUCH_NOTHING,
		[TIDE_WORK_SCAN] = TIDE_TOUCH_READ,
		[TIDE_WORK_BUILD] = TIDE_TOUCH_BUILD,
		[TIDE_WORK_REWRITE] = TIDE_TOUCH_REWRITE,
		[TIDE_WORK_SOME] = TIDE_TOUCH_ROWS,
		[TIDE_WORK_ALL] = TIDE_TOUCH_ROWS,
		[TIDE_WORK_UNKNOWN] = TIDE_TOUCH_UNKNOWN,
	};

	return touches[work];
}

void
tide_script_describe(const struct tide_script *script, const struct tide_phase_at *at,
    enum tide_lock_mode declared, struct tide_steps *steps, struct tide_action *action)
{
	const struct tide_script_part *worst = NULL;

	action->lock = declared;
	for (size_t i = 0; i < script->part_count; i++) {
		const struct tide_script_part *part = &script->part[i];

		/* A table that is dropped can be a partition of the plan's. */
		if (tide_script_is_unknown(part) || (part->effect->kind == TIDE_EFFECT_DROP_TABLE &&
							!part->ours && at->cat->table.relkind == 'p'))
			action->flags |= TIDE_LOCKS_UNKNOWN;
		/* Only the index is locked when it is renamed. */
		bool table = part->ours && part->effect->kind != TIDE_EFFECT_RENAME_INDEX;

		if ((table || is_over_table(steps, at->cat, part)) && part->effect->lock > action->lock)
			action->lock = part->effect->lock;
		if (!table && part->effect->lock >= TIDE_ROW_SHARE)
			lock_also(steps, action, tide_script_relation(steps, part), part->effect->lock);
		lock_referenced(steps, action, at->cat, part);
		lock_as_referenced(steps, action, at->cat, part);
		lock_followers(steps, action, at->cat, part);
		if (worst == NULL || part->effect->work > worst->effect->work)
			worst = part;
	}
	/* A reader's lock is in nobody's way and need not be asked for beforehand. */
	if (action->lock == TIDE_ACCESS_SHARE && declared == TIDE_LOCK_NONE)
		action->lock = TIDE_LOCK_NONE;
	action->lock_table = action->lock == TIDE_LOCK_NONE ? NULL : tide_table_text(steps, at->cat);
	if (worst == NULL)
		return;
	if (worst->ours && worst->effect->work != TIDE_WORK_SOME)
		tide_action_whole(at->cat, action, touch_of(worst->effect->work));
	else
		action->rows = -1;
	action->touch = touch_of(worst->effect->work);
	if (action->touch == TIDE_TOUCH_NOTHING)
		action->rows = action->bytes = 0;
}

/* What is gone once the part has run, for "loses …". NULL: nothing. */
static char *
lost(void *ctx, const struct tide_script_part *part)
{
	const struct tide_effect *effect = part->effect;
	char *relation;

	if (!effect->loses || tide_script_is_unknown(part))
		return NULL;
	relation = tide_script_relation(ctx, part);
	if (effect->kind == TIDE_EFFECT_DROP_COLUMN)
		return talloc_asprintf(ctx, "the values of %s.%s", relation, effect->name);
	if (effect->kind == TIDE_EFFECT_DROP_OBJECT)
		return talloc_asprintf(ctx, "the position of %s %s", effect->object, relation);
	if (effect->kind == TIDE_EFFECT_WRITE)
		return talloc_asprintf(
		    ctx, "the rows that statement %zu deletes from %s", part->number, relation);
	return talloc_asprintf(ctx, "the rows of %s", relation);
}

static bool
writes(const struct tide_script *script)
{
	for (size_t i = 0; i < script->part_count; i++)
		if (script->part[i].effect->kind == TIDE_EFFECT_WRITE ||
		    script->part[i].effect->kind == TIDE_EFFECT_ALTER_TYPE)
			return true;
	return false;
}

static void
lose(struct tide_steps *steps, struct tide_action *action, enum tide_loss loss, char *note)
{
	if (note == NULL)
		return;
	if (loss > action->loss)
		action->loss = loss;
	action->loss_note = tide_append(steps, action->loss_note, "; ", note);
}

void
tide_script_loss(const struct tide_script *act, const struct tide_script *undo,
    const struct tide_catalog *cat, struct tide_steps *steps, struct tide_action *action)
{
	const struct tide_script *scripts[] = { act, undo };
	static const char *const keys[] = { "act", "undo" };

	for (size_t s = 0; s < 2; s++)
		for (size_t i = 0; i < scripts[s]->part_count; i++) {
			const struct tide_script_part *part = &scripts[s]->part[i];

			lose(steps, action, TIDE_LOSSY, lost(steps, part));
			if (!tide_script_is_unknown(part))
				lose(steps, action, TIDE_LOSSY, tide_script_followers_text(steps, cat, part));
			if (tide_script_is_unknown(part))
				lose(steps, action, TIDE_LOSS_UNKNOWN,
				    talloc_asprintf(steps, "what statement %zu of \"%s\" does cannot be read",
					part->number, keys[s]));
			if (s == 0 && part->effect->replaces)
				lose(steps, action, writes(undo) ? TIDE_LOSS_UNKNOWN : TIDE_LOSSY,
				    talloc_asprintf(steps, "what statement %zu overwrites%s", part->number,
					writes(undo) ? ", unless the undo restores it" : ""));
		}
}

/* A view that takes the name in the same transaction: what it shows is not compared. */
static bool
is_replaced(const struct tide_script *script, const struct tide_script_part *part)
{
	const struct tide_script_part *end = script->part + script->part_count;

	if (part->effect->kind == TIDE_EFFECT_DROP_COLUMN ||
	    part->effect->kind == TIDE_EFFECT_RENAME_COLUMN || part->effect->relation == NULL)
		return false;
	for (const struct tide_script_part *later = part + 1; later < end; later++)
		if (later->effect->kind == TIDE_EFFECT_CREATE_VIEW &&
		    strcmp(later->effect->relation, part->effect->relation) == 0)
			return true;
	return false;
}

enum tide_old_release
tide_script_fate(const struct tide_script *script, const struct tide_script_part *part)
{
	if (part->effect->old == TIDE_OLD_FAILS && is_replaced(script, part))
		return TIDE_OLD_UNKNOWN;
	return part->effect->old;
}

enum tide_old_release
tide_script_old(const struct tide_script *script, const struct tide_script_part **why)
{
	enum tide_old_release old = TIDE_OLD_FITS;

	for (size_t i = 0; i < script->part_count; i++)
		if (tide_script_fate(script, &script->part[i]) > old) {
			old = tide_script_fate(script, &script->part[i]);
			if (why != NULL)
				*why = &script->part[i];
		}
	return old;
}

struct tide_pairs
tide_script_added(void *ctx, const struct tide_phase_at *at, const struct tide_names *texts)
{
	struct tide_pairs out = { 0 };
	struct tide_script script;

	tide_script_read(ctx, at, texts, &script);
	for (size_t i = 0; i < script.part_count; i++) {
		const struct tide_effect *effect = script.part[i].effect;

		if (!script.part[i].ours || effect->kind != TIDE_EFFECT_ADD_COLUMN ||
		    effect->definition == NULL)
			continue;
		out.item = talloc_realloc(ctx, out.item, struct tide_pair, (unsigned)(out.count + 1));
		out.item[out.count++] = (struct tide_pair){ effect->name,
			talloc_strdup(ctx, tide_type_of_serial(effect->definition)), at->phase->line,
			at->phase->column };
	}
	return out;
}

char *
tide_script_question(void *ctx, const char *value, const char *type)
{
	return talloc_asprintf(ctx, "CAST((\n%s\n) AS %s)", value, type);
}

struct tide_names
tide_script_questions(void *ctx, const struct tide_phase_at *at, const struct tide_names *texts)
{
	struct tide_names out = { 0 };
	struct tide_script script;

	tide_script_read(ctx, at, texts, &script);
	for (size_t i = 0; i < script.part_count; i++) {
		const struct tide_effect *effect = script.part[i].effect;

		if (!script.part[i].ours || effect->kind != TIDE_EFFECT_ADD_COLUMN ||
		    effect->definition == NULL || effect->fallback == NULL)
			continue;
		out.item = talloc_realloc(ctx, out.item, char *, (unsigned)(out.count + 1));
		out.item[out.count++] =
		    tide_script_question(ctx, effect->fallback, tide_type_of_serial(effect->definition));
	}
	return out;
}

static bool
is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '$';
}

bool
tide_script_has_word(const char *text, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = text; (at = strcasestr(at, word)) != NULL; at++)
		if ((at == text || !is_word(at[-1])) && !is_word(at[length]))
			return true;
	return false;
}
