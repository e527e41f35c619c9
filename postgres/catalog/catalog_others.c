#include "catalog_private.h"

#include <talloc.h>

#include "catalog_sql.h"

/* Whether the rows of schema tidemark can be read at all; the triggers on the table can be in any case. */
static bool
may_read(struct tide_loading *load, bool *may, struct tide_err *err)
{
	struct tide_rows *rows;
	bool ok = tide_loading_ask(load, tide_sql_catalog_readable, 0, NULL, &rows, err);

	*may = ok && tide_rows_only_bool(rows);
	return ok;
}

static const struct tide_record_field run_fields[] = {
	TIDE_FIELD(tide_other_run, plan, TEXT),
	TIDE_FIELD(tide_other_run, state, TEXT),
	TIDE_FIELD(tide_other_run, phase, TEXT),
	TIDE_FIELD(tide_other_run, text, TEXT),
	TIDE_FIELD(tide_other_run, phases, TEXT),
	TIDE_FIELD(tide_other_run, earlier, BOOL),
	TIDE_FIELD(tide_other_run, same_table, BOOL),
};
static const struct tide_record_field keeper_fields[] = {
	TIDE_FIELD(tide_keeper, trigger, TEXT),
	TIDE_FIELD(tide_keeper, plan, TEXT),
	TIDE_FIELD(tide_keeper, column, TEXT),
};
static const struct tide_record run_record = TIDE_RECORD(run_fields);
static const struct tide_record keeper_record = TIDE_RECORD(keeper_fields);

static bool
read_runs(struct tide_loading *load, struct tide_err *err)
{
	struct tide_catalog *cat = load->cat;
	struct tide_rows *rows;

	if (!tide_loading_ask(
		load, tide_sql_catalog_others, TIDE_ARGS(load->oid, load->request->plan), &rows, err))
		return false;
	cat->other_run =
	    tide_rows_records(cat, rows, &run_record, sizeof(*cat->other_run), &cat->other_run_count);
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
	cat->keeper = tide_rows_records(cat, rows, &keeper_record, sizeof(*cat->keeper), &cat->keeper_count);
	return true;
}
