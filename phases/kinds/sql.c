#include <string.h>
#include <strings.h>

#include <talloc.h>

#include "build/build.h"
#include "catalog/change.h"
#include "checks/statements.h"
#include "script/script.h"
#include "tidemark/plans/expression.h"
#include "tidemark/base/sqltext.h"
#include "catalog/types.h"

struct sql_spec {
	struct tide_names act, undo, accept;
	char *probe, *lock;
	bool transaction;
};

static const char *const locks[] = { "none", "access share", "row share", "row exclusive",
	"share update exclusive", "share", "share row exclusive", "exclusive", "access exclusive", NULL };

static const struct tide_field fields[] = {
	TIDE_KEY(
	    sql_spec, act, SQL, .required = true, .help = "statements to run; every name with its schema"),
	TIDE_KEY(sql_spec, undo, SQL,
	    .help = "statements that undo them; without them the phase cannot be rolled back"),
	TIDE_KEY(sql_spec, probe, QUERY, .help = "a SELECT that returns true once the statements have run"),
	TIDE_KEY(sql_spec, transaction, BOOLEAN, .fallback = "true",
	    .help = "false: one statement that cannot run in a transaction; needs a probe"),
	TIDE_KEY(sql_spec, lock, CHOICE, .fallback = "none", .choices = locks,
	    .help =
		"lock on the table that is taken first, where it is stronger than what the statements take"),
	TIDE_KEY(sql_spec, accept, NAMES,
	    .help = "functions and triggers that work with one column more or fewer; the "
		    "table, when it is published and the subscribers have the column already"),
	{ 0 },
};

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
	void *mem = talloc_new(NULL);
	struct tide_names statements;
	struct tide_err ignored = { 0 };

	if (split(mem, texts, &statements, &ignored) && statements.count != 1)
		tide_say(c, TIDE_ERROR, "sql-count", key, "write a phase for each",
		    "without a transaction exactly one statement is possible, and there are %zu",
		    statements.count);
	talloc_free(mem);
}

/* The phase as its undo finds it: with what the statements have made. */
static struct tide_phase_at
after(void *ctx, const struct tide_phase_at *at, const struct tide_script *act)
{
	struct tide_phase_at out = *at;
	struct tide_catalog *cat;

	if (at->cat == NULL)
		return out;
	cat = tide_change_copy(ctx, at->cat);
	tide_script_apply(act, cat);
	out.cat = cat;
	return out;
}

static void
check(const struct tide_phase_at *at, struct tide_findings *out)
{
	const struct tide_checking c = { at, out };
	const struct sql_spec *spec = at->phase->spec;

	void *mem = talloc_new(NULL);
	struct tide_phase_at here;
	struct tide_script act, undo;

	tide_script_read(mem, at, &spec->act, &act);
	tide_script_check(&c, "act", &act, spec->transaction);
	tide_check_statements(&c, &act, &spec->accept);
	here = after(mem, at, &act);
	tide_script_read(mem, &here, &spec->undo, &undo);
	tide_script_check(&c, "undo", &undo, spec->transaction);
	talloc_free(mem);
	if (!spec->transaction) {
		check_count(&c, "act", &spec->act);
		if (spec->undo.count > 0)
			check_count(&c, "undo", &spec->undo);
		if (spec->probe == NULL)
			tide_say(&c, TIDE_ERROR, "sql-probe", "transaction",
			    "probe = \"SELECT …\" that returns true once it has run",
			    "without a transaction only a probe can tell, after a crash, whether the "
			    "statement has run");
	}
	if (spec->undo.count == 0)
		tide_say(&c, TIDE_WARNING, "sql-irreversible", "act", "undo = \"…\"",
		    "without \"undo\" this phase cannot be rolled back");
}

/* forward: the probe's true means that it is done; in a rollback, that there is something to do. */
static bool
fill(const struct tide_phase_at *at, bool forward, struct tide_steps *out, struct tide_action *action,
    struct tide_err *err)
{
	const struct sql_spec *spec = at->phase->spec;
	const struct tide_names *texts = forward ? &spec->act : &spec->undo;
	enum tide_lock_mode declared = TIDE_LOCK_NONE;
	struct tide_names statements;
	struct tide_script script;

