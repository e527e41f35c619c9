#include "effects_tree.h"

#include <string.h>
#include <strings.h>

#include <talloc.h>

#include "tidemark/base/array.h"
#include "tidemark/base/sqltext.h"

/* ALTER TABLE and its like, part by part: what AlterTableGetLockLevel() in PostgreSQL's tablecmds.c asks for. */

/* Types that stand for a column with a sequence of its own, so that every row gets its own value. */
static const char *const serial_types[] = { "smallserial", "serial", "bigserial", "serial2", "serial4",
	"serial8" };

/* Functions known to give another value for each row; for all others the server's catalog would have to be asked. */
static const char *const volatile_functions[] = { "random", "gen_random_uuid", "uuid_generate_v1",
	"uuid_generate_v4", "uuidv4", "uuidv7", "nextval", "clock_timestamp", "timeofday" };

/* What can follow the type of a column, and a default. */
static const char *const after_type[] = { "COLLATE", "CONSTRAINT", "NOT", "NULL", "DEFAULT", "CHECK",
	"UNIQUE", "PRIMARY", "REFERENCES", "GENERATED", "STORAGE", "COMPRESSION", "USING", NULL };
static const char *const after_default[] = { "CONSTRAINT", "NOT", "CHECK", "UNIQUE", "PRIMARY", "REFERENCES",
	"GENERATED", "COLLATE", NULL };

/* What can follow a CHECK or REFERENCES after a column. */
static const char *const after_constraint[] = { "CONSTRAINT", "CHECK", "UNIQUE", "PRIMARY", "REFERENCES",
	"GENERATED", "NOT", "COLLATE", NULL };

/* What the default calls has another value for each row, or may have. */
static void
look_at_default(struct tide_effect *column, bool is_volatile, bool calls)
{
	if (!is_volatile && !calls)
		return;
	column->guessed = !is_volatile && column->work != TIDE_WORK_REWRITE;
	if (column->work < TIDE_WORK_REWRITE)
		column->work = TIDE_WORK_REWRITE;
}

static bool
has_any(const json_t *node, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (tide_sqltree_has(node, "sval", words[i]))
			return true;
	return false;
}

#define HAS_ANY(node, words) has_any(node, words, TIDE_COUNT(words))

static void
worse(struct tide_effect *effect, enum tide_work work)
{
	if (work > effect->work)
		effect->work = work;
}

/* The part of the text after a keyword at `from`. */
static char *
behind(struct tide_reading *r, size_t from, const char *const *stop)
{
	for (size_t i = 0; i < r->tokens.count; i++)
		if (r->tokens.item[i].start >= from)
			return i + 1 < r->tokens.count
				   ? tide_reading_slice(r, r->tokens.item[i + 1].start, stop)
				   : NULL;
	return NULL;
}

static size_t
location(const json_t *node)
{
	return (size_t)json_integer_value(json_object_get(node, "location"));
}

/* Where the definition begins as pg_get_constraintdef has it: without CONSTRAINT and the name. */
static size_t
constraint_start(struct tide_reading *r, const json_t *constraint)
{
	size_t from = location(constraint);

	for (size_t i = 0; i + 2 < r->tokens.count; i++)
		if (r->tokens.item[i].start >= from)
			return tide_sqltoken_is(r->text, &r->tokens.item[i], "CONSTRAINT")
				   ? r->tokens.item[i + 2].start
				   : from;
	return from;
}

static char *
constraint_text(struct tide_reading *r, const json_t *constraint)
{
	return tide_reading_slice(r, constraint_start(r, constraint), NULL);
}

