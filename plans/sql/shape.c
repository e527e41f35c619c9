#include "tidemark/plans/shape.h"

#include <stdlib.h>
#include <string.h>

#include <talloc.h>

#include "sqltree.h"

/** How the walk changes a tree. */
struct shaping {
	enum tide_shape_of of;
	const struct tide_names *before, *after;
};

/* Members that say where a thing is kept or how it is called, not what it is. */
static const char *const nameless[] = { "location", "stmt_len", "stmt_location", "idxname", "conname",
	"relation", "skip_validation", "initially_valid", "options", "tableSpace", "indexspace", "concurrent",
	"if_not_exists", "behavior", "objtype", NULL };

static const char *
string_of(const json_t *node)
{
	return json_string_value(json_object_get(json_object_get(node, "String"), "sval"));
}

static const char *
renamed(const struct shaping *s, const char *name)
{
	for (size_t i = 0; i < s->before->count; i++)
		if (strcmp(s->before->item[i], name) == 0)
			return s->after->item[i];
	return name;
}

static void
rename_string(const struct shaping *s, json_t *node)
{
	const char *name = string_of(node);

	if (name != NULL)
		json_object_set_new(json_object_get(node, "String"), "sval", json_string(renamed(s, name)));
}

static void
rename_list(const struct shaping *s, const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		rename_string(s, json_array_get(list, i));
}

/* text, or pg_catalog.text; without a modifier and not an array. */
static bool
is_text(const json_t *type)
{
	const json_t *names = json_object_get(type, "names");
	const char *last = string_of(json_array_get(names, json_array_size(names) - 1));

	return last != NULL && strcmp(last, "text") == 0 && json_object_get(type, "arrayBounds") == NULL;
}

/* What is under a cast that the server writes by itself; NULL for another node. */
static json_t *
under_cast(json_t *node)
{
	json_t *cast = json_object_get(node, "TypeCast"), *under = json_object_get(cast, "arg");

	if (json_object_get(under, "A_Const") != NULL ||
	    (json_object_get(under, "ColumnRef") != NULL && is_text(json_object_get(cast, "typeName"))))
		return under;
	return NULL;
}

static json_t *shape_node(const struct shaping *s, json_t *node);

static void
shape_members(const struct shaping *s, json_t *object)
{
	const char *key;
	json_t *child;
	void *safe;

	for (size_t i = 0; nameless[i] != NULL; i++)
		json_object_del(object, nameless[i]);
	json_object_foreach_safe(object, safe, key, child)
	{
		json_object_set_new(object, key, shape_node(s, child));
	}
}

static void
set_default(json_t *elem, const char *key, const char *unsaid, const char *value)
{
	const char *now = json_string_value(json_object_get(elem, key));

	if (now == NULL || strcmp(now, unsaid) == 0)
		json_object_set_new(elem, key, json_string(value));
}

/* The last part of a qualified name is enough for a collation: the plan may leave out its schema. */
static void
keep_last(json_t *elem, const char *key)
{
	json_t *names = json_object_get(elem, key);

	while (json_array_size(names) > 1)
		json_array_remove(names, 0);
}

static void
shape_elem(const struct shaping *s, json_t *elem)
{
	const char *name = json_string_value(json_object_get(elem, "name"));

	if (name != NULL)
		json_object_set_new(elem, "name", json_string(renamed(s, name)));
	keep_last(elem, "collation");
	keep_last(elem, "opclass");
	set_default(elem, "ordering", "SORTBY_DEFAULT", "SORTBY_ASC");
	set_default(elem, "nulls_ordering", "SORTBY_NULLS_DEFAULT",
	    strcmp(json_string_value(json_object_get(elem, "ordering")), "SORTBY_DESC") == 0
		? "SORTBY_NULLS_FIRST"
		: "SORTBY_NULLS_LAST");
	if (s->of == TIDE_SHAPE_UNIQUENESS) {
		json_object_del(elem, "ordering");
		json_object_del(elem, "nulls_ordering");
	}
}

