#include "deletions.h"

#include <string.h>

#include <talloc.h>

#include "pair/triggers_and_rules.h"
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

static bool
is_trigger(const struct tide_reaction *r)
{
	return r->kind == 't' || r->kind == 'c';
}

/* Skipping would leave it undone: a constraint trigger, or what a foreign key does with the rows that refer to a deleted one. */
static bool
is_check(const struct tide_reaction *r)
{
	return r->enabled == 'O' && (r->kind == 'k' || r->kind == 'c');
}

static char *
describe(void *ctx, const struct tide_reaction *r)
{
	return talloc_asprintf(ctx, "\"%s\"%s%s (%s%s%s, calls %s)", r->name, r->table != NULL ? " on " : "",
	    r->table != NULL ? r->table : "", r->timing, r->condition != NULL ? " WHEN " : "",
	    r->condition != NULL ? r->condition : "", r->does);
}

static void
check_said(const struct tide_checking *c)
{
	const struct tide_table *table = &c->at->cat->table;
	size_t found = 0;
	char *list = NULL;

	for (size_t i = 0; i < table->deletion_count; i++) {
		const struct tide_reaction *r = &table->deletion[i];

		if (is_trigger(r) && fires(r, false) && found++ < TOLD)
			list = tide_append(c->out, list, ", ", describe(c->out, r));
	}
	if (found > TOLD)
		list = talloc_asprintf(c->out, "%s and %zu more", list, found - TOLD);
	if (found > 0)
		tide_say(c, TIDE_ERROR, "purge-other-triggers", NULL,
		    "other_triggers = \"fire\" lets them see every row that is deleted; other_triggers = "
		    "\"skip\" keeps them out of it, and needs the right to set session_replication_role",
		    "the table has triggers of its own that would fire for the rows that are deleted, and the "
		    "plan does not say whether they should: %s",
		    list);
}

static void
check_rules(const struct tide_checking *c, const char *word)
{
	const struct tide_table *table = &c->at->cat->table;

	for (size_t i = 0; i < table->deletion_count; i++) {
		const struct tide_reaction *r = &table->deletion[i];

		if (r->kind == 'r' && fires(r, skips(word)))
			tide_say(c, TIDE_ERROR, "purge-rule", NULL,
			    talloc_asprintf(c->out,
				"put a trigger in its place, or, if it may be off until then: ALTER TABLE %s "
				"DISABLE RULE %s",
				r->table != NULL ? r->table : tide_table_text(c->out, c->at->cat),
				tide_ident(c->out, r->name)),
			    "rule \"%s\" rewrites deletes%s%s, and the server refuses that of a batch, which is "
			    "a DELETE inside WITH",
			    r->name, r->table != NULL ? " of " : "", r->table != NULL ? r->table : "");
	}
}

static void
check_right(const struct tide_checking *c)
{
	const struct tide_catalog *cat = c->at->cat;

	if (cat->may_skip_triggers)
		return;
	tide_say(c, TIDE_ERROR, "purge-skip-privilege", "other_triggers",
	    cat->server_version >= 150000
		? tide_sqlf(c->out, "GRANT SET ON PARAMETER session_replication_role TO %I;", cat->role)
		: "before PostgreSQL 15 only a superuser may: run as one, or say other_triggers = \"fire\"",
	    "role %s may not set session_replication_role, which skipping triggers needs", cat->role);
}

/* session_replication_role = replica also keeps the server's own triggers of foreign keys from firing. */
static void
check_skipped(const struct tide_checking *c)
{
	const struct tide_table *table = &c->at->cat->table;

	for (size_t i = 0; i < table->deletion_count; i++) {
		const struct tide_reaction *r = &table->deletion[i];

		if (is_check(r))
			tide_say(c, TIDE_ERROR, "purge-skip-check", "other_triggers",
			    "say other_triggers = \"fire\"", "skipping triggers would skip %s \"%s\": %s",
			    r->kind == 'c' ? "the check of constraint trigger" : "foreign key", r->name,
			    r->kind == 'c' ? r->does : "rows that refer to deleted ones would be left");
		else if (is_trigger(r) && fires(r, true))
			tide_say(c, TIDE_WARNING, "purge-fires-anyway", "other_triggers", NULL,
			    "trigger %s is ENABLE %s: it fires %s the others are skipped",
			    describe(c->out, r), r->enabled == 'A' ? "ALWAYS" : "REPLICA",
			    r->enabled == 'A' ? "although" : "only because");
	}
}

