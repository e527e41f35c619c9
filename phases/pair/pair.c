#include "pair.h"

#include <string.h>

#include <talloc.h>

#include "build/build.h"
#include "catalog/change.h"
#include "tidemark/plans/expression.h"
#include "tidemark/base/sqltext.h"
#include "catalog/types.h"

char *
tide_on_error(void *ctx, const char *indent, const char *instead)
{
	return talloc_asprintf(ctx,
	    "%sEXCEPTION WHEN OTHERS THEN\n"
	    "%s\tIF pg_catalog.\"left\"(SQLSTATE, 2) IN ('08', '25', '40', '53', '55', '57', '58')\n"
	    "%s\t    OR SQLSTATE IN ('42501', '42703', '42883', '42P01', '3F000', 'XX001', 'XX002') THEN\n"
	    "%s\t\tRAISE;\n"
	    "%s\tEND IF;\n"
	    "%s\t%s;\n",
	    indent, indent, indent, indent, indent, indent, instead);
}

struct tide_names
tide_side_names(void *ctx, const struct tide_dual_side *side)
{
	struct tide_names out = { .item = talloc_array(ctx, char *, (unsigned)side->count),
		.count = side->count };

	for (size_t i = 0; i < side->count; i++)
		out.item[i] = side->item[i].name;
	return out;
}

const struct tide_dual_column *
tide_dual_successor(const struct tide_dual *dual, size_t i)
{
	return dual->old.count == dual->new.count ? &dual->new.item[i] : NULL;
}

struct tide_names
tide_dual_identity(void *ctx, const struct tide_plan *plan, const struct tide_phase *phase)
{
	const struct dual_write_spec *spec = tide_opens(phase);
	struct tide_names out = { .count = spec->from.count + spec->to.count };

	(void)plan;
	out.item = talloc_array(ctx, char *, (unsigned)out.count);
	memcpy(out.item, spec->from.item, spec->from.count * sizeof(char *));
	memcpy(out.item + spec->from.count, spec->to.item, spec->to.count * sizeof(char *));
	return out;
}

/* The plan's expression for this column; NULL: a copy. */
static const char *
source_of(const struct tide_pairs *rules, const char *column)
{
	for (size_t i = 0; i < rules->count; i++)
		if (rules->item[i].name == NULL || strcmp(rules->item[i].name, column) == 0)
			return rules->item[i].value;
	return NULL;
}

/* The spellings of one value; the others are made from `row`. */
static bool
forms(void *ctx, const struct tide_catalog *cat, char *row, struct tide_value *out, struct tide_err *err)
{
	out->row = row;
	out->trigger = tide_requalify(ctx, cat, row, "NEW", err);
	out->bare = out->trigger == NULL ? NULL : tide_requalify(ctx, cat, row, "", err);
	return out->bare != NULL;
}

static char *
typed(void *ctx, const struct tide_dual_column *c)
{
	if (c->copy)
		return talloc_strdup(ctx, c->inner);
	return tide_sqlf(ctx, "CAST((\n%s\n) AS %s)", c->inner, c->column->cast_type);
}

/*
 * The call of the function that catches errors, with the old side's columns by the names that they have here.
 */
static char *
safe_call(void *ctx, const struct tide_dual *dual, size_t i)
{
	char *args = NULL;

	for (size_t k = 0; k < dual->old.count; k++)
		args = tide_append(ctx, args, ", ", tide_sqlf(ctx, TIDE_ROW ".%I", dual->old.item[k].name));
	return tide_sqlf(ctx, "%s(%s)", tide_safe_function(ctx, dual->plan, dual->phase, i), args);
}

/* Finishes the values of one side once `inner` of each of its columns is known. */
static bool
finish_side(void *ctx, struct tide_dual *dual, struct tide_dual_side *side, struct tide_err *err)
{
	for (size_t i = 0; i < side->count; i++) {
		struct tide_dual_column *c = &side->item[i];

		if (!forms(ctx, dual->cat, typed(ctx, c), &c->value, err))
			return false;
		c->safe = c->value;
		if (side == &dual->new && dual->null_on_error &&
		    !forms(ctx, dual->cat, safe_call(ctx, dual, i), &c->safe, err))
			return false;
	}
	return true;
}

