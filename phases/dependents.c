#include "dependents.h"

#include <ctype.h>
#include <string.h>

#include <talloc.h>

#include "change.h"
#include "tidemark/expression.h"
#include "tidemark/sqltext.h"

bool
tide_in_partition_key(const struct tide_catalog *cat, const struct tide_column *column)
{
	for (size_t i = 0; i < cat->table.dependent_count; i++)
		if (cat->table.dependent[i].attnum == column->attnum &&
		    strcmp(cat->table.dependent[i].kind, "partition key") == 0)
			return true;
	return false;
}

bool
tide_accepted(const struct tide_names *accept, const char *name)
{
	return tide_names_have(accept, name);
}

bool
tide_is_our_name(const char *name)
{
	static const char prefix[] = "tidemark_";
	size_t digits =
	    strspn(name + (strncmp(name, prefix, sizeof(prefix) - 1) == 0 ? sizeof(prefix) - 1 : 0),
		"0123456789abcdef");

	return strncmp(name, prefix, sizeof(prefix) - 1) == 0 && digits >= 16;
}

/* The bare name in "view public.v" or `view public."My View"`. */
static char *
bare_name(void *ctx, const char *identity)
{
	const char *rest = identity;

	for (; rest != NULL; rest = strchr(rest, ' ') == NULL ? NULL : strchr(rest, ' ') + 1) {
		char *parts[2];
		int count = tide_name_parse(ctx, rest, parts);

		if (count > 0)
			return parts[count - 1];
	}
	return talloc_strdup(ctx, identity);
}

static struct tide_hanging *
hang(void *ctx, struct tide_hangings *out, const char *name, bool blocks, char *what)
{
	for (size_t i = 0; i < out->count; i++)
		if (strcmp(out->item[i].what, what) == 0)
			return &out->item[i];
	out->item = talloc_realloc(ctx, out->item, struct tide_hanging, (unsigned)(out->count + 1));
	out->item[out->count] = (struct tide_hanging){ .name = name, .what = what, .blocks = blocks };
	return &out->item[out->count++];
}

static const char *
constraint_word(char type)
{
	switch (type) {
	case 'p':
		return "primary key";
	case 'f':
		return "foreign key";
	case 'u':
		return "unique constraint";
	case 'x':
		return "exclusion constraint";
	case 'n':
		return "NOT NULL constraint";
	default:
		return "check constraint";
	}
}

void
tide_hanging_on(
    void *ctx, const struct tide_catalog *cat, const struct tide_column *column, struct tide_hangings *out)
{
	const struct tide_table *table = &cat->table;

	for (size_t i = 0; i < table->constraint_count; i++) {
		const struct tide_constraint *k = &table->constraint[i];

		if (!tide_uses(k->attnums, k->attnum_count, column->attnum) || k->type == 'n' ||
		    tide_is_our_name(k->name))
			continue;
		hang(ctx, out, k->name, k->referencing != NULL,
		    k->referencing == NULL
			? talloc_asprintf(ctx, "%s %s", constraint_word(k->type), k->name)
			: talloc_asprintf(ctx, "foreign key %s of %s", k->name, k->referencing));
	}
	for (size_t i = 0; i < table->index_count; i++) {
		const struct tide_index *index = &table->index[i];

		if (tide_uses(index->attnums, index->attnum_count, column->attnum) &&
		    index->constraint == NULL)
			hang(ctx, out, index->name, false, talloc_asprintf(ctx, "index %s", index->name));
	}
	for (size_t i = 0; i < table->dependent_count; i++) {
		const struct tide_dependent *d = &table->dependent[i];

		if (d->attnum != column->attnum)
			continue;
		/* Triggers and the bodies of functions may be the tool's own. */
		if (strstr(d->identity, "tidemark_") != NULL && strcmp(d->kind, "view") != 0)
			continue;
		/* A body in a string is not tracked: nothing goes, but the function fails from then on. */
		hang(ctx, out, bare_name(ctx, d->identity), d->blocks_drop, talloc_strdup(ctx, d->identity))
		    ->breaks = strcmp(d->kind, "function") == 0 && !d->blocks_drop;
	}
}

