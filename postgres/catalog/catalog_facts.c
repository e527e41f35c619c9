#include "catalog_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <talloc.h>

#include "expression_text.h"
#include "catalog_sql.h"
#include "tidemark/base/sqltext.h"

/* As TIDE_ROW of expression.h, which this folder may not see: the row that an expression is about. */
#define ROW "tidemark_row"
#define FACT_VIEW "tidemark_fact"
/* Two tables in FROM make the server print every column with its table. */
#define FROM_ROW " FROM pg_temp." ROW " CROSS JOIN (SELECT 1) AS tidemark_one (tidemark_one)"

/** The clone on which expressions are tried: a temporary table named like the row, gone with the transaction. */
struct probing {
	struct tide_loading *load;
	bool cloned;
	const char *role_search_path; /* schemas of the role's own path, as text of a name[] */
	struct tide_err refused;      /* why there is no clone */
	struct tide_err *not_added;   /* for each future column: empty, or why it is missing */
};

static bool
run(const struct probing *p, const char *sql, struct tide_err *err)
{
	/* The extended protocol takes one statement: whatever a plan's text holds, no second one is run. */
	return tide_loading_ask(p->load, sql, 0, NULL, NULL, err);
}

/*
 * Runs `act` under a savepoint and takes all it did back (`keep`: only when it failed). What `act` returns is in *ok; false is
 * for a
 * broken connection or transaction.
 */
static bool
guarded(struct probing *p, bool (*act)(struct probing *p, void *arg, struct tide_err *err), void *arg,
    bool keep, bool *ok, struct tide_err *failed, struct tide_err *err)
{
	if (!run(p, "SAVEPOINT tidemark", err))
		return false;
	*ok = act(p, arg, failed);
	if (!tide_conn_alive(p->load->conn)) {
		*err = *failed;
		return false;
	}
	return ((*ok && keep) || run(p, "ROLLBACK TO SAVEPOINT tidemark", err)) &&
	       run(p, "RELEASE SAVEPOINT tidemark", err) && tide_loading_path(p->load, false, err);
}

static bool
make_clone(struct probing *p, void *arg, struct tide_err *err)
{
	const struct tide_table *table = &p->load->cat->table;

	(void)arg;
	return run(p,
	    tide_sqlf(
		p->load->mem, "CREATE TEMPORARY TABLE " ROW " (LIKE %I.%I)", table->schema, table->name),
	    err);
}

static bool
add_column(struct probing *p, void *arg, struct tide_err *err)
{
	const struct tide_pair *column = arg;

	/* By the role's own search_path, as in the statement that will add the column. */
	return tide_loading_path(p->load, true, err) &&
	       run(p,
		   tide_sqlf(p->load->mem, "ALTER TABLE pg_temp." ROW " ADD COLUMN %I %s", column->name,
		       column->value),
		   err);
}

static bool
has_column(const struct tide_table *table, const char *name)
{
	for (size_t i = 0; i < table->column_count; i++)
		if (strcmp(table->column[i].name, name) == 0)
			return true;
	return false;
}

static bool
clone(struct probing *p, struct tide_err *err)
{
	const struct tide_catalog *cat = p->load->cat;
	const struct tide_pairs *future = &p->load->request->future_columns;

	if (cat->in_recovery) {
		tide_fail(&p->refused, TIDE_PRECONDITION, "expressions cannot be tried on a standby");
		snprintf(p->refused.sqlstate, sizeof(p->refused.sqlstate), "25006");
		return true;
	}
	p->not_added = talloc_zero_array(p->load->mem, struct tide_err, (unsigned)future->count + 1);
	if (!guarded(p, make_clone, NULL, true, &p->cloned, &p->refused, err))
		return false;
	for (size_t i = 0; p->cloned && i < future->count; i++) {
		struct tide_err *failed = &p->not_added[i];
		bool ok = true;

		if (!has_column(&cat->table, future->item[i].name) &&
		    !guarded(p, add_column, &future->item[i], true, &ok, failed, err))
			return false;
		if (!ok)
			tide_wrap(
			    failed, "column \"%s\" of type %s", future->item[i].name, future->item[i].value);
	}
	return true;
}

/** An expression and its type: does the server take it for immutable? */
struct generated {
	const char *expression, *type;
};

static bool
add_generated(struct probing *p, void *arg, struct tide_err *err)
{
	const struct generated *g = arg;

	return run(p,
		   tide_sqlf(p->load->mem,
		       "ALTER TABLE pg_temp." ROW
		       " ADD COLUMN tidemark_generated %s GENERATED ALWAYS AS (\n%s\n) STORED",
		       g->type, g->expression),
		   err) &&
	       run(p, tide_sql_catalog_session_text, err);
}

