#include "tidemark/plans/effects.h"

#include <string.h>
#include <strings.h>

#include <talloc.h>

#include "effects_tree.h"
#include "tidemark/plans/expression.h"
#include "tidemark/base/array.h"
#include "tidemark/base/sqltext.h"

/* What a statement does, by the node that the parser makes of it: one row each. A node without a row is unknown. */

#define INSTANT TIDE_WORK_INSTANT
#define FITS TIDE_OLD_FITS
#define MAY_FAIL TIDE_OLD_UNKNOWN
#define OTHER TIDE_EFFECT_OTHER
/* How much of a statement is shown to people, in characters. */
enum { SHOWN = 60 };

/* VACUUM (FULL), (FULL true), (FULL off): on unless it says otherwise. */
static bool
option_on(const json_t *options, const char *name)
{
	for (size_t i = 0; i < json_array_size(options); i++) {
		const json_t *option = json_object_get(json_array_get(options, i), "DefElem");
		const json_t *value = json_object_get(option, "arg");
		const char *word = tide_tree_text(json_object_get(value, "String"), "sval");

		if (strcmp(tide_tree_text(option, "defname"), name) != 0)
			continue;
		if (json_object_get(value, "Integer") != NULL)
			return json_integer_value(
				   json_object_get(json_object_get(value, "Integer"), "ival")) != 0;
		return strcasecmp(word, "false") != 0 && strcasecmp(word, "off") != 0;
	}
	return false;
}

/* The statement without CONCURRENTLY and IF NOT EXISTS, as pg_get_indexdef() would have it. */
static char *
index_definition(struct tide_reading *r)
{
	char *out = talloc_strdup(r->ctx, "");

	for (size_t i = 0; i < r->tokens.count; i++) {
		const struct tide_sqltoken *token = &r->tokens.item[i];

		if (token->kind == TIDE_SQLTOKEN_COMMENT || tide_sqltoken_is(r->text, token, "CONCURRENTLY"))
			continue;
		if (tide_sqltoken_is(r->text, token, "IF") && i + 2 < r->tokens.count &&
		    tide_sqltoken_is(r->text, &token[1], "NOT")) {
			i += 2;
			continue;
		}
		out = talloc_asprintf_append_buffer(out, "%s%.*s", *out == '\0' ? "" : " ",
		    (int)(token->end - token->start), r->text + token->start);
	}
	return out;
}

/* As the server has it: a function's name, or "expr". */
static const char *
expression_name(const json_t *element)
{
	const json_t *call =
	    json_object_get(json_object_get(json_object_get(element, "IndexElem"), "expr"), "FuncCall");
	const json_t *names = json_object_get(call, "funcname");
	const char *name = tide_tree_string(json_array_get(names, json_array_size(names) - 1));

	return name == NULL ? "expr" : name;
}

static size_t
create_index(struct tide_reading *r, const json_t *body, size_t at)
{
	/* What the name is made of where none is given. */
	static const char *const lists[] = { "indexParams", "indexIncludingParams" };
	struct tide_effect *effect = tide_reading_at(r, at);

	effect->name = tide_reading_copy(r, tide_tree_text(body, "idxname"));
	effect->unique = tide_tree_true(body, "unique");
	effect->old = effect->unique ? TIDE_OLD_UNKNOWN : TIDE_OLD_FITS;
	effect->missing_ok = tide_tree_true(body, "if_not_exists");
	effect->definition = index_definition(r);
	for (size_t k = 0; k < TIDE_COUNT(lists); k++) {
		const json_t *list = json_object_get(body, lists[k]);

		for (size_t i = 0; i < json_array_size(list); i++) {
			const char *name =
			    tide_tree_text(json_object_get(json_array_get(list, i), "IndexElem"), "name");

			name = *name == '\0' ? expression_name(json_array_get(list, i)) : name;
			(void)tide_sqltree_append(r->ctx, &effect->columns, name, strlen(name));
		}
	}
	if (tide_tree_true(body, "concurrent")) {
		effect->lock = TIDE_SHARE_UPDATE_EXCLUSIVE;
		r->out->traits |= TIDE_SQL_CONCURRENT;
	}
	return at;
}