/* The names of the columns of a dual write in the plan, and in a state of it. */
struct spelling {
	struct tide_names plan, here;
};

static struct spelling
spelling_in(void *ctx, const struct tide_plan *plan, const struct tide_dual_state *state)
{
	struct spelling out = { .plan = tide_dual_identity(ctx, plan, &plan->phase[state->phase]) };

	out.here.count = out.plan.count;
	out.here.item = talloc_array(ctx, char *, (unsigned)out.here.count);
	memcpy(out.here.item, state->from.item, state->from.count * sizeof(char *));
	memcpy(out.here.item + state->from.count, state->to.item, state->to.count * sizeof(char *));
	return out;
}

static char *
respell(void *ctx, const char *text, const char *row, const struct spelling *spelling, struct tide_err *err)
{
	return tide_rename_columns(ctx, text, row, &spelling->plan, &spelling->here, err);
}

/* As the plan writes it, where the row may have a name. */
static char *
respell_source(void *ctx, const char *source, const struct spelling *spelling, struct tide_err *err)
{
	return respell(ctx, source, strstr(source, TIDE_ROW ".") != NULL ? TIDE_ROW : NULL, spelling, err);
}

/* The expression for the names of this state: the server's word for exactly that text, else its word for the plan's, renamed. */
static char *
canonical_here(void *ctx, const struct tide_dual *dual, size_t index, const char *source,
    const struct spelling *spelling, struct tide_err *err)
{
	const struct tide_phase_at place = { dual->plan, dual->phase, index, dual->cat };
	char *here = respell_source(ctx, source, spelling, err);
	const struct tide_fact *fact;

	if (here == NULL)
		return NULL;
	fact = tide_catalog_fact(dual->cat, here);
	if (fact == NULL && strcmp(here, source) != 0 &&
	    (fact = tide_catalog_fact(dual->cat, source)) != NULL && fact->canonical != NULL)
		return respell(ctx, fact->canonical, TIDE_ROW, spelling, err);
	return tide_canonical(ctx, &place, NULL, here, NULL, err);
}

/* One side: `rules` of the plan, or copies of `other`. */
static bool
fill_side(
    void *ctx, const struct tide_dual_state *state, struct tide_dual *dual, bool up, struct tide_err *err)
{
	const struct dual_write_spec *spec = tide_opens(dual->phase);
	struct tide_dual_side *side = up ? &dual->new : &dual->old, *other = up ? &dual->old : &dual->new;
	const struct tide_names *planned = up ? &spec->to : &spec->from;
	const struct tide_pairs *rules = up ? &spec->up : &spec->down;
	struct spelling spelling = spelling_in(ctx, dual->plan, state);

	for (size_t i = 0; i < side->count; i++) {
		struct tide_dual_column *c = &side->item[i];
		const char *source = source_of(rules, planned->item[i]);

		if (source != NULL) {
			c->inner = canonical_here(ctx, dual, state->phase, source, &spelling, err);
		} else if (i < other->count) {
			c->inner = tide_sqlf(ctx, TIDE_ROW ".%I", other->item[i].name);
			c->copy = tide_same_type(c->column, other->item[i].column);
		} else {
			return tide_plan_fail(dual->plan, dual->phase, up ? "to" : "from", err,
			    "no expression given for column \"%s\"", planned->item[i]);
		}
		if (c->inner == NULL)
			return false;
		dual->copy = dual->copy && c->copy;
	}
	return true;
}

static bool
find_side(void *ctx, const struct tide_phase_at *at, const struct tide_names *names, const char *key,
    struct tide_dual_side *out, struct tide_err *err)
{
	out->count = names->count;
	out->item = talloc_zero_array(ctx, struct tide_dual_column, (unsigned)names->count);
	for (size_t i = 0; i < names->count; i++) {
		out->item[i].name = names->item[i];
		if ((out->item[i].column = tide_find_column(at, key, names->item[i], err)) == NULL)
			return false;
	}
	return true;
}