	if (!split(out, texts, &statements, err))
		return tide_plan_fail(at->plan, at->phase, NULL, err, "the statements cannot be read");
	(void)tide_lock_find(spec->lock, &declared);
	tide_script_read(out, at, texts, &script);
	action->kind = TIDE_STEP_SQL;
	action->flags |= TIDE_ROLE_SEARCH_PATH;
	tide_script_describe(&script, at, declared, out, action);
	if (!spec->transaction)
		action->kind = TIDE_STEP_CONCURRENT;
	if (spec->probe != NULL)
		action->probe = tide_sqlf(out, "SELECT CASE WHEN (\n%s\n) THEN '%s' ELSE '%s' END",
		    spec->probe, forward ? "done" : "todo", forward ? "todo" : "done");
	for (size_t i = 0; i < statements.count; i++)
		tide_action_add(out, action, statements.item[i]);
	return true;
}

/*
 * The statements of the undo are read against the catalog that the act leaves: they may name what only the
 * act creates.
 */
static bool
compile(const struct tide_phase_at *at, struct tide_steps *out, struct tide_err *err)
{
	const struct sql_spec *spec = at->phase->spec;
	struct tide_step *step = tide_steps_add(out, "sql");
	struct tide_phase_at here;
	struct tide_script act, back;
	struct tide_action *undo;

	if (!fill(at, true, out, &step->forward, err))
		return false;
	step->forward.title =
	    talloc_strdup(out, at->phase->title != NULL ? at->phase->title : "Run the plan's own SQL");
	if (spec->undo.count == 0) {
		step->irreversible = true;
		step->forward.loss = TIDE_IRREVERSIBLE;
		step->forward.loss_note = talloc_strdup(out, "the plan does not say how to undo its own SQL");
		return true;
	}
	undo = tide_step_add_undo(out, step);
	tide_script_read(out, at, &spec->act, &act);
	here = after(out, at, &act);
	if (!fill(&here, false, out, undo, err))
		return false;
	undo->title = talloc_strdup(out, "Undo the plan's own SQL");
	tide_script_read(out, &here, &spec->undo, &back);
	tide_script_loss(&act, &back, at->cat, out, undo);
	return true;
}

static void
apply(const struct tide_phase_at *at, struct tide_catalog *cat)
{
	const struct sql_spec *spec = at->phase->spec;
	struct tide_phase_at here = *at;
	struct tide_script script;

	here.cat = cat;
	tide_script_read(cat, &here, &spec->act, &script);
	tide_script_apply(&script, cat);
}

/* Columns that the statements add: later phases must know their types, and the defaults as the server writes them. */
static void
expressions(const struct tide_phase_at *at, void (*take)(void *ctx, const char *source), void *ctx)
{
	const struct sql_spec *spec = at->phase->spec;
	void *mem = talloc_new(NULL);
	struct tide_pairs added = tide_script_added(mem, at, &spec->act);
	struct tide_names questions = tide_script_questions(mem, at, &spec->act);

	for (size_t i = 0; i < added.count; i++)
		take(ctx, tide_type_question(mem, added.item[i].value));
	for (size_t i = 0; i < questions.count; i++)
		take(ctx, questions.item[i]);
	talloc_free(mem);
}

static const struct tide_names *
authored(const struct tide_phase *phase)
{
	return &((const struct sql_spec *)phase->spec)->act;
}

static struct tide_old
releases(void *ctx, const struct tide_phase_at *at)
{
	const struct sql_spec *spec = at->phase->spec;
	const struct tide_script_part *why = NULL;
	struct tide_script script;
	enum tide_old_release fate;

	tide_script_read(ctx, at, &spec->act, &script);
	fate = tide_script_old(&script, &why);
	if (why == NULL)
		return (struct tide_old){ TIDE_OLD_FITS, NULL };
	return (struct tide_old){ fate, talloc_asprintf(ctx, "%s statement %zu of phase %s (%s)",
					    fate == TIDE_OLD_FAILS ? "they must not use what is removed by"
								   : "it depends on what they do: see",
					    why->number, at->phase->name, why->statement->tag) };
}

const struct tide_phase_ops tide_phase_sql = {
	.kind = { "sql", "runs statements of the plan's own", fields, sizeof(struct sql_spec) },
	.check = check,
	.compile = compile,
	.apply = apply,
	.expressions = expressions,
	.authored = authored,
	.releases = releases,
	.recurs = true,
};
