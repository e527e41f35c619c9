/* What a table consists of: itself, or the leaves of its partition tree, each with its storage and the order of its rows. */
#include "sweep.h"

#include <string.h>
#include <talloc.h>

#include "keyset.h"
#include "keyset_load.h"
#include "sweep_sql.h"
#include "tidemark/base/record.h"

/* Rows that the statistics promise; a table without any is taken for one of middling width. */
#define ROWS_A_PAGE 64

/** A row of leaves.sql. */
struct leaf {
	int64_t oid, filenode, pages, indexes, rows, index_bytes;
	char *name, *mark;
	int fillfactor;
	bool heap, indexed;
};

static const struct tide_record_field leaf_fields[] = {
	TIDE_FIELD(leaf, oid, INT),
	TIDE_FIELD(leaf, name, TEXT),
	TIDE_FIELD(leaf, filenode, INT),
	TIDE_FIELD(leaf, pages, INT),
	TIDE_FIELD(leaf, heap, BOOL),
	TIDE_FIELD(leaf, indexes, INT),
	TIDE_FIELD(leaf, indexed, BOOL),
	TIDE_FIELD(leaf, rows, INT),
	TIDE_FIELD(leaf, index_bytes, INT),
	TIDE_FIELD(leaf, fillfactor, INT32),
	TIDE_FIELD(leaf, mark, TEXT),
};
static const struct tide_record leaf_record = TIDE_RECORD(leaf_fields);

struct tide_relation *
tide_relations_find(const struct tide_sweep *sweep, int64_t oid)
{
	for (size_t i = 0; i < sweep->relation_count; i++)
		if (sweep->relation[i]->oid == oid)
			return sweep->relation[i];
	return NULL;
}

static struct tide_relation *
add_relation(struct tide_sweep *sweep, int64_t oid)
{
	struct tide_relation *r = talloc_zero(sweep, struct tide_relation);

	r->oid = oid;
	sweep->relation = talloc_realloc(
	    sweep, sweep->relation, struct tide_relation *, (unsigned)(sweep->relation_count + 1));
	sweep->relation[sweep->relation_count++] = r;
	return r;
}

static void
choose_stripes(const struct tide_sweep *sweep, struct tide_relation *r, const struct leaf *leaf)
{
	const struct tide_sweep_tuning *tuning = &sweep->spec->tuning;
	const struct tide_stripe_facts facts = {
		.pages = r->pages,
		.indexes = leaf->indexes,
		.indexed = leaf->indexed,
		.rows = leaf->rows,
		.fillfactor = leaf->fillfactor,
		.accept_bloat = tuning->accept_bloat != 0,
	};

	r->index_bytes = leaf->index_bytes;
	/* Only what writes needs room in the pages. */
	tide_stripes_begin(&r->stripes, &facts, sweep->spec->write ? (int)tuning->stripes : 1);
}

static bool
choose_order(struct tide_sweep *sweep, struct tide_conn *conn, struct tide_relation *r, bool heap,
    struct tide_err *err)
{
	int64_t index = r->keyset != NULL ? r->keyset->index : 0;

	TALLOC_FREE(r->keyset);
	r->heap = heap;
	r->condition = sweep->spec->residual;
	r->order = sweep->spec->deletes ? &tide_heap_deletes : &tide_heap_order;
	if (sweep->spec->by == NULL && !tide_keyset_wanted(sweep->spec->order, heap))
		return true;
	r->order = sweep->spec->by != NULL ? &tide_index_deletes : &tide_key_order;
	if (!tide_keyset_load(r, conn, r->oid, r->name, sweep->spec->by, &r->keyset, err))
		return false;
	r->reindexed = r->reindexed || (index != 0 && r->keyset->index != index);
	return true;
}

static bool
take(struct tide_sweep *sweep, struct tide_conn *conn, struct tide_relation *r, const struct leaf *leaf,
    struct tide_err *err)
{
	r->gone = false;
	r->renamed = r->renamed || (r->name != NULL && strcmp(r->name, leaf->name) != 0);
	talloc_free(r->name);
	r->name = talloc_strdup(r, leaf->name);
	talloc_free(r->mark);
	r->mark = talloc_strdup(r, leaf->mark);
	r->filenode = leaf->filenode;
	r->pages = leaf->pages;
	if (!choose_order(sweep, conn, r, leaf->heap, err))
		return false;
	if (r->keyset != NULL && r->pages < 1)
		r->pages = 1;
	r->rows = leaf->rows >= 1 ? leaf->rows : r->pages * ROWS_A_PAGE + 1;
	if (r->stripes.row_bytes == 0)
		choose_stripes(sweep, r, leaf);
	return true;
}

/* The order of an index leads only to rows for which the condition holds: progress is a share of those that the planner expects. */
static void
expect_rows(struct tide_sweep *sweep)
{
	double all = 0;

	for (size_t i = 0; i < sweep->relation_count; i++)
		all += sweep->relation[i]->gone ? 0 : (double)sweep->relation[i]->rows;
	for (size_t i = 0; i < sweep->relation_count; i++) {
		struct tide_relation *r = sweep->relation[i];

		if (all > 0 && sweep->task->action->rows >= 0)
			r->rows = (int64_t)((double)r->rows / all * (double)sweep->task->action->rows) + 1;
	}
}

/*
 * Relations that are known keep their place: segments point to them. One that is not found again is only
 * marked as gone.
 */
bool
tide_relations_read(struct tide_sweep *sweep, struct tide_conn *conn, int64_t table, struct tide_err *err)
{
	void *mem = talloc_new(sweep);
	struct tide_rows *rows;
	struct leaf *leaf = NULL;
	size_t count = 0;
	bool ok = tide_await_query(conn, mem, tide_sql_sweep_leaves,
	    TIDE_ARGS(tide_param_int(mem, table), sweep->spec->columns), &rows, err);

	if (ok)
		leaf = tide_rows_records(mem, rows, &leaf_record, sizeof(*leaf), &count);
	for (size_t i = 0; ok && i < sweep->relation_count; i++)
		sweep->relation[i]->gone = true;
	for (size_t i = 0; ok && i < count; i++) {
		struct tide_relation *r = tide_relations_find(sweep, leaf[i].oid);

		ok = take(sweep, conn, r != NULL ? r : add_relation(sweep, leaf[i].oid), &leaf[i], err);
	}
	if (ok && sweep->spec->by != NULL)
		expect_rows(sweep);
	talloc_free(mem);
	return ok;
}
