#include "catalog_private.h"

#include <stdlib.h>
#include <string.h>

#include <talloc.h>

#include "catalog_sql.h"

/** A result while its rows are taken in: what stays belongs to ctx. */
struct reader {
	void *ctx;
	const struct tide_rows *rows;
	size_t row;
};

static char *
text(const struct reader *r, size_t column)
{
	const char *value = tide_rows_text(r->rows, r->row, column);

	return value == NULL ? NULL : talloc_strdup(r->ctx, value);
}

/* A value of the type "char": 0 when empty. */
static char
letter(const struct reader *r, size_t column)
{
	const char *value = tide_rows_text(r->rows, r->row, column);

	return value == NULL ? 0 : value[0];
}

static bool
flag(const struct reader *r, size_t column)
{
	return tide_rows_bool(r->rows, r->row, column);
}

/* `{1,2}`, without the zeros that stand for expressions. */
static int *
numbers(const struct reader *r, size_t column, size_t *count)
{
	const char *value = tide_rows_text(r->rows, r->row, column);
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
		out = talloc_realloc(r->ctx, out, int, (unsigned)(*count + 1));
		out[(*count)++] = (int)number;
	}
	return out;
}

static void
take_relation(const struct reader *r, struct tide_catalog *cat)
{
	cat->table = (struct tide_table){
		.oid = tide_rows_int(r->rows, 0, 0),
		.filenode = tide_rows_int(r->rows, 0, 1),
		.schema = text(r, 2),
		.name = text(r, 3),
		.relkind = letter(r, 4),
		.access_method = text(r, 5),
		.row_security = flag(r, 6),
		.has_children = flag(r, 7),
		.is_child_partition = flag(r, 8),
		.pages = tide_rows_int(r->rows, 0, 9),
		.bytes = tide_rows_int(r->rows, 0, 10),
		.index_bytes = tide_rows_int(r->rows, 0, 11),
		.rows = tide_rows_real(r->rows, 0, 12),
		.max_attnum = (int)tide_rows_int(r->rows, 0, 13),
		.xid_age = tide_rows_real(r->rows, 0, 14),
		.not_heap = text(r, 17),
		.keyless = text(r, 18),
		.orderless = text(r, 19),
		.foreign_partition = text(r, 20),
		.of_type = text(r, 21),
	};
	cat->owns_table = flag(r, 15);
	cat->may_vacuum = flag(r, 16);
}

static void
take_column(const struct reader *r, void *item)
{
	*(struct tide_column *)item = (struct tide_column){
		.name = text(r, 0),
		.attnum = (int)tide_rows_int(r->rows, r->row, 1),
		.type = text(r, 2),
		.cast_type = text(r, 3),
		.collation = text(r, 4),
		.identical = flag(r, 5),
		.not_null = flag(r, 6),
		.default_expr = text(r, 7),
		.identity = letter(r, 8),
		.generated = letter(r, 9),
		.sequence = text(r, 10),
		.comment = text(r, 11),
		.acl = text(r, 12),
		.not_null_constraint = text(r, 13),
		.collated = text(r, 14),
		.unpadded = text(r, 15),
		.parts = text(r, 16),
		.composites = flag(r, 17),
		.default_of_type = flag(r, 18),
		.grants = text(r, 19),
		.storage = letter(r, 20),
		.type_storage = letter(r, 21),
		.compression = letter(r, 22),
		.statistics = text(r, 23),
		.options = text(r, 24),
		.inherited = flag(r, 25),
		.not_null_unproved = flag(r, 26),
	};
}

static void
take_constraint(const struct reader *r, void *item)
{
	struct tide_constraint *constraint = item;

	*constraint = (struct tide_constraint){
		.name = text(r, 0),
		.type = letter(r, 1),
		.definition = text(r, 2),
		.validated = flag(r, 4),
		.comment = text(r, 5),
		.referencing = text(r, 6),
		.table = text(r, 7),
	};
	constraint->attnums = numbers(r, 3, &constraint->attnum_count);
}

