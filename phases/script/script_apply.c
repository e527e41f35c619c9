#include "applying.h"

#include <string.h>

#include <talloc.h>

#include "catalog/change.h"
#include "catalog/types.h"
#include "tidemark/base/array.h"
#include "tidemark/base/sqltext.h"

/* The catalog after statements of the plan's author, so that later phases are checked against what they will find. */

static struct tide_column *
column_of(const struct tide_applying *a)
{
	return a->effect->name == NULL ? NULL : tide_catalog_column(a->cat, a->effect->name);
}

/* A default as the server would say it, where it was asked. */
static char *
default_text(const struct tide_applying *a, const char *text, const char *type, bool *constant)
{
	char *question = tide_script_question(a->cat, text, type);
	const struct tide_fact *fact = tide_catalog_fact(a->cat, question);

	*constant = fact != NULL && fact->volatility == 'i';
	return fact != NULL && fact->canonical != NULL ? fact->canonical : talloc_strdup(a->cat, text);
}

static void
add_column(const struct tide_applying *a)
{
	const struct tide_effect *effect = a->effect;
	struct tide_column column = { .name = effect->name,
		.not_null = effect->not_null,
		.identity = effect->identity,
		.generated = effect->generated };
	const char *type;

	if (effect->name == NULL || effect->definition == NULL || column_of(a) != NULL)
		return;
	type = tide_type_of_serial(effect->definition);
	tide_type_describe(a->cat, tide_type_text(a->cat, a->cat, type), &column);
	if (effect->collation != NULL)
		column.collation = effect->collation;
	if (effect->fallback != NULL)
		column.default_expr = default_text(a, effect->fallback, type, &column.default_constant);
	if (type != effect->definition)
		column.sequence = tide_sqlf(a->cat, "%I.%I", a->cat->table.schema,
		    talloc_asprintf(a->cat, "%s_%s_seq", a->cat->table.name, effect->name));
	tide_change_add_column(a->cat, &column);
}

static void
drop_column(const struct tide_applying *a)
{
	tide_change_drop_column(a->cat, a->effect->name);
}

static void
rename_column(const struct tide_applying *a)
{
	struct tide_column *column = column_of(a);

	if (column != NULL)
		column->name = a->effect->to;
}

static void
alter_type(const struct tide_applying *a)
{
	struct tide_column *column = column_of(a);

	if (column != NULL && a->effect->definition != NULL)
		tide_type_describe(a->cat, tide_type_text(a->cat, a->cat, a->effect->definition), column);
}

static void
set_default(const struct tide_applying *a)
{
	struct tide_column *column = column_of(a);

	if (column == NULL || a->effect->definition == NULL)
		return;
	column->default_expr =
	    default_text(a, a->effect->definition, column->type, &column->default_constant);
	column->default_of_type = false;
}

static void
drop_default(const struct tide_applying *a)
{
	struct tide_column *column = column_of(a);

	if (column == NULL)
		return;
	column->default_expr = NULL;
	column->default_of_type = column->default_constant = false;
	column->generated = 0;
}

static void
set_not_null(const struct tide_applying *a)
{
	struct tide_column *column = column_of(a);

	if (column == NULL)
		return;
	column->not_null = true;
	column->not_null_unproved = false;
}

static void
drop_not_null(const struct tide_applying *a)
{
	struct tide_column *column = column_of(a);

	if (column != NULL)
		column->not_null = column->not_null_unproved = false;
}

static void
set_identity(const struct tide_applying *a)
{
	struct tide_column *column = column_of(a);

	if (column != NULL)
		column->identity = a->effect->identity;
}

static void
drop_identity(const struct tide_applying *a)
{
	struct tide_column *column = column_of(a);

	if (column != NULL)
		column->identity = 0;
}

/* The numbers of the table's columns that are among these names. */
int *
tide_apply_numbers(struct tide_catalog *cat, const struct tide_names *names, size_t *count)
{
	int *out = talloc_array(cat, int, (unsigned)names->count + 1);

	*count = 0;
	for (size_t i = 0; i < names->count; i++) {
		const struct tide_column *column = tide_catalog_column(cat, names->item[i]);

		if (column != NULL && !tide_uses(out, *count, column->attnum))
			out[(*count)++] = column->attnum;
	}
	return out;
}

static bool
names_several(const struct tide_applying *a)
{
	for (size_t i = 1; i < a->effect->columns.count; i++)
		if (strcmp(a->effect->columns.item[i], a->effect->columns.item[0]) != 0)
			return true;
	return false;
}

