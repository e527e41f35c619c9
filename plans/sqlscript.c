#include "tidemark/expression.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <pg_query.h>
#include <talloc.h>

#include "sqltree.h"

/*
 * The statement in [start, end) without the comments and blanks around it: a comment behind it could swallow what
 * is appended. `next` goes through the tokens once for all statements.
 */
static bool
append_statement(void *ctx, const char *text, const struct tide_sqltokens *tokens, size_t *next,
    const PgQuerySplitStmt *piece, struct tide_names *out)
{
	size_t start = (size_t)piece->stmt_location;
	size_t end = piece->stmt_len == 0 ? SIZE_MAX : start + (size_t)piece->stmt_len;
	size_t from = SIZE_MAX, to = 0;

	for (; *next < tokens->count && tokens->item[*next].start < end; ++*next) {
		const struct tide_sqltoken *token = &tokens->item[*next];

		if (token->start < start || token->kind == TIDE_SQLTOKEN_COMMENT)
			continue;
		if (from == SIZE_MAX)
			from = token->start;
		to = token->end;
	}
	while (to > from && text[to - 1] == ';')
		to--;
	return from == SIZE_MAX || to <= from || tide_sqltree_append(ctx, out, text + from, to - from);
}

static bool
append_statements(void *ctx, const char *text, const struct tide_sqltokens *tokens,
    const PgQuerySplitResult *split, struct tide_names *out)
{
	size_t next = 0;

	for (int i = 0; i < split->n_stmts; i++)
		if (!append_statement(ctx, text, tokens, &next, split->stmts[i], out))
			return false;
	return true;
}

bool
tide_sql_split(void *ctx, const char *text, struct tide_names *out, struct tide_err *err)
{
	void *scratch = talloc_new(NULL);
	struct tide_sqltokens tokens = { 0 };
	struct tide_names names = { 0 };
	PgQuerySplitResult split;
	bool ok;

	if (!tide_sqltree_scan(scratch, text, &tokens, err)) {
		talloc_free(scratch);
		return false;
	}
	split = pg_query_split_with_parser(text);
	/* Newer syntax: the scanner knows strings, comments and parentheses, and that is nearly all of it. */
	if (split.error != NULL) {
		pg_query_free_split_result(split);
		split = pg_query_split_with_scanner(text);
	}
	if (split.error != NULL)
		ok = tide_fail(err, TIDE_PLAN, "%s", split.error->message);
	else
		ok = append_statements(scratch, text, &tokens, &split, &names) ||
		     tide_fail(err, TIDE_UNEXPECTED, "out of memory");
	if (ok)
		*out = (struct tide_names){ talloc_steal(ctx, names.item), names.count };
	pg_query_free_split_result(split);
	talloc_free(scratch);
	return ok;
}

static bool
is_true(const json_t *body, const char *key)
{
	return json_is_true(json_object_get(body, key));
}

static const char *
text_of(const json_t *body, const char *key)
{
	const char *text = json_string_value(json_object_get(body, key));

	return text == NULL ? "" : text;
}

/* VACUUM (FULL), (FULL true), (FULL off): on unless it says otherwise. */
static bool
option_on(const json_t *options, const char *name)
{
	for (size_t i = 0; i < json_array_size(options); i++) {
		const json_t *option = json_object_get(json_array_get(options, i), "DefElem");
		const json_t *value = json_object_get(option, "arg");
		const char *word = text_of(json_object_get(value, "String"), "sval");

		if (strcmp(text_of(option, "defname"), name) != 0)
			continue;
		if (json_object_get(value, "Integer") != NULL)
			return json_integer_value(
				   json_object_get(json_object_get(value, "Integer"), "ival")) != 0;
		return strcasecmp(word, "false") != 0 && strcasecmp(word, "off") != 0;
	}
	return false;
}

static unsigned
concurrent_or_blocking(const json_t *body)
{
	return is_true(body, "concurrent") ? TIDE_SQL_CONCURRENT : TIDE_SQL_BLOCKING;
}

static unsigned
concurrent_if_said(const json_t *body)
{
	return is_true(body, "concurrent") ? TIDE_SQL_CONCURRENT : 0;
}

static unsigned
refresh_traits(const json_t *body)
{
	return is_true(body, "concurrent") ? 0 : TIDE_SQL_BLOCKING; /* may run in a transaction either way */
}

