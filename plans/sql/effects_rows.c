#include "effects_tree.h"

#include <string.h>
#include <strings.h>

#include <talloc.h>

#include "tidemark/base/array.h"

/* Statements that read and write rows. What functions do that a SELECT calls is known of a few only. */

/* None of them writes a row, takes a lock on a table or changes what others see. */
static const char *const harmless[] = { "abs", "age", "array_agg", "array_append", "array_cat",
	"array_length", "array_position", "array_prepend", "array_remove", "array_replace", "array_to_string",
	"ascii", "avg", "bit_and", "bit_length", "bit_or", "bool_and", "bool_or", "btrim", "cardinality",
	"ceil", "char_length", "character_length", "chr", "clock_timestamp", "col_description", "concat",
	"concat_ws", "count", "current_database", "current_schema", "current_setting", "date_part",
	"date_trunc", "decode", "dense_rank", "div", "encode", "every", "exists", "exp", "extract",
	"first_value", "floor", "format", "format_type", "gcd", "gen_random_uuid", "generate_series",
	"greatest", "has_table_privilege", "initcap", "isempty", "isfinite", "json_agg",
	"json_array_elements", "json_build_array", "json_build_object", "json_object_agg", "jsonb_agg",
	"jsonb_array_elements", "jsonb_array_elements_text", "jsonb_array_length", "jsonb_build_array",
	"jsonb_build_object", "jsonb_each", "jsonb_each_text", "jsonb_extract_path",
	"jsonb_extract_path_text", "jsonb_insert", "jsonb_object_agg", "jsonb_object_keys", "jsonb_set",
	"jsonb_strip_nulls", "jsonb_typeof", "justify_hours", "lag", "last_value", "lcm", "lead", "least",
	"left", "length", "like_escape", "ln", "lower", "lower_inc", "lpad", "ltrim", "make_date",
	"make_interval", "make_timestamp", "make_timestamptz", "max", "md5", "min", "mod", "now", "ntile",
	"nullif", "num_nonnulls", "num_nulls", "obj_description", "octet_length", "overlay",
	"pg_get_constraintdef", "pg_get_expr", "pg_get_indexdef", "pg_get_viewdef", "pg_relation_size",
	"pg_size_pretty", "pg_total_relation_size", "pg_typeof", "position", "power", "quote_ident",
	"quote_literal", "random", "rank", "regexp_match", "regexp_matches", "regexp_replace",
	"regexp_split_to_array", "regexp_split_to_table", "repeat", "replace", "reverse", "right", "round",
	"row_number", "row_to_json", "rpad", "rtrim", "scale", "sha256", "sign", "split_part", "sqrt",
	"starts_with", "statement_timestamp", "stddev", "string_agg", "string_to_array", "strpos", "substr",
	"substring", "sum", "timeofday", "timezone", "to_char", "to_date", "to_json", "to_jsonb", "to_number",
	"to_regclass", "to_regproc", "to_regtype", "to_timestamp", "transaction_timestamp", "translate",
	"trim", "trunc", "unnest", "upper", "upper_inc", "variance", "version", "width_bucket" };

static void
count_unknown(void *ctx, const json_t *found)
{
	const json_t *names = json_object_get(found, "funcname");
	size_t count = json_array_size(names);
	const char *name = tide_tree_string(json_array_get(names, count - 1));
	const char *schema = count > 1 ? tide_tree_string(json_array_get(names, count - 2)) : NULL;
	size_t *unknown = ctx;

	if (name != NULL && (schema == NULL || strcmp(schema, "pg_catalog") == 0))
		for (size_t i = 0; i < TIDE_COUNT(harmless); i++)
			if (strcmp(harmless[i], name) == 0)
				return;
	++*unknown;
}

bool
tide_effects_calls(const json_t *body)
{
	size_t unknown = 0;

	tide_tree_each(body, "FuncCall", count_unknown, &unknown);
	return unknown > 0;
}

/* Settings that decide which tables the statements after them mean, who runs them, and when they are ended. */
size_t
tide_effects_setting(struct tide_reading *r, const json_t *body, size_t at)
{
	static const struct {
		const char *name;
		bool unknown;
	} settings[] = { { "search_path", true }, { "role", true }, { "session_authorization", true },
		{ "session_replication_role", true }, { "transaction_timeout", false },
		{ "idle_in_transaction_session_timeout", false } };
	static const char *const limits[] = { "statement_timeout", "lock_timeout" };
	const char *name = tide_tree_text(body, "name");
	bool all = strcmp(tide_tree_text(body, "kind"), "VAR_RESET_ALL") == 0;

	for (size_t i = 0; i < TIDE_COUNT(settings); i++) {
		if (!all && strcasecmp(settings[i].name, name) != 0)
			continue;
		r->out->traits |= TIDE_SQL_SETTING;
		if (settings[i].unknown) {
			tide_reading_at(r, at)->work = TIDE_WORK_UNKNOWN;
			tide_reading_at(r, at)->old = TIDE_OLD_UNKNOWN;
		}
	}
	for (size_t i = 0; i < TIDE_COUNT(limits); i++)
		if (all || strcasecmp(limits[i], name) == 0)
			r->out->traits |= TIDE_SQL_LIMIT;
	return at;
}

