#include "tidemark/plans/ddl.h"

#include <string.h>

#include <talloc.h>

#include "sqltree.h"
#include "tidemark/base/array.h"
#include "tidemark/base/sqltext.h"

/* One row an ALTER TABLE command that matters: the words of the parser, and where it has the name. */
static const struct {
	const char *subtype;
	enum tide_ddl_verb verb;
	const char *node, *key; /* the name is in def; NULL: it is the command's own */
} alters[] = {
	{ "AT_AddColumn", TIDE_DDL_ADD_COLUMN, "ColumnDef", "colname" },
	{ "AT_DropColumn", TIDE_DDL_DROP_COLUMN, NULL, NULL },
	{ "AT_ColumnDefault", TIDE_DDL_ALTER_COLUMN, NULL, NULL },
	{ "AT_SetNotNull", TIDE_DDL_ALTER_COLUMN, NULL, NULL },
	{ "AT_DropNotNull", TIDE_DDL_ALTER_COLUMN, NULL, NULL },
	{ "AT_AlterColumnType", TIDE_DDL_ALTER_COLUMN, NULL, NULL },
	{ "AT_SetStorage", TIDE_DDL_ALTER_COLUMN, NULL, NULL },
	{ "AT_SetCompression", TIDE_DDL_ALTER_COLUMN, NULL, NULL },
	{ "AT_EnableAlwaysTrig", TIDE_DDL_ALTER_TRIGGER, NULL, NULL },
	{ "AT_EnableTrig", TIDE_DDL_ALTER_TRIGGER, NULL, NULL },
	{ "AT_DisableTrig", TIDE_DDL_ALTER_TRIGGER, NULL, NULL },
	{ "AT_AddConstraint", TIDE_DDL_ADD_CONSTRAINT, "Constraint", "conname" },
	{ "AT_ValidateConstraint", TIDE_DDL_VALIDATE_CONSTRAINT, NULL, NULL },
	{ "AT_DropConstraint", TIDE_DDL_DROP_CONSTRAINT, NULL, NULL },
};

struct reading {
	void *ctx;
	const char *text;
	size_t nth;
	struct tide_ddl *out;
};

static const char *
text_of(const json_t *body, const char *key)
{
	return json_string_value(json_object_get(body, key));
}

/* Names are lists of {"String": {"sval": …}}. */
static const char *
part(const json_t *names, size_t i)
{
	return text_of(json_object_get(json_array_get(names, i), "String"), "sval");
}

static bool
is_tool_name(const json_t *names)
{
	const char *schema = json_array_size(names) == 2 ? part(names, 0) : NULL;

	return schema != NULL && strcmp(schema, "tidemark") == 0;
}

static bool
take(const struct reading *r, enum tide_ddl_verb verb, const char *name)
{
	if (name == NULL)
		return false;
	r->out->verb = verb;
	r->out->name = talloc_strdup(r->ctx, name);
	return true;
}

/* From token i on: a name, of two parts when `parts` is 2. */
static void
place(const struct reading *r, const struct tide_sqltokens *tokens, size_t i, size_t parts)
{
	size_t last = i + (parts == 2 ? 2 : 0);

	if (last >= tokens->count)
		return;
	r->out->start = tokens->item[i].start;
	r->out->end = tokens->item[last].end;
}

static void
take_relation(const struct reading *r, const json_t *body)
{
	const json_t *relation = json_object_get(body, "relation");
	size_t at = (size_t)json_integer_value(json_object_get(relation, "location"));
	void *mem = talloc_new(NULL);
	struct tide_sqltokens tokens = { 0 };

	if (text_of(relation, "relname") == NULL) {
		talloc_free(mem);
		return;
	}
	r->out->relation = talloc_strdup(r->ctx, text_of(relation, "relname"));
	r->out->schema = talloc_strdup(r->ctx, text_of(relation, "schemaname"));
	if (tide_sqltree_scan(mem, r->text, &tokens, NULL))
		for (size_t i = 0; i < tokens.count; i++)
			if (tokens.item[i].start == at)
				place(r, &tokens, i, text_of(relation, "schemaname") != NULL ? 2 : 1);
	talloc_free(mem);
}

static bool
alter_table(const struct reading *r, const json_t *body)
{
	const json_t *command =
	    json_object_get(json_array_get(json_object_get(body, "cmds"), r->nth), "AlterTableCmd");
	const char *subtype = text_of(command, "subtype");

	for (size_t i = 0; subtype != NULL && i < TIDE_COUNT(alters); i++) {
		const json_t *def = json_object_get(command, "def");

		if (strcmp(alters[i].subtype, subtype) != 0)
			continue;
		take_relation(r, body);
		r->out->if_missing = strcmp(subtype, "AT_AddColumn") == 0 &&
				     json_is_true(json_object_get(command, "missing_ok"));
		r->out->to = talloc_strdup(r->ctx, text_of(json_object_get(def, "Constraint"), "indexname"));
		return take(r, alters[i].verb,
		    alters[i].node != NULL ? text_of(json_object_get(def, alters[i].node), alters[i].key)
					   : text_of(command, "name"));
	}
	return false;
}