static unsigned
reindex_traits(const json_t *body)
{
	const char *kind = text_of(body, "kind");
	bool many = strcmp(kind, "REINDEX_OBJECT_TABLE") != 0 && strcmp(kind, "REINDEX_OBJECT_INDEX") != 0;

	if (option_on(json_object_get(body, "params"), "concurrently"))
		return TIDE_SQL_CONCURRENT;
	return TIDE_SQL_BLOCKING | (many ? TIDE_SQL_CONCURRENT : 0);
}

static unsigned
vacuum_traits(const json_t *body)
{
	if (!is_true(body, "is_vacuumcmd"))
		return 0; /* ANALYZE */
	return TIDE_SQL_CONCURRENT |
	       (option_on(json_object_get(body, "options"), "full") ? TIDE_SQL_REWRITE : 0);
}

static unsigned
cluster_traits(const json_t *body)
{
	return TIDE_SQL_REWRITE | (json_object_get(body, "relation") == NULL ? TIDE_SQL_CONCURRENT : 0);
}

static unsigned
discard_traits(const json_t *body)
{
	return strcmp(text_of(body, "target"), "DISCARD_ALL") == 0 ? TIDE_SQL_CONCURRENT : 0;
}

static unsigned
database_traits(const json_t *body)
{
	return tide_sqltree_has(body, "defname", "tablespace") ? TIDE_SQL_CONCURRENT : 0;
}

static unsigned
domain_traits(const json_t *body)
{
	const char *subtype = text_of(body, "subtype");
	bool validates = strcmp(subtype, "C") == 0 && !tide_sqltree_has(body, "skip_validation", NULL);

	return validates || strcmp(subtype, "O") == 0 ? TIDE_SQL_BLOCKING : 0;
}

static unsigned
select_traits(const json_t *body)
{
	static const char *const writes[] = { "lockingClause", "intoClause", "InsertStmt", "UpdateStmt",
		"DeleteStmt", "MergeStmt" };

	for (size_t i = 0; i < sizeof(writes) / sizeof(writes[0]); i++)
		if (tide_sqltree_has(body, writes[i], NULL))
			return 0;
	return TIDE_SQL_READ_ONLY;
}

static unsigned
detach_traits(const json_t *cmd)
{
	return concurrent_if_said(json_object_get(json_object_get(cmd, "def"), "PartitionCmd"));
}

static unsigned
constraint_traits(const json_t *cmd)
{
	const json_t *constraint = json_object_get(json_object_get(cmd, "def"), "Constraint");
	bool short_lock =
	    is_true(constraint, "skip_validation") || json_object_get(constraint, "indexname") != NULL;

	return short_lock ? 0 : TIDE_SQL_BLOCKING;
}

/* Types that stand for a column with a sequence behind it, so that every row gets its own value. */
static const char *const serial_types[] = { "smallserial", "serial", "bigserial", "serial2", "serial4",
	"serial8" };

/* Functions known to give another value for each row; for all others the server's catalog would have to be asked. */
static const char *const volatile_functions[] = { "random", "gen_random_uuid", "uuid_generate_v1",
	"uuid_generate_v4", "uuidv4", "uuidv7", "nextval", "clock_timestamp", "timeofday" };

static bool
has_any(const json_t *node, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (tide_sqltree_has(node, "sval", words[i]))
			return true;
	return false;
}

static unsigned
column_constraint_traits(const json_t *constraint)
{
	static const struct {
		const char *contype;
		unsigned traits;
	} rows[] = {
		{ "CONSTR_GENERATED", TIDE_SQL_REWRITE },
		{ "CONSTR_IDENTITY", TIDE_SQL_REWRITE },
		{ "CONSTR_CHECK", TIDE_SQL_BLOCKING },
		{ "CONSTR_PRIMARY", TIDE_SQL_BLOCKING },
		{ "CONSTR_UNIQUE", TIDE_SQL_BLOCKING },
		{ "CONSTR_FOREIGN", TIDE_SQL_BLOCKING },
	};
	const char *contype = text_of(constraint, "contype");

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(rows[i].contype, contype) == 0)
			return rows[i].traits;
	if (strcmp(contype, "CONSTR_DEFAULT") != 0)
		return 0;
	return has_any(json_object_get(constraint, "raw_expr"), volatile_functions,
		   sizeof(volatile_functions) / sizeof(volatile_functions[0]))
		   ? TIDE_SQL_REWRITE
		   : 0;
}