/* As the server calls it when nobody does: table_column_key. */
static char *
given_name(const struct tide_applying *a, const char *suffix)
{
	char *columns =
	    a->effect->columns.count == 0 ? NULL : tide_join_plain(a->cat, &a->effect->columns, "_");

	if (a->effect->name != NULL)
		return a->effect->name;
	if (columns != NULL && strcmp(suffix, "check") == 0)
		columns = a->effect->columns.item[0];
	if (columns == NULL || strcmp(suffix, "pkey") == 0 ||
	    (strcmp(suffix, "check") == 0 && names_several(a)))
		return talloc_asprintf(a->cat, "%s_%s", a->cat->table.name, suffix);
	return talloc_asprintf(a->cat, "%s_%s_%s", a->cat->table.name, columns, suffix);
}

static const char *
suffix_of(char type)
{
	return type == 'c'   ? "check"
	       : type == 'f' ? "fkey"
	       : type == 'p' ? "pkey"
	       : type == 'u' ? "key"
			     : "excl";
}

static struct tide_index *
find_index(const struct tide_applying *a, const char *name)
{
	for (size_t i = 0; name != NULL && i < a->cat->table.index_count; i++)
		if (strcmp(a->cat->table.index[i].name, name) == 0)
			return &a->cat->table.index[i];
	return NULL;
}

static void
make_not_null(struct tide_catalog *cat, const struct tide_constraint *key)
{
	for (size_t i = 0; i < cat->table.column_count; i++)
		if (tide_uses(key->attnums, key->attnum_count, cat->table.column[i].attnum))
			cat->table.column[i].not_null = true;
}

/* The index under a key: one that exists takes the constraint's name, as the server does it. */
static void
add_key_index(const struct tide_applying *a, struct tide_constraint *constraint)
{
	struct tide_index *index = find_index(a, a->effect->to);

	if (index == NULL) {
		char *columns = tide_join_idents(a->cat, &a->effect->columns, ", ");

		tide_change_add_index(a->cat,
		    &(struct tide_index){ .schema = a->cat->table.schema,
			.name = constraint->name,
			.definition = tide_sqlf(a->cat, "CREATE UNIQUE INDEX %I ON %I.%I USING btree (%s)",
			    constraint->name, a->cat->table.schema, a->cat->table.name, columns),
			.unique = true,
			.primary = constraint->type == 'p',
			.valid = true,
			.ready = true,
			.constraint = constraint->name,
			.attnums = constraint->attnums,
			.attnum_count = constraint->attnum_count });
		return;
	}
	index->name = index->constraint = constraint->name;
	index->primary = constraint->type == 'p';
	constraint->attnums = index->attnums;
	constraint->attnum_count = index->attnum_count;
}

/* As the server writes it: the other table with its schema. */
static char *
qualified_reference(const struct tide_applying *a, char *definition)
{
	static const char word[] = "REFERENCES ";
	const char *at = strcasestr(definition, word);
	char *parts[2], *name;

	if (at == NULL || a->cat->default_schema == NULL)
		return definition;
	at += strlen(word);
	name = talloc_strndup(a->cat, at, strcspn(at, "( \n\t"));
	if (tide_name_parse(a->cat, name, parts) != 1)
		return definition;
	return talloc_asprintf(a->cat, "%.*s%s.%s", (int)(at - definition), definition,
	    tide_ident(a->cat, a->cat->default_schema), at);
}

static void
add_constraint(const struct tide_applying *a)
{
	const struct tide_effect *effect = a->effect;
	struct tide_constraint constraint = {
		.type = effect->constraint, .definition = effect->definition, .validated = !effect->not_valid
	};

	if (constraint.type == 0 || constraint.definition == NULL)
		return;
	if (constraint.type == 'f')
		constraint.definition = qualified_reference(a, constraint.definition);
	constraint.name = given_name(a, suffix_of(constraint.type));
	constraint.attnums = tide_apply_numbers(a->cat, &effect->columns, &constraint.attnum_count);
	if (effect->unique)
		add_key_index(a, &constraint);
	if (constraint.type == 'p')
		make_not_null(a->cat, &constraint);
	tide_change_add_constraint(a->cat, &constraint);
}

static struct tide_constraint *
find_constraint(const struct tide_applying *a)
{
	for (size_t i = 0; a->effect->name != NULL && i < a->cat->table.constraint_count; i++)
		if (strcmp(a->cat->table.constraint[i].name, a->effect->name) == 0)
			return &a->cat->table.constraint[i];
	return NULL;
}

static void
validate_constraint(const struct tide_applying *a)
{
	struct tide_constraint *constraint = find_constraint(a);

	if (constraint != NULL)
		constraint->validated = true;
}