/* A foreign key locks the table that it points to as strongly as its own. */
static void
add_referenced(struct tide_reading *r, size_t at, const json_t *constraint)
{
	const json_t *columns = json_object_get(constraint, "pk_attrs");
	struct tide_effect effect = { .kind = TIDE_EFFECT_REFERENCE,
		.lock = TIDE_SHARE_ROW_EXCLUSIVE,
		.not_valid = tide_tree_true(constraint, "skip_validation"),
		.name = tide_reading_at(r, at)->kind == TIDE_EFFECT_ADD_CONSTRAINT
			    ? tide_reading_at(r, at)->name
			    : NULL,
		.definition = constraint_text(r, constraint) };

	effect.to = tide_relation_text(r->ctx, r->schema, r->relation);
	tide_reading_relation(r, &effect, json_object_get(constraint, "pktable"));
	for (size_t i = 0; i < json_array_size(columns); i++) {
		const char *name = tide_tree_string(json_array_get(columns, i));

		if (name != NULL)
			(void)tide_sqltree_append(r->ctx, &effect.columns, name, strlen(name));
	}
	tide_reading_add(r, &effect);
}

static bool
has_default(const json_t *constraints)
{
	for (size_t i = 0; i < json_array_size(constraints); i++) {
		const char *type =
		    tide_tree_text(json_object_get(json_array_get(constraints, i), "Constraint"), "contype");

		if (strcmp(type, "CONSTR_DEFAULT") == 0 || strcmp(type, "CONSTR_GENERATED") == 0 ||
		    strcmp(type, "CONSTR_IDENTITY") == 0)
			return true;
	}
	return false;
}

/* What is written after a column is a constraint of the table all the same. */
static void
add_inline(struct tide_reading *r, size_t at, const json_t *constraint)
{
	static const struct {
		const char *contype, *words;
		char type;
	} rows[] = { { "CONSTR_CHECK", "CHECK", 'c' }, { "CONSTR_UNIQUE", "UNIQUE", 'u' },
		{ "CONSTR_PRIMARY", "PRIMARY KEY", 'p' }, { "CONSTR_FOREIGN", "FOREIGN KEY", 'f' } };
	const struct tide_effect *column = tide_reading_at(r, at);
	char *name = tide_ident(r->ctx, column->name == NULL ? "" : column->name);
	struct tide_effect effect = { .kind = TIDE_EFFECT_ADD_CONSTRAINT,
		.lock = TIDE_ACCESS_EXCLUSIVE,
		.schema = r->schema,
		.relation = r->relation,
		.name = tide_reading_copy(r, tide_tree_text(constraint, "conname")) };

	/* IF NOT EXISTS: it comes only with the column. */
	effect.missing_ok = column->missing_ok;
	for (size_t i = 0; column->name != NULL && i < TIDE_COUNT(rows); i++) {
		char type = rows[i].type;
		const char *rest;

		if (strcmp(rows[i].contype, tide_tree_text(constraint, "contype")) != 0)
			continue;
		rest = behind(r, constraint_start(r, constraint), after_constraint);
		rest = rest == NULL ? "" : rest;
		effect.constraint = type;
		effect.unique = type == 'u' || type == 'p';
		effect.definition = talloc_asprintf(r->ctx, "%s %s%s%s%s%s", rows[i].words,
		    type == 'c' ? "" : "(", type == 'c' ? "" : name, type == 'c' ? rest : ")",
		    type == 'f' ? " REFERENCES " : "", type == 'f' ? rest : "");
		(void)tide_sqltree_append(r->ctx, &effect.columns, column->name, strlen(column->name));
		tide_reading_add(r, &effect);
		return;
	}
}

struct in_column {
	const char *contype;
	enum tide_work work;
};

