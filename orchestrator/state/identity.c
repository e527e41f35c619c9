/* Whose run it is: a dump carries schema tidemark with it, and tables are renamed, dropped and made again. */
#include "identity.h"

#include <string.h>
#include <talloc.h>

#include "state_sql.h"

/* What the row says of the database and of the table, beside what is kept. */
struct signs {
	bool same_cluster, same_database, has_table, name_taken, has_name;
	char name_kind; /* of what has the table's name: as pg_class.relkind */
};

static const struct tide_record_field sign_fields[] = {
	TIDE_FIELD(signs, same_cluster, BOOL),
	TIDE_FIELD(signs, same_database, BOOL),
	TIDE_FIELD(signs, has_table, BOOL),
	TIDE_FIELD(signs, name_taken, BOOL),
	TIDE_FIELD(signs, has_name, BOOL),
	TIDE_FIELD(signs, name_kind, CHAR),
};

static const struct tide_record_field identity_fields[] = {
	TIDE_FIELD(tide_identity, recorded, TEXT),
	TIDE_FIELD(tide_identity, now, TEXT),
	TIDE_FIELD(tide_identity, before, TEXT),
	TIDE_FIELD(tide_identity, here, TEXT),
	TIDE_FIELD(tide_identity, original, TEXT),
	TIDE_FIELD(tide_identity, found, INT),
	TIDE_FIELD(tide_identity, found_name, TEXT),
	TIDE_FIELD(tide_identity, marked, BOOL),
	TIDE_FIELD(tide_identity, table, INT),
	TIDE_FIELD(tide_identity, fence, INT),
	TIDE_FIELD(tide_identity, plan_text, TEXT),
};

static const struct tide_record sign_record = TIDE_RECORD(sign_fields);
static const struct tide_record identity_record = TIDE_RECORD(identity_fields);

static enum tide_home
judge(const struct signs *s)
{
	if (!s->same_cluster)
		return TIDE_OTHER_CLUSTER;
	if (!s->same_database)
		return TIDE_OTHER_DATABASE;
	if (s->has_table)
		return s->has_name ? TIDE_HOME : TIDE_HOME_RENAMED;
	if (!s->name_taken)
		return TIDE_TABLE_DROPPED;
	return s->name_kind == 'r' || s->name_kind == 'p' ? TIDE_OTHER_TABLE : TIDE_TABLE_TAKEN;
}

static void
read_row(void *ctx, const struct tide_rows *rows, struct tide_identity *out)
{
	struct signs signs;

	tide_rows_record(ctx, rows, 0, &sign_record, &signs);
	tide_rows_record(ctx, rows, 0, &identity_record, out);
	out->home = judge(&signs);
	out->state = tide_run_state_of(tide_rows_text(rows, 0, tide_rows_column(rows, "state")));
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
			    "is a copy of it",
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

/* In the run's own database, a table without the plan's triggers is another one that was created since. */
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
		    "well, from the same dump",
		    id->recorded);
	return talloc_strdup(ctx,
	    "the run cannot continue without its table; docs/operations.md, \"A restored copy\", says how "
	    "to remove what it left");
}