static bool
find_volatility(struct probing *p, struct tide_fact *fact, struct tide_err *err)
{
	struct generated g = { fact->canonical, fact->type };
	struct tide_err why = { 0 };
	struct tide_rows *rows;
	bool immutable;

	if (!guarded(p, add_generated, &g, false, &immutable, &why, err))
		return false;
	if (immutable) {
		fact->volatility = 'i';
		return true;
	}
	if (!tide_loading_ask(
		p->load, tide_sql_catalog_volatile, TIDE_ARGS(FACT_VIEW, fact->canonical), &rows, err))
		return false;
	fact->volatility = tide_rows_bool(rows, 0, tide_rows_column(rows, "volatile")) ? 'v' : 's';
	fact->builtin = !tide_rows_bool(rows, 0, tide_rows_column(rows, "foreign_code"));
	return true;
}

/* What a column is without being named in an INSERT; NULL where each row has another value. */
static const char *
constant_default(const struct tide_column *column)
{
	const char *value = column->default_expr;

	if (column->generated != 0 || column->identity != 0 || value == NULL)
		return "NULL";
	return column->default_constant ? value : NULL;
}

static bool
over_defaults(struct probing *p, void *arg, struct tide_err *err)
{
	const struct tide_fact *fact = arg;
	const struct tide_table *table = &p->load->cat->table;
	const struct tide_pairs *future = &p->load->request->future_columns;
	struct tide_rows *rows;
	char *row = NULL;

	for (size_t i = 0; i < table->column_count; i++) {
		const struct tide_column *c = &table->column[i];
		const char *value = constant_default(c);

		row = talloc_asprintf(p->load->mem, "%s%s%s", row == NULL ? "" : row, row == NULL ? "" : ", ",
		    tide_sqlf(p->load->mem, "CAST((%s) AS %s) AS %I", value == NULL ? "NULL" : value, c->type,
			c->name));
	}
	for (size_t i = 0; i < future->count; i++)
		if (!has_column(table, future->item[i].name))
			row = talloc_asprintf(p->load->mem, "%s, %s", row == NULL ? "1 AS one" : row,
			    tide_sqlf(p->load->mem, "(SELECT %I FROM pg_temp." ROW " LIMIT 0) AS %I",
				future->item[i].name, future->item[i].name));
	if (!tide_loading_ask(p->load,
		tide_sqlf(p->load->mem, "SELECT (\n%s\n) IS NOT NULL FROM (SELECT %s) AS " ROW,
		    fact->canonical, row),
		0, NULL, &rows, err))
		return false;
	return tide_rows_count(rows) == 1 && tide_rows_only_bool(rows);
}

/*
 * A name that has its schema is not found through the search_path, so that cannot be the cause. Types of arguments are printed
 * with their schema in any case.
 */
static bool
qualified(const char *message)
{
	for (const char *s = message; *s != '\0' && *s != '('; s++)
		if (*s == '.' && s > message && s[-1] != ' ' && s[1] != ' ' && s[1] != '\0')
			return true;
	return false;
}

/* A function's body names something that search_path does not find: a function, a relation or a type. */
static bool
name_missing(const struct tide_err *why)
{
	static const char *const states[] = { "42883", "42P01", "42704" };

	for (size_t i = 0; i < TIDE_COUNT(states); i++)
		if (strcmp(why->sqlstate, states[i]) == 0)
			return !qualified(why->message);
	return false;
}

/*
 * A default is made of the others' for the new column: it is evaluated by every INSERT that does not name the column, so it
 * must not fail.
 */
static bool
try_defaults(struct probing *p, struct tide_fact *fact, struct tide_err *err)
{
	struct tide_err why = { 0 };

	if (fact->canonical == NULL || fact->volatility != 'i')
		return true;
	if (!guarded(p, over_defaults, fact, false, &fact->takes_defaults, &why, err))
		return false;
	if (!fact->takes_defaults && name_missing(&why))
		fact->path_error = talloc_strdup(p->load->cat, why.message);
	return true;
}

static const struct tide_record_field bare_fields[] = {
	TIDE_FIELD(tide_fact, bare, TEXT),
	TIDE_FIELD_AS(tide_fact, bare_cure, "cure", TEXT),
};
static const struct tide_record bare_record = TIDE_RECORD(bare_fields);

/* What the expression calls and search_path alone would find. */
static bool
find_bare(struct probing *p, struct tide_fact *fact, struct tide_err *err)
{
	struct tide_rows *rows;

	if (!tide_loading_ask(
		p->load, tide_sql_catalog_bare, TIDE_ARGS(FACT_VIEW, p->role_search_path), &rows, err))
		return false;
	tide_rows_record(p->load->cat, rows, 0, &bare_record, fact);
	return true;
}

