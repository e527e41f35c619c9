#include "pair/pair.h"
#include "script.h"
#include "tidemark/base/array.h"
#include "tidemark/base/sqltext.h"
#include "tidemark/base/units.h"

#include <string.h>

#include <talloc.h>

/* What is said about statements of the plan's author: each with its number, and what it does to whom. */

/* Where the rules look: what one statement does, and what holds the strongest lock when it begins. */
struct place {
	const struct tide_checking *c;
	const struct tide_script_part *part;
	const struct tide_script_part
	    *held; /* by a statement before it in the same transaction, at least SHARE; or NULL */
	enum tide_old_release fate;
	bool transaction;
	const struct tide_script *script;
	char *statement; /* "statement 2 (DROP TABLE public.t)" */
	char *relation;
};

static bool
takes_long(const struct tide_effect *effect)
{
	return effect->work != TIDE_WORK_INSTANT && effect->work != TIDE_WORK_UNKNOWN;
}

static bool
rewrites(const struct place *p)
{
	return p->part->effect->lock >= TIDE_SHARE && p->part->effect->work == TIDE_WORK_REWRITE;
}

static bool
blocks(const struct place *p)
{
	return p->part->effect->lock >= TIDE_SHARE && takes_long(p->part->effect) && !rewrites(p);
}

static bool
works_under_lock(const struct place *p)
{
	return p->held != NULL && p->part->effect->lock < TIDE_SHARE && takes_long(p->part->effect);
}

static bool
is_unknown(const struct place *p)
{
	return tide_script_is_unknown(p->part) && (p->part->statement->traits & TIDE_SQL_UNPARSED) == 0;
}

static bool
writes_all(const struct place *p)
{
	return p->part->effect->kind == TIDE_EFFECT_WRITE && p->part->effect->work == TIDE_WORK_ALL;
}

static bool
drops(const struct place *p)
{
	return p->part->effect->loses && p->part->effect->kind != TIDE_EFFECT_WRITE &&
	       !tide_script_is_unknown(p->part);
}

static bool
renames(const struct place *p)
{
	return p->fate == TIDE_OLD_FAILS && p->part->effect->to != NULL;
}

static bool
adds_not_null(const struct place *p)
{
	return p->part->effect->kind == TIDE_EFFECT_ADD_COLUMN && p->fate == TIDE_OLD_FAILS;
}

static bool
takes_default(const struct place *p)
{
	enum tide_effect_kind kind = p->part->effect->kind;

	return p->fate == TIDE_OLD_FAILS &&
	       (kind == TIDE_EFFECT_DROP_DEFAULT || kind == TIDE_EFFECT_DROP_IDENTITY);
}

static bool
breaks(const struct place *p)
{
	return p->fate == TIDE_OLD_FAILS && !renames(p) && !adds_not_null(p) && !drops(p) &&
	       !takes_default(p);
}

/* The column, when it is one that this plan keeps in step here. */
static bool
takes_pair(const struct place *p)
{
	const struct tide_phase_at *at = p->c->at;
	void *mem = talloc_new(NULL);
	bool found = false;

	for (size_t i = 0; i < at->index && !found; i++) {
		struct tide_dual_state state;
		const struct tide_names *sides[] = { &state.from, &state.to };

		if (tide_opens(&at->plan->phase[i]) == NULL)
			continue;
		tide_dual_state_at(mem, at->plan, i, at->index, &state);
		for (size_t s = 0; s < 2 && !state.ended; s++)
			for (size_t k = 0; k < sides[s]->count; k++)
				found = found || tide_script_takes(p->part, sides[s]->item[k]);
		/* Without our triggers one column is written and the other is not. */
		found = found || (!state.ended && p->part->ours && p->part->effect->disables &&
				     (p->part->effect->name == NULL ||
					 strstr(p->part->effect->name, "tidemark_") != NULL));
	}
	talloc_free(mem);
	return found;
}

static bool
could_be_milder(const struct place *p)
{
	return p->part->effect->milder;
}