static size_t
reindex(struct tide_reading *r, const json_t *body, size_t at)
{
	const char *kind = tide_tree_text(body, "kind");
	bool index = strcmp(kind, "REINDEX_OBJECT_INDEX") == 0;
	struct tide_effect *effect = tide_reading_at(r, at);

	effect->of_index = index;
	if (option_on(json_object_get(body, "params"), "concurrently")) {
		effect->lock = TIDE_SHARE_UPDATE_EXCLUSIVE;
		r->out->traits |= TIDE_SQL_CONCURRENT;
	} else if (!index && strcmp(kind, "REINDEX_OBJECT_TABLE") != 0) {
		r->out->traits |= TIDE_SQL_CONCURRENT;
	}
	return at;
}

static size_t
vacuum(struct tide_reading *r, const json_t *body, size_t at)
{
	const json_t *rels = json_object_get(body, "rels");
	struct tide_effect effect = *tide_reading_at(r, at);

	if (tide_tree_true(body, "is_vacuumcmd")) {
		r->out->traits |= TIDE_SQL_CONCURRENT;
		if (option_on(json_object_get(body, "options"), "full")) {
			effect.lock = TIDE_ACCESS_EXCLUSIVE;
			effect.work = TIDE_WORK_REWRITE;
		}
	}
	r->out->effect_count = at;
	for (size_t i = 0; i < json_array_size(rels); i++) {
		const json_t *rel = json_object_get(json_array_get(rels, i), "VacuumRelation");

		tide_reading_relation(r, &effect, json_object_get(rel, "relation"));
		tide_reading_add(r, &effect);
	}
	return r->out->effect_count > at ? at : tide_reading_add(r, &effect);
}

static size_t
cluster(struct tide_reading *r, const json_t *body, size_t at)
{
	if (json_object_get(body, "relation") == NULL)
		r->out->traits |= TIDE_SQL_CONCURRENT;
	return at;
}

/* May run in a transaction either way. */
static size_t
refresh(struct tide_reading *r, const json_t *body, size_t at)
{
	if (tide_tree_true(body, "concurrent")) {
		tide_reading_at(r, at)->lock = TIDE_EXCLUSIVE;
		tide_reading_at(r, at)->work = TIDE_WORK_SOME;
	}
	return at;
}

/* LOCK and TRUNCATE: the same for each relation of a list. */
static size_t
each_relation(struct tide_reading *r, const json_t *body, size_t at)
{
	const json_t *relations = json_object_get(body, "relations"), *mode = json_object_get(body, "mode");
	struct tide_effect effect = *tide_reading_at(r, at);

	if (mode != NULL)
		effect.lock = (enum tide_lock_mode)json_integer_value(mode);
	else
		effect.loses = true;
	r->out->effect_count = at;
	for (size_t i = 0; i < json_array_size(relations); i++) {
		tide_reading_relation(r, &effect, json_array_get(relations, i));
		tide_reading_add(r, &effect);
		if (mode != NULL)
			tide_reading_add(
			    r, &(struct tide_effect){ .kind = TIDE_EFFECT_LOCK_BELOW, .lock = effect.lock });
	}
	return at;
}

static size_t
alter_sequence(struct tide_reading *r, const json_t *body, size_t at)
{
	const json_t *options = json_object_get(body, "options");
	char *sequence, *schema = tide_reading_at(r, at)->schema;

	sequence = tide_relation_text(r->ctx, schema, tide_reading_at(r, at)->relation);
	for (size_t i = 0; i < json_array_size(options); i++) {
		const json_t *option = json_object_get(json_array_get(options, i), "DefElem");
		const json_t *names = tide_tree_list(json_object_get(option, "arg"));
		size_t count = json_array_size(names);
		struct tide_effect owner = { .kind = TIDE_EFFECT_OWN_SEQUENCE, .to = sequence };

		if (strcmp(tide_tree_text(option, "defname"), "owned_by") == 0) {
			/* OWNED BY NONE has one name. */
			if (count > 1) {
				tide_reading_names(r, &owner, names, count - 1);
				owner.name =
				    tide_reading_copy(r, tide_tree_string(json_array_get(names, count - 1)));
				(void)tide_sqltree_append(
				    r->ctx, &owner.columns, owner.name, strlen(owner.name));
			}
			tide_reading_add(r, &owner);
		} else if (strcmp(tide_tree_text(option, "defname"), "restart") == 0) {
			tide_reading_at(r, at)->replaces = true;
			tide_reading_at(r, at)->old = TIDE_OLD_UNKNOWN;
		}
	}
	return at;
}