/* What became of the view over an expression. */
struct view {
	bool single; /* it is one expression */
	char *definition, *type;
	bool rewrites;
};
static const struct tide_record_field view_fields[] = {
	TIDE_FIELD(view, single, BOOL),
	TIDE_FIELD(view, definition, TEXT),
	TIDE_FIELD(view, type, TEXT),
	TIDE_FIELD(view, rewrites, BOOL),
};
static const struct tide_record view_record = TIDE_RECORD(view_fields);

static bool
read_view(struct probing *p, struct tide_fact *fact, struct tide_err *err)
{
	struct view view = { 0 };
	struct tide_rows *rows;

	if (!tide_loading_path(p->load, false, err) ||
	    !tide_loading_ask(
		p->load, tide_sql_catalog_fact, TIDE_ARGS(FACT_VIEW, TIDE_FACT_TARGET), &rows, err))
		return false;
	if (tide_rows_count(rows) == 1)
		tide_rows_record(p->load->mem, rows, 0, &view_record, &view);
	if (view.single)
		fact->canonical = tide_canonical_cut(p->load->cat, view.definition);
	if (fact->canonical == NULL)
		return tide_fail(err, TIDE_PLAN, "this is more than one expression");
	if (strstr(fact->canonical, ROW ".*") != NULL)
		return tide_fail(err, TIDE_PLAN, "the whole row cannot be used, only its columns");
	fact->type = talloc_strdup(p->load->cat, view.type);
	fact->rewrites = view.rewrites;
	if (!tide_loading_ask(
		p->load, tide_sql_catalog_writers, TIDE_ARGS(FACT_VIEW, p->load->oid), &rows, err))
		return false;
	fact->writers_lack = talloc_strdup(p->load->cat, tide_rows_only_text(rows));
	return find_bare(p, fact, err);
}

static bool
try_fact(struct probing *p, void *arg, struct tide_err *err)
{
	struct tide_fact *fact = arg;
	void *mem = p->load->mem;

	if (!tide_loading_path(p->load, true, err) ||
	    !run(p,
		tide_sqlf(mem,
		    "CREATE TEMPORARY VIEW " FACT_VIEW " AS SELECT (\n%s\n) AS " TIDE_FACT_TARGET FROM_ROW,
		    fact->source),
		err))
		return false;
	/* A select list also takes aggregates and functions that return sets; a condition does not. */
	return run(p,
		   tide_sqlf(mem,
		       "CREATE TEMPORARY VIEW tidemark_check AS SELECT 1 AS one" FROM_ROW
		       " WHERE (\n%s\n) IS NULL",
		       fact->source),
		   err) &&
	       read_view(p, fact, err) && find_volatility(p, fact, err);
}

/* The planner's estimate of the rows that `condition` selects; without one of all rows. */
static bool
planned_rows(struct probing *p, const char *condition, double *rows, struct tide_err *err)
{
	const struct tide_table *table = &p->load->cat->table;
	struct tide_rows *answer;
	const char *at;

	if (!tide_loading_ask(p->load,
		tide_sqlf(p->load->mem, "EXPLAIN (FORMAT JSON) SELECT FROM %I.%I AS " ROW " WHERE (\n%s\n)",
		    table->schema, table->name, condition),
		0, NULL, &answer, err))
		return false;
	at = strstr(tide_rows_only_required(answer), "\"Plan Rows\":");
	*rows = at != NULL ? strtod(at + strlen("\"Plan Rows\":"), NULL) : -1;
	return true;
}

/* Of the table itself, not of the clone, which has no statistics. A column that a phase will add is unknown there. */
static bool
find_share(struct probing *p, void *arg, struct tide_err *err)
{
	struct tide_fact *fact = arg;
	double all, some;

	if (!planned_rows(p, "true", &all, err) || !planned_rows(p, fact->canonical, &some, err))
		return false;
	if (all > 0 && some >= 0)
		fact->share = some < all ? some / all : 1;
	return true;
}

static bool
try_share(struct probing *p, struct tide_fact *fact, struct tide_err *err)
{
	struct tide_err ignored = { 0 };
	bool known;

	fact->share = -1;
	return fact->canonical == NULL || strcmp(fact->type, "boolean") != 0 ||
	       guarded(p, find_share, fact, false, &known, &ignored, err);
}