/* Same numbers, with the old column's replaced by the new one's. */
static bool
maps_onto(const int *from, size_t from_count, const int *onto, size_t onto_count, int old, int new)
{
	if (from_count != onto_count)
		return false;
	for (size_t i = 0; i < from_count; i++)
		if (!tide_uses(onto, onto_count, from[i] == old ? new : from[i]))
			return false;
	return true;
}

/* The definition with old called new and every name quoted, so that texts can be compared. */
static char *
normalised(void *ctx, const char *definition, const char *old, const char *new)
{
	char *names[] = { (char *)old, (char *)new }, *after_names[] = { (char *)new, (char *)new };
	struct tide_names before = { names, 2 }, after = { after_names, 2 };
	struct tide_err ignored = { 0 };
	const char *open = strchr(definition, '('), *close = strrchr(definition, ')');

	if (open == NULL || close == NULL || close < open)
		return NULL;
	return tide_rename_columns(
	    ctx, talloc_strndup(ctx, open + 1, (size_t)(close - open - 1)), NULL, &before, &after, &ignored);
}

static bool
same_check(void *ctx, const struct tide_constraint *a, const struct tide_constraint *b, const char *old,
    const char *new)
{
	const char *left = normalised(ctx, a->definition, old, new),
		   *right = normalised(ctx, b->definition, old, new);

	return left != NULL && right != NULL && strcmp(left, right) == 0;
}

/* What a foreign key points at, and what it does when that goes. */
static bool
same_reference(const struct tide_constraint *a, const struct tide_constraint *b)
{
	const char *left = strstr(a->definition, " REFERENCES "),
		   *right = strstr(b->definition, " REFERENCES ");

	return left != NULL && right != NULL && strcmp(left, right) == 0;
}

static bool
shared(void *ctx, const struct tide_catalog *cat, const struct tide_constraint *k,
    const struct tide_dual_column *old, const struct tide_dual_column *new)
{
	for (size_t i = 0; i < cat->table.constraint_count; i++) {
		const struct tide_constraint *other = &cat->table.constraint[i];

		if (other == k || other->type != k->type || other->referencing != NULL ||
		    !maps_onto(k->attnums, k->attnum_count, other->attnums, other->attnum_count,
			old->column->attnum, new->column->attnum))
			continue;
		if (k->type == 'c' ? same_check(ctx, k, other, old->name, new->name)
				   : k->type != 'f' || same_reference(k, other))
			return true;
	}
	return false;
}

/* A unique index that is not a constraint rejects rows just the same. */
static void
check_unique_indexes(
    const struct tide_checking *c, const struct tide_dual *dual, size_t at, const struct tide_names *accept)
{
	const struct tide_table *table = &dual->cat->table;
	const struct tide_dual_column *old = &dual->old.item[at];

	for (size_t i = 0; i < table->index_count; i++) {
		const struct tide_index *index = &table->index[i];
		bool found = false;

		if (!index->unique || index->constraint != NULL || tide_accepted(accept, index->name) ||
		    !tide_uses(index->attnums, index->attnum_count, old->column->attnum))
			continue;
		for (size_t k = 0; k < table->index_count && at < dual->new.count; k++)
			found = found || (table->index[k].unique && k != i &&
					     maps_onto(index->attnums, index->attnum_count,
						 table->index[k].attnums, table->index[k].attnum_count,
						 old->column->attnum, dual->new.item[at].column->attnum));
		if (!found)
			tide_say(c, TIDE_ERROR, "switch-unique", NULL,
			    talloc_asprintf(c->out,
				"build the same index on the new column before (kind = \"create_index\"), "
				"drop the old one, or say accept = [\"%s\"]",
				index->name),
			    "unique index \"%s\" stands on \"%s\" only: a write of the new release could "
			    "fail on it",
			    index->name, old->name);
	}
}