static void
take_index(const struct reader *r, void *item)
{
	struct tide_index *index = item;

	*index = (struct tide_index){
		.schema = text(r, 0),
		.name = text(r, 1),
		.definition = text(r, 2),
		.unique = flag(r, 3),
		.primary = flag(r, 4),
		.valid = flag(r, 5),
		.ready = flag(r, 6),
		.replica_identity = flag(r, 7),
		.clustered = flag(r, 8),
		.constraint = text(r, 9),
		.comment = text(r, 11),
		.has_statistics = flag(r, 12),
		.deferrable = !flag(r, 13),
		.table = text(r, 14),
	};
	index->attnums = numbers(r, 10, &index->attnum_count);
}

static void
take_trigger(const struct reader *r, void *item)
{
	struct tide_trigger *trigger = item;

	*trigger = (struct tide_trigger){
		.name = text(r, 0),
		.definition = text(r, 1),
		.function = text(r, 2),
		.enabled = letter(r, 3),
		.before = flag(r, 4),
		.row = flag(r, 5),
		.on_insert = flag(r, 6),
		.on_update = flag(r, 7),
		.internal = flag(r, 8),
		.table = text(r, 9),
		.columns = text(r, 10),
		.comment = text(r, 12),
		.uneven = flag(r, 13),
	};
	trigger->attnums = numbers(r, 11, &trigger->attnum_count);
}

static void
take_reaction(const struct reader *r, void *item)
{
	struct tide_reaction *reaction = item;

	*reaction = (struct tide_reaction){
		.name = text(r, 0),
		.kind = letter(r, 1),
		.table = text(r, 2),
		.does = text(r, 3),
		.timing = text(r, 4),
		.condition = text(r, 5),
		.enabled = letter(r, 6),
		.alters = flag(r, 7),
	};
	reaction->attnums = numbers(r, 8, &reaction->attnum_count);
}

static void
take_dependent(const struct reader *r, void *item)
{
	*(struct tide_dependent *)item = (struct tide_dependent){
		.attnum = (int)tide_rows_int(r->rows, r->row, 0),
		.kind = text(r, 1),
		.name = text(r, 2),
		.identity = text(r, 3),
		.blocks_drop = flag(r, 4),
		.alters = flag(r, 5),
	};
}

/* The lists of a table: one query each, one row an item. */
static const struct list {
	const char *sql;
	size_t item_size;
	size_t items, count; /* offsets in struct tide_table */
	void (*take)(const struct reader *r, void *item);
} lists[] = {
#define LIST(name, member, take)                                                                             \
	{                                                                                                    \
		tide_sql_catalog_##name, sizeof(struct tide_##member), offsetof(struct tide_table, member),  \
		    offsetof(struct tide_table, member##_count), take                                        \
	}
	LIST(columns, column, take_column),
	LIST(constraints, constraint, take_constraint),
	LIST(indexes, index, take_index),
	LIST(triggers, trigger, take_trigger),
	LIST(reactions, reaction, take_reaction),
	LIST(dependents, dependent, take_dependent),
#undef LIST
};

static bool
read_list(struct tide_loading *load, const struct list *list, struct tide_err *err)
{
	struct tide_catalog *cat = load->cat;
	struct reader r = { .ctx = cat };
	struct tide_rows *rows;
	char *items;
	size_t count;

	if (!tide_loading_ask(load, list->sql, TIDE_ARGS(load->oid), &rows, err))
		return false;
	r.rows = rows;
	count = tide_rows_count(rows);
	items = talloc_zero_size(cat, (count + 1) * list->item_size);
	for (r.row = 0; r.row < count; r.row++)
		list->take(&r, items + r.row * list->item_size);
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
	struct reader r = { .ctx = cat };
	struct tide_rows *rows;

	if (!tide_loading_ask(load, tide_sql_catalog_relation, TIDE_ARGS(load->oid), &rows, err))
		return false;
	if (tide_rows_count(rows) == 0)
		return tide_fail(err, TIDE_PRECONDITION, "the table was dropped while it was read");
	r.rows = rows;
	take_relation(&r, cat);
	if (!tide_loading_ask(load, published, TIDE_ARGS(load->oid), &rows, err))
		return false;
	r.rows = rows;
	cat->table.published = flag(&r, 0);
	cat->table.publications = text(&r, 1);
	cat->table.state_publications = text(&r, 2);
	cat->table.without_identity = text(&r, 3);
	cat->table.narrow_publications = text(&r, 4);
	cat->table.subscriptions = text(&r, 5);
	for (size_t i = 0; i < TIDE_COUNT(lists); i++)
		if (!read_list(load, &lists[i], err))
			return false;
	return true;
}
