#include "effects_tree.h"

#include <string.h>

#include <talloc.h>

#include "tidemark/base/array.h"
#include "tidemark/base/names.h"
#include "tidemark/base/sqltext.h"

/* The names that a statement has: relations, columns, and those without a schema. */

struct naming {
	struct tide_reading *r;
	const json_t *statement;
};

static bool
has(const struct tide_names *names, const char *name)
{
	for (size_t i = 0; i < names->count; i++)
		if (strcmp(names->item[i], name) == 0)
			return true;
	return false;
}

static void
add(struct tide_reading *r, struct tide_names *names, const char *name)
{
	if (name != NULL && *name != '\0' && !has(names, name))
		(void)tide_sqltree_append(r->ctx, names, name, strlen(name));
}

/* A name of the system's own is found first on every path. */
static void
add_bare(struct tide_reading *r, const char *name)
{
	if (name != NULL && strncmp(name, "pg_", 3) != 0)
		add(r, &r->out->bare, name);
}

static void
take_range(void *ctx, const json_t *found)
{
	struct naming *n = ctx;
	const char *name = tide_tree_text(found, "relname");

	/* The name of a WITH query is one of the statement's own. */
	if (tide_sqltree_has(n->statement, "ctename", name))
		return;
	add(n->r, &n->r->out->relations, name);
	if (*name != '\0')
		add(n->r, &n->r->out->placed,
		    tide_relation_text(
			n->r->ctx, tide_reading_copy(n->r, tide_tree_text(found, "schemaname")), name));
	if (*tide_tree_text(found, "schemaname") == '\0' && *name != '\0' &&
	    strcmp(tide_tree_text(found, "relpersistence"), "t") != 0)
		add_bare(n->r, name);
}

/* The members that hold a RangeVar without saying so. */
static const char *const ranges[] = { "RangeVar", "relation", "view", "sequence", "pktable", "table", "rel",
	NULL };

static void
take_member(void *ctx, const json_t *found)
{
	if (json_is_object(found) && json_object_get(found, "relname") != NULL)
		take_range(ctx, found);
}

static void
take_strings(struct tide_reading *r, const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		add(r, &r->out->columns, tide_tree_string(json_array_get(list, i)));
}

static void
take_column_ref(void *ctx, const json_t *found)
{
	struct naming *n = ctx;
	const json_t *fields = json_object_get(found, "fields");
	const json_t *last = json_array_get(fields, json_array_size(fields) - 1);

	add(n->r, &n->r->out->columns,
	    json_object_get(last, "A_Star") != NULL ? "*" : tide_tree_string(last));
}

static void
take_name(void *ctx, const json_t *found)
{
	struct naming *n = ctx;

	add(n->r, &n->r->out->columns, tide_tree_text(found, "name"));
}

static void
take_subname(void *ctx, const json_t *found)
{
	struct naming *n = ctx;

	add(n->r, &n->r->out->columns, json_string_value(found));
}

static void
take_list(void *ctx, const json_t *found)
{
	struct naming *n = ctx;

	take_strings(n->r, found);
}

/* A name in parts, of which the first should be a schema. */
static void
take_qualified(struct tide_reading *r, const json_t *list, size_t parts)
{
	if (json_array_size(list) == parts && parts > 0)
		add_bare(r, tide_tree_string(json_array_get(list, 0)));
}

/* Objects of DROP and COMMENT: how many parts their name has without a schema. */
static const struct parts {
	const char *type;
	size_t count;
	bool column;
} parts[] = { { "OBJECT_TABLE", 1, false }, { "OBJECT_VIEW", 1, false }, { "OBJECT_MATVIEW", 1, false },
	{ "OBJECT_INDEX", 1, false }, { "OBJECT_SEQUENCE", 1, false }, { "OBJECT_FOREIGN_TABLE", 1, false },
	{ "OBJECT_STATISTIC_EXT", 1, false }, { "OBJECT_COLUMN", 2, true }, { "OBJECT_TRIGGER", 2, false },
	{ "OBJECT_POLICY", 2, false }, { "OBJECT_RULE", 2, false }, { "OBJECT_TABCONSTRAINT", 2, false } };

static void
take_object(struct tide_reading *r, const char *type, const json_t *object)
{
	const json_t *names = tide_tree_list(object);
	const json_t *function = json_object_get(json_object_get(object, "ObjectWithArgs"), "objname");
	size_t count = json_array_size(names);

	if (function != NULL)
		take_qualified(r, function, 1);
	for (size_t i = 0; i < TIDE_COUNT(parts); i++) {
		bool on_table = parts[i].count == 2;

		if (strcmp(parts[i].type, type) != 0 || count == 0)
			continue;
		take_qualified(r, names, parts[i].count);
		if (parts[i].column)
			add(r, &r->out->columns, tide_tree_string(json_array_get(names, count - 1)));
		if (count > (on_table ? 1 : 0))
			add(r, &r->out->relations,
			    tide_tree_string(json_array_get(names, count - (on_table ? 2 : 1))));
	}
}

static void
take_drop(void *ctx, const json_t *body)
{
	struct naming *n = ctx;
	const json_t *objects = json_object_get(body, "objects");

	for (size_t i = 0; i < json_array_size(objects); i++)
		take_object(n->r, tide_tree_text(body, "removeType"), json_array_get(objects, i));
}

static void
take_comment(void *ctx, const json_t *body)
{
	struct naming *n = ctx;

	take_object(n->r, tide_tree_text(body, "objtype"), json_object_get(body, "object"));
}

static void
take_funcname(void *ctx, const json_t *body)
{
	struct naming *n = ctx;

	take_qualified(n->r, json_object_get(body, "funcname"), 1);
}

/* ALTER SEQUENCE … OWNED BY table.column. */
static void
take_option(void *ctx, const json_t *body)
{
	struct naming *n = ctx;
	const json_t *names = tide_tree_list(json_object_get(body, "arg"));

	if (strcmp(tide_tree_text(body, "defname"), "owned_by") == 0 && json_array_size(names) > 1)
		take_object(n->r, "OBJECT_COLUMN", json_object_get(body, "arg"));
}

void
tide_effects_names(struct tide_reading *r, const json_t *statement)
{
	struct naming n = { r, statement };
	static const struct {
		const char *node;
		void (*take)(void *ctx, const json_t *found);
	} takes[] = { { "ColumnRef", take_column_ref }, { "IndexElem", take_name },
		{ "ResTarget", take_name }, { "AlterTableCmd", take_name }, { "StatsElem", take_name },
		{ "subname", take_subname }, { "keys", take_list }, { "fk_attrs", take_list },
		{ "pk_attrs", take_list }, { "columns", take_list }, { "DropStmt", take_drop },
		{ "CommentStmt", take_comment }, { "CreateFunctionStmt", take_funcname },
		{ "CreateTrigStmt", take_funcname }, { "DefElem", take_option } };

	for (size_t i = 0; ranges[i] != NULL; i++)
		tide_tree_each(statement, ranges[i], take_member, &n);
	for (size_t i = 0; i < TIDE_COUNT(takes); i++)
		tide_tree_each(statement, takes[i].node, takes[i].take, &n);
}
