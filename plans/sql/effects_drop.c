#include "effects_tree.h"

#include <string.h>

#include <talloc.h>

#include "tidemark/base/array.h"

/* DROP and RENAME. What is dropped by its name alone depends on tables that only the catalog knows. */

enum dropped {
	DROPS_RELATION, /* the name is that of the relation that is locked */
	DROPS_ON,       /* the last name is the object's, those before it the table's */
	DROPS_NAME /* nothing is locked that an application would notice, or only the catalog says what */
};

struct drop_row {
	const char *type;
	enum dropped how;
	enum tide_effect_kind kind;
	enum tide_lock_mode lock;
	enum tide_work work;
	enum tide_old_release old;
	bool loses;
	const char *object;
};

static const struct drop_row drops[] = {
	{ "OBJECT_TABLE", DROPS_RELATION, TIDE_EFFECT_DROP_TABLE, TIDE_ACCESS_EXCLUSIVE, TIDE_WORK_INSTANT,
	    TIDE_OLD_FAILS, true, "table" },
	{ "OBJECT_FOREIGN_TABLE", DROPS_RELATION, TIDE_EFFECT_DROP_TABLE, TIDE_ACCESS_EXCLUSIVE,
	    TIDE_WORK_INSTANT, TIDE_OLD_FAILS, false, "foreign table" },
	{ "OBJECT_VIEW", DROPS_RELATION, TIDE_EFFECT_DROP_OBJECT, TIDE_ACCESS_EXCLUSIVE, TIDE_WORK_INSTANT,
	    TIDE_OLD_FAILS, false, "view" },
	{ "OBJECT_MATVIEW", DROPS_RELATION, TIDE_EFFECT_DROP_OBJECT, TIDE_ACCESS_EXCLUSIVE, TIDE_WORK_INSTANT,
	    TIDE_OLD_FAILS, false, "materialized view" },
	{ "OBJECT_SEQUENCE", DROPS_RELATION, TIDE_EFFECT_DROP_OBJECT, TIDE_ACCESS_EXCLUSIVE,
	    TIDE_WORK_INSTANT, TIDE_OLD_FAILS, true, "sequence" },
	{ "OBJECT_INDEX", DROPS_RELATION, TIDE_EFFECT_DROP_INDEX, TIDE_ACCESS_EXCLUSIVE, TIDE_WORK_INSTANT,
	    TIDE_OLD_FITS, false, "index" },
	{ "OBJECT_TRIGGER", DROPS_ON, TIDE_EFFECT_DROP_TRIGGER, TIDE_ACCESS_EXCLUSIVE, TIDE_WORK_INSTANT,
	    TIDE_OLD_UNKNOWN, false, "trigger" },
	{ "OBJECT_POLICY", DROPS_ON, TIDE_EFFECT_DROP_OBJECT, TIDE_ACCESS_EXCLUSIVE, TIDE_WORK_INSTANT,
	    TIDE_OLD_UNKNOWN, false, "policy" },
	{ "OBJECT_RULE", DROPS_ON, TIDE_EFFECT_DROP_OBJECT, TIDE_ACCESS_EXCLUSIVE, TIDE_WORK_INSTANT,
	    TIDE_OLD_UNKNOWN, false, "rule" },
	{ "OBJECT_STATISTIC_EXT", DROPS_NAME, TIDE_EFFECT_DROP_OBJECT, TIDE_LOCK_NONE, TIDE_WORK_INSTANT,
	    TIDE_OLD_FITS, false, "extended statistics" },
	{ "OBJECT_FUNCTION", DROPS_NAME, TIDE_EFFECT_DROP_OBJECT, TIDE_LOCK_NONE, TIDE_WORK_INSTANT,
	    TIDE_OLD_UNKNOWN, false, "function" },
	{ "OBJECT_PROCEDURE", DROPS_NAME, TIDE_EFFECT_DROP_OBJECT, TIDE_LOCK_NONE, TIDE_WORK_INSTANT,
	    TIDE_OLD_UNKNOWN, false, "procedure" },
	{ "OBJECT_ROUTINE", DROPS_NAME, TIDE_EFFECT_DROP_OBJECT, TIDE_LOCK_NONE, TIDE_WORK_INSTANT,
	    TIDE_OLD_UNKNOWN, false, "function" },
	{ "OBJECT_AGGREGATE", DROPS_NAME, TIDE_EFFECT_OTHER, TIDE_LOCK_NONE, TIDE_WORK_INSTANT,
	    TIDE_OLD_UNKNOWN, false, NULL },
	{ "OBJECT_TYPE", DROPS_NAME, TIDE_EFFECT_OTHER, TIDE_LOCK_NONE, TIDE_WORK_INSTANT, TIDE_OLD_UNKNOWN,
	    false, NULL },
	{ "OBJECT_DOMAIN", DROPS_NAME, TIDE_EFFECT_OTHER, TIDE_LOCK_NONE, TIDE_WORK_INSTANT, TIDE_OLD_UNKNOWN,
	    false, NULL },
	{ "OBJECT_PUBLICATION", DROPS_NAME, TIDE_EFFECT_DROP_OBJECT, TIDE_LOCK_NONE, TIDE_WORK_INSTANT,
	    TIDE_OLD_FITS, false, "publication" },
};

