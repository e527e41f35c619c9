#include "catalog_private.h"

#include <stdlib.h>
#include <string.h>

#include <talloc.h>

#include "catalog_sql.h"
#include "tidemark/base/record.h"

/* What is read of a table, by the names of the columns: one list of members for each query. */

static const struct tide_record_field table_fields[] = {
	TIDE_FIELD(tide_table, oid, INT),
	TIDE_FIELD(tide_table, filenode, INT),
	TIDE_FIELD(tide_table, schema, TEXT),
	TIDE_FIELD(tide_table, name, TEXT),
	TIDE_FIELD(tide_table, relkind, CHAR),
	TIDE_FIELD(tide_table, access_method, TEXT),
	TIDE_FIELD(tide_table, row_security, BOOL),
	TIDE_FIELD(tide_table, has_children, BOOL),
	TIDE_FIELD(tide_table, is_child_partition, BOOL),
	TIDE_FIELD(tide_table, pages, INT),
	TIDE_FIELD(tide_table, bytes, INT),
	TIDE_FIELD(tide_table, index_bytes, INT),
	TIDE_FIELD(tide_table, rows, REAL),
	TIDE_FIELD(tide_table, max_attnum, INT32),
	TIDE_FIELD(tide_table, xid_age, REAL),
	TIDE_FIELD(tide_table, not_heap, TEXT),
	TIDE_FIELD(tide_table, keyless, TEXT),
	TIDE_FIELD(tide_table, orderless, TEXT),
	TIDE_FIELD(tide_table, foreign_partition, TEXT),
	TIDE_FIELD(tide_table, partition_maker, TEXT),
	TIDE_FIELD(tide_table, of_type, TEXT),
};
static const struct tide_record_field column_fields[] = {
	TIDE_FIELD(tide_column, name, TEXT),
	TIDE_FIELD(tide_column, attnum, INT32),
	TIDE_FIELD(tide_column, type, TEXT),
	TIDE_FIELD(tide_column, cast_type, TEXT),
	TIDE_FIELD(tide_column, collation, TEXT),
	TIDE_FIELD(tide_column, identical, BOOL),
	TIDE_FIELD(tide_column, not_null, BOOL),
	TIDE_FIELD(tide_column, default_expr, TEXT),
	TIDE_FIELD(tide_column, identity, CHAR),
	TIDE_FIELD(tide_column, generated, CHAR),
	TIDE_FIELD(tide_column, sequence, TEXT),
	TIDE_FIELD(tide_column, comment, TEXT),
	TIDE_FIELD(tide_column, acl, TEXT),
	TIDE_FIELD(tide_column, not_null_constraint, TEXT),
	TIDE_FIELD(tide_column, not_null_no_inherit, BOOL),
	TIDE_FIELD(tide_column, collated, TEXT),
	TIDE_FIELD(tide_column, unpadded, TEXT),
	TIDE_FIELD(tide_column, parts, TEXT),
	TIDE_FIELD(tide_column, composites, BOOL),
	TIDE_FIELD(tide_column, default_of_type, BOOL),
	TIDE_FIELD(tide_column, grants, TEXT),
	TIDE_FIELD(tide_column, storage, CHAR),
	TIDE_FIELD(tide_column, type_storage, CHAR),
	TIDE_FIELD(tide_column, compression, CHAR),
	TIDE_FIELD(tide_column, statistics, TEXT),
	TIDE_FIELD(tide_column, options, TEXT),
	TIDE_FIELD(tide_column, inherited, BOOL),
	TIDE_FIELD(tide_column, not_null_unproved, BOOL),
};
static const struct tide_record_field constraint_fields[] = {
	TIDE_FIELD(tide_constraint, name, TEXT),
	TIDE_FIELD(tide_constraint, type, CHAR),
	TIDE_FIELD(tide_constraint, definition, TEXT),
	TIDE_FIELD(tide_constraint, validated, BOOL),
	TIDE_FIELD(tide_constraint, to_primary, BOOL),
	TIDE_FIELD(tide_constraint, comment, TEXT),
	TIDE_FIELD(tide_constraint, referencing, TEXT),
	TIDE_FIELD(tide_constraint, on_delete, TEXT),
	TIDE_FIELD(tide_constraint, unindexed, TEXT),
	TIDE_FIELD(tide_constraint, table, TEXT),
};
static const struct tide_record_field index_fields[] = {
	TIDE_FIELD(tide_index, schema, TEXT),
	TIDE_FIELD(tide_index, name, TEXT),
	TIDE_FIELD(tide_index, definition, TEXT),
	TIDE_FIELD(tide_index, unique, BOOL),
	TIDE_FIELD(tide_index, primary, BOOL),
	TIDE_FIELD(tide_index, valid, BOOL),
	TIDE_FIELD(tide_index, ready, BOOL),
	TIDE_FIELD(tide_index, replica_identity, BOOL),
	TIDE_FIELD(tide_index, clustered, BOOL),
	TIDE_FIELD(tide_index, constraint, TEXT),
	TIDE_FIELD(tide_index, comment, TEXT),
	TIDE_FIELD(tide_index, has_statistics, BOOL),
	TIDE_FIELD(tide_index, deferrable, BOOL),
	TIDE_FIELD(tide_index, leads, INT32),
	TIDE_FIELD(tide_index, table, TEXT),
};
static const struct tide_record_field trigger_fields[] = {
	TIDE_FIELD(tide_trigger, name, TEXT),
	TIDE_FIELD(tide_trigger, definition, TEXT),
	TIDE_FIELD(tide_trigger, function, TEXT),
	TIDE_FIELD(tide_trigger, enabled, CHAR),
	TIDE_FIELD(tide_trigger, before, BOOL),
	TIDE_FIELD(tide_trigger, row, BOOL),
	TIDE_FIELD(tide_trigger, on_insert, BOOL),
	TIDE_FIELD(tide_trigger, on_update, BOOL),
	TIDE_FIELD(tide_trigger, internal, BOOL),
	TIDE_FIELD(tide_trigger, table, TEXT),
	TIDE_FIELD(tide_trigger, columns, TEXT),
	TIDE_FIELD(tide_trigger, comment, TEXT),
	TIDE_FIELD(tide_trigger, uneven, BOOL),
};
static const struct tide_record_field reaction_fields[] = {
	TIDE_FIELD(tide_reaction, name, TEXT),
	TIDE_FIELD(tide_reaction, kind, CHAR),
	TIDE_FIELD(tide_reaction, table, TEXT),
	TIDE_FIELD(tide_reaction, does, TEXT),
	TIDE_FIELD(tide_reaction, timing, TEXT),
	TIDE_FIELD(tide_reaction, condition, TEXT),
	TIDE_FIELD(tide_reaction, enabled, CHAR),
	TIDE_FIELD(tide_reaction, alters, BOOL),
};
static const struct tide_record_field dependent_fields[] = {
	TIDE_FIELD(tide_dependent, attnum, INT32),
	TIDE_FIELD(tide_dependent, kind, TEXT),
	TIDE_FIELD(tide_dependent, name, TEXT),
	TIDE_FIELD(tide_dependent, identity, TEXT),
	TIDE_FIELD(tide_dependent, blocks_drop, BOOL),
	TIDE_FIELD(tide_dependent, alters, BOOL),
	TIDE_FIELD(tide_dependent, in_using, BOOL),
	TIDE_FIELD(tide_dependent, in_check, BOOL),
};
static const struct tide_record_field published_fields[] = {
	TIDE_FIELD(tide_table, published, BOOL),
	TIDE_FIELD(tide_table, publications, TEXT),
	TIDE_FIELD(tide_table, state_publications, TEXT),
	TIDE_FIELD(tide_table, without_identity, TEXT),
	TIDE_FIELD(tide_table, without_identity_deletes, TEXT),
	TIDE_FIELD(tide_table, narrow_publications, TEXT),
	TIDE_FIELD(tide_table, narrow_publications_deletes, TEXT),
	TIDE_FIELD(tide_table, subscriptions, TEXT),
};
static const struct tide_record_field right_fields[] = {
	TIDE_FIELD(tide_catalog, owns_table, BOOL),
	TIDE_FIELD(tide_catalog, may_vacuum, BOOL),
};

