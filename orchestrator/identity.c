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
		*out = (struct tide_identity){
			.home = judge(rows),
			.recorded = talloc_strdup(ctx, tide_rows_text(rows, 0, 4)),
			.now = talloc_strdup(ctx, tide_rows_text(rows, 0, 5)),
			.before = talloc_strdup(ctx, tide_rows_text(rows, 0, 8)),
			.here = talloc_strdup(ctx, tide_rows_text(rows, 0, 9)),
		};
	talloc_free(mem);
	return ok;
}

static const char copied[] =
    "continue on the original; docs/operations.md, \"A restored copy\", says how to start "
    "anew here";

/* Always false. */
static bool
refuse(const struct tide_executor *exe, const struct tide_identity *id, struct tide_err *err)
{
	const char *plan = exe->plan->name;
	const char *hint =
	    "the run cannot continue without its table; docs/operations.md, \"A restored copy\", says how "
	    "to remove what it left";

	switch (id->home) {
	case TIDE_OTHER_CLUSTER:
		tide_fail(err, TIDE_PRECONDITION,
		    "the run of '%s' belongs to another database cluster: this database is a copy of it (a "
		    "restored "
		    "dump, a clone, an upgrade)",
		    plan);
		hint = copied;
		break;
	case TIDE_OTHER_DATABASE:
		tide_fail(err, TIDE_PRECONDITION,
		    "the run of '%s' belongs to another database of this cluster: this one is a copy of it",
		    plan);
		hint = copied;
		break;
	case TIDE_OTHER_TABLE:
		tide_fail(err, TIDE_PRECONDITION,
		    "table %s is not the one that the run of '%s' began with: that one was dropped, and this "
		    "one "
		    "was made or restored since",
		    id->recorded, plan);
		break;
	case TIDE_TABLE_TAKEN:
		tide_fail(err, TIDE_PRECONDITION,
		    "the table of the run of '%s' was dropped, and %s is no table now", plan, id->recorded);
		break;
	default:
		tide_fail(
		    err, TIDE_PRECONDITION, "table %s of the run of '%s' was dropped", id->recorded, plan);
		break;
	}
	return tide_hint(err, "%s", hint);
}

bool
tide_identity_check(struct tide_executor *exe, const char *state, struct tide_err *err)
{
	struct tide_identity id;

	if (!tide_identity_read(exe, exe->control, exe->run, &id, err))
		return false;
	/* What is over and is to stay so needs no table. */
	if (strcmp(state, "rolled_back") == 0 || (strcmp(state, "complete") == 0 && !exe->back))
		return true;
	if (id.home == TIDE_HOME_RENAMED)
		tide_executor_event(exe, "table.renamed", NULL, true,
		    "the table %s of the run is called %s now: following it", id.recorded, id.now);
	if (id.home == TIDE_HOME || id.home == TIDE_HOME_RENAMED) {
		exe->relation = talloc_strdup(exe, id.now);
		return true;
	}
	return refuse(exe, &id, err);
}