static void
drop_constraint(const struct tide_applying *a)
{
	const struct tide_index *index = find_index(a, a->effect->name);

	if (a->effect->name == NULL)
		return;
	if (index != NULL && index->constraint != NULL)
		tide_change_drop_index(a->cat, a->effect->name);
	tide_change_drop_constraint(a->cat, a->effect->name);
}

/* Foreign keys of another table that point here. */
static void
drop_references(const struct tide_applying *a)
{
	struct tide_table *table = &a->cat->table;
	size_t kept = 0;

	for (size_t i = 0; i < table->constraint_count; i++)
		if (!tide_script_is_foreign_key(a->cat, &table->constraint[i], a->effect, a->cat))
			table->constraint[kept++] = table->constraint[i];
	table->constraint_count = kept;
}

static void
drop_any_constraint(const struct tide_applying *a)
{
	if (a->ours)
		drop_constraint(a);
	else
		drop_references(a);
}

/* Without columns it points to the primary key. */
static void
add_reference(const struct tide_applying *a)
{
	const struct tide_constraint *key = tide_primary_key(a->cat);
	struct tide_constraint constraint = { .name =
						  a->effect->name != NULL ? a->effect->name : a->effect->to,
		.type = 'f',
		.definition = a->effect->definition,
		.validated = !a->effect->not_valid,
		.referencing = a->effect->to };

	if (a->effect->columns.count > 0) {
		constraint.attnums =
		    tide_apply_numbers(a->cat, &a->effect->columns, &constraint.attnum_count);
	} else if (key != NULL) {
		constraint.attnums = key->attnums;
		constraint.attnum_count = key->attnum_count;
	}
	tide_change_add_constraint(a->cat, &constraint);
}

static void
rename_constraint(const struct tide_applying *a)
{
	struct tide_constraint *constraint = find_constraint(a);
	struct tide_index *index = find_index(a, a->effect->name);

	if (constraint != NULL)
		constraint->name = a->effect->to;
	if (index != NULL && index->constraint != NULL)
		index->name = index->constraint = a->effect->to;
}

static void
create_index(const struct tide_applying *a)
{
	const struct tide_effect *effect = a->effect;
	struct tide_index index = { .schema = a->cat->table.schema,
		.definition = effect->definition,
		.unique = effect->unique,
		.valid = true,
		.ready = true };

	index.name = effect->name != NULL ? effect->name
					  : talloc_asprintf(a->cat, "%s_%s_idx", a->cat->table.name,
						tide_join_plain(a->cat, &effect->columns, "_"));
	index.attnums = tide_apply_numbers(a->cat, &a->statement->columns, &index.attnum_count);
	if (find_index(a, index.name) == NULL)
		tide_change_add_index(a->cat, &index);
}

static void
drop_index(const struct tide_applying *a)
{
	if (a->effect->name != NULL)
		tide_change_drop_index(a->cat, a->effect->name);
}

static void
rename_index(const struct tide_applying *a)
{
	struct tide_index *index = find_index(a, a->effect->relation);

	if (index != NULL)
		index->name = a->effect->to;
}

/* Two spellings of a sequence's name. */
static bool
same_name(void *ctx, const char *a, const char *b, const char *schema)
{
	char *left[2], *right[2];
	int left_count = tide_name_parse(ctx, a, left), right_count = tide_name_parse(ctx, b, right);
	const char *left_schema = left_count == 2 ? left[0] : schema;
	const char *right_schema = right_count == 2 ? right[0] : schema;

	return left_count > 0 && right_count > 0 &&
	       strcmp(left[left_count - 1], right[right_count - 1]) == 0 &&
	       (left_schema == NULL || right_schema == NULL || strcmp(left_schema, right_schema) == 0);
}

void
tide_apply_lose_sequence(const struct tide_applying *a, const char *sequence)
{
	for (size_t i = 0; i < a->cat->table.column_count; i++) {
		struct tide_column *column = &a->cat->table.column[i];

		if (column->sequence != NULL &&
		    same_name(a->cat, column->sequence, sequence, a->cat->default_schema))
			column->sequence = NULL;
	}
}

/* Also to a table that is not the plan's, or to none: then the plan's loses it. */
static void
own_sequence(const struct tide_applying *a)
{
	struct tide_column *column = column_of(a);

	tide_apply_lose_sequence(a, a->effect->to);
	if (column != NULL && a->ours)
		column->sequence = a->effect->to;
}

static void
rename_table(const struct tide_applying *a)
{
	if (a->effect->kind == TIDE_EFFECT_MOVE_TABLE)
		a->cat->table.schema = a->effect->to;
	else
		a->cat->table.name = a->effect->to;
}