/* A column that does not exist may be one that could not be added before: that is the reason to tell. */
static const struct tide_err *
find_reason(const struct probing *p, const struct tide_err *why)
{
	const struct tide_pairs *future = &p->load->request->future_columns;

	for (size_t i = 0; strcmp(why->sqlstate, "42703") == 0 && i < future->count; i++)
		if (p->not_added[i].code != TIDE_OK && strstr(why->message, future->item[i].name) != NULL)
			return &p->not_added[i];
	return why;
}

static void
refuse(struct probing *p, struct tide_fact *fact, const struct tide_err *why)
{
	why = find_reason(p, why);
	fact->error = talloc_strdup(p->load->cat, why->message);
	fact->canonical = fact->type = NULL;
	fact->volatility = 'v';
	snprintf(fact->sqlstate, sizeof(fact->sqlstate), "%s", why->sqlstate);
}

static bool
read_fact(struct probing *p, struct tide_fact *fact, struct tide_err *err)
{
	struct tide_err why = p->refused;
	bool ok = false;

	if (p->cloned && !guarded(p, try_fact, fact, false, &ok, &why, err))
		return false;
	if (!ok)
		refuse(p, fact, &why);
	if (!try_share(p, fact, err))
		return false;
	return try_defaults(p, fact, err);
}

/* `42`, `true` or `'x'::text`, told by its looks where the server cannot be asked. */
static bool
is_literal(const char *s, const struct tide_column *column)
{
	const char *end = s;

	if (s[0] == '\'') {
		for (end = s + 1; *end != '\0' && (*end != '\'' || end[1] == '\''); end++)
			if (*end == '\'')
				end++;
		end += *end == '\'';
	} else if (strcmp(s, "true") == 0 || strcmp(s, "false") == 0) {
		return true;
	} else if (strncmp(s, "NULL", 4) == 0) {
		end = s + 4;
	} else {
		end += strspn(s, "0123456789.");
	}
	if (end == s)
		return false;
	return *end == '\0' || (strncmp(end, "::", 2) == 0 && (strcmp(end + 2, column->type) == 0 ||
								  strcmp(end + 2, column->cast_type) == 0));
}

/* Each question costs three statements; a table may have a thousand columns that the plan does not know. */
static bool
matters(const struct probing *p, const struct tide_column *column)
{
	const struct tide_names *columns = &p->load->request->columns;

	for (size_t i = 0; i < columns->count; i++)
		if (strcmp(columns->item[i], column->name) == 0)
			return true;
	return false;
}

static bool
read_default(struct probing *p, struct tide_column *column, struct tide_err *err)
{
	const char *value = column->default_expr;
	struct generated g = { value, column->type };
	struct tide_fact fact = { .source = talloc_strdup(p->load->mem, value == NULL ? "" : value) };
	struct tide_err why = { 0 };
	bool read;

	if (value == NULL || column->generated != 0)
		return true;
	column->default_constant = is_literal(value, column);
	if (column->default_constant || !p->cloned || !matters(p, column))
		return true;
	if (!guarded(p, add_generated, &g, false, &column->default_constant, &why, err) ||
	    column->default_constant)
		return err->code == TIDE_OK;
	/* now() and the like stay the same as long as a transaction lasts; what somebody's function does, it says itself. */
	if (!guarded(p, try_fact, &fact, false, &read, &why, err))
		return false;
	column->default_constant = read && fact.volatility == 's' && fact.builtin;
	return true;
}

static bool
find_role_search_path(struct probing *p, struct tide_err *err)
{
	struct tide_rows *rows;

	if (!tide_loading_path(p->load, true, err) ||
	    !tide_loading_ask(p->load, "SELECT pg_catalog.current_schemas(false)", 0, NULL, &rows, err))
		return false;
	p->role_search_path = talloc_strdup(p->load->mem, tide_rows_only_required(rows));
	return tide_loading_path(p->load, false, err);
}

bool
tide_loading_facts(struct tide_loading *load, struct tide_err *err)
{
	struct probing p = { .load = load };
	struct tide_catalog *cat = load->cat;
	const struct tide_names *sources = &load->request->expressions;

	if (!clone(&p, err) || !find_role_search_path(&p, err))
		return false;
	for (size_t i = 0; i < cat->table.column_count; i++)
		if (!read_default(&p, &cat->table.column[i], err))
			return false;
	cat->fact = talloc_zero_array(cat, struct tide_fact, (unsigned)sources->count + 1);
	cat->fact_count = sources->count;
	for (size_t i = 0; i < sources->count; i++) {
		cat->fact[i].source = talloc_strdup(cat, sources->item[i]);
		if (!read_fact(&p, &cat->fact[i], err))
			return false;
	}
	return true;
}