static size_t
alter_enum(struct tide_reading *r, const json_t *body, size_t at)
{
	const json_t *names = json_object_get(body, "typeName");
	struct tide_effect *effect = tide_reading_at(r, at);

	/* With a value that is renamed, statements that say the old one fail. */
	if (json_object_get(body, "oldVal") != NULL) {
		effect->old = TIDE_OLD_FAILS;
		return at;
	}
	effect->kind = TIDE_EFFECT_ADD_VALUE;
	effect->name = tide_reading_copy(r, tide_tree_text(body, "newVal"));
	effect->definition =
	    tide_reading_copy(r, tide_tree_string(json_array_get(names, json_array_size(names) - 1)));
	return at;
}

static size_t
alter_domain(struct tide_reading *r, const json_t *body, size_t at)
{
	const char *subtype = tide_tree_text(body, "subtype");
	bool checks = (strcmp(subtype, "C") == 0 && !tide_sqltree_has(body, "skip_validation", NULL)) ||
		      strcmp(subtype, "O") == 0 || strcmp(subtype, "V") == 0;
	struct tide_effect *effect = tide_reading_at(r, at);

	/* Every table with a column of the domain is locked and read: which, only the catalog knows. */
	if (checks) {
		effect->lock = TIDE_SHARE;
		effect->work = TIDE_WORK_SCAN;
	}
	effect->old =
	    strcmp(subtype, "C") == 0 || strcmp(subtype, "O") == 0 ? TIDE_OLD_UNKNOWN : TIDE_OLD_FITS;
	return at;
}

static void
add_relation(
    struct tide_reading *r, const json_t *range, enum tide_effect_kind kind, enum tide_lock_mode lock)
{
	struct tide_effect effect = { .kind = kind, .lock = lock };

	tide_reading_relation(r, &effect, range);
	tide_reading_add(r, &effect);
}

struct referenced {
	struct tide_reading *r;
};

static void
take_referenced(void *ctx, const json_t *found)
{
	add_relation(((struct referenced *)ctx)->r, found, OTHER, TIDE_SHARE_ROW_EXCLUSIVE);
}

/* No other session sees yet what the transaction itself has created. */
static void
made_here(struct tide_reading *r, size_t at, const json_t *range, bool missing_ok)
{
	struct tide_effect *effect = tide_reading_at(r, at);

	tide_reading_relation(r, effect, range);
	effect->missing_ok = missing_ok;
	effect->temporary = strcmp(tide_tree_text(range, "relpersistence"), "t") == 0;
}

/* A new table locks nothing but what it refers to or becomes a part of. */
static size_t
create_table(struct tide_reading *r, const json_t *body, size_t at)
{
	const json_t *parents = json_object_get(body, "inhRelations");
	bool partition = json_object_get(body, "partbound") != NULL;

	made_here(r, at, json_object_get(body, "relation"), tide_tree_true(body, "if_not_exists"));
	tide_tree_each(body, "pktable", take_referenced, &(struct referenced){ r });
	for (size_t i = 0; i < json_array_size(parents); i++)
		add_relation(r, json_array_get(parents, i), TIDE_EFFECT_GAIN_CHILD,
		    partition ? TIDE_ACCESS_EXCLUSIVE : TIDE_SHARE_UPDATE_EXCLUSIVE);
	/* The default partition, and what the parent's foreign keys point to. */
	if (partition)
		tide_reading_unnamed(r, TIDE_ACCESS_EXCLUSIVE);
	return at;
}

/* What it selects is read while it is created; it is new, so that nothing waits. */
static size_t
create_table_as(struct tide_reading *r, const json_t *body, size_t at)
{
	made_here(r, at, json_object_get(json_object_get(body, "into"), "rel"),
	    tide_tree_true(body, "if_not_exists"));
	tide_reading_at(r, at)->filled = true;
	if (!tide_tree_true(json_object_get(body, "into"), "skipData")) {
		tide_effects_rows(
		    r, "SelectStmt", json_object_get(json_object_get(body, "query"), "SelectStmt"));
		r->out->traits &= ~(unsigned)TIDE_SQL_READ_ONLY;
	}
	return at;
}

static size_t
alone_in_tablespace(struct tide_reading *r, const json_t *body, size_t at)
{
	if (tide_sqltree_has(body, "defname", "tablespace"))
		r->out->traits |= TIDE_SQL_CONCURRENT;
	return at;
}

