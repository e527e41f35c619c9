#include "triggers_and_rules.h"

#include <string.h>

#include <talloc.h>

#include "catalog/change.h"
#include "tidemark/base/sqltext.h"

/* More than these are only counted, so that the message stays short. */
#define TOLD 8

static bool
skips(const char *word)
{
	return word != NULL && strcmp(word, TIDE_TRIGGERS_SKIP) == 0;
}

/* pg_trigger.tgenabled and pg_rewrite.ev_enabled. */
static bool
fires(const struct tide_reaction *r, bool replica)
{
	return r->enabled == 'A' || r->enabled == (replica ? 'R' : 'O');
}

/* A trigger without a list of columns wakes at every update. */
static bool
wakes(const struct tide_reaction *r, const struct tide_filled *filled)
{
	for (size_t i = 0; i < filled->count; i++)
		if (tide_uses(r->attnums, r->attnum_count, filled->attnums[i]))
			return true;
	return r->attnum_count == 0 && r->kind != 'k';
}

static bool
is_trigger(const struct tide_reaction *r)
{
	return r->kind == 't' || r->kind == 'c';
}

/* A trigger that fires although others are skipped, and may change columns that are not filled. */
static const struct tide_reaction *
altering_trigger(const struct tide_table *table, const struct tide_filled *filled)
{
	for (size_t i = 0; i < table->reaction_count; i++)
		if (table->reaction[i].alters && fires(&table->reaction[i], true) &&
		    wakes(&table->reaction[i], filled))
			return &table->reaction[i];
	return NULL;
}

/* Whether skipping triggers would leave something unchecked that may have changed. */
static bool
unchecked(
    const struct tide_reaction *r, const struct tide_filled *filled, const struct tide_reaction *altering)
{
	if (r->enabled != 'O' || (r->kind != 'k' && r->kind != 'c'))
		return false;
	return wakes(r, filled) || (r->kind == 'k' && altering != NULL);
}

static bool
may_skip(const struct tide_table *table, const struct tide_filled *filled)
{
	const struct tide_reaction *altering = altering_trigger(table, filled);

	for (size_t i = 0; i < table->reaction_count; i++)
		if (unchecked(&table->reaction[i], filled, altering))
			return false;
	return true;
}

static char *
describe(void *ctx, const struct tide_reaction *r)
{
	return talloc_asprintf(ctx, "\"%s\"%s%s (%s%s%s, calls %s)", r->name, r->table != NULL ? " on " : "",
	    r->table != NULL ? r->table : "", r->timing, r->condition != NULL ? " WHEN " : "",
	    r->condition != NULL ? r->condition : "", r->does);
}

static void
check_said(const struct tide_checking *c, const struct tide_filled *filled)
{
	const struct tide_table *table = &c->at->cat->table;
	size_t found = 0;
	char *list = NULL;

	for (size_t i = 0; i < table->reaction_count; i++) {
		const struct tide_reaction *r = &table->reaction[i];

		if (is_trigger(r) && fires(r, false) && wakes(r, filled) && found++ < TOLD)
			list = tide_append(c->out, list, ", ", describe(c->out, r));
	}
	if (found > TOLD)
		list = talloc_asprintf(c->out, "%s and %zu more", list, found - TOLD);
	if (found > 0)
		tide_say(c, TIDE_ERROR, "backfill-other-triggers", NULL,
		    "other_triggers = \"fire\" lets them see every row that is filled; other_triggers = "
		    "\"skip\" keeps them out of it, and needs the right to set session_replication_role",
		    "the table has triggers of its own that would fire for the rows that are filled, and the "
		    "plan does not say whether they should: %s",
		    list);
}

static void
check_rules(const struct tide_checking *c, const char *word)
{
	const struct tide_table *table = &c->at->cat->table;

	for (size_t i = 0; i < table->reaction_count; i++) {
		const struct tide_reaction *r = &table->reaction[i];

		if (r->kind == 'r' && fires(r, skips(word)))
			tide_say(c, TIDE_ERROR, "backfill-rule", NULL,
			    talloc_asprintf(c->out,
				"put a trigger in its place, or, if it may be off until then: ALTER TABLE %s "
				"DISABLE RULE %s",
				r->table != NULL ? r->table : tide_table_text(c->out, c->at->cat),
				tide_ident(c->out, r->name)),
			    "rule \"%s\" rewrites updates%s%s, "
			    "and the server refuses that of a batch, which is an "
			    "UPDATE inside WITH",
			    r->name, r->table != NULL ? " of " : "", r->table != NULL ? r->table : "");
	}
}