/* What a statement before it has created takes new values at once. */
static bool
is_new_type(const struct place *p)
{
	for (size_t i = 0; i + 1 < p->part->number; i++)
		if (tide_script_has_word(p->script->item[i].text, "CREATE") &&
		    tide_script_has_word(p->script->item[i].text, "ENUM") &&
		    tide_script_has_word(p->script->item[i].text, p->part->effect->definition))
			return true;
	return false;
}

/* 'value' stands in a statement after it. */
static bool
uses_new_value(const struct place *p)
{
	char *literal;

	if (p->part->effect->kind != TIDE_EFFECT_ADD_VALUE || p->part->effect->name == NULL ||
	    !p->transaction || is_new_type(p))
		return false;
	literal = tide_sqlf(p->c->out, "%L", p->part->effect->name);
	for (size_t i = p->part->number; i < p->script->count; i++)
		if (strstr(p->script->item[i].text, literal) != NULL)
			return true;
	return false;
}

static const char *
work_of(const struct tide_effect *effect)
{
	static const char *const words[] = {
		[TIDE_WORK_INSTANT] = "changes the catalog",
		[TIDE_WORK_SCAN] = "reads all of it",
		[TIDE_WORK_BUILD] = "builds an index",
		[TIDE_WORK_REWRITE] = "rewrites it",
		[TIDE_WORK_SOME] = "writes rows of it",
		[TIDE_WORK_ALL] = "writes every row of it",
		[TIDE_WORK_UNKNOWN] = "does what is unknown",
	};

	return words[effect->work];
}

/* Rows of the plan's table that the work goes over, at the rate that the review assumes. 0: not known. */
static double
seconds_of(const struct place *p)
{
	static const double rates[] = {
		[TIDE_WORK_SCAN] = TIDE_ASSUME_READ,
		[TIDE_WORK_BUILD] = TIDE_ASSUME_BUILD,
		[TIDE_WORK_REWRITE] = TIDE_ASSUME_WRITE,
		[TIDE_WORK_ALL] = TIDE_ASSUME_WRITE,
	};
	const struct tide_catalog *cat = p->c->at->cat;
	double rate = p->part->effect->work < TIDE_COUNT(rates) ? rates[p->part->effect->work] : 0;

	if (cat == NULL || !p->part->ours || cat->table.rows <= 0 || rate <= 0)
		return 0;
	return cat->table.rows / rate;
}

/* What is ended before it can be done fails, after everybody has waited for it; what nothing ends is only for small tables. */
static bool
takes_too_long(const struct place *p)
{
	double seconds = seconds_of(p);

	return seconds > TIDE_HOLD_SECONDS || (!p->transaction && seconds <= 0 && p->c->at->cat != NULL);
}

/* A table with rows refuses a column without a value. */
static bool
must_fail(const struct place *p)
{
	return p->part->ours && p->c->at->cat != NULL && p->c->at->cat->table.rows > 0;
}

static char *
ends(void *ctx, const struct place *p)
{
	char text[64];

	if (!p->transaction)
		return talloc_strdup(ctx, "Nothing cancels it before it is done");
	if (!takes_too_long(p))
		return talloc_asprintf(ctx, "It is cancelled after %d seconds", TIDE_HOLD_SECONDS);
	return talloc_asprintf(ctx,
	    "It would take about %s, and is cancelled after %d seconds: it cannot succeed",
	    tide_duration_format((int64_t)seconds_of(p) * TIDE_SECOND, text, sizeof(text)),
	    TIDE_HOLD_SECONDS);
}

static char *
say_rewrites(void *ctx, const struct place *p)
{
	return talloc_asprintf(ctx,
	    "%s can rewrite %s under %s: nobody reads or writes it for as long as that takes. %s",
	    p->statement, p->relation, tide_lock_name(p->part->effect->lock), ends(ctx, p));
}

static char *
say_blocks(void *ctx, const struct place *p)
{
	return talloc_asprintf(ctx, "%s takes %s on %s and %s: %s for as long as that takes. %s",
	    p->statement, tide_lock_name(p->part->effect->lock), p->relation, work_of(p->part->effect),
	    p->part->effect->lock == TIDE_ACCESS_EXCLUSIVE ? "nobody reads or writes it"
							   : "nobody writes to it",
	    ends(ctx, p));
}