static void
comment(const struct tide_applying *a)
{
	struct tide_column *column = column_of(a);

	if (column != NULL)
		column->comment = a->effect->definition;
}

static void
gain_child(const struct tide_applying *a)
{
	a->cat->table.has_children = true;
}

static void
become_partition(const struct tide_applying *a)
{
	a->cat->table.is_child_partition = a->effect->kind == TIDE_EFFECT_ATTACHED;
}

/* What each kind changes; `anywhere`: also where the relation is not the plan's table. */
static const struct change {
	enum tide_effect_kind kind;
	bool anywhere;
	void (*apply)(const struct tide_applying *a);
} changes[] = {
	{ TIDE_EFFECT_ADD_COLUMN, false, add_column },
	{ TIDE_EFFECT_DROP_COLUMN, false, drop_column },
	{ TIDE_EFFECT_RENAME_COLUMN, false, rename_column },
	{ TIDE_EFFECT_ALTER_TYPE, false, alter_type },
	{ TIDE_EFFECT_SET_DEFAULT, false, set_default },
	{ TIDE_EFFECT_DROP_DEFAULT, false, drop_default },
	{ TIDE_EFFECT_SET_NOT_NULL, false, set_not_null },
	{ TIDE_EFFECT_DROP_NOT_NULL, false, drop_not_null },
	{ TIDE_EFFECT_SET_IDENTITY, false, set_identity },
	{ TIDE_EFFECT_DROP_IDENTITY, false, drop_identity },
	{ TIDE_EFFECT_ADD_CONSTRAINT, false, add_constraint },
	{ TIDE_EFFECT_VALIDATE_CONSTRAINT, false, validate_constraint },
	{ TIDE_EFFECT_DROP_CONSTRAINT, true, drop_any_constraint },
	{ TIDE_EFFECT_DROP_TABLE, true, drop_references },
	{ TIDE_EFFECT_REFERENCE, false, add_reference },
	{ TIDE_EFFECT_RENAME_CONSTRAINT, false, rename_constraint },
	{ TIDE_EFFECT_CREATE_INDEX, false, create_index },
	{ TIDE_EFFECT_DROP_INDEX, false, drop_index },
	{ TIDE_EFFECT_RENAME_INDEX, false, rename_index },
	{ TIDE_EFFECT_OWN_SEQUENCE, true, own_sequence },
	{ TIDE_EFFECT_CREATE_TRIGGER, false, tide_apply_create_trigger },
	{ TIDE_EFFECT_DROP_TRIGGER, false, tide_apply_drop_trigger },
	{ TIDE_EFFECT_CREATE_FUNCTION, true, tide_apply_create_function },
	{ TIDE_EFFECT_CREATE_VIEW, true, tide_apply_create_view },
	{ TIDE_EFFECT_DROP_OBJECT, true, tide_apply_drop_object },
	{ TIDE_EFFECT_RENAME_TRIGGER, false, tide_apply_rename_trigger },
	{ TIDE_EFFECT_CREATE_OBJECT, true, tide_apply_create_object },
	{ TIDE_EFFECT_RENAME_OBJECT, true, tide_apply_rename_object },
	{ TIDE_EFFECT_PUBLISH, true, tide_apply_publish },
	{ TIDE_EFFECT_UNPUBLISH, true, tide_apply_unpublish },
	{ TIDE_EFFECT_GRANT, true, tide_apply_privilege },
	{ TIDE_EFFECT_REVOKE, true, tide_apply_privilege },
	{ TIDE_EFFECT_COMMENT, false, comment },
	{ TIDE_EFFECT_GAIN_CHILD, false, gain_child },
	{ TIDE_EFFECT_ATTACHED, false, become_partition },
	{ TIDE_EFFECT_DETACHED, false, become_partition },
	{ TIDE_EFFECT_RENAME_TABLE, false, rename_table },
	{ TIDE_EFFECT_MOVE_TABLE, false, rename_table },
};

void
tide_script_apply_part(const struct tide_script_part *part, struct tide_catalog *cat)
{
	for (size_t k = 0; k < TIDE_COUNT(changes); k++)
		if (changes[k].kind == part->effect->kind && (part->ours || changes[k].anywhere))
			changes[k].apply(
			    &(struct tide_applying){ cat, part->effect, part->statement, part->ours });
}

void
tide_script_apply(const struct tide_script *script, struct tide_catalog *cat)
{
	for (size_t i = 0; i < script->part_count; i++)
		tide_script_apply_part(&script->part[i], cat);
}