static void
check_right(const struct tide_checking *c)
{
	const struct tide_catalog *cat = c->at->cat;

	if (cat->may_skip_triggers)
		return;
	tide_say(c, TIDE_ERROR, "backfill-skip-privilege", "other_triggers",
	    cat->server_version >= 150000
		? tide_sqlf(c->out, "GRANT SET ON PARAMETER session_replication_role TO %I;", cat->role)
		: "before PostgreSQL 15 only a superuser may: run as one, or say other_triggers = \"fire\"",
	    "role %s may not set session_replication_role, which skipping triggers needs", cat->role);
}

/*
 * session_replication_role = replica also keeps constraint triggers, and the server's own triggers of foreign
 * keys, from firing.
 */
static void
check_unchecked(const struct tide_checking *c, const struct tide_filled *filled)
{
	const struct tide_table *table = &c->at->cat->table;
	const struct tide_reaction *altering = altering_trigger(table, filled);

	for (size_t i = 0; i < table->reaction_count; i++) {
		const struct tide_reaction *r = &table->reaction[i];

		if (!unchecked(r, filled, altering))
			continue;
		if (r->kind == 'c')
			tide_say(c, TIDE_ERROR, "backfill-skip-check", "other_triggers",
			    talloc_asprintf(c->out,
				"say other_triggers = \"fire\", or let this one fire nevertheless: ALTER "
				"TABLE %s ENABLE ALWAYS TRIGGER %s",
				r->table != NULL ? r->table : tide_table_text(c->out, c->at->cat),
				tide_ident(c->out, r->name)),
			    "skipping triggers would skip a check: constraint trigger %s",
			    describe(c->out, r));
		else
			tide_say(c, TIDE_ERROR, "backfill-skip-check", "other_triggers",
			    "say other_triggers = \"fire\": the server checks it by triggers of its own, "
			    "which would not fire either",
			    "skipping triggers would leave constraint \"%s\" unchecked for %s: %s", r->name,
			    wakes(r, filled) ? "the rows that are filled"
					     : talloc_asprintf(c->out,
						   "what trigger \"%s\" changes, which fires nevertheless",
						   altering->name),
			    r->does);
	}
}

static void
check_anyway(const struct tide_checking *c, const struct tide_filled *filled)
{
	const struct tide_table *table = &c->at->cat->table;

	for (size_t i = 0; i < table->reaction_count; i++) {
		const struct tide_reaction *r = &table->reaction[i];

		if (is_trigger(r) && fires(r, true) && wakes(r, filled))
			tide_say(c, TIDE_WARNING, "backfill-fires-anyway", "other_triggers", NULL,
			    "trigger %s is ENABLE %s: it fires %s the others are skipped",
			    describe(c->out, r), r->enabled == 'A' ? "ALWAYS" : "REPLICA",
			    r->enabled == 'A' ? "although" : "only because");
	}
}

void
tide_check_triggers_and_rules(
    const struct tide_checking *c, const struct tide_filled *filled, const char *word)
{
	check_rules(c, word);
	if (word == NULL)
		check_said(c, filled);
	if (!skips(word))
		return;
	check_right(c);
	check_unchecked(c, filled);
	check_anyway(c, filled);
}

void
tide_triggers_and_rules_apply(struct tide_steps *steps, const struct tide_catalog *cat,
    const struct tide_filled *filled, const char *word, struct tide_sweep_spec *sweep)
{
	const struct tide_table *table = &cat->table;
	bool replica = skips(word) && may_skip(table, filled);

	if (replica)
		sweep->replication_role = talloc_strdup(steps, "replica");
	sweep->other = talloc_zero_array(steps, struct tide_other_trigger, (unsigned)table->reaction_count);
	for (size_t i = 0; i < table->reaction_count; i++) {
		const struct tide_reaction *r = &table->reaction[i];

		if (!is_trigger(r) || !wakes(r, filled) || !(fires(r, false) || fires(r, replica)))
			continue;
		/* Copies: the catalog goes before the steps do. */
		sweep->other[sweep->other_count++] =
		    (struct tide_other_trigger){ .name = talloc_strdup(steps, r->name),
			    .table = talloc_strdup(steps, r->table),
			    .timing = talloc_strdup(steps, r->timing),
			    .function = talloc_strdup(steps, r->does),
			    .condition = talloc_strdup(steps, r->condition),
			    .fires = fires(r, replica) };
	}
}