/* A constraint that is written after a column which is added. */
static void
column_constraint(struct tide_reading *r, size_t at, const json_t *constraint, bool filled)
{
	static const struct in_column rows[] = {
		{ "CONSTR_GENERATED", TIDE_WORK_REWRITE },
		{ "CONSTR_IDENTITY", TIDE_WORK_REWRITE },
		{ "CONSTR_CHECK", TIDE_WORK_SCAN },
		{ "CONSTR_PRIMARY", TIDE_WORK_BUILD },
		{ "CONSTR_UNIQUE", TIDE_WORK_BUILD },
	};
	const char *type = tide_tree_text(constraint, "contype");
	const char *when = tide_tree_text(constraint, "generated_when");

	if (strcmp(type, "CONSTR_GENERATED") == 0)
		tide_reading_at(r, at)->generated = 's';
	if (strcmp(type, "CONSTR_IDENTITY") == 0) {
		tide_reading_at(r, at)->identity = *when == 'a' ? 'a' : 'd';
		tide_reading_at(r, at)->not_null = true;
	}
	for (size_t i = 0; i < TIDE_COUNT(rows); i++)
		if (strcmp(rows[i].contype, type) == 0)
			worse(tide_reading_at(r, at), rows[i].work);
	if (strcmp(type, "CONSTR_FOREIGN") == 0) {
		/* Rows that get NULL are not checked. */
		if (filled)
			worse(tide_reading_at(r, at), TIDE_WORK_SCAN);
		add_referenced(r, at, constraint);
	} else if (strcmp(type, "CONSTR_NOTNULL") == 0 || strcmp(type, "CONSTR_PRIMARY") == 0) {
		tide_reading_at(r, at)->not_null = true;
		if (!filled) {
			worse(tide_reading_at(r, at), TIDE_WORK_SCAN);
			tide_reading_at(r, at)->old = TIDE_OLD_FAILS;
		}
	} else if (strcmp(type, "CONSTR_DEFAULT") == 0) {
		tide_reading_at(r, at)->fallback = behind(r, location(constraint), after_default);
		look_at_default(tide_reading_at(r, at),
		    HAS_ANY(json_object_get(constraint, "raw_expr"), volatile_functions),
		    tide_effects_calls(json_object_get(constraint, "raw_expr")));
	}
}

static size_t
add_column(struct tide_reading *r, const json_t *cmd, size_t at)
{
	const json_t *column = json_object_get(json_object_get(cmd, "def"), "ColumnDef");
	const json_t *constraints = json_object_get(column, "constraints");
	const json_t *type = json_object_get(column, "typeName"),
		     *collation = json_object_get(column, "collClause");
	bool serial = HAS_ANY(json_object_get(type, "names"), serial_types);
	struct tide_effect *effect = tide_reading_at(r, at);

	effect->name = tide_reading_copy(r, tide_tree_text(column, "colname"));
	effect->definition = tide_reading_slice(r, location(type), after_type);
	effect->missing_ok = tide_tree_true(cmd, "missing_ok");
	effect->not_null = serial;
	if (collation != NULL)
		effect->collation = behind(r, location(collation), after_type);
	if (serial)
		worse(effect, TIDE_WORK_REWRITE);
	for (size_t i = 0; i < json_array_size(constraints); i++) {
		const json_t *constraint = json_object_get(json_array_get(constraints, i), "Constraint");

		column_constraint(r, at, constraint, serial || has_default(constraints));
		add_inline(r, at, constraint);
	}
	return at;
}

static size_t
named(struct tide_reading *r, const json_t *cmd, size_t at)
{
	struct tide_effect *effect = tide_reading_at(r, at);

	effect->name = tide_reading_copy(r, tide_tree_text(cmd, "name"));
	effect->missing_ok = tide_tree_true(cmd, "missing_ok");
	return at;
}

static size_t
add_identity(struct tide_reading *r, const json_t *cmd, size_t at)
{
	const json_t *constraint = json_object_get(json_object_get(cmd, "def"), "Constraint");

	tide_reading_at(r, at)->identity = *tide_tree_text(constraint, "generated_when") == 'a' ? 'a' : 'd';
	/* ALWAYS refuses a value that is given. */
	if (tide_reading_at(r, at)->identity == 'a')
		tide_reading_at(r, at)->old = TIDE_OLD_UNKNOWN;
	return named(r, cmd, at);
}

static size_t
drop_column(struct tide_reading *r, const json_t *cmd, size_t at)
{
	tide_reading_at(r, at)->loses = true;
	return named(r, cmd, at);
}

