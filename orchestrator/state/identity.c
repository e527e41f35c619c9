/* Whose run it is: a dump carries schema tidemark with it, and tables are renamed, dropped and made anew. */
#include "identity.h"

#include <string.h>
#include <talloc.h>

#include "state_sql.h"

static enum tide_home
judge(const struct tide_rows *rows)
{
	const char *kind = tide_rows_text(rows, 0, 7);

	if (!tide_rows_bool(rows, 0, 0))
		return TIDE_OTHER_CLUSTER;
	if (!tide_rows_bool(rows, 0, 1))
		return TIDE_OTHER_DATABASE;
	if (tide_rows_bool(rows, 0, 2))
		return tide_rows_bool(rows, 0, 6) ? TIDE_HOME : TIDE_HOME_RENAMED;
	if (!tide_rows_bool(rows, 0, 3))
		return TIDE_TABLE_DROPPED;
	return kind[0] == 'r' || kind[0] == 'p' ? TIDE_OTHER_TABLE : TIDE_TABLE_TAKEN;
}

static void
read_row(void *ctx, const struct tide_rows *rows, struct tide_identity *out)
{
	const struct {
		const char **text;
		size_t column;
	} texts[] = { { &out->recorded, 4 }, { &out->now, 5 }, { &out->before, 8 }, { &out->here, 9 },
		{ &out->original, 10 }, { &out->found_name, 12 }, { &out->plan_text, 17 } };

	*out = (struct tide_identity){
		.home = judge(rows),
		.found = tide_rows_int(rows, 0, 11),
		.marked = tide_rows_bool(rows, 0, 13),
		.table = tide_rows_int(rows, 0, 14),
		.fence = tide_rows_int(rows, 0, 15),
		.state = tide_run_state_of(tide_rows_text(rows, 0, 16)),
	};
	for (size_t i = 0; i < TIDE_COUNT(texts); i++)
		*texts[i].text = talloc_strdup(ctx, tide_rows_text(rows, 0, texts[i].column));
}

bool
tide_identity_read(
    void *ctx, struct tide_conn *conn, int64_t run, struct tide_identity *out, struct tide_err *err)
{
	void *mem = talloc_new(ctx);
	struct tide_rows *rows;
	bool ok = tide_await_query(
	    conn, mem, tide_sql_state_identity, TIDE_ARGS(tide_param_int(mem, run)), &rows, err);

	if (ok && tide_rows_count(rows) == 0)
		ok = tide_fail(
		    err, TIDE_PRECONDITION, "run %lld is gone from schema tidemark", (long long)run);
	if (ok)
		read_row(ctx, rows, out);
	talloc_free(mem);
	return ok;
}

bool
tide_identity_matters(enum tide_run_state state, bool back)
{
	return state != TIDE_RUN_ROLLED_BACK && (state != TIDE_RUN_COMPLETE || back);
}

const char *
tide_home_name(enum tide_home home)
{
	static const char *const names[] = {
		[TIDE_HOME] = "home",
		[TIDE_HOME_RENAMED] = "home",
		[TIDE_OTHER_CLUSTER] = "other-cluster",
		[TIDE_OTHER_DATABASE] = "other-database",
		[TIDE_OTHER_TABLE] = "other-table",
		[TIDE_TABLE_TAKEN] = "table-taken",
		[TIDE_TABLE_DROPPED] = "table-dropped",
	};

	return names[home];
}

char *
tide_identity_text(void *ctx, const struct tide_identity *id, const char *plan)
{
	switch (id->home) {
	case TIDE_HOME:
	case TIDE_HOME_RENAMED:
		return NULL;
	case TIDE_OTHER_CLUSTER:
		return talloc_asprintf(ctx,
		    "the run of '%s' belongs to another database cluster: this database is a copy of the one "
		    "in which it was started (a restored dump, a clone, an upgrade)",
		    plan);
	case TIDE_OTHER_DATABASE:
		if (id->original != NULL)
			return talloc_asprintf(ctx,
			    "the run of '%s' belongs to another database of this cluster, %s: this database "
			    "is a copy beside it",
			    plan, id->original);
		return talloc_asprintf(ctx,
		    "the run of '%s' belongs to another database of this cluster, which was dropped: this "
		    "database is a copy of it",
		    plan);
	case TIDE_OTHER_TABLE:
		return talloc_asprintf(ctx,
		    "table %s is not the one that the run of '%s' began with: that one was dropped, and this "
		    "one was created or restored since",
		    id->recorded, plan);
	case TIDE_TABLE_TAKEN:
		return talloc_asprintf(ctx,
		    "the table of the run of '%s' was dropped, and %s is not a table now", plan,
		    id->recorded);
	case TIDE_TABLE_DROPPED:
		break;
	}
	return talloc_asprintf(ctx, "table %s of the run of '%s' was dropped", id->recorded, plan);
}

/* In the run's own database a table without its triggers is somebody's new one. */
bool
tide_identity_adoptable(const struct tide_identity *id)
{
	switch (id->home) {
	case TIDE_OTHER_CLUSTER:
	case TIDE_OTHER_DATABASE:
		return id->found != 0;
	case TIDE_OTHER_TABLE:
	case TIDE_TABLE_TAKEN:
	case TIDE_TABLE_DROPPED:
		return id->found != 0 && id->marked;
	default:
		return false;
	}
}

char *
tide_identity_hint(void *ctx, const struct tide_identity *id, const char *plan)
{
	if (tide_identity_adoptable(id))
		return talloc_asprintf(ctx,
		    "tidemark adopt %s checks %s here; after that the run can be continued or rolled back",
		    plan, id->found_name);
	if (id->home == TIDE_OTHER_CLUSTER || id->home == TIDE_OTHER_DATABASE)
		return talloc_asprintf(ctx,
		    "table %s is not in this database: continue on the original, or restore the table as "
		    "well, "
		    "from the same dump",
		    id->recorded);
	return talloc_strdup(ctx,
	    "the run cannot continue without its table; docs/operations.md, \"A restored copy\", says how "
	    "to remove what it left");
}
