#include "properties.h"

#include <string.h>

#include <talloc.h>

#include "dependents.h"
#include "inventory.h"
#include "tidemark/base/array.h"
#include "tidemark/base/sqltext.h"
#include "catalog/types.h"

static bool
same_text(const char *a, const char *b)
{
	return (a == NULL && b == NULL) || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* Stored alike: the same type, or both are texts. */
static bool
same_type(const struct tide_column *a, const struct tide_column *b)
{
	return same_text(a->cast_type, b->cast_type) ||
	       (tide_is_text(a->cast_type) && tide_is_text(b->cast_type));
}

/* What a property is, as text; NULL: the column has nothing of its own. */

static char *
collation_of(void *ctx, const struct tide_column *c)
{
	(void)ctx;
	return c->collation;
}

static char *
storage_of(void *ctx, const struct tide_column *c)
{
	static const struct {
		char letter;
		const char *word;
	} words[] = { { 'p', "PLAIN" }, { 'e', "EXTERNAL" }, { 'm', "MAIN" }, { 'x', "EXTENDED" } };

	for (size_t i = 0; i < TIDE_COUNT(words); i++)
		if (words[i].letter == c->storage)
			return talloc_strdup(ctx, words[i].word);
	return NULL;
}

static char *
compression_of(void *ctx, const struct tide_column *c)
{
	return c->compression == 'p'   ? talloc_strdup(ctx, "pglz")
	       : c->compression == 'l' ? talloc_strdup(ctx, "lz4")
				       : NULL;
}

static char *
statistics_of(void *ctx, const struct tide_column *c)
{
	return c->statistics == NULL ? NULL : talloc_strdup(ctx, c->statistics);
}

static char *
options_of(void *ctx, const struct tide_column *c)
{
	(void)ctx;
	return c->options;
}

static char *
comment_of(void *ctx, const struct tide_column *c)
{
	(void)ctx;
	return c->comment;
}

static char *
grants_of(void *ctx, const struct tide_column *c)
{
	(void)ctx;
	return c->grants;
}

/* Statements that set them, with the table and the column. */

static char *
alter(void *ctx, const char *table, const struct tide_column *to, const char *what)
{
	return talloc_asprintf(
	    ctx, "%s%s", tide_sqlf(ctx, "ALTER TABLE %s ALTER COLUMN %I SET ", table, to->name), what);
}

static void
carry_storage(struct tide_steps *out, struct tide_action *action, const char *table,
    const struct tide_column *to, const char *value)
{
	tide_action_add(out, action, alter(out, table, to, talloc_asprintf(out, "STORAGE %s", value)));
}

static void
carry_compression(struct tide_steps *out, struct tide_action *action, const char *table,
    const struct tide_column *to, const char *value)
{
	tide_action_add(out, action, alter(out, table, to, talloc_asprintf(out, "COMPRESSION %s", value)));
}

static void
carry_statistics(struct tide_steps *out, struct tide_action *action, const char *table,
    const struct tide_column *to, const char *value)
{
	tide_action_add(out, action, alter(out, table, to, talloc_asprintf(out, "STATISTICS %s", value)));
}

static void
carry_options(struct tide_steps *out, struct tide_action *action, const char *table,
    const struct tide_column *to, const char *value)
{
	tide_action_add(out, action, alter(out, table, to, talloc_asprintf(out, "(%s)", value)));
}

static void
carry_comment(struct tide_steps *out, struct tide_action *action, const char *table,
    const struct tide_column *to, const char *value)
{
	tide_action_add(out, action, tide_sqlf(out, "COMMENT ON COLUMN %s.%I IS %L", table, to->name, value));
}

/* One line a privilege: its name, the role, and whether it may be passed on, with a tab between. */
static void
carry_grants(struct tide_steps *out, struct tide_action *action, const char *table,
    const struct tide_column *to, const char *value)
{
	for (const char *line = value; *line != '\0'; line += strcspn(line, "\n"), line += *line == '\n') {
		size_t privilege = strcspn(line, "\t"), role = strcspn(line + privilege + 1, "\t");
		const char *more = line + privilege + 1 + role + 1;

		tide_action_add(out, action,
		    talloc_asprintf(out, "GRANT %.*s %s TO %.*s%.*s", (int)privilege, line,
			tide_sqlf(out, "(%I) ON %s", to->name, table), (int)role, line + privilege + 1,
			(int)strcspn(more, "\n"), more));
	}
}

static const struct property {
	const char *kind; /* the row of the inventory */
	char *(*of)(void *ctx, const struct tide_column *column);
	/* NULL: it belongs to the definition of the column. */
	void (*carry)(struct tide_steps *out, struct tide_action *action, const char *table,
	    const struct tide_column *to, const char *value);
	bool of_type; /* means something only in a column of the same type */
} properties[] = {
	{ "collation", collation_of, NULL, true },
	{ "storage", storage_of, carry_storage, true },
	{ "compression", compression_of, carry_compression, true },
	{ "statistics target", statistics_of, carry_statistics, false },
	{ "column options", options_of, carry_options, false },
	{ "comment", comment_of, carry_comment, false },
	{ "column privileges", grants_of, carry_grants, false },
};

const struct tide_column *
tide_copied_column(const struct tide_phase_at *at, const char *column)
{
	for (size_t i = at->index + 1; at->cat != NULL && i < at->plan->count; i++) {
		const struct dual_write_spec *dual = tide_opens(&at->plan->phase[i]);

		if (dual == NULL || dual->up.count > 0 || dual->from.count != dual->to.count)
			continue;
		for (size_t k = 0; k < dual->to.count; k++)
			if (strcmp(dual->to.item[k], column) == 0)
				return tide_catalog_column(at->cat, dual->from.item[k]);
	}
	return NULL;
}

bool
tide_takes_collation(const struct tide_column *from, const struct tide_column *type)
{
	return from != NULL && from->collation != NULL && same_type(from, type);
}

/* A type's own storage needs no words; of another type it would be another thing. */
static bool
is_to_carry(void *ctx, const struct property *p, const struct tide_column *from, const struct tide_column *to)
{
	const char *value = p->of(ctx, from);

	return p->carry != NULL && value != NULL && (!p->of_type || same_type(from, to)) &&
	       !(p->of == storage_of && from->storage == from->type_storage);
}

void
tide_properties_carry(struct tide_steps *out, const struct tide_catalog *cat, struct tide_action *action,
    const struct tide_column *from, const struct tide_column *column, bool has_comment)
{
	char *table = tide_table_text(out, cat);

	for (size_t i = 0; i < TIDE_COUNT(properties); i++) {
		const struct property *p = &properties[i];

		if (is_to_carry(out, p, from, column) && !(p->of == comment_of && has_comment))
			p->carry(out, action, table, column, p->of(out, from));
	}
}

void
tide_properties_apply(const struct tide_column *from, struct tide_column *column, bool has_comment)
{
	if (same_type(from, column)) {
		column->storage = from->storage;
		column->type_storage = from->type_storage;
		column->compression = from->compression;
	}
	column->statistics = from->statistics;
	column->options = from->options;
	if (!has_comment)
		column->comment = from->comment;
	column->grants = from->grants;
	column->acl = from->acl;
}

/* Each line of `some` is one of `all`. */
static bool
has_lines(const char *all, const char *some)
{
	for (size_t length; *some != '\0'; some += length + (some[length] == '\n')) {
		const char *at = all;

		length = strcspn(some, "\n");
		while (*at != '\0' && (strcspn(at, "\n") != length || strncmp(at, some, length) != 0)) {
			at += strcspn(at, "\n");
			at += *at == '\n';
		}
		if (*at == '\0')
			return false;
	}
	return true;
}

/* In any order: what a phase of kind sql grants is not sorted as the catalog is. */
bool
tide_same_grants(const struct tide_column *a, const struct tide_column *b)
{
	return same_text(a->acl, b->acl) ||
	       (a->grants != NULL && b->grants != NULL && has_lines(a->grants, b->grants) &&
		   has_lines(b->grants, a->grants));
}

void
tide_properties_check(
    const struct tide_checking *c, const struct tide_dual *dual, const struct tide_names *accept)
{
	for (size_t i = 0; tide_copies(dual) && i < dual->old.count; i++) {
		const struct tide_dual_column *old = &dual->old.item[i], *new = &dual->new.item[i];

		for (size_t k = 0; k < TIDE_COUNT(properties); k++) {
			const struct property *p = &properties[k];
			const char *before = p->of(c->out, old->column);

			/* Privileges have a check of their own, for which their order does not count. */
			if (before == NULL || same_text(before, p->of(c->out, new->column)) ||
			    p->of == grants_of || (p->of_type && !same_type(old->column, new->column)) ||
			    tide_accepted(accept, old->name))
				continue;
			tide_inventory_say(c, TIDE_AT_SWITCH,
			    &(struct tide_dependent_place){ .kind = p->kind,
				.what = talloc_asprintf(c->out, "%s %s", p->kind, before),
				.name = old->name,
				.column = old->name,
				.other = new->name });
		}
	}
}