/* DROP INDEX CONCURRENTLY keeps nobody out; RESTRICT of a schema or a type drops nothing else. */
static void
drop_one(struct tide_reading *r, const json_t *object, const struct drop_row *row, const json_t *body)
{
	const json_t *names = tide_tree_list(object);
	struct tide_effect effect = { .kind = row->kind,
		.lock = row->lock,
		.work = row->work,
		.old = row->old,
		.loses = row->loses,
		.missing_ok = tide_tree_true(body, "missing_ok") };
	size_t count;

	if (json_object_get(object, "ObjectWithArgs") != NULL)
		names = json_object_get(json_object_get(object, "ObjectWithArgs"), "objname");
	count = json_array_size(names);
	effect.object = row->object;
	/* A publication's name stands alone. */
	effect.name = tide_reading_copy(
	    r, names == NULL ? tide_tree_string(object) : tide_tree_string(json_array_get(names, count - 1)));
	if (row->how == DROPS_RELATION)
		tide_reading_names(r, &effect, names, count);
	else if (row->how == DROPS_ON && count > 0)
		tide_reading_names(r, &effect, names, count - 1);
	if (row->kind == TIDE_EFFECT_DROP_INDEX) {
		effect.of_index = true;
		effect.milder = !tide_tree_true(body, "concurrent");
		if (!effect.milder)
			effect.lock = TIDE_SHARE_UPDATE_EXCLUSIVE;
	}
	tide_reading_add(r, &effect);
	/* What its foreign keys point to; the table that the statistics are of. */
	if (row->kind == TIDE_EFFECT_DROP_TABLE)
		tide_reading_unnamed(r, TIDE_ACCESS_EXCLUSIVE);
	else if (strcmp(row->type, "OBJECT_STATISTIC_EXT") == 0)
		tide_reading_unnamed(r, TIDE_SHARE_UPDATE_EXCLUSIVE);
}

void
tide_effects_drop(struct tide_reading *r, const json_t *body)
{
	const char *type = tide_tree_text(body, "removeType");
	const json_t *objects = json_object_get(body, "objects");
	const struct drop_row *row = NULL;

	for (size_t i = 0; i < TIDE_COUNT(drops); i++)
		if (strcmp(drops[i].type, type) == 0)
			row = &drops[i];
	if (tide_tree_true(body, "concurrent"))
		r->out->traits |= TIDE_SQL_CONCURRENT;
	for (size_t i = 0; row != NULL && i < json_array_size(objects); i++)
		drop_one(r, json_array_get(objects, i), row, body);
	if (row == NULL)
		tide_reading_add(r, &(struct tide_effect){
					.work = TIDE_WORK_UNKNOWN, .old = TIDE_OLD_UNKNOWN, .loses = true });
}

struct rename_row {
	const char *type;
	enum tide_effect_kind kind;
	enum tide_lock_mode lock;
	enum tide_old_release old;
	const char *object;
};