static bool
rename_column(const struct reading *r, const json_t *body)
{
	const char *type = text_of(body, "renameType"), *to = text_of(body, "newname");

	if (type == NULL || strcmp(type, "OBJECT_COLUMN") != 0 || to == NULL)
		return false;
	take_relation(r, body);
	r->out->to = talloc_strdup(r->ctx, to);
	return take(r, TIDE_DDL_RENAME_COLUMN, text_of(body, "subname"));
}

static bool
create_trigger(const struct reading *r, const json_t *body)
{
	take_relation(r, body);
	r->out->foreign = !is_tool_name(json_object_get(body, "funcname"));
	return take(r, TIDE_DDL_CREATE_TRIGGER, text_of(body, "trigname"));
}

static bool
create_index(const struct reading *r, const json_t *body)
{
	take_relation(r, body);
	r->out->if_missing = json_is_true(json_object_get(body, "if_not_exists"));
	return take(r, TIDE_DDL_CREATE_INDEX, text_of(body, "idxname"));
}

/* Only one that is named with its schema: nothing else says where it is. */
static bool
take_function(const struct reading *r, const json_t *names)
{
	if (part(names, 1) == NULL)
		return false;
	r->out->schema = talloc_strdup(r->ctx, part(names, 0));
	r->out->foreign = !is_tool_name(names);
	return true;
}

static bool
create_function(const struct reading *r, const json_t *body)
{
	const json_t *names = json_object_get(body, "funcname");
	void *mem = talloc_new(NULL);
	struct tide_sqltokens tokens = { 0 };
	size_t i = 0;

	if (json_is_true(json_object_get(body, "is_procedure")) || !take_function(r, names)) {
		talloc_free(mem);
		return false;
	}
	if (tide_sqltree_scan(mem, r->text, &tokens, NULL)) {
		while (i < tokens.count && !tide_sqltoken_is(r->text, &tokens.item[i], "function"))
			i++;
		place(r, &tokens, i + 1, 2);
	}
	talloc_free(mem);
	return take(r, TIDE_DDL_CREATE_FUNCTION, part(names, 1));
}

/* Only what is said to everybody. */
static bool
grant(const struct reading *r, const json_t *body)
{
	const char *type = text_of(body, "objtype");
	const json_t *names = json_object_get(
	    json_object_get(json_array_get(json_object_get(body, "objects"), r->nth), "ObjectWithArgs"),
	    "objname");
	bool given = json_is_true(json_object_get(body, "is_grant"));

	return type != NULL && strcmp(type, "OBJECT_FUNCTION") == 0 && is_tool_name(names) &&
	       tide_sqltree_has(json_object_get(body, "grantees"), "roletype", "ROLESPEC_PUBLIC") &&
	       take(r, given ? TIDE_DDL_GRANT_FUNCTION : TIDE_DDL_REVOKE_FUNCTION, part(names, 1));
}

static bool
drop(const struct reading *r, const json_t *body)
{
	const char *type = text_of(body, "removeType");
	const json_t *object = json_array_get(json_object_get(body, "objects"), r->nth);
	const json_t *items = json_object_get(json_object_get(object, "List"), "items");
	const json_t *function = json_object_get(json_object_get(object, "ObjectWithArgs"), "objname");
	size_t count = json_array_size(items);

	if (type == NULL || object == NULL)
		return false;
	if (strcmp(type, "OBJECT_FUNCTION") == 0)
		return take_function(r, function) && take(r, TIDE_DDL_DROP_FUNCTION, part(function, 1));
	if (strcmp(type, "OBJECT_INDEX") == 0 && count > 0)
		return take(r, TIDE_DDL_DROP_INDEX, part(items, count - 1));
	if (strcmp(type, "OBJECT_TRIGGER") != 0 || count < 2)
		return false;
	r->out->relation = talloc_strdup(r->ctx, part(items, count - 2));
	r->out->schema = count > 2 ? talloc_strdup(r->ctx, part(items, count - 3)) : NULL;
	return take(r, TIDE_DDL_DROP_TRIGGER, part(items, count - 1));
}

static const struct {
	const char *node;
	bool (*read)(const struct reading *r, const json_t *body);
} statements[] = {
	{ "AlterTableStmt", alter_table },
	{ "RenameStmt", rename_column },
	{ "CreateTrigStmt", create_trigger },
	{ "IndexStmt", create_index },
	{ "CreateFunctionStmt", create_function },
	{ "GrantStmt", grant },
	{ "DropStmt", drop },
};
#define KINDS (TIDE_COUNT(statements))