/* A node in its comparable form: a new reference. */
static json_t *
shape_node(const struct shaping *s, json_t *node)
{
	static const char *const lists[] = { "keys", "including", "fk_attrs", "fk_del_set_cols", NULL };
	json_t *under = under_cast(node), *elem = json_object_get(node, "IndexElem");
	json_t *column = json_object_get(json_object_get(node, "ColumnRef"), "fields");

	if (under != NULL)
		return shape_node(s, under);
	if (column != NULL)
		rename_list(s, column);
	if (elem != NULL)
		shape_elem(s, elem);
	for (size_t i = 0; lists[i] != NULL && json_is_object(node); i++)
		rename_list(s, json_object_get(node, lists[i]));
	if (json_is_object(node))
		shape_members(s, node);
	for (size_t i = 0; i < json_array_size(node); i++)
		json_array_set_new(node, i, shape_node(s, json_array_get(node, i)));
	return json_incref(node);
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The keys in an order of their own: which comes first does not matter for what excludes what. */
static void
sort_keys(void *ctx, json_t *statement)
{
	json_t *keys = json_object_get(statement, "indexParams"), *sorted;
	size_t count = json_array_size(keys);
	char **texts = talloc_array(ctx, char *, (unsigned)count + 1);

	for (size_t i = 0; i < count; i++)
		texts[i] = json_dumps(json_array_get(keys, i), JSON_COMPACT | JSON_SORT_KEYS);
	qsort(texts, count, sizeof(*texts), by_text);
	sorted = json_array();
	for (size_t i = 0; i < count; i++) {
		json_array_append_new(sorted, json_string(texts[i]));
		free(texts[i]);
	}
	json_object_set_new(statement, "indexParams", sorted);
}

/* The part of the statement that says what the index or the constraint is; NULL for another statement. */
static json_t *
subject(json_t *statements)
{
	json_t *stmt = json_object_get(json_array_get(statements, 0), "stmt");
	json_t *index = json_object_get(stmt, "IndexStmt");
	json_t *commands = json_object_get(json_object_get(stmt, "AlterTableStmt"), "cmds");
	json_t *command = json_object_get(json_array_get(commands, 0), "AlterTableCmd");

	if (json_array_size(statements) != 1)
		return NULL;
	return index != NULL ? index : json_object_get(json_object_get(command, "def"), "Constraint");
}

/* The parser is of 15 and does not know what 18 puts after a constraint. */
static char *
statement_of(void *ctx, const char *definition)
{
	static const char unenforced[] = " NOT ENFORCED";
	size_t length = strlen(definition), tail = sizeof(unenforced) - 1;

	if (strncmp(definition, "CREATE ", 7) == 0)
		return talloc_strdup(ctx, definition);
	if (length > tail && strcmp(definition + length - tail, unenforced) == 0)
		length -= tail;
	return talloc_asprintf(ctx, "ALTER TABLE t ADD %.*s", (int)length, definition);
}

char *
tide_shape(void *ctx, const char *definition, enum tide_shape_of of, const struct tide_names *before,
    const struct tide_names *after)
{
	struct shaping s = { of, before, after };
	void *mem = talloc_new(NULL);
	struct tide_sqltree *tree = tide_sqltree_parse(mem, statement_of(mem, definition));
	json_t *what = tree == NULL ? NULL : subject(tree->statements);
	char *dump, *out = NULL;

	if (what != NULL) {
		json_t *shaped = shape_node(&s, what);

		if (of == TIDE_SHAPE_TO_KEY)
			json_object_del(shaped, "pk_attrs");
		if (of == TIDE_SHAPE_UNIQUENESS) {
			json_object_del(shaped, "indexIncludingParams");
			sort_keys(mem, shaped);
		}
		dump = json_dumps(shaped, JSON_COMPACT | JSON_SORT_KEYS);
		out = talloc_strdup(ctx, dump);
		free(dump);
		json_decref(shaped);
	}
	talloc_free(mem);
	return out;
}
