/* What `tidemark set` has put over the plan's values. Nobody else writes tidemark.setting. */
#include "setting.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <talloc.h>

#include "schema.h"
#include "state_sql.h"
#include "tidemark/base/record.h"
#include "tidemark/base/utf8.h"
#include "tidemark/postgres/param.h"

static const struct tide_record_field setting_fields[] = {
	TIDE_FIELD(tide_live_setting, key, TEXT),
	TIDE_FIELD(tide_live_setting, value, TEXT),
	TIDE_FIELD(tide_live_setting, set_by, TEXT),
	TIDE_FIELD(tide_live_setting, reason, TEXT),
	TIDE_FIELD(tide_live_setting, since, TEXT),
	TIDE_FIELD(tide_live_setting, until, TEXT),
};
static const struct tide_record setting_record = TIDE_RECORD(setting_fields);

bool
tide_settings_read(
    void *ctx, struct tide_conn *conn, int64_t run, struct tide_live_settings *out, struct tide_err *err)
{
	void *mem = talloc_new(ctx);
	struct tide_rows *rows;
	bool ok = tide_await_query(
	    conn, mem, tide_sql_state_settings, TIDE_ARGS(tide_param_int(mem, run)), &rows, err);

	*out = (struct tide_live_settings){ 0 };
	if (ok)
		out->item = tide_rows_records(ctx, rows, &setting_record, sizeof(*out->item), &out->count);
	talloc_free(mem);
	return ok;
}

bool
tide_settings_value(void *ctx, struct tide_conn *conn, const char *plan, const char *key, const char **out,
    struct tide_err *err)
{
	struct tide_live_settings set;
	struct tide_rows *rows;

	*out = NULL;
	if (!tide_await_query(conn, ctx, tide_sql_state_newest, TIDE_ARGS(plan), &rows, err) ||
	    !tide_settings_read(ctx, conn, tide_rows_int(rows, 0, tide_rows_column(rows, "run")), &set, err))
		return false;
	for (size_t i = 0; i < set.count; i++)
		if (strcmp(set.item[i].key, key) == 0)
			*out = set.item[i].value;
	return true;
}

const char *
tide_settings_expire_sql(void)
{
	return tide_sql_state_setting_expire;
}

/* The executor reads them as JSON. */
static bool
is_utf8(const char *text)
{
	size_t length = 1;

	while (*text != '\0' && length > 0) {
		length = tide_utf8_sequence(text);
		text += length;
	}
	return length > 0;
}

/* NULL + err: a text that no JSON can hold. */
static char *
changes_json(
    void *ctx, const struct tide_live_change *change, size_t count, const char *by, struct tide_err *err)
{
	json_t *list = json_array();
	char *text, *out = NULL;
	bool ok = is_utf8(by) || tide_fail(err, TIDE_USAGE, "--by is not UTF-8");

	for (size_t i = 0; ok && i < count; i++) {
		if (change[i].value != NULL && !is_utf8(change[i].value))
			ok = tide_fail(err, TIDE_USAGE, "the value of \"%s\" is not UTF-8", change[i].key);
		else
			json_array_append_new(
			    list, json_pack("{s:s, s:s?}", "key", change[i].key, "value", change[i].value));
	}
	if (ok) {
		text = json_dumps(list, JSON_COMPACT);
		out = talloc_strdup(ctx, text);
		free(text);
	}
	json_decref(list);
	return out;
}

/* What has expired meanwhile is journaled as such, and not as what this statement replaces. */
static bool
expire(struct tide_conn *conn, void *mem, const char *plan, struct tide_err *err)
{
	struct tide_rows *rows;

	return tide_await_query(conn, mem, tide_sql_state_newest, TIDE_ARGS(plan), &rows, err) &&
	       tide_await_query(conn, mem, tide_sql_state_setting_expire,
		   TIDE_ARGS(tide_rows_text(rows, 0, tide_rows_column(rows, "run"))), NULL, err);
}

static bool
no_open_run(const char *plan, struct tide_err *err)
{
	tide_fail(err, TIDE_PRECONDITION, "plan '%s' has no run for which anything could be set", plan);
	return tide_hint(err, "see: tidemark status");
}

bool
tide_store_set_refused(struct tide_conn *conn, const char *plan, struct tide_err *err)
{
	struct tide_err ignored = { 0 };
	struct tide_rows *rows;
	void *mem = talloc_new(NULL);

	if (strcmp(err->sqlstate, "42501") == 0 &&
	    tide_await_exec(conn, mem, tide_sql_state_setting_grants, &rows, &ignored)) {
		err->code = TIDE_PRECONDITION;
		(void)tide_wrap(err, "this role may not change the settings of '%s'", plan);
		tide_hint(err, "as a role that may: %s", tide_rows_only_text(rows));
	}
	talloc_free(mem);
	return false;
}

bool
tide_store_set(struct tide_conn *conn, const char *plan, const struct tide_live_change *change, size_t count,
    const char *by, const char *reason, int64_t expires_in, struct tide_err *err)
{
	void *mem = talloc_new(NULL);
	const char *changes = changes_json(mem, change, count, by, err);
	struct tide_rows *rows = NULL;
	bool is = false;
	bool ok = changes != NULL && tide_state_ensure(conn, false, &is, err) &&
		  (!is || (expire(conn, mem, plan, err) &&
			      tide_await_query(conn, mem, tide_sql_state_setting_put,
				  TIDE_ARGS(plan, changes, by, reason,
				      expires_in > 0 ? tide_param_interval(mem, expires_in) : NULL),
				  &rows, err)));

	if (ok && (rows == NULL || tide_rows_count(rows) == 0))
		ok = no_open_run(plan, err);
	if (!ok)
		tide_store_set_refused(conn, plan, err);
	talloc_free(mem);
	return ok;
}

bool
tide_store_set_start(struct tide_conn *conn, const char *plan, const struct tide_live_change *change,
    const char *by, tide_conn_done *done, void *ctx, struct tide_err *err)
{
	char *changes = changes_json(conn, change, 1, by, err);

	if (changes == NULL)
		return false;
	tide_conn_query(
	    conn, tide_sql_state_setting_put, TIDE_ARGS(plan, changes, by, NULL, NULL), done, ctx);
	talloc_free(changes);
	return true;
}