bool
tide_dual_looks_up(const struct tide_dual_column *column)
{
	void *mem = talloc_new(NULL);
	struct tide_expression parsed = { 0 };
	struct tide_err ignored = { 0 };
	bool found = tide_expression_read(mem, column->inner, &parsed, &ignored) && parsed.subquery;

	talloc_free(mem);
	return found;
}

static bool
has_subquery(const struct tide_dual_side *side)
{
	for (size_t i = 0; i < side->count; i++)
		if (tide_dual_looks_up(&side->item[i]))
			return true;
	return false;
}

/* What the plan says the column's type is, when the plan adds it. */
static const char *
planned_type(const struct tide_plan *plan, const char *column)
{
	for (size_t i = 0; i < plan->count; i++) {
		struct tide_added added = tide_adds(&plan->phase[i]);

		if (added.name != NULL && strcmp(added.name, column) == 0)
			return added.type;
	}
	return NULL;
}

/* The expression with the cast to its column's type, as a fact is asked for it. */
static char *
typed_source(
    void *ctx, const struct tide_plan *plan, const struct dual_write_spec *spec, size_t i, const char *source)
{
	const char *type = planned_type(plan, spec->to.item[i]);

	if (type == NULL)
		return NULL;
	if (source == NULL && i < spec->from.count)
		source = tide_ident(ctx, spec->from.item[i]);
	return source == NULL ? NULL : talloc_asprintf(ctx, "CAST((\n%s\n) AS %s)", source, type);
}

/* Immutable with the cast to the column's type: the cast may look at the session's settings where the expression does not. */
static bool
up_immutable(void *ctx, const struct tide_phase_at *at, const struct tide_dual *dual)
{
	const struct dual_write_spec *spec = tide_opens(dual->phase);

	for (size_t i = 0; i < dual->new.count; i++) {
		const struct tide_dual_column *c = &dual->new.item[i];
		const char *source = source_of(&spec->up, spec->to.item[i]);
		const char *with_cast = typed_source(ctx, at->plan, spec, i, source);
		const struct tide_fact *plain = source == NULL ? NULL : tide_catalog_fact(at->cat, source);
		const struct tide_fact *cast =
		    with_cast == NULL ? NULL : tide_catalog_fact(at->cat, with_cast);
		const char *made = plain != NULL    ? plain->type
				   : source == NULL ? dual->old.item[i].column->type
						    : NULL;

		if (c->copy)
			continue;
		if (plain != NULL && plain->error == NULL && plain->volatility != 'i')
			return false;
		if (cast != NULL && cast->error == NULL) {
			if (cast->volatility != 'i')
				return false;
		} else if (made != NULL && tide_cast_follows_session(made, c->column->type)) {
			return false;
		}
	}
	return true;
}

/* The default of a column if it is the same for all rows of a transaction; else NULL. */
static const char *
constant_default(const struct tide_column *column)
{
	return column->generated == 0 && column->identity == 0 && column->default_constant
		   ? column->default_expr
		   : NULL;
}

bool
tide_copies(const struct tide_dual *dual)
{
	return dual->plain && !dual->null_on_error;
}

bool
tide_carries_not_null(const struct tide_dual *dual, size_t i)
{
	return tide_copies(dual) && tide_dual_provable(dual) && dual->old.item[i].column->not_null &&
	       !dual->new.item[i].column->not_null;
}

bool
tide_carries_not_valid(const struct tide_dual *dual, size_t i)
{
	return tide_copies(dual) && dual->old.item[i].column->not_null_unproved &&
	       !tide_rejects_null(dual->new.item[i].column);
}

static bool
has_default(const struct tide_column *column)
{
	return column->default_expr != NULL || column->identity != 0;
}