static void
check_constraints(
    const struct tide_checking *c, const struct tide_dual *dual, size_t at, const struct tide_names *accept)
{
	const struct tide_dual_column *old = &dual->old.item[at];
	void *room = talloc_new(NULL);

	for (size_t i = 0; i < dual->cat->table.constraint_count; i++) {
		const struct tide_constraint *k = &dual->cat->table.constraint[i];

		if (k->type == 'n' || k->type == 't' || tide_is_our_name(k->name) ||
		    tide_accepted(accept, k->name) ||
		    !tide_uses(k->attnums, k->attnum_count, old->column->attnum))
			continue;
		if (at < dual->new.count &&
		    k->referencing == NULL &&shared(room, dual->cat, k, old, &dual->new.item[at]))
			continue;
		tide_say(c, TIDE_ERROR, "switch-constraint", NULL,
		    talloc_asprintf(c->out,
			"give the new column the same constraint before the switch, drop it from the "
			"old one, or say accept = [\"%s\"] when no value can break it",
			k->name),
		    "%s \"%s\" stands on \"%s\" only: a value that the new release writes could fail on it",
		    constraint_word(k->type), k->name, old->name);
	}
	talloc_free(room);
}

static void
check_defaults(const struct tide_checking *c, const struct tide_dual *dual, size_t at)
{
	const struct tide_column *old = dual->old.item[at].column;

	if (old->identity != 0 || old->sequence != NULL)
		tide_say(c, TIDE_ERROR, "switch-sequence", NULL,
		    "move the sequence to the new column before the switch (ALTER SEQUENCE … OWNED BY), as a "
		    "phase of "
		    "kind \"sql\"; a new value for every row cannot be told from one that the application "
		    "chose",
		    "\"%s\" gets its values from %s", dual->old.item[at].name,
		    old->identity != 0 ? "an identity" : old->sequence);
	if (old->generated != 0)
		tide_say(c, TIDE_ERROR, "switch-generated", NULL, NULL,
		    "\"%s\" is a generated column and cannot be written", dual->old.item[at].name);
}

/* The new release reads and writes the new column as the role that may use the old one. */
static void
check_grants(
    const struct tide_checking *c, const struct tide_dual *dual, size_t at, const struct tide_names *accept)
{
	const struct tide_dual_column *old = &dual->old.item[at];
	bool pairs = dual->old.count == dual->new.count;

	if (old->column->acl == NULL || tide_accepted(accept, old->name))
		return;
	for (size_t i = pairs ? at : 0; i < (pairs ? at + 1 : dual->new.count); i++) {
		const char *acl = dual->new.item[i].column->acl;

		if (acl != NULL && strcmp(acl, old->column->acl) == 0)
			continue;
		tide_say(c, TIDE_ERROR, "switch-grant", NULL,
		    talloc_asprintf(c->out,
			"grant the same on the new column in a phase of kind \"sql\" before the switch, then "
			"say accept = [\"%s\"]",
			old->name),
		    "\"%s\" has privileges of its own that \"%s\" lacks: the new release would be refused",
		    old->name, dual->new.item[i].name);
		return;
	}
}

void
tide_check_switch(
    const struct tide_checking *c, const struct tide_dual *dual, const struct tide_names *accept, bool swaps)
{
	for (size_t i = 0; i < dual->old.count; i++) {
		check_constraints(c, dual, i, accept);
		check_unique_indexes(c, dual, i, accept);
		check_defaults(c, dual, i);
		/* When names are exchanged, tide_check_swap asks more of both columns. */
		if (!swaps)
			check_grants(c, dual, i, accept);
	}
	for (size_t i = 0; i < dual->new.count; i++) {
		const struct tide_column *new = dual->new.item[i].column;

		if (new->default_expr != NULL && !new->default_constant)
			tide_say(c, TIDE_ERROR, "switch-default", NULL,
			    "drop the default (the old column's value fills it) and set it when the old "
			    "column is gone",
			    "the default of \"%s\" gives another value each time: an INSERT of the old "
			    "release could not be "
			    "told from one of the new release, and would lose its value",
			    dual->new.item[i].name);
		if (new->identity != 0)
			tide_say(c, TIDE_ERROR, "switch-sequence", NULL,
			    "add the identity when the old column is gone",
			    "\"%s\" gets its values from an identity: an INSERT of the old release would "
			    "lose its value",
			    dual->new.item[i].name);
	}
}