static unsigned
add_column_traits(const json_t *cmd)
{
	const json_t *column = json_object_get(json_object_get(cmd, "def"), "ColumnDef");
	const json_t *constraints = json_object_get(column, "constraints");
	unsigned traits = 0;

	if (has_any(json_object_get(json_object_get(column, "typeName"), "names"), serial_types,
		sizeof(serial_types) / sizeof(serial_types[0])))
		traits |= TIDE_SQL_REWRITE;
	for (size_t i = 0; i < json_array_size(constraints); i++)
		traits |=
		    column_constraint_traits(json_object_get(json_array_get(constraints, i), "Constraint"));
	return traits;
}

struct row {
	const char *name;
	unsigned traits;
	unsigned (*more)(const json_t *body);
};

static const struct row alterations[] = {
	{ "AT_DetachPartition", 0, detach_traits },
	{ "AT_AttachPartition", TIDE_SQL_BLOCKING, NULL },
	{ "AT_SetNotNull", TIDE_SQL_BLOCKING, NULL },
	{ "AT_AddConstraint", 0, constraint_traits },
	{ "AT_AddColumn", 0, add_column_traits },
	{ "AT_AlterColumnType", TIDE_SQL_REWRITE, NULL },
	{ "AT_SetTableSpace", TIDE_SQL_REWRITE, NULL },
	{ "AT_SetAccessMethod", TIDE_SQL_REWRITE, NULL },
	{ "AT_SetLogged", TIDE_SQL_REWRITE, NULL },
	{ "AT_SetUnLogged", TIDE_SQL_REWRITE, NULL },
	{ NULL, 0, NULL },
};

static unsigned
look_up(const struct row *rows, const char *name, const json_t *body)
{
	for (const struct row *r = rows; r->name != NULL; r++)
		if (strcmp(r->name, name) == 0)
			return r->traits | (r->more == NULL ? 0 : r->more(body));
	return 0;
}

static unsigned
alter_table_traits(const json_t *body)
{
	const json_t *cmds = json_object_get(body, "cmds");
	unsigned traits = 0;

	for (size_t i = 0; i < json_array_size(cmds); i++) {
		const json_t *cmd = json_object_get(json_array_get(cmds, i), "AlterTableCmd");

		traits |= look_up(alterations, text_of(cmd, "subtype"), cmd);
	}
	return traits;
}

static const struct row statements[] = {
	{ "TransactionStmt", TIDE_SQL_TRANSACTION_CONTROL, NULL },
	{ "SelectStmt", 0, select_traits },
	{ "IndexStmt", 0, concurrent_or_blocking },
	{ "DropStmt", 0, concurrent_if_said },
	{ "ReindexStmt", 0, reindex_traits },
	{ "VacuumStmt", 0, vacuum_traits },
	{ "ClusterStmt", 0, cluster_traits },
	{ "AlterTableStmt", 0, alter_table_traits },
	{ "AlterTableMoveAllStmt", TIDE_SQL_REWRITE, NULL },
	{ "AlterDomainStmt", 0, domain_traits },
	{ "RefreshMatViewStmt", 0, refresh_traits },
	{ "LockStmt", TIDE_SQL_BLOCKING, NULL },
	{ "AlterSystemStmt", TIDE_SQL_CONCURRENT, NULL },
	{ "AlterDatabaseStmt", 0, database_traits },
	{ "CreatedbStmt", TIDE_SQL_CONCURRENT, NULL },
	{ "DropdbStmt", TIDE_SQL_CONCURRENT, NULL },
	{ "CreateTableSpaceStmt", TIDE_SQL_CONCURRENT, NULL },
	{ "DropTableSpaceStmt", TIDE_SQL_CONCURRENT, NULL },
	{ "CreateSubscriptionStmt", TIDE_SQL_CONCURRENT, NULL },
	{ "DropSubscriptionStmt", TIDE_SQL_CONCURRENT, NULL },
	{ "DiscardStmt", 0, discard_traits },
	{ NULL, 0, NULL },
};

static unsigned
statement_traits(const json_t *statement)
{
	json_t *body = NULL;
	const char *name = tide_sqltree_node(statement, &body);
	unsigned traits = name == NULL ? TIDE_SQL_UNPARSED : look_up(statements, name, body);

	if (tide_sqltree_has(statement, "behavior", "DROP_CASCADE"))
		traits |= TIDE_SQL_CASCADE;
	return traits;
}

/* Every trait is that of any statement, but "only reads" must hold for all of them. */
struct sum {
	unsigned any, all;
	size_t count;
};

static void
add(struct sum *sum, unsigned traits)
{
	sum->all = sum->count++ == 0 ? traits : sum->all & traits;
	sum->any |= traits;
}