static char *
say_works(void *ctx, const struct place *p)
{
	return talloc_asprintf(ctx,
	    "%s works for some time on %s (%s) while statement %zu holds %s on %s, as a lock is kept until the "
	    "last statement has run. %s",
	    p->statement, p->relation, work_of(p->part->effect), p->held->number,
	    tide_lock_name(p->held->effect->lock), tide_script_relation(ctx, p->held), ends(ctx, p));
}

static char *
say_unknown(void *ctx, const struct place *p)
{
	return talloc_asprintf(
	    ctx, "what %s locks, reads and loses is unknown: its text does not say", p->statement);
}

static char *
say_all(void *ctx, const struct place *p)
{
	return talloc_asprintf(ctx,
	    "%s writes every row of %s in one transaction: writers of a row wait until it ends, and no dead "
	    "row can be removed before",
	    p->statement, p->relation);
}

static char *
say_drops(void *ctx, const struct place *p)
{
	return talloc_asprintf(ctx,
	    "%s removes what is stored in %s%s%s: \"undo\" cannot bring it back, and %s", p->statement,
	    p->relation, p->part->effect->kind == TIDE_EFFECT_DROP_COLUMN ? "." : "",
	    p->part->effect->kind == TIDE_EFFECT_DROP_COLUMN ? p->part->effect->name : "",
	    p->fate == TIDE_OLD_FAILS ? "statements of a release that uses it fail from then on"
				      : "no release finds it any more");
}

static char *
say_renames(void *ctx, const struct place *p)
{
	const struct tide_effect *effect = p->part->effect;

	return talloc_asprintf(ctx,
	    "%s removes the name \"%s\": statements of a release that uses it fail from then on",
	    p->statement,
	    effect->name != NULL       ? effect->name
	    : effect->relation != NULL ? effect->relation
				       : "what it had");
}

static char *
say_not_null(void *ctx, const struct place *p)
{
	return talloc_asprintf(ctx,
	    "%s adds \"%s\" NOT NULL without a default: it fails when %s has rows, and so does every INSERT "
	    "of a release that does not know the column",
	    p->statement, p->part->effect->name, p->relation);
}

static char *
say_breaks(void *ctx, const struct place *p)
{
	return talloc_asprintf(ctx,
	    "%s removes what earlier releases may use: their statements fail from then on", p->statement);
}

static char *
say_default(void *ctx, const struct place *p)
{
	return talloc_asprintf(ctx,
	    "%s removes what gives \"%s\" a value, and the column is NOT NULL: every INSERT of a release "
	    "that does not name it fails from then on",
	    p->statement, p->part->effect->name);
}

static bool
takes_along(const struct place *p)
{
	void *mem = talloc_new(NULL);
	bool found = p->part->ours && !tide_script_is_unknown(p->part) &&
		     tide_script_followers_text(mem, p->c->at->cat, p->part) != NULL;

	talloc_free(mem);
	return found;
}

static char *
say_along(void *ctx, const struct place *p)
{
	return talloc_asprintf(ctx, "%s %s rows of %s: %s", p->statement,
	    p->part->effect->loses ? "deletes" : "changes", p->relation,
	    tide_script_followers_text(ctx, p->c->at->cat, p->part));
}

static char *
say_new_value(void *ctx, const struct place *p)
{
	return talloc_asprintf(ctx,
	    "%s adds the value '%s', and a later statement uses it: the server refuses a new value in the "
	    "transaction that adds it",
	    p->statement, p->part->effect->name);
}

static char *
say_pair(void *ctx, const struct place *p)
{
	if (p->part->effect->disables)
		return talloc_asprintf(ctx,
		    "%s stops the triggers that keep the columns of this plan in step: what is written then "
		    "is lost for the other column",
		    p->statement);
	return talloc_asprintf(ctx,
	    "%s removes \"%s\", which the triggers of this plan keep in step: every write to the table "
	    "fails from then on",
	    p->statement, p->part->effect->name);
}

