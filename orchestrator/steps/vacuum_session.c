#include "vacuum_session.h"

#include <talloc.h>

#include "steps_sql.h"
#include "tidemark/base/sqltext.h"
#include "tidemark/base/units.h"

char *
tide_vacuum_session_sql(void *ctx, const struct tide_limits *limits)
{
	char *limit = limits->vacuum_cost_limit > 0
			  ? tide_sqlf(ctx, "'%l'", (long long)limits->vacuum_cost_limit)
			  : talloc_strdup(ctx,
				"coalesce(nullif(current_setting('autovacuum_vacuum_cost_limit'), '-1'), "
				"current_setting('vacuum_cost_limit'))");
	char *sql = tide_sqlf(ctx,
	    "SELECT set_config('vacuum_cost_limit', %s, false), set_config('vacuum_cost_delay', "
	    "coalesce(nullif(nullif(current_setting('autovacuum_vacuum_cost_delay'), '-1'), '0'), "
	    "nullif(current_setting('vacuum_cost_delay'), '0'), '2ms'), false);\n"
	    "SET lock_timeout = %l",
	    limit, (long long)(limits->lock_timeout / TIDE_MS));

	talloc_free(limit);
	return sql;
}

static bool
refuse_to_skip(const struct tide_task *task, void *mem, struct tide_err *err)
{
	struct tide_rows *rows;
	const char *tables;

	if (!tide_await_query(task->exe->control, mem, tide_sql_steps_skipped,
		TIDE_ARGS(task->action->lock_table), &rows, err))
		return false;
	tables = tide_rows_text(rows, 0, tide_rows_column(rows, "tables"));
	if (tables == NULL)
		return true;
	tide_fail(err, TIDE_PRECONDITION, "role %s may not vacuum or analyze %s: the server would skip it",
	    tide_rows_required(rows, 0, tide_rows_column(rows, "role")), tables);
	return tide_hint(
	    err, "make the role a member of the owner (from PostgreSQL 17 on GRANT MAINTAIN will do)");
}

bool
tide_vacuum_session_set(const struct tide_task *task, struct tide_err *err)
{
	const struct tide_executor *exe = task->exe;
	void *mem = talloc_new(NULL);
	char *sql = tide_vacuum_session_sql(mem, &exe->plan->limits);
	int64_t timeout = exe->plan->limits.lock_timeout / TIDE_MS;
	bool ok;

	if (exe->server.may_lower_deadlock_timeout)
		sql = talloc_asprintf_append(
		    sql, ";\nSET deadlock_timeout = %lld", (long long)(timeout / 4 > 0 ? timeout / 4 : 1));
	ok = refuse_to_skip(task, mem, err) && tide_await_exec(exe->control, NULL, sql, NULL, err);
	talloc_free(mem);
	return ok;
}

bool
tide_vacuum_session_reset(const struct tide_executor *exe, bool ok, struct tide_err *err)
{
	struct tide_err failed = { 0 };

	if (!tide_conn_alive(exe->control) ||
	    tide_await_exec(exe->control, NULL,
		exe->server.may_lower_deadlock_timeout ? TIDE_VACUUM_SESSION_RESET "; RESET deadlock_timeout"
						       : TIDE_VACUUM_SESSION_RESET,
		NULL, &failed) ||
	    !ok)
		return ok;
	*err = failed;
	return false;
}