/* Indexes of the old attribute that the new one has no twin of: after the exchange the name has no index. */
static void
check_swap_indexes(
    const struct tide_checking *c, const struct tide_dual *dual, size_t at, const struct tide_names *accept)
{
	const struct tide_table *table = &dual->cat->table;
	int old = dual->old.item[at].column->attnum, new = dual->new.item[at].column->attnum;

	for (size_t i = 0; i < table->index_count; i++) {
		const struct tide_index *index = &table->index[i];
		bool found = false;

		if (!tide_uses(index->attnums, index->attnum_count, old) ||
		    tide_accepted(accept, index->name) ||
		    (index->constraint != NULL && tide_accepted(accept, index->constraint)))
			continue;
		for (size_t k = 0; k < table->index_count; k++)
			found = found || maps_onto(index->attnums, index->attnum_count,
					     table->index[k].attnums, table->index[k].attnum_count, old, new);
		if (!found)
			tide_say(c, TIDE_ERROR, "swap-index", "swap_names",
			    talloc_asprintf(c->out,
				"build it on the new column before (kind = \"create_index\"), or say "
				"accept = [\"%s\"]",
				index->name),
			    "index \"%s\" stays with the old values when the names are exchanged",
			    index->name);
	}
}

static void
check_swap_column(const struct tide_checking *c, const struct tide_dual *dual,
    const struct tide_dual_column *column, const struct tide_names *accept)
{
	const struct tide_table *table = &dual->cat->table;
	bool known = tide_accepted(accept, column->name);

	for (size_t i = 0; i < table->dependent_count; i++) {
		const struct tide_dependent *d = &table->dependent[i];
		char *name = bare_name(c->out, d->identity);

		/* A function whose body is a string goes by the name, as it should. */
		if (d->attnum != column->column->attnum || strstr(d->identity, "tidemark_") != NULL ||
		    (strcmp(d->kind, "function") == 0 && !d->blocks_drop) || tide_accepted(accept, name))
			continue;
		tide_say(c, TIDE_ERROR, "swap-dependent", "swap_names",
		    talloc_asprintf(c->out,
			"drop it before and create it again behind the switch, or say accept = [\"%s\"]",
			name),
		    "%s is bound to \"%s\" itself and not to its name: after the exchange it goes on with "
		    "the %s values",
		    d->identity, column->name,
		    column < dual->new.item || column >= dual->new.item + dual->new.count ? "old" : "new");
	}
	if (column->column->acl != NULL && !known)
		tide_say(c, TIDE_ERROR, "swap-grant", "swap_names",
		    talloc_asprintf(
			c->out, "grant the same on both columns, then say accept = [\"%s\"]", column->name),
		    "\"%s\" has privileges of its own, which do not follow its name", column->name);
	if (column->column->comment != NULL && !known)
		tide_say(c, TIDE_ERROR, "swap-comment", "swap_names",
		    talloc_asprintf(c->out,
			"say accept = [\"%s\"] and set the comment again behind the switch", column->name),
		    "\"%s\" has a comment, which does not follow its name", column->name);
}

void
tide_check_swap(const struct tide_checking *c, const struct tide_dual *dual, const struct tide_names *accept)
{
	if (dual->old.count != dual->new.count) {
		tide_say(c, TIDE_ERROR, "swap-count", "swap_names", NULL,
		    "names can only be exchanged pair by pair, and there are %zu old and %zu new columns",
		    dual->old.count, dual->new.count);
		return;
	}
	if (dual->cat->table.published && !tide_accepted(accept, dual->cat->table.name))
		tide_say(c, TIDE_ERROR, "swap-published", "swap_names",
		    talloc_asprintf(c->out, "prepare the subscribers first, then say accept = [\"%s\"]",
			dual->cat->table.name),
		    "the table is published: subscribers stop when two columns exchange their names");
	for (size_t i = 0; i < dual->old.count; i++) {
		check_swap_indexes(c, dual, i, accept);
		check_swap_column(c, dual, &dual->old.item[i], accept);
		check_swap_column(c, dual, &dual->new.item[i], accept);
	}
}