static char *
say_milder(void *ctx, const struct place *p)
{
	return talloc_asprintf(ctx, "%s waits for %s on %s, and every reader and writer waits behind it",
	    p->statement, tide_lock_name(p->part->effect->lock), p->relation);
}

/* One row each. act_only: in a rollback it is what the rollback is for. */
static const struct rule {
	enum tide_severity severity;
	const char *id;
	bool act_only;
	bool (*fails)(const struct place *p); /* where it is an error; NULL: nowhere */
	bool (*applies)(const struct place *p);
	char *(*says)(void *ctx, const struct place *p);
	const char *hint;
} rules[] = {
	{ TIDE_WARNING, "sql-unknown", false, NULL, is_unknown, say_unknown,
	    "name the strongest lock that it takes on the plan's table, such as lock = \"access exclusive\": "
	    "that is taken first, under the lock policy, and the statement is cancelled after 5 seconds" },
	{ TIDE_ERROR, "sql-pair", false, NULL, takes_pair, say_pair,
	    "do it in a phase before the dual_write, or after the drop_column that ends it" },
	{ TIDE_WARNING, "sql-not-null", true, must_fail, adds_not_null, say_not_null,
	    "add it without NOT NULL, fill it, and make it NOT NULL in a phase of kind \"set_not_null\"" },
	{ TIDE_WARNING, "sql-rewrite", false, takes_too_long, rewrites, say_rewrites,
	    "add_column, dual_write, backfill and switch change a type while reads and writes continue" },
	{ TIDE_WARNING, "sql-blocking", false, takes_too_long, blocks, say_blocks,
	    "an index: a phase of kind \"create_index\"; NOT NULL: \"set_not_null\"; a constraint: NOT VALID "
	    "in one phase, VALIDATE CONSTRAINT in the next" },
	{ TIDE_WARNING, "sql-lock-held", false, takes_too_long, works_under_lock, say_works,
	    "write a phase for each of the two" },
	{ TIDE_WARNING, "sql-all-rows", false, NULL, writes_all, say_all,
	    "a phase of kind \"backfill\" with \"set\" does it in batches" },
	{ TIDE_WARNING, "sql-referenced", false, NULL, takes_along, say_along, NULL },
	{ TIDE_WARNING, "sql-drops", true, NULL, drops, say_drops, NULL },
	{ TIDE_WARNING, "sql-renames", true, NULL, renames, say_renames,
	    "a column: add_column, dual_write, backfill and switch; a table: leave a view under the old name "
	    "in the same phase" },
	{ TIDE_WARNING, "sql-breaks", true, NULL, breaks, say_breaks, NULL },
	{ TIDE_WARNING, "sql-breaks", true, NULL, takes_default, say_default,
	    "keep the default until no such release runs any more, and drop it in a plan of its own" },
	{ TIDE_WARNING, "sql-new-value", false, NULL, uses_new_value, say_new_value,
	    "write a phase for each of the two" },
	{ TIDE_WARNING, "sql-concurrently", false, NULL, could_be_milder, say_milder,
	    "say CONCURRENTLY, with transaction = false and a probe" },
};

static void
check_part(const struct place *p, const char *key)
{
	for (size_t i = 0; i < TIDE_COUNT(rules); i++)
		if ((!rules[i].act_only || strcmp(key, "act") == 0) && rules[i].applies(p)) {
			char *text = rules[i].says(p->c->out, p);

			tide_say(p->c,
			    rules[i].fails != NULL && rules[i].fails(p) ? TIDE_ERROR : rules[i].severity,
			    rules[i].id, key, rules[i].hint, "%s", text);
			talloc_free(text);
			p->c->out->item[p->c->out->count - 1].about = talloc_asprintf(
			    p->c->out, "part %zu of \"%s\"", (size_t)(p->part - p->script->part), key);
		}
}

