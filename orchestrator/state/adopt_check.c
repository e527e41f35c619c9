#include "adopt_check.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <talloc.h>

#include "state_sql.h"
#include "tidemark/phases/made.h"
#include "tidemark/base/sqltext.h"
#include "tidemark/base/units.h"
#include "tidemark/postgres/param.h"

struct executed {
	int64_t phase;
	char *sql;
	bool undo;
};
static const struct tide_record_field executed_fields[] = {
	TIDE_FIELD(executed, phase, INT),
	TIDE_FIELD(executed, sql, TEXT),
	TIDE_FIELD(executed, undo, BOOL),
};
static const struct tide_record executed_record = TIDE_RECORD(executed_fields);

/* Whether each phase has begun, and what the run has executed. */
static bool
read_made(void *ctx, struct tide_conn *conn, const struct tide_plan *plan, int64_t run,
    struct tide_made **out, struct tide_err *err)
{
	struct tide_made *made = tide_made_new(ctx, plan->schema, plan->relation);
	struct tide_rows *phases, *rows;
	struct executed *executed;
	size_t said = 0, begun, count;

	if (!tide_await_query(
		conn, ctx, tide_sql_state_begun, TIDE_ARGS(tide_param_int(ctx, run)), &phases, err) ||
	    !tide_await_query(
		conn, ctx, tide_sql_state_executed, TIDE_ARGS(tide_param_int(ctx, run)), &rows, err))
		return false;
	if (tide_rows_count(phases) != plan->count)
		return tide_fail(err, TIDE_UNEXPECTED, "the stored run has %zu phases, and the plan has %zu",
		    tide_rows_count(phases), plan->count);
	begun = tide_rows_column(phases, "begun");
	executed = tide_rows_records(ctx, rows, &executed_record, sizeof(*executed), &count);
	for (size_t i = 0; i < count; i++) {
		const char *script = executed[i].sql;
		size_t phase = (size_t)executed[i].phase;

		/* Columns have the names that they have when a phase begins. */
		for (; said < plan->count && said <= phase; said++)
			tide_made_phase(made, &plan->phase[said], tide_rows_bool(phases, said, begun));
		if (script != NULL && phase < plan->count &&
		    !tide_made_take(made, &plan->phase[phase], executed[i].undo, script, err))
			return false;
	}
	for (; said < plan->count; said++)
		if (!tide_rows_bool(phases, said, begun))
			tide_made_phase(made, &plan->phase[said], false);
	*out = made;
	return true;
}

/*
 * What an author's statement has made and an empty copy cannot have, such as a foreign key, is only looked for. A column that is
 * not there (42703) was dropped by a later statement, and what was on it went with it.
 */
static void
set_aside(struct tide_made *made, struct tide_made_thing *thing, const char *state, const char *message)
{
	tide_made_set_aside(made, thing, thing->author && strcmp(state, "42703") == 0,
	    talloc_asprintf(made, "it cannot be created again on an empty copy: %s", message));
}

/* Of the last statement that was tried: NULLs, or how it failed. */
struct attempt {
	char *state, *message;
};
static const struct tide_record_field attempt_fields[] = {
	TIDE_FIELD(attempt, state, TEXT),
	TIDE_FIELD(attempt, message, TEXT),
};
static const struct tide_record attempt_record = TIDE_RECORD(attempt_fields);

/* What cannot be made again says why; the rest of the transaction continues. */
static bool
make_again(void *ctx, struct tide_conn *conn, struct tide_made *made, struct tide_err *err)
{
	struct attempt attempt = { 0 };
	struct tide_rows *rows;

	for (size_t i = 0; i < made->statement_count; i++) {
		const struct tide_made_statement *s = &made->statement[i];

		if (s->sql != NULL) {
			if (!tide_await_query(conn, ctx, tide_sql_state_try, TIDE_ARGS(s->sql), &rows, err))
				return false;
			tide_rows_record(ctx, rows, 0, &attempt_record, &attempt);
		}
		if (s->thing == NULL || s->thing->error != NULL || attempt.message == NULL)
			continue;
		if (s->thing->author || s->thing->authors)
			set_aside(made, s->thing, attempt.state, attempt.message);
		else
			s->thing->error = attempt.message;
	}
	return true;
}

