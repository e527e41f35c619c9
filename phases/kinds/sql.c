#include <string.h>
#include <strings.h>

#include <talloc.h>

#include "build.h"
#include "tidemark/expression.h"
#include "tidemark/sqltext.h"

struct sql_spec {
	struct tide_names act, undo;
	char *probe, *lock;
	bool transaction;
};

static const char *const locks[] = { "none", "access share", "row share", "row exclusive",
	"share update exclusive", "share", "share row exclusive", "exclusive", "access exclusive", NULL };

static const struct tide_field fields[] = {
	TIDE_KEY(
	    sql_spec, act, SQL, .required = true, .help = "statements to run; every name with its schema"),
	TIDE_KEY(
	    sql_spec, undo, SQL, .help = "statements that take them back; without them there is no way back"),
	TIDE_KEY(sql_spec, probe, QUERY, .help = "a SELECT that gives true once the statements have run"),
	TIDE_KEY(sql_spec, transaction, BOOLEAN, .fallback = "true",
	    .help = "false: one statement that may not stand in a transaction; needs a probe"),
	TIDE_KEY(sql_spec, lock, CHOICE, .fallback = "none", .choices = locks,
	    .help = "lock on the table that is taken before the statements, under the lock policy"),
	{ 0 },
};

/* What a trait means here; one row each. */
struct rule {
	enum tide_sql_trait trait;
	enum tide_severity severity;
	bool in_transaction_only;
	const char *id, *message, *hint;
};

static const struct rule rules[] = {
	{ TIDE_SQL_TRANSACTION_CONTROL, TIDE_ERROR, false, "sql-transaction-control",
	    "the statements may not begin or end transactions",
	    "they run in one transaction with the journal" },
	{ TIDE_SQL_CONCURRENT, TIDE_ERROR, true, "sql-concurrent",
	    "a statement cannot run inside a transaction", "say transaction = false and give a probe" },
	{ TIDE_SQL_REWRITE, TIDE_WARNING, false, "sql-rewrite",
	    "a statement can rewrite the whole table while nobody can read it", NULL },
	{ TIDE_SQL_BLOCKING, TIDE_WARNING, false, "sql-blocking",
	    "a statement keeps writers out for as long as it runs",
	    "there may be a kind of phase that does it without" },
	{ TIDE_SQL_CASCADE, TIDE_WARNING, false, "sql-cascade",
	    "CASCADE drops whatever hangs on it, listed nowhere", "name each object" },
	{ TIDE_SQL_UNPARSED, TIDE_NOTE, false, "sql-unparsed",
	    "a statement could not be checked: its syntax is not known here", NULL },
};

static void
check_statements(
    const struct tide_checking *c, const char *key, const struct tide_names *statements, bool transaction)
{
	unsigned traits = 0;

	for (size_t i = 0; i < statements->count; i++)
		traits |= tide_sql_traits(statements->item[i]);
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if ((traits & rules[i].trait) != 0 && (transaction || !rules[i].in_transaction_only))
			tide_say(
			    c, rules[i].severity, rules[i].id, key, rules[i].hint, "%s", rules[i].message);
}

/* Texts may hold several statements each. */
static bool
split(void *ctx, const struct tide_names *texts, struct tide_names *out, struct tide_err *err)
{
	*out = (struct tide_names){ 0 };
	for (size_t i = 0; i < texts->count; i++) {
		struct tide_names part = { 0 };

		if (!tide_sql_split(ctx, texts->item[i], &part, err))
			return false;
		out->item = talloc_realloc(ctx, out->item, char *, (unsigned)(out->count + part.count));
		for (size_t k = 0; k < part.count; k++)
			out->item[out->count++] = part.item[k];
	}
	return true;
}

static void
check_count(const struct tide_checking *c, const char *key, const struct tide_names *texts)
{
	void *room = talloc_new(NULL);
	struct tide_names statements;
	struct tide_err ignored = { 0 };

	if (split(room, texts, &statements, &ignored) && statements.count != 1)
		tide_say(c, TIDE_ERROR, "sql-count", key, "write a phase for each",
		    "without a transaction exactly one statement is possible, and there are %zu",
		    statements.count);
	talloc_free(room);
}

static void
check(const struct tide_phase_at *at, struct tide_findings *out)
{
	const struct tide_checking c = { at, out };
	const struct sql_spec *spec = at->phase->spec;

	check_statements(&c, "act", &spec->act, spec->transaction);
	check_statements(&c, "undo", &spec->undo, spec->transaction);
	if (!spec->transaction) {
		check_count(&c, "act", &spec->act);
		if (spec->undo.count > 0)
			check_count(&c, "undo", &spec->undo);
		if (spec->probe == NULL)
			tide_say(&c, TIDE_ERROR, "sql-probe", "transaction",
			    "probe = \"SELECT …\" that gives true once it has run",
			    "without a transaction only a probe can tell, after a crash, whether the "
			    "statement has run");
	}
	if (spec->undo.count == 0)
		tide_say(&c, TIDE_WARNING, "sql-irreversible", "act", "undo = \"…\"",
		    "without \"undo\" there is no way back before this phase");
}

static enum tide_lock_mode
lock_of(const char *name)
{
	size_t i = 0;

	while (locks[i] != NULL && strcasecmp(locks[i], name) != 0)
		i++;
	return (enum tide_lock_mode)i;
}

/* forward: the probe's true means that it is done; on the way back, that there is something to do. */
static bool
fill(const struct tide_phase_at *at, bool forward, struct tide_steps *out, struct tide_action *action,
    struct tide_err *err)
{
	const struct sql_spec *spec = at->phase->spec;
	struct tide_names statements;

	if (!split(out, forward ? &spec->act : &spec->undo, &statements, err))
		return tide_plan_fail(at->plan, at->phase, NULL, err, "the statements cannot be read");
	tide_action_sql(out, at->cat, action, lock_of(spec->lock), NULL);
	action->flags |= TIDE_OWN_PATH;
	if (!spec->transaction)
		action->kind = TIDE_STEP_CONCURRENT;
	if (spec->probe != NULL)
		action->probe = tide_sqlf(out, "SELECT CASE WHEN (\n%s\n) THEN '%s' ELSE '%s' END",
		    spec->probe, forward ? "done" : "todo", forward ? "todo" : "done");
	for (size_t i = 0; i < statements.count; i++)
		tide_action_add(out, action, statements.item[i]);
	return true;
}

static bool
compile(const struct tide_phase_at *at, struct tide_steps *out, struct tide_err *err)
{
	const struct sql_spec *spec = at->phase->spec;
	struct tide_step *step = tide_steps_add(out, "sql");
	struct tide_action *undo;

	if (!fill(at, true, out, &step->forward, err))
		return false;
	step->forward.title =
	    talloc_strdup(out, at->phase->title != NULL ? at->phase->title : "Run the plan's own SQL");
	if (spec->undo.count == 0) {
		step->irreversible = true;
		step->forward.loss = TIDE_IRREVERSIBLE;
		step->forward.loss_note =
		    talloc_strdup(out, "the plan does not say how to take its own SQL back");
		return true;
	}
	undo = tide_step_add_undo(out, step);
	if (!fill(at, false, out, undo, err))
		return false;
	undo->title = talloc_strdup(out, "Take the plan's own SQL back");
	return true;
}

const struct tide_phase_ops tide_phase_sql = {
	.kind = { "sql", "runs statements of the plan's own, linted", fields, sizeof(struct sql_spec) },
	.reversible = true,
	.check = check,
	.compile = compile,
};
