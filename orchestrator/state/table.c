#include "table.h"

#include <string.h>

#include <talloc.h>

#include "role_search_path.h"
#include "state_sql.h"
#include "tidemark/base/sqltext.h"

bool
tide_table_find(void *ctx, struct tide_conn *conn, const char *schema, const char *relation, int64_t *oid,
    char **name, struct tide_err *err)
{
	void *mem = talloc_new(ctx);
	char *text = tide_relation_text(mem, schema, relation);
	struct tide_rows *rows = NULL;
	bool ok = tide_await_role_search_path(conn, mem, tide_sql_state_table, TIDE_ARGS(text), &rows, err);

	if (ok && tide_rows_count(rows) == 0) {
		ok = tide_fail(err, TIDE_PRECONDITION, "table %s does not exist", text);
		tide_hint(err, "check `table` in the plan and the database you are connected to");
	}
	if (ok) {
		*oid = tide_rows_int(rows, 0, tide_rows_column(rows, "oid"));
		*name = talloc_strdup(ctx, tide_rows_required(rows, 0, tide_rows_column(rows, "name")));
	}
	talloc_free(mem);
	return ok;
}

/* The name that the table of the run has now. */
struct place {
	char *schema, *name;
	char *printed,
	    *printed_before; /* as the server prints the name, and the one that the action was compiled with */
	bool has_name;       /* the name in the run's row still means it */
	char *has_it_now;    /* what that name means now; NULL: nothing */
	char *recorded;      /* that name */
};

static const struct tide_record_field place_fields[] = {
	TIDE_FIELD(place, schema, TEXT),
	TIDE_FIELD(place, name, TEXT),
	TIDE_FIELD(place, printed, TEXT),
	TIDE_FIELD(place, printed_before, TEXT),
	TIDE_FIELD(place, has_name, BOOL),
	TIDE_FIELD(place, has_it_now, TEXT),
	TIDE_FIELD(place, recorded, TEXT),
};
static const struct tide_record place_record = TIDE_RECORD(place_fields);

/* The name of the table for which `action` was compiled, in two parts. False: it has none. */
static bool
compiled_name(void *mem, const struct tide_session *session, const struct tide_action *action, char *parts[2])
{
	const char *text = action->table != NULL        ? action->table
			   : action->lock_table != NULL ? action->lock_table
							: session->relation;

	return text != NULL && tide_name_parse(mem, text, parts) == 2;
}

/* The statement that gives the table its old name back. */
static char *
rename_back(void *ctx, const char *schema, const char *name, char *const before[2])
{
	if (strcmp(schema, before[0]) == 0)
		return tide_sqlf(ctx, "ALTER TABLE %I.%I RENAME TO %I", schema, name, before[1]);
	if (strcmp(name, before[1]) == 0)
		return tide_sqlf(ctx, "ALTER TABLE %I.%I SET SCHEMA %I", schema, name, before[0]);
	return tide_sqlf(
	    ctx, "ALTER TABLE %I.%I SET SCHEMA %I, then rename it to %I", schema, name, before[0], before[1]);
}

/*
 * Statements of the plan's author are not rewritten. Where another session has renamed the table, and another relation has its name now,
 * they would change that one. A rename of the plan's own is known: the run's row has the name that it left.
 */
static bool
check_own_sql(void *mem, const struct tide_action *action, const struct place *now, struct tide_err *err)
{
	char *left[2], *where;

	if ((action->flags & TIDE_ROLE_SEARCH_PATH) == 0 || now->has_name || now->has_it_now == NULL ||
	    tide_name_parse(mem, now->recorded, left) != 2 || !tide_action_mentions(action, left[1]))
		return true;
	where = rename_back(mem, now->schema, now->name, left);
	tide_fail(err, TIDE_PRECONDITION,
	    "the plan's statements name %s, and that is another relation now: the table of the run was "
	    "renamed to %s",
	    left[1], now->printed);
	return tide_hint(err, "rename the other one and rename the table back (%s), then run again", where);
}