/* DROP DEFAULT has no expression. */
static size_t
column_default(struct tide_reading *r, const json_t *cmd, size_t at)
{
	const json_t *def = json_object_get(cmd, "def");
	const char *name = tide_tree_text(cmd, "name");

	(void)named(r, cmd, at);
	/* SET DEFAULT NULL is the same. Statements that give no value get NULL then, or fail. */
	if (def == NULL || tide_tree_true(json_object_get(def, "A_Const"), "isnull")) {
		tide_reading_at(r, at)->kind = TIDE_EFFECT_DROP_DEFAULT;
		tide_reading_at(r, at)->old = TIDE_OLD_UNKNOWN;
		return at;
	}
	/* ALTER [COLUMN] name SET DEFAULT: nothing says where; the words do. */
	for (size_t i = 0; i + 3 < r->tokens.count; i++) {
		const struct tide_sqltoken *token = &r->tokens.item[i];
		char *word = talloc_strndup(r->ctx, r->text + token->start, token->end - token->start);
		char *parts[2];

		if (tide_sqltoken_is(r->text, &token[1], "SET") &&
		    tide_sqltoken_is(r->text, &token[2], "DEFAULT") &&
		    tide_name_parse(r->ctx, word, parts) == 1 && strcmp(parts[0], name) == 0)
			tide_reading_at(r, at)->definition = tide_reading_slice(r, token[3].start, NULL);
	}
	return at;
}

static size_t
alter_type(struct tide_reading *r, const json_t *cmd, size_t at)
{
	const json_t *column = json_object_get(json_object_get(cmd, "def"), "ColumnDef");
	struct tide_effect *effect = tide_reading_at(r, at);

	effect->replaces = true;
	effect->converts = json_object_get(column, "raw_default") != NULL;
	effect->definition = tide_reading_slice(r, location(json_object_get(column, "typeName")), after_type);
	return named(r, cmd, at);
}

struct contype {
	const char *name;
	char type;
	enum tide_lock_mode lock;
	enum tide_work work;
};

static void
index_columns(struct tide_reading *r, size_t at, const json_t *constraint)
{
	static const char *const keys[] = { "keys", "fk_attrs" };

	for (size_t k = 0; k < TIDE_COUNT(keys); k++) {
		const json_t *list = json_object_get(constraint, keys[k]);

		for (size_t i = 0; i < json_array_size(list); i++) {
			const char *name = tide_tree_string(json_array_get(list, i));

			if (name != NULL)
				(void)tide_sqltree_append(
				    r->ctx, &tide_reading_at(r, at)->columns, name, strlen(name));
		}
	}
}

struct column_list {
	struct tide_reading *r;
	size_t at;
};

static void
take_column(void *ctx, const json_t *found)
{
	struct column_list *list = ctx;
	const json_t *fields = json_object_get(found, "fields");
	const char *name = tide_tree_string(json_array_get(fields, json_array_size(fields) - 1));

	if (name != NULL)
		(void)tide_sqltree_append(
		    list->r->ctx, &tide_reading_at(list->r, list->at)->columns, name, strlen(name));
}

static size_t
add_constraint(struct tide_reading *r, const json_t *cmd, size_t at)
{
	static const struct contype rows[] = {
		{ "CONSTR_CHECK", 'c', TIDE_ACCESS_EXCLUSIVE, TIDE_WORK_SCAN },
		{ "CONSTR_FOREIGN", 'f', TIDE_SHARE_ROW_EXCLUSIVE, TIDE_WORK_SCAN },
		{ "CONSTR_PRIMARY", 'p', TIDE_ACCESS_EXCLUSIVE, TIDE_WORK_BUILD },
		{ "CONSTR_UNIQUE", 'u', TIDE_ACCESS_EXCLUSIVE, TIDE_WORK_BUILD },
		{ "CONSTR_EXCLUSION", 'x', TIDE_ACCESS_EXCLUSIVE, TIDE_WORK_BUILD },
	};
	const json_t *constraint = json_object_get(json_object_get(cmd, "def"), "Constraint");
	struct tide_effect *effect = tide_reading_at(r, at);

	effect->work = TIDE_WORK_UNKNOWN;
	for (size_t i = 0; i < TIDE_COUNT(rows); i++)
		if (strcmp(rows[i].name, tide_tree_text(constraint, "contype")) == 0) {
			effect->constraint = rows[i].type;
			effect->lock = rows[i].lock;
			effect->work = rows[i].work;
		}
	effect->name = tide_reading_copy(r, tide_tree_text(constraint, "conname"));
	effect->to = tide_reading_copy(r, tide_tree_text(constraint, "indexname"));
	effect->not_valid = tide_tree_true(constraint, "skip_validation");
	effect->unique = effect->constraint == 'p' || effect->constraint == 'u';
	if (effect->not_valid || effect->to != NULL)
		effect->work = TIDE_WORK_INSTANT;
	/* What the index rejects already, the constraint does not newly reject; a primary key rejects NULL besides. */
	effect->old = effect->to != NULL && effect->constraint == 'u' ? TIDE_OLD_FITS : TIDE_OLD_UNKNOWN;
	effect->definition = constraint_text(r, constraint);
	index_columns(r, at, constraint);
	tide_tree_each(constraint, "ColumnRef", take_column, &(struct column_list){ r, at });
	if (tide_reading_at(r, at)->constraint == 'f')
		add_referenced(r, at, constraint);
	return at;
}