/* The old column that a reference in canonical text names; *end is after it. */
static const struct tide_dual_column *
referred(const struct tide_dual *dual, const char *name, const char **end)
{
	const struct tide_dual_column *found = NULL;
	void *mem = talloc_new(NULL);
	size_t length = 0;

	if (*name == '"')
		do
			length += 1 + strcspn(name + length + 1, "\"") + 1;
		while (name[length] == '"');
	else
		while (name[length] == '_' || name[length] == '$' || (name[length] & 0x80) != 0 ||
		       (name[length] >= '0' && name[length] <= '9') ||
		       (name[length] >= 'a' && name[length] <= 'z'))
			length++;
	*end = name + length;
	for (size_t i = 0; i < dual->old.count && found == NULL; i++) {
		const char *as = dual->old.item[i].name;
		const char *spelt = *name == '"' ? tide_sqlf(mem, "\"%s\"", as) : as;

		if (strlen(spelt) == length && strncmp(spelt, name, length) == 0)
			found = &dual->old.item[i];
	}
	talloc_free(mem);
	return found;
}

/* Canonical text with the defaults in the place of the old columns; NULL when it reads another one. */
static char *
over_defaults(void *ctx, const struct tide_dual *dual, const char *text)
{
	static const char row[] = TIDE_ROW ".";
	char *out = talloc_strdup(ctx, "");
	const char *next;

	while ((next = strstr(text, row)) != NULL) {
		const char *end;
		const struct tide_dual_column *old = referred(dual, next + strlen(row), &end);
		const char *value;

		if (old == NULL)
			return NULL;
		value = constant_default(old->column);
		out = talloc_asprintf_append(out, "%.*s%s", (int)(next - text), text,
		    tide_sqlf(ctx, "CAST((%s) AS %s)", value == NULL ? "NULL" : value, old->column->type));
		text = end;
	}
	return talloc_strdup_append(out, text);
}

/* Whether the old side has a default at all, and none that gives each row another value. */
static bool
defaults_can_go_over(const struct tide_dual *dual)
{
	bool some = false;

	for (size_t i = 0; i < dual->old.count; i++) {
		const struct tide_column *old = dual->old.item[i].column;

		if (old->sequence != NULL || (has_default(old) && constant_default(old) == NULL))
			return false;
		some = some || constant_default(old) != NULL;
	}
	return some;
}

/*
 * The default for a new column that has none: what it would be made of if the row did not name the old ones. With it an explicit
 * NULL can be told from silence.
 */
static char *
carried_default(void *ctx, const struct tide_phase_at *at, const struct tide_dual *dual, size_t i)
{
	const struct dual_write_spec *spec = tide_opens(dual->phase);
	const struct tide_dual_column *c = &dual->new.item[i];
	const struct tide_column *old = i < dual->old.count ? dual->old.item[i].column : NULL;
	const char *with_cast = typed_source(ctx, at->plan, spec, i, source_of(&spec->up, spec->to.item[i]));
	const struct tide_fact *fact = with_cast == NULL ? NULL : tide_catalog_fact(at->cat, with_cast);

	/* The default of its type yields to one that the old column has by itself. */
	if (c->column->identity != 0 || c->column->generated != 0 ||
	    (c->column->default_expr != NULL &&
		(!c->column->default_of_type || !c->copy || old->default_of_type)))
		return NULL;
	if (c->copy && old->sequence == NULL && constant_default(old) != NULL)
		return talloc_strdup(ctx, constant_default(old));
	if (c->copy || fact == NULL || !fact->takes_defaults || !defaults_can_go_over(dual))
		return NULL;
	return over_defaults(ctx, dual, fact->canonical);
}

bool
tide_dual_build(void *ctx, const struct tide_phase_at *at, const struct tide_dual_state *state,
    struct tide_dual **out, struct tide_err *err)
{
	struct tide_dual *dual = talloc_zero(ctx, struct tide_dual);
	const struct dual_write_spec *spec;