/* What a trait means here; one row each. */
static const struct trait_rule {
	enum tide_sql_trait trait;
	enum tide_severity severity;
	bool in_transaction_only;
	const char *id, *message, *hint;
} traits[] = {
	{ TIDE_SQL_TRANSACTION_CONTROL, TIDE_ERROR, false, "sql-transaction-control",
	    "begins or ends a transaction", "the statements run in one transaction with the journal" },
	{ TIDE_SQL_CONCURRENT, TIDE_ERROR, true, "sql-concurrent", "cannot run inside a transaction",
	    "say transaction = false and give a probe" },
	{ TIDE_SQL_CASCADE, TIDE_WARNING, false, "sql-cascade",
	    "drops with CASCADE whatever depends on it, without naming it", "name each object" },
	{ TIDE_SQL_LIMIT, TIDE_WARNING, true, "sql-setting",
	    "sets a limit that has no effect: both timeouts are set again before each statement, so that "
	    "none keeps other sessions waiting longer than the review says",
	    "leave it out, and say limits.lock_timeout in the plan" },
	{ TIDE_SQL_SETTING, TIDE_WARNING, false, "sql-setting",
	    "changes a setting under which the statements after it run: what they mean, and when they are "
	    "cancelled, may differ from the review",
	    "leave it out, and write names with their schema" },
	{ TIDE_SQL_UNPARSED, TIDE_WARNING, false, "sql-unparsed",
	    "cannot be read, because its syntax is not known here: what it locks, reads and loses is unknown",
	    NULL },
};

static void
check_traits(const struct tide_checking *c, const char *key, const struct tide_statement *statement,
    const char *which, bool transaction)
{
	char *bare;

	for (size_t i = 0; i < TIDE_COUNT(traits); i++)
		if ((statement->traits & traits[i].trait) != 0 &&
		    (transaction || !traits[i].in_transaction_only))
			tide_say(c, traits[i].severity, traits[i].id, key, traits[i].hint, "%s %s", which,
			    traits[i].message);
	if (statement->bare.count == 0)
		return;
	bare = tide_join_plain(c->out, &statement->bare, "\", \"");
	tide_say(c, TIDE_WARNING, "sql-unqualified", key, "write it with its schema: public.name",
	    "%s names \"%s\" without a schema: which one is meant depends on the role's search_path", which,
	    bare);
}

static bool
same_relation(const struct tide_effect *a, const struct tide_effect *b)
{
	return a->relation != NULL && b->relation != NULL && strcmp(a->relation, b->relation) == 0;
}

/* What keeps writers out when the statement begins: on the same relation, or else the strongest lock. NULL: nothing does. */
static const struct tide_script_part *
held_before(const struct tide_script *script, const struct tide_script_part *part)
{
	const struct tide_script_part *best = NULL;

	for (const struct tide_script_part *p = script->part; p < part; p++) {
		bool same = same_relation(p->effect, part->effect);

		if (p->number == part->number || p->effect->lock < TIDE_SHARE || p->effect->relation == NULL)
			continue;
		if (best == NULL || same > same_relation(best->effect, part->effect) ||
		    (same == same_relation(best->effect, part->effect) &&
			p->effect->lock > best->effect->lock))
			best = p;
	}
	return best;
}

void
tide_script_check(
    const struct tide_checking *c, const char *key, const struct tide_script *script, bool transaction)
{
	void *mem = talloc_new(NULL);
	size_t part = 0;

	for (size_t i = 0; i < script->count; i++) {
		char *which =
		    talloc_asprintf(mem, "statement %zu of \"%s\" (%s)", i + 1, key, script->item[i].tag);

		check_traits(c, key, &script->item[i], which, transaction);
		for (; part < script->part_count && script->part[part].number == i + 1; part++) {
			const struct tide_script_part *here = &script->part[part];

			check_part(&(struct place){ .c = c,
				       .part = here,
				       .held = transaction ? held_before(script, here) : NULL,
				       .transaction = transaction,
				       .script = script,
				       .fate = tide_script_fate(script, here),
				       .statement = which,
				       .relation = tide_script_relation(mem, here) },
			    key);
		}
	}
	talloc_free(mem);
}
