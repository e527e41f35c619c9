#include "dependents.h"

#include <ctype.h>
#include <string.h>

#include <talloc.h>

#include "catalog/change.h"
#include "ours.h"
#include "tidemark/plans/shape.h"
#include "tidemark/base/array.h"
#include "tidemark/base/sqltext.h"

bool
tide_accepted(const struct tide_names *accept, const char *name)
{
	return tide_names_have(accept, name);
}

/* The same object can depend on a column in several ways: it is reported once. */
static void
add_dependent(void *ctx, struct tide_dependents *out, const struct tide_dependent_object *h)
{
	for (size_t i = 0; i < out->count; i++)
		if (strcmp(out->item[i].what, h->what) == 0 && strcmp(out->item[i].kind, h->kind) == 0)
			return;
	out->item = talloc_realloc(ctx, out->item, struct tide_dependent_object, (unsigned)(out->count + 1));
	out->item[out->count++] = *h;
}

const char *
tide_constraint_kind(const struct tide_constraint *k)
{
	static const struct {
		char type;
		const char *kind;
	} kinds[] = {
		{ 'p', "primary key" },
		{ 'u', "unique constraint" },
		{ 'x', "exclusion constraint" },
		{ 'c', "check constraint" },
		{ 'f', "foreign key" },
		{ 'n', "NOT NULL constraint" },
		{ 't', "constraint trigger" },
	};

	if (k->referencing != NULL)
		return "foreign key of another table";
	for (size_t i = 0; i < TIDE_COUNT(kinds); i++)
		if (kinds[i].type == k->type)
			return kinds[i].kind;
	return "constraint";
}

static char *
of_table(void *ctx, const char *table)
{
	return table == NULL ? talloc_strdup(ctx, "") : talloc_asprintf(ctx, " of %s", table);
}

static void
hang_constraints(
    void *ctx, const struct tide_phase_at *at, const struct tide_column *column, struct tide_dependents *out)
{
	const struct tide_table *table = &at->cat->table;

	for (size_t i = 0; i < table->constraint_count; i++) {
		const struct tide_constraint *k = &table->constraint[i];
		struct tide_dependent_object h = {
			.kind = tide_constraint_kind(k), .name = k->name, .constraint = k
		};

		/* NOT NULL is a property of the column, and a constraint trigger is a trigger. */
		if (!tide_uses(k->attnums, k->attnum_count, column->attnum) || k->type == 'n' ||
		    k->type == 't' || tide_is_own_proof(at->plan, k->name))
			continue;
		h.what = k->referencing == NULL
			     ? talloc_asprintf(ctx, "%s \"%s\"%s", h.kind, k->name, of_table(ctx, k->table))
			     : talloc_asprintf(ctx, "foreign key \"%s\" of %s", k->name, k->referencing);
		add_dependent(ctx, out, &h);
	}
}

void
tide_dependents_of(
    void *ctx, const struct tide_phase_at *at, const struct tide_column *column, struct tide_dependents *out)
{
	const struct tide_table *table = &at->cat->table;

	hang_constraints(ctx, at, column, out);
	for (size_t i = 0; i < table->index_count; i++) {
		const struct tide_index *index = &table->index[i];
		struct tide_dependent_object h = {
			.kind = index->unique ? "unique index" : "index", .name = index->name, .index = index
		};

		/* The index of a constraint is in the list already, as the constraint. */
		if (!tide_uses(index->attnums, index->attnum_count, column->attnum) ||
		    index->constraint != NULL)
			continue;
		h.what =
		    talloc_asprintf(ctx, "%s \"%s\"%s", h.kind, index->name, of_table(ctx, index->table));
		add_dependent(ctx, out, &h);
	}
	for (size_t i = 0; i < table->dependent_count; i++) {
		const struct tide_dependent *d = &table->dependent[i];

		if (d->attnum == column->attnum)
			add_dependent(ctx, out,
			    &(struct tide_dependent_object){
				.kind = d->kind, .name = d->name, .what = d->identity, .alters = d->alters });
	}
}

/* The definition's shape with the new column's name in the place of the old one's; NULL: it cannot be read. */
static char *
shape_of(void *ctx, const char *definition, enum tide_shape_of of, const struct tide_dual_column *old,
    const struct tide_dual_column *new)
{
	char *before[] = { old->name }, *after[] = { new->name };

	return tide_shape(
	    ctx, definition, of, &(struct tide_names){ before, 1 }, &(struct tide_names){ after, 1 });
}