static size_t
partition(struct tide_reading *r, const json_t *cmd, size_t at)
{
	const json_t *part = json_object_get(json_object_get(cmd, "def"), "PartitionCmd");
	bool attaches = strcmp(tide_tree_text(cmd, "subtype"), "AT_AttachPartition") == 0;
	struct tide_effect effect = { .kind = attaches ? TIDE_EFFECT_ATTACHED : TIDE_EFFECT_DETACHED,
		.lock = TIDE_ACCESS_EXCLUSIVE,
		.work = attaches ? TIDE_WORK_SCAN : TIDE_WORK_INSTANT };

	if (tide_tree_true(part, "concurrent")) {
		tide_reading_at(r, at)->lock = effect.lock = TIDE_SHARE_UPDATE_EXCLUSIVE;
		r->out->traits |= TIDE_SQL_CONCURRENT;
	}
	tide_reading_at(r, at)->milder = !attaches && !tide_tree_true(part, "concurrent");
	/* The rows of the partition come, or go: the parent's queries find others. */
	tide_reading_at(r, at)->old = attaches ? TIDE_OLD_FITS : TIDE_OLD_UNKNOWN;
	tide_reading_relation(r, &effect, json_object_get(part, "name"));
	tide_reading_add(r, &effect);
	/* The default partition, and what its foreign keys point to. */
	if (!tide_tree_true(part, "concurrent"))
		tide_reading_unnamed(r, TIDE_ACCESS_EXCLUSIVE);
	return at;
}

/* Queries of the parent find the rows from then on. */
static size_t
inherit(struct tide_reading *r, const json_t *cmd, size_t at)
{
	struct tide_effect parent = { .kind = TIDE_EFFECT_GAIN_CHILD, .lock = TIDE_SHARE_UPDATE_EXCLUSIVE };

	tide_reading_relation(r, &parent, json_object_get(cmd, "def"));
	tide_reading_add(r, &parent);
	return at;
}

/* Options that the server changes under SHARE UPDATE EXCLUSIVE; any other one asks for more. */
static size_t
rel_options(struct tide_reading *r, const json_t *cmd, size_t at)
{
	if (tide_sqltree_has(json_object_get(cmd, "def"), "defname", "user_catalog_table"))
		tide_reading_at(r, at)->lock = TIDE_ACCESS_EXCLUSIVE;
	return at;
}

/* ENABLE REPLICA stops it as well: no session of the application has that role. ENABLE stops what is ENABLE ALWAYS only in part. */
static size_t
disable(struct tide_reading *r, const json_t *cmd, size_t at)
{
	tide_reading_at(r, at)->disables = true;
	return named(r, cmd, at);
}

#define COLUMN(subtype, kind, lock)                                                                          \
	{                                                                                                    \
		subtype, NULL, kind, lock, TIDE_WORK_INSTANT, TIDE_OLD_FITS, 0, named                        \
	}
#define PLAIN(subtype, lock)                                                                                 \
	{                                                                                                    \
		subtype, NULL, TIDE_EFFECT_OTHER, lock, TIDE_WORK_INSTANT, TIDE_OLD_FITS, 0, NULL            \
	}