static size_t
discard(struct tide_reading *r, const json_t *body, size_t at)
{
	if (strcmp(tide_tree_text(body, "target"), "DISCARD_ALL") == 0)
		r->out->traits |= TIDE_SQL_CONCURRENT;
	return at;
}

static size_t
copy(struct tide_reading *r, const json_t *body, size_t at)
{
	const json_t *query = json_object_get(body, "query");
	json_t *rows = NULL;
	const char *node = query == NULL ? NULL : tide_sqltree_node(query, &rows);

	if (node != NULL) {
		r->out->effect_count = at;
		tide_effects_rows(r, node, rows);
		r->out->traits &= ~(unsigned)TIDE_SQL_READ_ONLY;
		return at;
	}
	if (tide_tree_true(body, "is_from"))
		return at;
	tide_reading_at(r, at)->kind = TIDE_EFFECT_READ;
	tide_reading_at(r, at)->lock = TIDE_ACCESS_SHARE;
	tide_reading_at(r, at)->work = TIDE_WORK_SCAN;
	return at;
}

#define CATALOG(node, old)                                                                                   \
	{                                                                                                    \
		node, NULL, OTHER, TIDE_LOCK_NONE, INSTANT, old, 0, NULL                                     \
	}
#define ALONE(node)                                                                                          \
	{                                                                                                    \
		node, NULL, OTHER, TIDE_LOCK_NONE, TIDE_WORK_UNKNOWN, MAY_FAIL, TIDE_SQL_CONCURRENT, NULL    \
	}