static const struct rename_row renames[] = {
	{ "OBJECT_COLUMN", TIDE_EFFECT_RENAME_COLUMN, TIDE_ACCESS_EXCLUSIVE, TIDE_OLD_FAILS, NULL },
	{ "OBJECT_TABLE", TIDE_EFFECT_RENAME_TABLE, TIDE_ACCESS_EXCLUSIVE, TIDE_OLD_FAILS, NULL },
	{ "OBJECT_FOREIGN_TABLE", TIDE_EFFECT_RENAME_TABLE, TIDE_ACCESS_EXCLUSIVE, TIDE_OLD_FAILS, NULL },
	{ "OBJECT_VIEW", TIDE_EFFECT_RENAME_OBJECT, TIDE_ACCESS_EXCLUSIVE, TIDE_OLD_FAILS, "view" },
	{ "OBJECT_MATVIEW", TIDE_EFFECT_RENAME_OBJECT, TIDE_ACCESS_EXCLUSIVE, TIDE_OLD_FAILS, "view" },
	{ "OBJECT_SEQUENCE", TIDE_EFFECT_RENAME_TABLE, TIDE_ACCESS_EXCLUSIVE, TIDE_OLD_FAILS, NULL },
	{ "OBJECT_INDEX", TIDE_EFFECT_RENAME_INDEX, TIDE_SHARE_UPDATE_EXCLUSIVE, TIDE_OLD_FITS, NULL },
	/* ON CONFLICT ON CONSTRAINT, and code that looks at the name in an error. */
	{ "OBJECT_TABCONSTRAINT", TIDE_EFFECT_RENAME_CONSTRAINT, TIDE_ACCESS_EXCLUSIVE, TIDE_OLD_UNKNOWN,
	    NULL },
	{ "OBJECT_TRIGGER", TIDE_EFFECT_RENAME_TRIGGER, TIDE_ACCESS_EXCLUSIVE, TIDE_OLD_FITS, NULL },
	{ "OBJECT_POLICY", TIDE_EFFECT_RENAME_OBJECT, TIDE_ACCESS_EXCLUSIVE, TIDE_OLD_FITS, "policy" },
	{ "OBJECT_RULE", TIDE_EFFECT_RENAME_OBJECT, TIDE_ACCESS_EXCLUSIVE, TIDE_OLD_FITS, "rule" },
	{ "OBJECT_FUNCTION", TIDE_EFFECT_RENAME_OBJECT, TIDE_LOCK_NONE, TIDE_OLD_FAILS, "function" },
	{ "OBJECT_PROCEDURE", TIDE_EFFECT_OTHER, TIDE_LOCK_NONE, TIDE_OLD_FAILS, NULL },
	{ "OBJECT_SCHEMA", TIDE_EFFECT_OTHER, TIDE_LOCK_NONE, TIDE_OLD_FAILS, NULL },
	{ "OBJECT_TYPE", TIDE_EFFECT_OTHER, TIDE_LOCK_NONE, TIDE_OLD_FAILS, NULL },
	{ "OBJECT_DOMAIN", TIDE_EFFECT_OTHER, TIDE_LOCK_NONE, TIDE_OLD_FAILS, NULL },
	{ "OBJECT_ROLE", TIDE_EFFECT_OTHER, TIDE_LOCK_NONE, TIDE_OLD_UNKNOWN, NULL },
};

/* What is no relation has its name, in parts, elsewhere. */
static char *
object_name(struct tide_reading *r, const json_t *object)
{
	const json_t *names = json_object_get(json_object_get(object, "ObjectWithArgs"), "objname");

	if (names == NULL)
		names = tide_tree_list(object);
	return tide_reading_copy(r, tide_tree_string(json_array_get(names, json_array_size(names) - 1)));
}

void
tide_effects_rename(struct tide_reading *r, const json_t *body)
{
	const char *type = tide_tree_text(body, "renameType"), *of = tide_tree_text(body, "relationType");
	struct tide_effect effect = { .work = TIDE_WORK_UNKNOWN, .old = TIDE_OLD_UNKNOWN };

	for (size_t i = 0; i < TIDE_COUNT(renames); i++)
		if (strcmp(renames[i].type, type) == 0)
			effect = (struct tide_effect){ .kind = renames[i].kind,
				.lock = renames[i].lock,
				.old = renames[i].old,
				.object = renames[i].object };
	/* Columns of views have names of their own. */
	if (effect.kind == TIDE_EFFECT_RENAME_COLUMN && strcmp(of, "OBJECT_TABLE") != 0)
		effect.kind = TIDE_EFFECT_OTHER;
	tide_reading_relation(r, &effect, json_object_get(body, "relation"));
	effect.name = tide_reading_copy(r, tide_tree_text(body, "subname"));
	if (effect.name == NULL && effect.relation == NULL)
		effect.name = object_name(r, json_object_get(body, "object"));
	effect.to = tide_reading_copy(r, tide_tree_text(body, "newname"));
	effect.missing_ok = tide_tree_true(body, "missing_ok");
	if (effect.kind == TIDE_EFFECT_RENAME_COLUMN && effect.name != NULL)
		(void)tide_sqltree_append(r->ctx, &effect.columns, effect.name, strlen(effect.name));
	tide_reading_add(r, &effect);
}