	dual->plan = at->plan;
	dual->phase = &at->plan->phase[state->phase];
	dual->cat = at->cat;
	dual->copy = true;
	spec = tide_opens(dual->phase);
	dual->plain = spec->up.count == 0 && spec->down.count == 0;
	dual->null_on_error = spec->on_error != NULL && strcmp(spec->on_error, "null") == 0;
	if (!find_side(ctx, at, &state->from, "from", &dual->old, err) ||
	    !find_side(ctx, at, &state->to, "to", &dual->new, err) ||
	    !fill_side(ctx, state, dual, true, err) || !fill_side(ctx, state, dual, false, err) ||
	    !finish_side(ctx, dual, &dual->new, err) || !finish_side(ctx, dual, &dual->old, err))
		return false;
	dual->lookup = has_subquery(&dual->new);
	dual->immutable = !dual->lookup && up_immutable(ctx, at, dual);
	for (size_t i = 0; i < dual->new.count && at->cat != NULL && !state->switched; i++)
		dual->new.item[i].carried = carried_default(ctx, at, dual, i);
	*out = dual;
	return true;
}

static bool
rename_side(void *ctx, const struct tide_dual_side *side, const struct tide_names *before,
    const struct tide_names *after, struct tide_dual_side *out, struct tide_err *err)
{
	*out = *side;
	out->item = talloc_memdup(ctx, side->item, side->count * sizeof(*side->item));
	for (size_t i = 0; i < side->count; i++) {
		struct tide_dual_column *c = &out->item[i];

		for (size_t k = 0; k < before->count; k++)
			if (strcmp(side->item[i].name, before->item[k]) == 0)
				c->name = after->item[k];
		c->inner = tide_rename_columns(ctx, c->inner, TIDE_ROW, before, after, err);
		if (c->inner == NULL)
			return false;
	}
	return true;
}

/* A catalog that knows the new names too, so that they are found when they are qualified. */
static struct tide_catalog *
with_names(void *ctx, const struct tide_catalog *cat, const struct tide_names *names)
{
	struct tide_catalog *out = talloc_memdup(ctx, cat, sizeof(*cat));
	size_t count = cat->table.column_count;

	out->table.column = talloc_zero_array(out, struct tide_column, (unsigned)(count + names->count));
	memcpy(out->table.column, cat->table.column, count * sizeof(struct tide_column));
	for (size_t i = 0; i < names->count; i++)
		if (tide_catalog_column(out, names->item[i]) == NULL)
			out->table.column[out->table.column_count++].name = names->item[i];
	return out;
}

bool
tide_dual_rename(void *ctx, const struct tide_dual *dual, const struct tide_names *before,
    const struct tide_names *after, struct tide_dual **out, struct tide_err *err)
{
	struct tide_dual *copy = talloc_memdup(ctx, dual, sizeof(*dual));

	copy->cat = with_names(copy, dual->cat, after);
	if (!rename_side(ctx, &dual->old, before, after, &copy->old, err) ||
	    !rename_side(ctx, &dual->new, before, after, &copy->new, err) ||
	    !finish_side(ctx, copy, &copy->new, err) || !finish_side(ctx, copy, &copy->old, err))
		return false;
	*out = copy;
	return true;
}

bool
tide_dual_for(void *ctx, const struct tide_phase_at *at, struct tide_dual **out,
    struct tide_dual_state *state, struct tide_err *err)
{
	long index = tide_opens(at->phase) != NULL ? (long)at->index : tide_dual_before(at->plan, at->index);

	if (index < 0) {
		tide_plan_fail(
		    at->plan, at->phase, NULL, err, "no dual_write precedes this %s", at->phase->kind->name);
		return tide_hint(
		    err, "a %s is about the columns that a dual_write keeps in step", at->phase->kind->name);
	}
	tide_dual_state_at(ctx, at->plan, (size_t)index, at->index, state);
	return tide_dual_build(ctx, at, state, out, err);
}