static bool
add_tree(void *ctx, struct sum *sum, const char *text)
{
	struct tide_sqltree *tree = tide_sqltree_parse(ctx, text);

	if (tree == NULL || tree->statements == NULL)
		return false;
	for (size_t i = 0; i < json_array_size(tree->statements); i++)
		add(sum, statement_traits(json_object_get(json_array_get(tree->statements, i), "stmt")));
	return true;
}

unsigned
tide_sql_traits(const char *text)
{
	void *scratch = talloc_new(NULL);
	struct tide_names pieces = { 0 };
	struct sum sum = { 0 };

	/* One statement that is too new must not hide what its neighbours do. */
	if (!add_tree(scratch, &sum, text)) {
		if (!tide_sql_split(scratch, text, &pieces, NULL) || pieces.count == 0)
			add(&sum, TIDE_SQL_UNPARSED);
		for (size_t i = 0; i < pieces.count; i++)
			if (!add_tree(scratch, &sum, pieces.item[i]))
				add(&sum, TIDE_SQL_UNPARSED);
	}
	talloc_free(scratch);
	return (sum.any & ~(unsigned)TIDE_SQL_READ_ONLY) | (sum.all & TIDE_SQL_READ_ONLY);
}

/* What may be shown of a statement that cannot even be scanned, as one that the server has cut in a string. */
static const char *
verb_of(const char *text)
{
	static const char *const verbs[] = { "SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "COPY", "WITH",
		"LOCK", "CREATE", "ALTER", "DROP", "TRUNCATE", "VACUUM", "ANALYZE", "BEGIN", "COMMIT",
		"EXECUTE", "FETCH", "CALL", "DO", "REINDEX", "CLUSTER", "REFRESH", "EXPLAIN", "PREPARE",
		"DECLARE" };

	text += strspn(text, " \t\r\n");
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		size_t length = strlen(verbs[i]);

		if (strncasecmp(text, verbs[i], length) == 0 && strchr(" \t\r\n(", text[length]) != NULL)
			return verbs[i];
	}
	return "";
}

static unsigned long
highest_parameter(const char *text, const struct tide_sqltokens *tokens)
{
	unsigned long highest = 0;

	for (size_t i = 0; i < tokens->count; i++) {
		unsigned long number = tokens->item[i].kind == TIDE_SQLTOKEN_PARAMETER
					   ? strtoul(text + tokens->item[i].start + 1, NULL, 10)
					   : 0;

		if (number > highest && number < UINT32_MAX)
			highest = number;
	}
	return highest;
}

/* On one line, without comments, and with a parameter in place of every constant. */
static char *
masked(void *ctx, const char *text, const struct tide_sqltokens *tokens)
{
	unsigned long parameter = highest_parameter(text, tokens);
	char *out = talloc_strdup(ctx, "");
	size_t done = 0;

	for (size_t i = 0; out != NULL && i < tokens->count; i++) {
		const struct tide_sqltoken *token = &tokens->item[i];

		if (token->kind == TIDE_SQLTOKEN_COMMENT)
			continue;
		if (*out != '\0' && token->start > done)
			out = talloc_strdup_append_buffer(out, " ");
		done = token->end;
		if (out == NULL)
			break;
		if (token->kind == TIDE_SQLTOKEN_STRING || token->kind == TIDE_SQLTOKEN_NUMBER)
			out = talloc_asprintf_append_buffer(out, "$%lu", ++parameter);
		else
			out =
			    talloc_strndup_append_buffer(out, text + token->start, token->end - token->start);
	}
	return out;
}

/* Cuts to `width` characters, the last of them "…". 0 is no limit. */
static char *
shortened(char *text, size_t width)
{
	size_t seen = 0, last = 0;

	for (size_t i = 0; width > 0 && text[i] != '\0'; i++) {
		if (((unsigned char)text[i] & 0xc0) == 0x80)
			continue;
		if (++seen == width)
			last = i;
		if (seen > width) {
			text[last] = '\0';
			return talloc_strdup_append(text, "…");
		}
	}
	return text;
}

char *
tide_sql_mask(void *ctx, const char *text, size_t width)
{
	struct tide_sqltokens tokens = { 0 };
	char *out;

	if (tide_sqltree_scan(ctx, text, &tokens, NULL)) {
		out = masked(ctx, text, &tokens);
		talloc_free(tokens.item);
	} else {
		const char *verb = verb_of(text);

		out = talloc_asprintf(ctx, "%s%s…", verb, *verb == '\0' ? "" : " ");
	}
	return out == NULL ? NULL : shortened(out, width);
}