#define REWRITES(subtype)                                                                                    \
	{                                                                                                    \
		subtype, NULL, TIDE_EFFECT_OTHER, TIDE_ACCESS_EXCLUSIVE, TIDE_WORK_REWRITE, TIDE_OLD_FITS,   \
		    0, NULL                                                                                  \
	}
#define UNSURE(subtype, lock)                                                                                \
	{                                                                                                    \
		subtype, NULL, TIDE_EFFECT_OTHER, lock, TIDE_WORK_INSTANT, TIDE_OLD_UNKNOWN, 0, NULL         \
	}

static const struct tide_effect_row alterations[] = {
	{ "AT_AddColumn", NULL, TIDE_EFFECT_ADD_COLUMN, TIDE_ACCESS_EXCLUSIVE, TIDE_WORK_INSTANT,
	    TIDE_OLD_FITS, 0, add_column },
	{ "AT_DropColumn", NULL, TIDE_EFFECT_DROP_COLUMN, TIDE_ACCESS_EXCLUSIVE, TIDE_WORK_INSTANT,
	    TIDE_OLD_FAILS, 0, drop_column },
	{ "AT_AlterColumnType", NULL, TIDE_EFFECT_ALTER_TYPE, TIDE_ACCESS_EXCLUSIVE, TIDE_WORK_REWRITE,
	    TIDE_OLD_UNKNOWN, 0, alter_type },
	{ "AT_ColumnDefault", NULL, TIDE_EFFECT_SET_DEFAULT, TIDE_ACCESS_EXCLUSIVE, TIDE_WORK_INSTANT,
	    TIDE_OLD_FITS, 0, column_default },
	{ "AT_SetNotNull", NULL, TIDE_EFFECT_SET_NOT_NULL, TIDE_ACCESS_EXCLUSIVE, TIDE_WORK_SCAN,
	    TIDE_OLD_UNKNOWN, 0, named },
	COLUMN("AT_DropNotNull", TIDE_EFFECT_DROP_NOT_NULL, TIDE_ACCESS_EXCLUSIVE),
	{ "AT_AddIdentity", NULL, TIDE_EFFECT_SET_IDENTITY, TIDE_ACCESS_EXCLUSIVE, TIDE_WORK_INSTANT,
	    TIDE_OLD_FITS, 0, add_identity },
	{ "AT_SetIdentity", NULL, TIDE_EFFECT_OTHER, TIDE_ACCESS_EXCLUSIVE, TIDE_WORK_INSTANT,
	    TIDE_OLD_UNKNOWN, 0, named },
	{ "AT_DropIdentity", NULL, TIDE_EFFECT_DROP_IDENTITY, TIDE_ACCESS_EXCLUSIVE, TIDE_WORK_INSTANT,
	    TIDE_OLD_UNKNOWN, 0, named },
	{ "AT_DropExpression", NULL, TIDE_EFFECT_DROP_DEFAULT, TIDE_ACCESS_EXCLUSIVE, TIDE_WORK_INSTANT,
	    TIDE_OLD_UNKNOWN, 0, named },
	{ "AT_AddInherit", NULL, TIDE_EFFECT_OTHER, TIDE_ACCESS_EXCLUSIVE, TIDE_WORK_INSTANT,
	    TIDE_OLD_UNKNOWN, 0, inherit },
	{ "AT_DropInherit", NULL, TIDE_EFFECT_OTHER, TIDE_ACCESS_EXCLUSIVE, TIDE_WORK_INSTANT,
	    TIDE_OLD_UNKNOWN, 0, NULL },
	COLUMN("AT_SetStatistics", TIDE_EFFECT_OTHER, TIDE_SHARE_UPDATE_EXCLUSIVE),
	COLUMN("AT_SetOptions", TIDE_EFFECT_OTHER, TIDE_SHARE_UPDATE_EXCLUSIVE),
	COLUMN("AT_ResetOptions", TIDE_EFFECT_OTHER, TIDE_SHARE_UPDATE_EXCLUSIVE),
	COLUMN("AT_SetStorage", TIDE_EFFECT_OTHER, TIDE_ACCESS_EXCLUSIVE),
	COLUMN("AT_SetCompression", TIDE_EFFECT_OTHER, TIDE_ACCESS_EXCLUSIVE),
	{ "AT_AddConstraint", NULL, TIDE_EFFECT_ADD_CONSTRAINT, TIDE_ACCESS_EXCLUSIVE, TIDE_WORK_SCAN,
	    TIDE_OLD_UNKNOWN, 0, add_constraint },
	{ "AT_ValidateConstraint", NULL, TIDE_EFFECT_VALIDATE_CONSTRAINT, TIDE_SHARE_UPDATE_EXCLUSIVE,
	    TIDE_WORK_SCAN, TIDE_OLD_FITS, 0, named },
	COLUMN("AT_DropConstraint", TIDE_EFFECT_DROP_CONSTRAINT, TIDE_ACCESS_EXCLUSIVE),
	PLAIN("AT_AlterConstraint", TIDE_ACCESS_EXCLUSIVE),
	PLAIN("AT_ChangeOwner", TIDE_ACCESS_EXCLUSIVE),
	PLAIN("AT_ClusterOn", TIDE_SHARE_UPDATE_EXCLUSIVE),
	PLAIN("AT_DropCluster", TIDE_SHARE_UPDATE_EXCLUSIVE),
	{ "AT_SetRelOptions", NULL, TIDE_EFFECT_OTHER, TIDE_SHARE_UPDATE_EXCLUSIVE, TIDE_WORK_INSTANT,
	    TIDE_OLD_FITS, 0, rel_options },
	{ "AT_ResetRelOptions", NULL, TIDE_EFFECT_OTHER, TIDE_SHARE_UPDATE_EXCLUSIVE, TIDE_WORK_INSTANT,
	    TIDE_OLD_FITS, 0, rel_options },
	PLAIN("AT_EnableTrig", TIDE_SHARE_ROW_EXCLUSIVE),
	PLAIN("AT_EnableAlwaysTrig", TIDE_SHARE_ROW_EXCLUSIVE),
	{ "AT_EnableReplicaTrig", NULL, TIDE_EFFECT_OTHER, TIDE_SHARE_ROW_EXCLUSIVE, TIDE_WORK_INSTANT,
	    TIDE_OLD_FITS, 0, disable },
	{ "AT_DisableTrig", NULL, TIDE_EFFECT_OTHER, TIDE_SHARE_ROW_EXCLUSIVE, TIDE_WORK_INSTANT,
	    TIDE_OLD_FITS, 0, disable },
	PLAIN("AT_EnableTrigAll", TIDE_SHARE_ROW_EXCLUSIVE),
	{ "AT_DisableTrigAll", NULL, TIDE_EFFECT_OTHER, TIDE_SHARE_ROW_EXCLUSIVE, TIDE_WORK_INSTANT,
	    TIDE_OLD_FITS, 0, disable },
	PLAIN("AT_EnableTrigUser", TIDE_SHARE_ROW_EXCLUSIVE),
	{ "AT_DisableTrigUser", NULL, TIDE_EFFECT_OTHER, TIDE_SHARE_ROW_EXCLUSIVE, TIDE_WORK_INSTANT,
	    TIDE_OLD_FITS, 0, disable },
	PLAIN("AT_EnableRule", TIDE_ACCESS_EXCLUSIVE),
	PLAIN("AT_EnableAlwaysRule", TIDE_ACCESS_EXCLUSIVE),
	PLAIN("AT_EnableReplicaRule", TIDE_ACCESS_EXCLUSIVE),
	PLAIN("AT_DisableRule", TIDE_ACCESS_EXCLUSIVE),
	UNSURE("AT_EnableRowSecurity", TIDE_ACCESS_EXCLUSIVE),
	PLAIN("AT_DisableRowSecurity", TIDE_ACCESS_EXCLUSIVE),
	UNSURE("AT_ForceRowSecurity", TIDE_ACCESS_EXCLUSIVE),
	PLAIN("AT_NoForceRowSecurity", TIDE_ACCESS_EXCLUSIVE),
	UNSURE("AT_ReplicaIdentity", TIDE_ACCESS_EXCLUSIVE),
	{ "AT_AttachPartition", NULL, TIDE_EFFECT_GAIN_CHILD, TIDE_SHARE_UPDATE_EXCLUSIVE, TIDE_WORK_INSTANT,
	    TIDE_OLD_FITS, 0, partition },
	{ "AT_DetachPartition", NULL, TIDE_EFFECT_OTHER, TIDE_ACCESS_EXCLUSIVE, TIDE_WORK_INSTANT,
	    TIDE_OLD_UNKNOWN, 0, partition },
	REWRITES("AT_SetTableSpace"),
	REWRITES("AT_SetAccessMethod"),
	REWRITES("AT_SetLogged"),
	REWRITES("AT_SetUnLogged"),
	{ 0 },
};