/* It may return NULL, and nobody can tell from its text: the row stays. */
static void
check_keepers(const struct tide_checking *c, const char *word)
{
	const struct tide_table *table = &c->at->cat->table;

	for (size_t i = 0; i < table->deletion_count; i++) {
		const struct tide_reaction *r = &table->deletion[i];

		if (r->kind == 't' && r->alters && word != NULL && fires(r, skips(word)))
			tide_say(c, TIDE_NOTE, "purge-kept", NULL, NULL,
			    "trigger %s decides: a row for which it returns NULL stays; such rows are counted "
			    "and not tried again",
			    describe(c->out, r));
	}
}

void
tide_check_deletions(const struct tide_checking *c, const char *word)
{
	check_rules(c, word);
	check_keepers(c, word);
	if (word == NULL)
		check_said(c);
	if (!skips(word))
		return;
	check_right(c);
	check_skipped(c);
}

static const struct tide_constraint *
referencing(const struct tide_table *table, size_t i)
{
	const struct tide_constraint *k = &table->constraint[i];

	return k->type == 'f' && k->referencing != NULL ? k : NULL;
}

static bool
spreads(const struct tide_constraint *k)
{
	return k->on_delete != NULL && strcmp(k->on_delete, "NO ACTION") != 0 &&
	       strcmp(k->on_delete, "RESTRICT") != 0;
}

bool
tide_deletions_spread(const struct tide_catalog *cat)
{
	for (size_t i = 0; i < cat->table.constraint_count; i++)
		if (referencing(&cat->table, i) != NULL && spreads(&cat->table.constraint[i]))
			return true;
	return false;
}

/* What becomes of the rows of the other table, in words. */
static const char *
consequence(const struct tide_constraint *k)
{
	if (!spreads(k))
		return "a row that is still referred to ends the sweep";
	return strcmp(k->on_delete, "CASCADE") == 0
		   ? "rows that refer to a deleted one are deleted with it, in the same batch"
		   : "rows that refer to a deleted one are changed with it, in the same batch";
}

void
tide_check_referencing(const struct tide_checking *c)
{
	for (size_t i = 0; i < c->at->cat->table.constraint_count; i++) {
		const struct tide_constraint *k = referencing(&c->at->cat->table, i);

		if (k == NULL)
			continue;
		tide_say(c, spreads(k) ? TIDE_WARNING : TIDE_NOTE, "purge-referenced", NULL, NULL,
		    "foreign key \"%s\" of %s, ON DELETE %s: %s", k->name, k->referencing,
		    k->on_delete != NULL ? k->on_delete : "NO ACTION", consequence(k));
		if (k->unindexed != NULL)
			tide_say(c, TIDE_ERROR, "purge-referenced-index", NULL,
			    talloc_asprintf(
				c->out, "CREATE INDEX CONCURRENTLY ON %s (%s)", k->referencing, k->unindexed),
			    "no index of %s begins with (%s): for each row that is deleted, foreign key \"%s\" "
			    "would read that whole table",
			    k->referencing, k->unindexed, k->name);
	}
}

void
tide_check_published_deletes(const struct tide_checking *c)
{
	const struct tide_table *table = &c->at->cat->table;

	if (table->without_identity_deletes != NULL)
		tide_say(c, TIDE_ERROR, "purge-replica-identity", NULL,
		    "give it a primary key, or ALTER TABLE … REPLICA IDENTITY FULL",
		    "%s is published and has no replica identity: PostgreSQL refuses every DELETE of it",
		    table->without_identity_deletes);
	if (table->narrow_publications_deletes != NULL)
		tide_say(c, TIDE_ERROR, "purge-replica-identity", NULL,
		    "filter by columns of the replica identity only, and list all of them",
		    "the row filter or column list of publication %s is not covered by the replica identity: "
		    "PostgreSQL refuses every DELETE",
		    table->narrow_publications_deletes);
}

static bool
may_skip(const struct tide_table *table)
{
	for (size_t i = 0; i < table->deletion_count; i++)
		if (is_check(&table->deletion[i]))
			return false;
	return true;
}

void
tide_deletions_apply(
    struct tide_steps *steps, const struct tide_catalog *cat, const char *word, struct tide_sweep_spec *sweep)
{
	const struct tide_table *table = &cat->table;
	bool replica = skips(word) && may_skip(table);

	if (replica)
		sweep->replication_role = talloc_strdup(steps, "replica");
	sweep->other = talloc_zero_array(steps, struct tide_other_trigger, (unsigned)table->deletion_count);
	for (size_t i = 0; i < table->deletion_count; i++) {
		const struct tide_reaction *r = &table->deletion[i];

		if (!is_trigger(r) || !(fires(r, false) || fires(r, replica)))
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