static const struct tide_record table_record = TIDE_RECORD(table_fields);
static const struct tide_record published_record = TIDE_RECORD(published_fields);
static const struct tide_record right_record = TIDE_RECORD(right_fields);

/* `{1,2}`, without the zeros that stand for expressions. */
static int *
numbers(void *ctx, const char *value, size_t *count)
{
	int *out = NULL;

	*count = 0;
	for (; value != NULL && *value != '\0' && *value != '}';) {
		char *end;
		long number = strtol(value + 1, &end, 10);

		if (end == value + 1)
			break;
		value = end;
		if (number == 0)
			continue;
		out = talloc_realloc(ctx, out, int, (unsigned)(*count + 1));
		out[(*count)++] = (int)number;
	}
	return out;
}

/* The lists of a table: one query each, one row an item. */
static const struct list {
	const char *sql;
	struct tide_record record;
	size_t size;
	size_t items, count;          /* offsets in struct tide_table */
	size_t attnums, attnum_count; /* offsets in the item; 0: it has no list of columns */
	const char *second;           /* value of $2; NULL: the query has none */
} lists[] = {
#define LIST(name_, member_)                                                                                 \
	.sql = tide_sql_catalog_##name_, .record = TIDE_RECORD(member_##_fields),                            \
	.size = sizeof(struct tide_##member_), .items = offsetof(struct tide_table, member_),                \
	.count = offsetof(struct tide_table, member_##_count)
#define COLUMNS(member_)                                                                                     \
	.attnums = offsetof(struct tide_##member_, attnums),                                                 \
	.attnum_count = offsetof(struct tide_##member_, attnum_count)
	{ LIST(columns, column) },
	{ LIST(constraints, constraint), COLUMNS(constraint) },
	{ LIST(indexes, index), COLUMNS(index) },
	{ LIST(triggers, trigger), COLUMNS(trigger) },
	{ LIST(reactions, reaction), COLUMNS(reaction), .second = "update" },
	{ .sql = tide_sql_catalog_reactions,
	    .record = TIDE_RECORD(reaction_fields),
	    .size = sizeof(struct tide_reaction),
	    .items = offsetof(struct tide_table, deletion),
	    .count = offsetof(struct tide_table, deletion_count),
	    COLUMNS(reaction),
	    .second = "delete" },
	{ LIST(dependents, dependent) },
#undef COLUMNS
#undef LIST
};

static void
read_columns_of(void *ctx, const struct list *list, const struct tide_rows *rows, size_t row, char *item)
{
	size_t column = tide_rows_column(rows, "attnums"), count;
	int *attnums = numbers(ctx, tide_rows_text(rows, row, column), &count);

	memcpy(item + list->attnums, &attnums, sizeof(attnums));
	memcpy(item + list->attnum_count, &count, sizeof(count));
}

static bool
read_list(struct tide_loading *load, const struct list *list, struct tide_err *err)
{
	struct tide_catalog *cat = load->cat;
	struct tide_rows *rows;
	char *items;
	size_t count;

	if (!tide_loading_ask(load, list->sql, list->second != NULL ? 2 : 1,
		(const char *const[]){ load->oid, list->second }, &rows, err))
		return false;
	count = tide_rows_count(rows);
	/* One more than there are, so that an empty list is not NULL. */
	items = talloc_zero_size(cat, (count + 1) * list->size);
	for (size_t i = 0; i < count; i++) {
		tide_rows_record(cat, rows, i, &list->record, items + i * list->size);
		if (list->attnums != 0)
			read_columns_of(cat, list, rows, i, items + i * list->size);
	}
	memcpy((char *)&cat->table + list->items, &items, sizeof(items));
	memcpy((char *)&cat->table + list->count, &count, sizeof(count));
	return true;
}

bool
tide_loading_table(struct tide_loading *load, struct tide_err *err)
{
	struct tide_catalog *cat = load->cat;
	const char *published =
	    cat->server_version < 150000 ? tide_sql_catalog_published_14 : tide_sql_catalog_published;
	struct tide_rows *rows;

	if (!tide_loading_ask(load, tide_sql_catalog_relation, TIDE_ARGS(load->oid), &rows, err))
		return false;
	if (tide_rows_count(rows) == 0)
		return tide_fail(err, TIDE_PRECONDITION, "the table was dropped while it was read");
	tide_rows_record(cat, rows, 0, &table_record, &cat->table);
	tide_rows_record(cat, rows, 0, &right_record, cat);
	if (!tide_loading_ask(load, published, TIDE_ARGS(load->oid), &rows, err))
		return false;
	tide_rows_record(cat, rows, 0, &published_record, &cat->table);
	for (size_t i = 0; i < TIDE_COUNT(lists); i++)
		if (!read_list(load, &lists[i], err))
			return false;
	return true;
}