/* Of other things than tables only what is said of options is sure; the rest asks for the strongest lock on them. */
static bool
is_table(const char *objtype)
{
	return strcmp(objtype, "OBJECT_TABLE") == 0 || strcmp(objtype, "OBJECT_FOREIGN_TABLE") == 0;
}

static size_t
alter_other(struct tide_reading *r, const json_t *cmd, const char *objtype)
{
	bool index = strcmp(objtype, "OBJECT_INDEX") == 0, view = strcmp(objtype, "OBJECT_VIEW") == 0;
	bool options = strstr(tide_tree_text(cmd, "subtype"), "RelOptions") != NULL;

	if (view || (index && options))
		return tide_reading_add(
		    r, &(struct tide_effect){ .kind = TIDE_EFFECT_OTHER,
			   .lock = view ? TIDE_ACCESS_EXCLUSIVE : TIDE_SHARE_UPDATE_EXCLUSIVE });
	return tide_reading_add(
	    r, &(struct tide_effect){
		   .lock = TIDE_ACCESS_EXCLUSIVE, .work = TIDE_WORK_UNKNOWN, .old = TIDE_OLD_UNKNOWN });
}

static void
alter_one(struct tide_reading *r, const json_t *cmd, const char *objtype, const json_t *relation)
{
	size_t at = is_table(objtype) ? tide_reading_row(r, alterations, tide_tree_text(cmd, "subtype"), cmd)
				      : alter_other(r, cmd, objtype);
	struct tide_effect *effect = tide_reading_at(r, at);

	tide_reading_relation(r, effect, relation);
	if (effect->kind == TIDE_EFFECT_UNKNOWN && effect->lock == TIDE_LOCK_NONE)
		effect->lock = TIDE_ACCESS_EXCLUSIVE;
	if (effect->name != NULL && effect->kind != TIDE_EFFECT_ADD_CONSTRAINT &&
	    effect->kind != TIDE_EFFECT_DROP_CONSTRAINT && effect->kind != TIDE_EFFECT_VALIDATE_CONSTRAINT &&
	    !effect->disables)
		(void)tide_sqltree_append(r->ctx, &effect->columns, effect->name, strlen(effect->name));
}

static bool
drops(const json_t *cmd)
{
	const char *subtype = tide_tree_text(cmd, "subtype");

	return strcmp(subtype, "AT_DropColumn") == 0 || strcmp(subtype, "AT_DropConstraint") == 0;
}

/* What is dropped goes first, wherever it is written, so that its name is free again. */
void
tide_effects_alter(struct tide_reading *r, const json_t *body)
{
	const char *objtype = tide_tree_text(body, "objtype");
	const json_t *cmds = json_object_get(body, "cmds"), *relation = json_object_get(body, "relation");
	size_t count = json_array_size(cmds);

	r->schema = tide_reading_copy(r, tide_tree_text(relation, "schemaname"));
	r->relation = tide_reading_copy(r, tide_tree_text(relation, "relname"));
	for (size_t i = 0; i < 2 * count; i++) {
		const json_t *cmd = json_object_get(json_array_get(cmds, i % count), "AlterTableCmd");

		if (drops(cmd) != (i < count))
			continue;
		alter_one(r, cmd, objtype, relation);
	}
}
