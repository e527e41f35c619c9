#include "catalog_private.h"

#include <talloc.h>

#include "catalog_sql.h"

static char *
text(const struct tide_loading *load, const struct tide_rows *rows, size_t row, size_t column)
{
	return talloc_strdup(load->cat, tide_rows_text(rows, row, column));
}

/* Whether the rows of schema tidemark can be read at all; the triggers on the table can be in any case. */
static bool
may_read(struct tide_loading *load, bool *may, struct tide_err *err)
{
	struct tide_rows *rows;
	bool ok = tide_loading_ask(load,
	    "SELECT coalesce((SELECT bool_and(has_table_privilege(c.oid, 'SELECT') AND "
	    "has_schema_privilege(n.oid, 'USAGE')) AND count(*) = 2 FROM pg_catalog.pg_class AS c "
	    "JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace "
	    "WHERE n.nspname = 'tidemark' AND c.relname IN ('run', 'phase')), false)",
	    0, NULL, &rows, err);

	*may = ok && tide_rows_bool(rows, 0, 0);
	return ok;
}

static bool
read_runs(struct tide_loading *load, struct tide_err *err)
{
	struct tide_catalog *cat = load->cat;
	struct tide_rows *rows;

	if (!tide_loading_ask(
		load, tide_sql_catalog_others, TIDE_ARGS(load->oid, load->request->plan), &rows, err))
		return false;
	cat->other_run_count = tide_rows_count(rows);
	cat->other_run = talloc_zero_array(cat, struct tide_other_run, (unsigned)cat->other_run_count);
	for (size_t i = 0; i < cat->other_run_count; i++)
		cat->other_run[i] = (struct tide_other_run){
			.plan = text(load, rows, i, 0),
			.state = text(load, rows, i, 1),
			.phase = text(load, rows, i, 2),
			.text = text(load, rows, i, 3),
			.phases = text(load, rows, i, 4),
			.earlier = tide_rows_bool(rows, i, 5),
		};
	return true;
}

bool
tide_loading_others(struct tide_loading *load, struct tide_err *err)
{
	struct tide_catalog *cat = load->cat;
	struct tide_rows *rows;
	bool may;

	if (!may_read(load, &may, err) || (may && !read_runs(load, err)) ||
	    !tide_loading_ask(
		load, tide_sql_catalog_keepers, TIDE_ARGS(load->oid, load->request->plan), &rows, err))
		return false;
	cat->keeper_count = tide_rows_count(rows);
	cat->keeper = talloc_zero_array(cat, struct tide_keeper, (unsigned)cat->keeper_count);
	for (size_t i = 0; i < cat->keeper_count; i++)
		cat->keeper[i] = (struct tide_keeper){
			.trigger = text(load, rows, i, 0),
			.plan = text(load, rows, i, 1),
			.column = text(load, rows, i, 2),
		};
	return true;
}