static bool
same_text(const char *a, const char *b)
{
	return (a == NULL && b == NULL) || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* A key that names a column alone is in the column's own collation. */
static bool
same_collation(const struct tide_dual_column *old, const struct tide_dual_column *new)
{
	return same_text(old->column->collation, new->column->collation);
}

static const struct tide_index *
index_of(const struct tide_table *table, const struct tide_constraint *k)
{
	for (size_t i = 0; i < table->index_count; i++)
		if (same_text(table->index[i].constraint, k->name) &&
		    same_text(table->index[i].table, k->table))
			return &table->index[i];
	return NULL;
}

/* Every part of an index on the old column, in another one. What is checked at once must not have a twin that is checked later. */
static const struct tide_index *
index_twin(const struct tide_table *table, const struct tide_index *index, const struct tide_dual_column *old,
    const struct tide_dual_column *new, bool whole)
{
	enum tide_shape_of of = whole || !index->unique ? TIDE_SHAPE_WHOLE : TIDE_SHAPE_UNIQUENESS;
	const struct tide_index *found = NULL;
	void *mem = talloc_new(NULL);
	char *want = shape_of(mem, index->definition, of, old, new);

	for (size_t i = 0; want != NULL && i < table->index_count && found == NULL; i++) {
		const struct tide_index *other = &table->index[i];
		char *have;

		if (other == index || !other->valid || !other->ready || other->unique != index->unique ||
		    (other->deferrable && !index->deferrable) || !same_text(other->table, index->table) ||
		    !tide_uses(other->attnums, other->attnum_count, new->column->attnum))
			continue;
		have = shape_of(mem, other->definition, of, old, new);
		if (have != NULL && strcmp(have, want) == 0)
			found = other;
	}
	talloc_free(mem);
	return same_collation(old, new) ? found : NULL;
}

const struct tide_index *
tide_twin_index(const struct tide_catalog *cat, const struct tide_dependent_object *h,
    const struct tide_dual_column *old, const struct tide_dual_column *new)
{
	return index_twin(&cat->table, h->index, old, new, false);
}

/* REFERENCES without a list of columns is the primary key of the other table. */
static bool
same_constraint(void *ctx, const struct tide_constraint *k, const struct tide_constraint *other,
    const struct tide_dual_column *old, const struct tide_dual_column *new)
{
	char *want = shape_of(ctx, k->definition, TIDE_SHAPE_WHOLE, old, new);
	char *have = shape_of(ctx, other->definition, TIDE_SHAPE_WHOLE, old, new);
	char *bare = shape_of(ctx, other->definition, TIDE_SHAPE_TO_KEY, old, new);

	if (want == NULL || have == NULL || bare == NULL)
		return false;
	return strcmp(have, want) == 0 ||
	       (k->to_primary && strcmp(have, bare) == 0 &&
		   strcmp(bare, shape_of(ctx, k->definition, TIDE_SHAPE_TO_KEY, old, new)) == 0);
}

static bool
constraint_twin(const struct tide_table *table, const struct tide_constraint *k,
    const struct tide_dual_column *old, const struct tide_dual_column *new)
{
	void *mem = talloc_new(NULL);
	bool found = false;

	for (size_t i = 0; i < table->constraint_count && !found; i++) {
		const struct tide_constraint *other = &table->constraint[i];

		if (other == k || other->type != k->type || other->referencing != NULL ||
		    (k->validated && !other->validated) || !same_text(other->table, k->table) ||
		    !tide_uses(other->attnums, other->attnum_count, new->column->attnum))
			continue;
		found = same_constraint(mem, k, other, old, new);
	}
	talloc_free(mem);
	return found && same_collation(old, new);
}

bool
tide_has_twin(const struct tide_catalog *cat, const struct tide_dependent_object *h,
    const struct tide_dual_column *old, const struct tide_dual_column *new, bool whole)
{
	const struct tide_constraint *k = h->constraint;
	const struct tide_index *index = h->index;

	if (k != NULL && (k->type == 'p' || k->type == 'u') && k->referencing == NULL)
		index = index_of(&cat->table, k);
	if (index != NULL)
		return index_twin(&cat->table, index, old, new, whole) != NULL;
	return k != NULL && k->referencing == NULL && constraint_twin(&cat->table, k, old, new);
}