/* What may have gone with a column (unsure) is not looked for: it is listed as not compared instead. */
static char *
things_json(void *ctx, const struct tide_made *made)
{
	json_t *list = json_array();
	char *text, *out;

	for (size_t i = 0; i < made->count; i++) {
		const struct tide_made_thing *t = made->thing[i];

		if (t->unsure)
			continue;
		json_array_append_new(
		    list, json_pack("{s:s, s:s, s:s?, s:b, s:b, s:i, s:s?}", "kind",
			      tide_made_kind_name(t->kind), "name", t->name, "schema", t->schema, "author",
			      t->author, "defined", t->defined, "execute", t->execute, "error", t->error));
	}
	text = json_dumps(list, JSON_COMPACT);
	out = talloc_strdup(ctx, text);
	free(text);
	json_decref(list);
	return out;
}

/* As an array literal of the server. */
static char *
names_array(void *ctx, const struct tide_names *names)
{
	char *out = talloc_strdup(ctx, "{");

	for (size_t i = 0; i < names->count; i++) {
		out = talloc_strdup_append(out, i > 0 ? ",\"" : "\"");
		for (const char *s = names->item[i]; *s != '\0'; s++)
			out = talloc_asprintf_append(out, *s == '"' || *s == '\\' ? "\\%c" : "%c", *s);
		out = talloc_strdup_append(out, "\"");
	}
	return talloc_strdup_append(out, "}");
}

/* One row for each way in which something differs: what it is, and what to do. %N: its name, %T: its table, as SQL. */
struct difference_kind {
	const char *kind, *problem; /* kind NULL: any */
	const char *text, *fix;
};

#define RESTORE                                                                                              \
	"restore the table and schema tidemark from one dump, or run its statement again: `tidemark "        \
	"history` has it"

static const struct difference_kind kinds[] = {
	{ "column", "missing", "is missing", "restore the table and schema tidemark from one dump" },
	{ "column", "different", "is not as the run left it",
	    "give it that definition again, or restore the table and schema tidemark from one dump" },
	{ "column", "unexpected", "exists, and the run needs that name", "drop the column, or rename it" },
	{ "trigger", "unexpected",
	    "belongs to this plan, but the run did not create it or has dropped it already",
	    "DROP TRIGGER %N ON %T, or restore the table and schema tidemark from one dump" },
	{ "trigger", "disabled", "is not enabled as the run left it",
	    "ALTER TABLE %T ENABLE ALWAYS TRIGGER %N; rows may have been written without it" },
	{ "trigger", "missing", "is missing", RESTORE "; rows may have been written without it" },
	{ "trigger", "different", "is not as the run created it",
	    RESTORE "; rows may have been written without it" },
	{ "function", "executable", "may be executed by everybody",
	    "REVOKE ALL ON FUNCTION tidemark.%N FROM PUBLIC" },
	{ "function", "not executable", "may not be executed by everybody",
	    "GRANT EXECUTE ON FUNCTION tidemark.%N TO PUBLIC" },
	{ "constraint", "not validated", "is not validated", "ALTER TABLE %T VALIDATE CONSTRAINT %N" },
	{ "index", "invalid", "is invalid", "REINDEX INDEX CONCURRENTLY %N, in the schema of the table" },
	{ NULL, "missing", "is missing", RESTORE },
	{ NULL, "different", "is not as the run created it", RESTORE },
};

static const struct difference_kind *
find_way(const char *kind, const char *problem)
{
	for (size_t i = 0; i < TIDE_COUNT(kinds) - 1; i++)
		if ((kinds[i].kind == NULL || strcmp(kinds[i].kind, kind) == 0) &&
		    strcmp(kinds[i].problem, problem) == 0)
			return &kinds[i];
	return &kinds[TIDE_COUNT(kinds) - 1];
}

static char *
fill_in(void *ctx, const char *text, const struct tide_difference *d)
{
	char *out = talloc_strdup(ctx, "");

	for (; *text != '\0'; text++) {
		if (text[0] == '%' && (text[1] == 'N' || text[1] == 'T'))
			out = talloc_strdup_append(out, *++text == 'N' ? tide_ident(out, d->name) : d->table);
		else
			out = talloc_strndup_append(out, text, 1);
	}
	return out;
}

static const char *
error_of(const struct tide_made *made, const struct tide_difference *d)
{
	for (size_t i = 0; i < made->count; i++)
		if (strcmp(tide_made_kind_name(made->thing[i]->kind), d->kind) == 0 &&
		    strcmp(made->thing[i]->name, d->name) == 0)
			return made->thing[i]->error;
	return NULL;
}