static const struct tide_effect_row statements[] = {
	{ "IndexStmt", "relation", TIDE_EFFECT_CREATE_INDEX, TIDE_SHARE, TIDE_WORK_BUILD, FITS, 0,
	    create_index },
	/* The planner takes a lock on every index of a table: nobody reads it meanwhile. */
	{ "ReindexStmt", "relation", OTHER, TIDE_ACCESS_EXCLUSIVE, TIDE_WORK_BUILD, FITS, 0, reindex },
	{ "VacuumStmt", NULL, OTHER, TIDE_SHARE_UPDATE_EXCLUSIVE, TIDE_WORK_SCAN, FITS, 0, vacuum },
	{ "ClusterStmt", "relation", OTHER, TIDE_ACCESS_EXCLUSIVE, TIDE_WORK_REWRITE, FITS, 0, cluster },
	{ "AlterTableMoveAllStmt", NULL, OTHER, TIDE_ACCESS_EXCLUSIVE, TIDE_WORK_REWRITE, FITS, 0, NULL },
	{ "RefreshMatViewStmt", "relation", OTHER, TIDE_ACCESS_EXCLUSIVE, TIDE_WORK_REWRITE, FITS, 0,
	    refresh },
	{ "LockStmt", NULL, TIDE_EFFECT_LOCK, TIDE_ACCESS_EXCLUSIVE, INSTANT, FITS, 0, each_relation },
	{ "TruncateStmt", NULL, OTHER, TIDE_ACCESS_EXCLUSIVE, INSTANT, FITS, 0, each_relation },
	{ "CopyStmt", "relation", TIDE_EFFECT_WRITE, TIDE_ROW_EXCLUSIVE, TIDE_WORK_SOME, FITS, 0, copy },
	{ "AlterSeqStmt", "sequence", OTHER, TIDE_SHARE_ROW_EXCLUSIVE, INSTANT, FITS, 0, alter_sequence },
	{ "AlterDomainStmt", NULL, OTHER, TIDE_LOCK_NONE, INSTANT, FITS, 0, alter_domain },
	{ "AlterEnumStmt", NULL, OTHER, TIDE_LOCK_NONE, INSTANT, FITS, 0, alter_enum },
	{ "AlterObjectSchemaStmt", "relation", OTHER, TIDE_ACCESS_EXCLUSIVE, INSTANT, TIDE_OLD_FAILS, 0,
	    tide_effects_move },
	{ "AlterPolicyStmt", "table", TIDE_EFFECT_CREATE_OBJECT, TIDE_ACCESS_EXCLUSIVE, INSTANT, MAY_FAIL, 0,
	    tide_effects_policy },
	{ "AlterPublicationStmt", NULL, OTHER, TIDE_LOCK_NONE, INSTANT, FITS, 0, tide_effects_publication },
	{ "CreatePublicationStmt", NULL, OTHER, TIDE_LOCK_NONE, INSTANT, MAY_FAIL, 0,
	    tide_effects_publication },
	{ "CommentStmt", NULL, OTHER, TIDE_LOCK_NONE, INSTANT, FITS, 0, tide_effects_comment },
	{ "CreateStmt", NULL, TIDE_EFFECT_CREATE_TABLE, TIDE_LOCK_NONE, INSTANT, FITS, 0, create_table },
	{ "CreateTableAsStmt", NULL, TIDE_EFFECT_CREATE_TABLE, TIDE_LOCK_NONE, INSTANT, FITS, 0,
	    create_table_as },
	{ "ViewStmt", "view", TIDE_EFFECT_CREATE_VIEW, TIDE_ACCESS_EXCLUSIVE, INSTANT, FITS, 0,
	    tide_effects_view },
	{ "CreateTrigStmt", "relation", TIDE_EFFECT_CREATE_TRIGGER, TIDE_SHARE_ROW_EXCLUSIVE, INSTANT,
	    MAY_FAIL, 0, tide_effects_trigger },
	{ "RuleStmt", "relation", TIDE_EFFECT_CREATE_OBJECT, TIDE_ACCESS_EXCLUSIVE, INSTANT, MAY_FAIL, 0,
	    tide_effects_policy },
	{ "CreatePolicyStmt", "table", TIDE_EFFECT_CREATE_OBJECT, TIDE_ACCESS_EXCLUSIVE, INSTANT, MAY_FAIL, 0,
	    tide_effects_policy },
	{ "CreateFunctionStmt", NULL, TIDE_EFFECT_CREATE_FUNCTION, TIDE_LOCK_NONE, INSTANT, FITS, 0,
	    tide_effects_function },
	CATALOG("AlterFunctionStmt", MAY_FAIL),
	CATALOG("AlterOwnerStmt", MAY_FAIL),
	CATALOG("AlterDefaultPrivilegesStmt", FITS),
	CATALOG("AlterRoleStmt", MAY_FAIL),
	CATALOG("AlterRoleSetStmt", MAY_FAIL),
	CATALOG("AlterStatsStmt", FITS),
	CATALOG("CompositeTypeStmt", FITS),
	CATALOG("CreateCastStmt", MAY_FAIL),
	CATALOG("CreateDomainStmt", FITS),
	CATALOG("CreateEnumStmt", FITS),
	CATALOG("CreateRangeStmt", FITS),
	CATALOG("CreateRoleStmt", FITS),
	CATALOG("CreateSchemaStmt", FITS),
	CATALOG("CreateSeqStmt", FITS),
	CATALOG("GrantRoleStmt", MAY_FAIL),
	{ "GrantStmt", NULL, OTHER, TIDE_LOCK_NONE, INSTANT, MAY_FAIL, 0, tide_effects_grant },
	CATALOG("NotifyStmt", FITS),
	{ "VariableSetStmt", NULL, OTHER, TIDE_LOCK_NONE, INSTANT, FITS, 0, tide_effects_setting },
	CATALOG("ConstraintsSetStmt", FITS),
	CATALOG("SecLabelStmt", MAY_FAIL),
	{ "AlterDatabaseStmt", NULL, OTHER, TIDE_LOCK_NONE, INSTANT, MAY_FAIL, 0, alone_in_tablespace },
	{ "DiscardStmt", NULL, OTHER, TIDE_LOCK_NONE, INSTANT, FITS, 0, discard },
	ALONE("AlterSystemStmt"),
	ALONE("CreatedbStmt"),
	ALONE("DropdbStmt"),
	ALONE("CreateTableSpaceStmt"),
	ALONE("DropTableSpaceStmt"),
	ALONE("CreateSubscriptionStmt"),
	ALONE("DropSubscriptionStmt"),
	{ 0 },
};

/* Statistics objects are found by their table's name here. */
static void
create_statistics(struct tide_reading *r, const json_t *body)
{
	const json_t *relations = json_object_get(body, "relations");

	for (size_t i = 0; i < json_array_size(relations); i++)
		add_relation(r, json_array_get(relations, i), OTHER, TIDE_SHARE_UPDATE_EXCLUSIVE);
}