/* ALTER TABLE has commands, DROP and GRANT have objects; every other statement is one. */
static size_t
commands(const json_t *body)
{
	size_t of_table = json_array_size(json_object_get(body, "cmds"));
	size_t objects = json_array_size(json_object_get(body, "objects"));

	return of_table > 0 ? of_table : objects > 0 ? objects : 1;
}

/* A name as the server keeps it. Belongs to ctx. */
static char *
name_at(const struct reading *r, const struct tide_sqltoken *token)
{
	char *word = talloc_strndup(r->ctx, r->text + token->start, token->end - token->start), *parts[2];

	return tide_name_parse(r->ctx, word, parts) == 1 ? parts[0] : word;
}

/* What the grammar of the parser does not have yet: ALTER TABLE [ONLY] t ADD CONSTRAINT k NOT NULL c [NOT VALID]. */
static bool
named_not_null(const struct reading *r)
{
	static const char *const words[] = { "add", "constraint", NULL, "not", "null", NULL };
	struct tide_sqltokens t = { 0 };
	size_t at = 2, parts, i;
	bool found;

	if (!tide_sqltree_scan(r->ctx, r->text, &t, NULL) || t.count < 9 ||
	    !tide_sqltoken_is(r->text, &t.item[0], "alter") ||
	    !tide_sqltoken_is(r->text, &t.item[1], "table"))
		return false;
	at += tide_sqltoken_is(r->text, &t.item[at], "only") ? 1 : 0;
	parts = tide_sqltoken_is(r->text, &t.item[at + 1], ".") ? 2 : 1;
	i = at + (parts == 2 ? 3 : 1);
	found = i + 6 == t.count || (i + 8 == t.count && tide_sqltoken_is(r->text, &t.item[i + 7], "valid"));
	for (size_t w = 0; found && w < 6; w++)
		found = words[w] == NULL || tide_sqltoken_is(r->text, &t.item[i + w], words[w]);
	if (!found)
		return false;
	place(r, &t, at, parts);
	r->out->schema = parts == 2 ? name_at(r, &t.item[at]) : NULL;
	r->out->relation = name_at(r, &t.item[parts == 2 ? at + 2 : at]);
	r->out->names_not_null = true;
	return take(r, TIDE_DDL_ALTER_COLUMN, name_at(r, &t.item[i + 5]));
}

size_t
tide_ddl_read(void *ctx, const char *statement, struct tide_ddl **out, bool *whole)
{
	void *mem = talloc_new(NULL);
	const struct tide_sqltree *tree = tide_sqltree_parse(mem, statement);
	json_t *body = NULL;
	const char *node = NULL;
	size_t kind = 0, count = 0;
	struct tide_ddl unparsed = { 0 };

	*out = talloc_array(ctx, struct tide_ddl, 1);
	if (tree != NULL && tree->statements == NULL &&
	    named_not_null(&(const struct reading){ *out, statement, 0, &unparsed }))
		(*out)[count++] = unparsed;
	if (tree != NULL && json_array_size(tree->statements) == 1)
		node = tide_sqltree_node(json_object_get(json_array_get(tree->statements, 0), "stmt"), &body);
	while (node != NULL && kind < KINDS && strcmp(statements[kind].node, node) != 0)
		kind++;
	for (size_t nth = 0; node != NULL && kind < KINDS && nth < commands(body); nth++) {
		struct tide_ddl ddl = { 0 };
		const struct reading r = { *out, statement, nth, &ddl };

		if (!statements[kind].read(&r, body))
			continue;
		*out = talloc_realloc(ctx, *out, struct tide_ddl, (unsigned)count + 1);
		(*out)[count++] = ddl;
	}
	if (whole != NULL)
		*whole = count > 0 && (node == NULL || count == commands(body));
	talloc_free(mem);
	return count;
}

char *
tide_ddl_aim(void *ctx, const char *statement, const struct tide_ddl *ddl, const char *target)
{
	struct tide_sqltokens tokens = { 0 };
	size_t from = 0;
	char *out = talloc_strdup(ctx, "");

	if (ddl->end == 0)
		return talloc_strdup(ctx, statement);
	if (ddl->verb == TIDE_DDL_CREATE_INDEX && tide_sqltree_scan(out, statement, &tokens, NULL))
		for (size_t i = 0; i < tokens.count && tokens.item[i].start < ddl->start; i++)
			if (tide_sqltoken_is(statement, &tokens.item[i], "concurrently")) {
				out = talloc_strndup_append(out, statement, tokens.item[i].start);
				from = tokens.item[i].end;
				break;
			}
	return talloc_asprintf_append(
	    out, "%.*s%s%s", (int)(ddl->start - from), statement + from, target, statement + ddl->end);
}