/* Without the definitions of triggers and functions: they fill pages. */
static char *
sentence(void *ctx, const struct tide_made *made, const struct tide_difference *d, const char *what,
    const char *expected, const char *found)
{
	const char *error = error_of(made, d);
	bool function = strcmp(d->kind, "function") == 0;
	char *out = talloc_asprintf(ctx, "%s %s of %s%s %s", d->kind, tide_ident(ctx, d->name),
	    function ? "schema " : "", function ? expected : d->table, what);

	if (strcmp(d->problem, "different") != 0)
		return out;
	if (error != NULL)
		return talloc_asprintf_append(out, ": it cannot be created again on this table: %s", error);
	if (function || strcmp(d->kind, "trigger") == 0)
		return out;
	return talloc_asprintf_append(out, ": it is %s, and not %s", found, expected);
}

static const struct tide_record_field difference_fields[] = {
	TIDE_FIELD(tide_difference, kind, TEXT),
	TIDE_FIELD(tide_difference, name, TEXT),
	TIDE_FIELD(tide_difference, table, TEXT),
	TIDE_FIELD(tide_difference, problem, TEXT),
};
static const struct tide_record difference_record = TIDE_RECORD(difference_fields);

static void
read_differences(
    void *ctx, const struct tide_made *made, const struct tide_rows *rows, struct tide_adoption *out)
{
	size_t expected = tide_rows_column(rows, "expected"), found = tide_rows_column(rows, "found");

	out->item = tide_rows_records(ctx, rows, &difference_record, sizeof(*out->item), &out->count);
	for (size_t i = 0; i < out->count; i++) {
		struct tide_difference *d = &out->item[i];
		const struct difference_kind *way = find_way(d->kind, d->problem);

		d->text = sentence(out->item, made, d, way->text, tide_rows_text(rows, i, expected),
		    tide_rows_text(rows, i, found));
		d->fix = fill_in(out->item, way->fix, d);
	}
}

/* Inside the transaction: it creates the copy. */
static bool
compare(void *ctx, struct tide_conn *conn, const struct tide_plan *plan, struct tide_made *made,
    int64_t table, const char *copy, struct tide_adoption *out, void *texts, struct tide_err *err)
{
	struct tide_rows *rows;

	if (!tide_await_exec(conn, NULL, tide_sql_state_copy, NULL, err) ||
	    !make_again(ctx, conn, made, err) ||
	    !tide_await_query(
		conn, ctx, "SELECT pg_catalog.to_regclass($1)::oid", TIDE_ARGS(copy), &rows, err) ||
	    !tide_await_query(conn, ctx, tide_sql_state_differences,
		TIDE_ARGS(tide_param_int(ctx, table), tide_rows_only_required(rows), plan->name,
		    things_json(ctx, made), names_array(ctx, &made->absent)),
		&rows, err))
		return false;
	read_differences(texts, made, rows, out);
	tide_made_tell(made);
	out->not_compared.item = talloc_steal(texts, made->not_compared.item);
	out->not_compared.count = made->not_compared.count;
	return true;
}

/*
 * What the run created is compared as the server prints it: its statements are run again on an empty
 * temporary copy of the table, in a transaction that is always rolled back.
 */
bool
tide_adopt_check(void *ctx, struct tide_conn *conn, const struct tide_plan *plan, int64_t run, int64_t table,
    const char *name, struct tide_adoption *out, struct tide_err *err)
{
	void *mem = talloc_new(ctx);
	struct tide_made *made = NULL;
	struct tide_err ignored = { 0 };
	char *parts[2], *copy;
	bool ok = read_made(mem, conn, plan, run, &made, err);

	if (ok && tide_name_parse(mem, name, parts) != 2)
		ok = tide_fail(err, TIDE_UNEXPECTED, "%s is not the name of a table", name);
	if (ok) {
		copy = tide_sqlf(mem, "pg_temp.%I", parts[1]);
		tide_made_finish(made, copy, "pg_temp");
		ok = tide_await_exec(conn, NULL,
			 tide_sqlf(mem, "BEGIN; SET LOCAL lock_timeout = %l; SET LOCAL tidemark.adopt = %L",
			     (long long)(plan->limits.lock_timeout / TIDE_MS), tide_param_int(mem, table)),
			 NULL, err) &&
		     compare(mem, conn, plan, made, table, copy, out, ctx, err);
		if (tide_conn_alive(conn) && !tide_await_exec(conn, NULL, "ROLLBACK", NULL, &ignored) && ok) {
			*err = ignored;
			ok = false;
		}
	}
	talloc_free(mem);
	return ok || tide_wrap(err, "comparing %s with what the run created", name);
}