struct rows {
	struct tide_reading *r;
	const char *node;
};

struct write_row {
	const char *node;
	enum tide_work with, without; /* with a condition, and without */
	bool loses, replaces;
};

static const struct write_row writes[] = {
	{ "InsertStmt", TIDE_WORK_SOME, TIDE_WORK_SOME, false, false },
	{ "UpdateStmt", TIDE_WORK_SOME, TIDE_WORK_ALL, false, true },
	{ "DeleteStmt", TIDE_WORK_SOME, TIDE_WORK_ALL, true, false },
	{ "MergeStmt", TIDE_WORK_SOME, TIDE_WORK_SOME, true, true },
};

static void
take_write(void *ctx, const json_t *body)
{
	struct rows *rows = ctx;

	for (size_t i = 0; i < TIDE_COUNT(writes); i++) {
		const struct write_row *row = &writes[i];
		bool limited = json_object_get(body, "whereClause") != NULL;
		struct tide_effect effect = { .kind = TIDE_EFFECT_WRITE,
			.lock = TIDE_ROW_EXCLUSIVE,
			.work = limited ? row->with : row->without,
			.loses = row->loses,
			.replaces = row->replaces };
		const json_t *targets =
		    json_object_get(body, strcmp(row->node, "InsertStmt") == 0 ? "cols" : "targetList");

		if (strcmp(row->node, rows->node) != 0)
			continue;
		tide_reading_relation(rows->r, &effect, json_object_get(body, "relation"));
		for (size_t k = 0; k < json_array_size(targets); k++) {
			const char *name =
			    tide_tree_text(json_object_get(json_array_get(targets, k), "ResTarget"), "name");

			if (*name != '\0')
				(void)tide_sqltree_append(rows->r->ctx, &effect.columns, name, strlen(name));
		}
		/* INSERT … ON CONFLICT DO UPDATE overwrites as UPDATE does. */
		if (strcmp(row->node, "MergeStmt") == 0) {
			effect.loses = tide_sqltree_has(body, "commandType", "CMD_DELETE");
			effect.replaces = tide_sqltree_has(body, "commandType", "CMD_UPDATE");
		}
		effect.replaces = effect.replaces || tide_sqltree_has(body, "action", "ONCONFLICT_UPDATE");
		tide_reading_add(rows->r, &effect);
	}
}

static void
take_relation(void *ctx, const json_t *found)
{
	struct tide_reading *r = ctx;
	struct tide_effect effect = {
		.kind = TIDE_EFFECT_READ, .lock = TIDE_ACCESS_SHARE, .work = TIDE_WORK_SCAN
	};

	tide_reading_relation(r, &effect, found);
	tide_reading_add(r, &effect);
}

struct locking {
	struct tide_reading *r;
	enum tide_work work;
};

static void
take_locked(void *ctx, const json_t *found)
{
	const struct locking *l = ctx;
	struct tide_effect effect = { .kind = TIDE_EFFECT_READ, .lock = TIDE_ROW_SHARE, .work = l->work };

	tide_reading_relation(l->r, &effect, found);
	tide_reading_add(l->r, &effect);
}

/* FOR UPDATE goes through joins and subqueries to the tables below. */
static void
take_locking(void *ctx, const json_t *body)
{
	struct locking l = { ctx,
		json_object_get(body, "whereClause") != NULL ? TIDE_WORK_SOME : TIDE_WORK_ALL };

	if (json_object_get(body, "lockingClause") != NULL)
		tide_tree_each(json_object_get(body, "fromClause"), "RangeVar", take_locked, &l);
}

static bool
writes_or_locks(const json_t *body)
{
	static const char *const keys[] = { "lockingClause", "intoClause", "InsertStmt", "UpdateStmt",
		"DeleteStmt", "MergeStmt" };

	for (size_t i = 0; i < TIDE_COUNT(keys); i++)
		if (tide_sqltree_has(body, keys[i], NULL))
			return true;
	return false;
}

void
tide_effects_rows(struct tide_reading *r, const char *node, const json_t *body)
{
	bool selects = strcmp(node, "SelectStmt") == 0;
	bool unknown = tide_effects_calls(body) || tide_sqltree_has(body, "intoClause", NULL);

	if (!selects)
		take_write(&(struct rows){ r, node }, body);
	for (size_t i = 0; i < TIDE_COUNT(writes); i++)
		tide_tree_each(body, writes[i].node, take_write, &(struct rows){ r, writes[i].node });
	if (selects)
		take_locking(r, body);
	tide_tree_each(body, "SelectStmt", take_locking, r);
	if (selects && !writes_or_locks(body)) {
		r->out->traits |= TIDE_SQL_READ_ONLY;
		tide_tree_each(body, "RangeVar", take_relation, r);
	}
	if (unknown)
		tide_reading_add(r, &(struct tide_effect){
					.work = TIDE_WORK_UNKNOWN, .old = TIDE_OLD_UNKNOWN, .loses = true });
	else if (r->out->effect_count == 0)
		tide_reading_add(r, &(struct tide_effect){ .kind = TIDE_EFFECT_READ });
}