/* A table takes its indexes along when its schema changes: names that mean nothing in the old schema any more. */
static bool
moved_names(struct tide_session *session, void *mem, const struct tide_action *action, char *const before[2],
    const char *schema, struct tide_renaming **names, size_t *count, struct tide_err *err)
{
	struct tide_names found = tide_action_names_in(mem, action, before[0]);
	const char *table = tide_sqlf(mem, "%I.%I", before[0], before[1]);
	size_t prefix = strlen(tide_ident(mem, before[0]));

	for (size_t i = 0; i < found.count; i++) {
		struct tide_rows *rows;

		if (strcmp(found.item[i], table) == 0)
			continue;
		if (!tide_await_query(session->conn, mem, "SELECT pg_catalog.to_regclass($1) IS NULL",
			TIDE_ARGS(found.item[i]), &rows, err))
			return false;
		if (!tide_rows_only_bool(rows))
			continue;
		*names = talloc_realloc(mem, *names, struct tide_renaming, (unsigned)(*count + 1));
		(*names)[(*count)++] = (struct tide_renaming){ .from = found.item[i],
			.to = talloc_asprintf(mem, "%s%s", tide_ident(mem, schema), found.item[i] + prefix) };
	}
	return true;
}

static bool
renamed(struct tide_session *session, void *ctx, void *mem, const struct tide_action *action,
    char *const before[2], const struct place *now, const struct tide_action **out, struct tide_err *err)
{
	struct tide_renaming *names = talloc_array(mem, struct tide_renaming, 1);
	size_t count = 1;

	names[0] = (struct tide_renaming){ .from = tide_sqlf(mem, "%I.%I", before[0], before[1]),
		.to = tide_sqlf(mem, "%I.%I", now->schema, now->name),
		.printed_from = now->printed_before,
		.printed_to = now->printed };
	if (strcmp(now->schema, before[0]) != 0 &&
	    !moved_names(session, mem, action, before, now->schema, &names, &count, err))
		return false;
	*out = tide_action_renamed(ctx, action, names, count);
	return true;
}

/*
 * The name is not locked: the table may be renamed again before the statement arrives.
 * tide_table_assert_sql() notices that under the lock, or the statement fails by the name; tide_task_run()
 * tries again after both.
 */
bool
tide_table_follow(struct tide_session *session, void *ctx, const struct tide_action *action,
    const struct tide_action **out, struct tide_err *err)
{
	void *mem = talloc_new(ctx);
	struct tide_rows *rows;
	struct place now;
	char *before[2];
	bool ok;

	*out = action;
	if (!compiled_name(mem, session, action, before)) {
		talloc_free(mem);
		return true;
	}
	ok = tide_await_query(session->conn, mem, tide_sql_state_follow,
	    TIDE_ARGS(tide_param_int(mem, session->run), before[0], before[1]), &rows, err);
	if (ok && tide_rows_count(rows) == 0) {
		ok = tide_fail(err, TIDE_PRECONDITION, "table %s of the run of '%s' was dropped",
		    session->relation, session->plan->name);
	} else if (ok) {
		tide_rows_record(mem, rows, 0, &place_record, &now);
		talloc_free(session->relation);
		session->relation = talloc_strdup(session, now.printed);
		ok = check_own_sql(mem, action, &now, err);
		if (ok && (strcmp(before[0], now.schema) != 0 || strcmp(before[1], now.name) != 0))
			ok = renamed(session, ctx, mem, action, before, &now, out, err);
	}
	talloc_free(mem);
	return ok;
}

char *
tide_table_assert_sql(void *ctx, const struct tide_session *session, const struct tide_action *action)
{
	if (action->table == NULL || action->lock == TIDE_LOCK_NONE)
		return talloc_strdup(ctx, "");
	return tide_sqlf(ctx,
	    "DO $table$ BEGIN IF pg_catalog.to_regclass(%L)::pg_catalog.oid IS DISTINCT "
	    "FROM %l::pg_catalog.oid THEN RAISE "
	    "EXCEPTION 'the table of the run is called differently now' USING ERRCODE = '" TIDE_TABLE_RENAMED
	    "'; END IF; END $table$;\n",
	    action->table, (long long)session->table_oid);
}