static bool
is_rows(const char *name)
{
	static const char *const nodes[] = { "SelectStmt", "InsertStmt", "UpdateStmt", "DeleteStmt",
		"MergeStmt" };

	for (size_t i = 0; i < TIDE_COUNT(nodes); i++)
		if (strcmp(nodes[i], name) == 0)
			return true;
	return false;
}

/* Nodes that have more than one effect, by functions of their own. */
static const struct several {
	const char *node;
	void (*read)(struct tide_reading *r, const json_t *body);
} several[] = {
	{ "AlterTableStmt", tide_effects_alter },
	{ "DropStmt", tide_effects_drop },
	{ "RenameStmt", tide_effects_rename },
	{ "CreateStatsStmt", create_statistics },
};

static void
read_node(struct tide_reading *r, const char *name, const json_t *body)
{
	if (strcmp(name, "TransactionStmt") == 0) {
		r->out->traits |= TIDE_SQL_TRANSACTION_CONTROL;
		return;
	}
	if (is_rows(name)) {
		tide_effects_rows(r, name, body);
		return;
	}
	for (size_t i = 0; i < TIDE_COUNT(several); i++)
		if (strcmp(several[i].node, name) == 0) {
			several[i].read(r, body);
			return;
		}
	(void)tide_reading_row(r, statements, name, body);
}

static void
read_one(void *ctx, const char *text, struct tide_statement *out)
{
	struct tide_reading r = { .ctx = ctx, .text = text, .out = out };
	struct tide_sqltree *tree = tide_sqltree_parse(ctx, text);
	const json_t *statement = NULL;
	const char *name = NULL;
	json_t *body = NULL;

	*out = (struct tide_statement){ .text = talloc_strdup(ctx, text),
		.tag = tide_sql_mask(ctx, text, SHOWN) };
	if (tree != NULL && json_array_size(tree->statements) == 1) {
		statement = json_object_get(json_array_get(tree->statements, 0), "stmt");
		name = tide_sqltree_node(statement, &body);
	}
	if (name == NULL || !tide_sqltree_scan(ctx, text, &r.tokens, NULL)) {
		out->traits = TIDE_SQL_UNPARSED;
		tide_reading_add(&r, &(struct tide_effect){
					 .work = TIDE_WORK_UNKNOWN, .old = TIDE_OLD_UNKNOWN, .loses = true });
		return;
	}
	read_node(&r, name, body);
	/* CASCADE locks, drops and empties what only the catalog can tell. */
	if (tide_sqltree_has(statement, "behavior", "DROP_CASCADE")) {
		out->traits |= TIDE_SQL_CASCADE;
		tide_reading_add(&r, &(struct tide_effect){
					 .work = TIDE_WORK_UNKNOWN, .old = TIDE_OLD_UNKNOWN, .loses = true });
	}
	tide_effects_names(&r, statement);
}

static bool
parses(void *ctx, const char *text)
{
	const struct tide_sqltree *tree = tide_sqltree_parse(ctx, text);

	return tree != NULL && tree->statements != NULL;
}

void
tide_statements_read(void *ctx, const char *text, struct tide_statements *out)
{
	struct tide_names pieces = { 0 };

	*out = (struct tide_statements){ 0 };
	/* The scanner finds no statement in what is none; an empty text is parsed. */
	if (!tide_sql_split(ctx, text, &pieces, NULL) || (pieces.count == 0 && !parses(ctx, text))) {
		pieces = (struct tide_names){ 0 };
		(void)tide_sqltree_append(ctx, &pieces, text, strlen(text));
	}
	out->item = talloc_zero_array(ctx, struct tide_statement, (unsigned)pieces.count);
	for (; out->count < pieces.count; out->count++)
		read_one(ctx, pieces.item[out->count], &out->item[out->count]);
}

unsigned
tide_sql_traits(const char *text)
{
	void *mem = talloc_new(NULL);
	struct tide_statements read;
	unsigned any = 0, all = TIDE_SQL_READ_ONLY;

	tide_statements_read(mem, text, &read);
	for (size_t i = 0; i < read.count; i++) {
		any |= read.item[i].traits;
		all &= read.item[i].traits;
	}
	if (read.count == 0)
		all = 0;
	talloc_free(mem);
	return (any & ~(unsigned)TIDE_SQL_READ_ONLY) | all;
}