/* One expression in the spelling of one state. */
static void
take_spelling(const struct tide_phase_at *at, const struct tide_dual_state *state, const char *source,
    void (*take)(void *ctx, const char *source), void *ctx)
{
	void *mem = talloc_new(NULL);
	struct spelling spelling = spelling_in(mem, at->plan, state);
	struct tide_err ignored = { 0 };
	char *here = respell_source(mem, source, &spelling, &ignored);

	if (here != NULL)
		take(ctx, here);
	talloc_free(mem);
}

static void
take_all(const struct tide_phase_at *at, const struct tide_dual_state *state,
    void (*take)(void *ctx, const char *source), void *ctx)
{
	const struct dual_write_spec *spec = tide_opens(at->phase);

	for (size_t i = 0; i < spec->up.count; i++)
		take_spelling(at, state, spec->up.item[i].value, take, ctx);
	for (size_t i = 0; i < spec->down.count; i++)
		take_spelling(at, state, spec->down.item[i].value, take, ctx);
}

void
tide_dual_expressions(const struct tide_phase_at *at, void (*take)(void *ctx, const char *source), void *ctx)
{
	const struct dual_write_spec *spec = tide_opens(at->phase);
	void *mem = talloc_new(NULL);
	struct tide_dual_state state;

	/* As the plan writes them, first: no parser has touched those. */
	for (size_t i = 0; i < spec->up.count; i++)
		take(ctx, spec->up.item[i].value);
	for (size_t i = 0; i < spec->down.count; i++)
		take(ctx, spec->down.item[i].value);
	for (size_t i = 0; i < spec->to.count; i++) {
		char *with_cast =
		    typed_source(mem, at->plan, spec, i, source_of(&spec->up, spec->to.item[i]));

		if (with_cast != NULL)
			take(ctx, with_cast);
	}
	for (size_t i = at->index + 1; i < at->plan->count; i++) {
		struct tide_dropped drop = tide_drops(&at->plan->phase[i]);

		tide_dual_state_at(mem, at->plan, at->index, i, &state);
		if (state.ended)
			break;
		if (state.swapped)
			take_all(at, &state, take, ctx);
		if (!drop.held || !state.switched)
			continue;
		tide_dual_state_held(mem, at->plan, drop.name, &state);
		take_all(at, &state, take, ctx);
	}
	talloc_free(mem);
}

/* After the exchange the server would read the renamed text as it reads the plan's now. */
static bool
exchanged_fact(const struct tide_phase_at *dual_at, struct tide_catalog *cat,
    const struct tide_dual_state *state, const char *source, struct tide_fact *out)
{
	struct spelling spelling = spelling_in(cat, dual_at->plan, state);
	const struct tide_fact *known = tide_catalog_fact(cat, source);
	struct tide_err ignored = { 0 };

	if (known == NULL || known->canonical == NULL)
		return false;
	*out = *known;
	out->source = respell_source(cat, source, &spelling, &ignored);
	out->canonical = respell(cat, known->canonical, TIDE_ROW, &spelling, &ignored);
	return out->source != NULL && out->canonical != NULL;
}

void
tide_dual_apply_swap(const struct tide_phase_at *at, struct tide_catalog *cat)
{
	long index = tide_dual_before(at->plan, at->index);
	struct tide_phase_at dual_at = { at->plan, &at->plan->phase[index], (size_t)index, cat };
	const struct dual_write_spec *spec = tide_opens(dual_at.phase);
	const struct tide_pairs *sides[] = { &spec->up, &spec->down };
	struct tide_fact *facts =
	    talloc_array(cat, struct tide_fact, (unsigned)(spec->up.count + spec->down.count));
	struct tide_dual_state state;
	size_t count = 0;

	tide_dual_state_at(cat, at->plan, (size_t)index, at->index + 1, &state);
	/* All are made before one is set: an expression of up may get the text that one of down still has. */
	for (size_t s = 0; s < 2; s++)
		for (size_t i = 0; i < sides[s]->count; i++)
			if (exchanged_fact(&dual_at, cat, &state, sides[s]->item[i].value, &facts[count]))
				count++;
	for (size_t i = 0; i < count; i++)
		tide_change_set_fact(cat, &facts[i]);
}
