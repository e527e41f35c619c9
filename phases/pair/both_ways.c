#include <string.h>

#include <talloc.h>

#include "build/build.h"
#include "conflict.h"
#include "mirror.h"
#include "moved.h"
#include "settle.h"
#include "tidemark/base/sqltext.h"
#include "catalog/types.h"

/*
 * Both ways: from the switch on, old and new releases write at the same time. What changed decides, by
 * comparison with OLD, so that a lossy `down` never overwrites a value of the new release on an unrelated update.
 */

/* Columns that are settled together. Of plain copies each pair is one by itself, else all columns are. */
struct part {
	struct tide_dual dual; /* whose sides are those columns */
	size_t first;          /* index of its first new column */
};

struct parts {
	struct part *item;
	size_t count;
};

static struct parts
parts_of(void *ctx, const struct tide_dual *dual)
{
	bool pairs = dual->plain && dual->old.count == dual->new.count;
	struct parts out = { .count = pairs ? dual->new.count : 1 };

	out.item = talloc_array(ctx, struct part, (unsigned)out.count);
	for (size_t i = 0; i < out.count; i++) {
		out.item[i] = (struct part){ .dual = *dual, .first = i };
		if (!pairs)
			continue;
		out.item[i].dual.old = (struct tide_dual_side){ &dual->old.item[i], 1 };
		out.item[i].dual.new = (struct tide_dual_side){ &dual->new.item[i], 1 };
		out.item[i].dual.copy = dual->old.item[i].copy && dual->new.item[i].copy;
	}
	return out;
}

/* Some column of the side is not what it was. */
static char *
changed(void *ctx, const struct tide_dual *dual, const struct tide_dual_side *side)
{
	char *out = NULL;

	for (size_t i = 0; i < side->count; i++) {
		const struct tide_dual_column *c = &side->item[i];

		out = tide_append(ctx, out, " OR ",
		    tide_differs(
			ctx, dual, c, tide_sqlf(ctx, "NEW.%I", c->name), tide_sqlf(ctx, "OLD.%I", c->name)));
	}
	return out;
}

static bool
never_silent(const struct tide_dual_side *side)
{
	for (size_t i = 0; i < side->count; i++)
		if (side->item[i].column->default_expr != NULL && !side->item[i].column->default_constant)
			return true;
	return false;
}

/*
 * Every column holds its default, which is NULL where it has none: a release that does not know the column leaves it like that. An
 * explicit NULL beside a default is a value. A default that is another each time is never silent.
 */
static char *
silent(void *ctx, const struct tide_dual *dual, const struct tide_dual_side *side)
{
	char *out = NULL;

	if (never_silent(side))
		return talloc_strdup(ctx, "false");
	for (size_t i = 0; i < side->count; i++) {
		const struct tide_dual_column *c = &side->item[i];
		const struct tide_column *facts = c->column;
		char *value = tide_sqlf(ctx, "NEW.%I", c->name);

		out = tide_append(ctx, out, " AND ",
		    facts->default_expr == NULL
			? tide_sqlf(ctx, "%s IS NOT DISTINCT FROM NULL", value)
			: tide_equals(ctx, dual, c, value,
			      tide_sqlf(ctx, "CAST((%s) AS %s)", facts->default_expr, facts->cast_type)));
	}
	return out;
}

static bool
has_default(const struct tide_dual_side *side)
{
	for (size_t i = 0; i < side->count; i++)
		if (side->item[i].column->default_expr != NULL)
			return true;
	return false;
}

/* A release that knows the side cannot be silent about it: a column of it must be given. */
static bool
demands(const struct tide_dual_side *side)
{
	for (size_t i = 0; i < side->count; i++)
		if (tide_rejects_null(side->item[i].column) && side->item[i].column->default_expr == NULL)
			return true;
	return false;
}

/* The same with a default that the switch carries over from the old column. */
static struct tide_dual *
with_carried_defaults(void *ctx, const struct tide_dual *dual)
{
	struct tide_dual *out = talloc_memdup(ctx, dual, sizeof(*dual));

	out->new.item = talloc_memdup(ctx, dual->new.item, dual->new.count * sizeof(*dual->new.item));
	for (size_t i = 0; i < dual->new.count; i++) {
		struct tide_column *column = talloc_memdup(ctx, dual->new.item[i].column, sizeof(*column));

		if (dual->new.item[i].carried != NULL) {
			column->default_expr = dual->new.item[i].carried;
			column->default_constant = true;
		}
		out->new.item[i].column = column;
	}
	return out;
}

/* Variables in which values that may fail are tried; "" unless on_error = "null". */
static char *
trial_variables(void *ctx, const struct tide_dual *dual)
{
	char *out = talloc_strdup(ctx, "");

	for (size_t i = 0; dual->null_on_error && i < dual->new.count; i++)
		out = talloc_strdup_append(out,
		    tide_sqlf(ctx, "\ttidemark_up_%d %s;\n", (int)i + 1, dual->new.item[i].column->type));
	return out;
}

static char *
trials(void *ctx, const struct part *part, const char *indent)
{
	const struct tide_dual *dual = &part->dual;
	char *out = talloc_strdup(ctx, "");

	for (size_t i = 0; dual->null_on_error && i < dual->new.count; i++)
		out = talloc_strdup_append(
		    out, tide_assign(ctx, dual, &dual->new.item[i],
			     tide_sqlf(ctx, "tidemark_up_%d", (int)(part->first + i) + 1), indent));
	return out;
}

/* Some new column is not what the old side makes of it; after `trials`. */
static char *
disagrees(void *ctx, const struct part *part)
{
	const struct tide_dual *dual = &part->dual;
	char *out = NULL;

	if (!dual->null_on_error)
		return tide_dual_differs_trigger(ctx, dual);
	for (size_t i = 0; i < dual->new.count; i++) {
		const struct tide_dual_column *c = &dual->new.item[i];

		out = tide_append(ctx, out, " OR ",
		    tide_differs(ctx, dual, c, tide_sqlf(ctx, "NEW.%I", c->name),
			tide_sqlf(ctx, "tidemark_up_%d", (int)(part->first + i) + 1)));
	}
	return out;
}

static char *
assign_side(void *ctx, const struct tide_dual *dual, const struct tide_dual_side *side, const char *indent)
{
	char *out = talloc_strdup(ctx, "");

	for (size_t i = 0; i < side->count; i++)
		out = talloc_strdup_append(out, tide_assign(ctx, dual, &side->item[i],
						    tide_sqlf(ctx, "NEW.%I", side->item[i].name), indent));
	return out;
}

static char *
update_part(void *ctx, const struct part *part)
{
	const struct tide_dual *dual = &part->dual;

	return talloc_asprintf(ctx,
	    "\tIF %s THEN\n%s"
	    "\t\tIF %s THEN\n"
	    "\t\t\tIF %s THEN\n%s\t\t\tEND IF;\n"
	    "%s\t\tEND IF;\n"
	    "\tELSIF %s THEN\n%s\tEND IF;\n",
	    changed(ctx, dual, &dual->new), trials(ctx, part, "\t\t"), disagrees(ctx, part),
	    changed(ctx, dual, &dual->old), tide_conflict_note(ctx, dual, "\t\t\t\t"),
	    assign_side(ctx, dual, &dual->old, "\t\t\t"), changed(ctx, dual, &dual->old),
	    assign_side(ctx, dual, &dual->new, "\t\t"));
}

/* Both sides were given, and the new one wins; the loser is written down, unless a changing default only made it look given. */
static char *
insert_both(void *ctx, const struct part *part)
{
	const struct tide_dual *dual = &part->dual;

	return talloc_asprintf(ctx, "\tELSE\n%s\t\tIF %s THEN\n%s%s\t\tEND IF;\n\tEND IF;\n",
	    trials(ctx, part, "\t\t"), disagrees(ctx, part),
	    never_silent(&dual->old) ? "" : tide_conflict_note(ctx, dual, "\t\t\t"),
	    assign_side(ctx, dual, &dual->old, "\t\t\t"));
}

/*
 * The new side says nothing. When nothing was said at all, and the old side is what the new one makes of it, `down` has its
 * say as in an UPDATE.
 */
static char *
fill_new(void *ctx, const struct part *part)
{
	const struct tide_dual *dual = &part->dual;
	char *up = assign_side(ctx, dual, &dual->new, "\t\t");

	if (dual->copy || has_default(&dual->old) || never_silent(&dual->new))
		return up;
	return talloc_asprintf(ctx, "%s\t\tIF %s AND %s THEN\n%s\t\tEND IF;\n", up,
	    silent(ctx, dual, &dual->old), silent(ctx, dual, &dual->new),
	    assign_side(ctx, dual, &dual->old, "\t\t\t"));
}

static char *
insert_part(void *ctx, const struct part *part)
{
	const struct tide_dual *dual = &part->dual;
	bool demanding = demands(&dual->old);
	char *old_silent = silent(ctx, dual, &dual->old), *new_silent = silent(ctx, dual, &dual->new);
	char *fill_old = assign_side(ctx, dual, &dual->old, "\t\t");

	/* A side whose release must give it is the one that was not written, when neither was. */
	return talloc_asprintf(ctx, "\tIF %s THEN\n%s\tELSIF %s THEN\n%s%s",
	    demanding ? old_silent : new_silent, demanding ? fill_old : fill_new(ctx, part),
	    demanding ? new_silent : old_silent,
	    demanding ? assign_side(ctx, dual, &dual->new, "\t\t") : fill_old, insert_both(ctx, part));
}

static char *
body(void *ctx, const struct tide_dual *dual, char *(*settle)(void *ctx, const struct part *part),
    const char *first)
{
	struct parts parts = parts_of(ctx, dual);
	char *out = talloc_asprintf(
	    ctx, "DECLARE\n%s%sBEGIN\n%s", trial_variables(ctx, dual), tide_conflict_variables(), first);

	for (size_t i = 0; i < parts.count; i++)
		out = talloc_strdup_append(out, settle(ctx, &parts.item[i]));
	return talloc_asprintf(ctx, "%s%s\tRETURN NEW;\nEND\n", out, tide_conflict_pass_on(ctx, dual));
}

/* One hash and these suffixes decide in which order they fire. */
static void
add_all(void *ctx, struct tide_triggers *t, const struct tide_dual *dual, enum tide_trigger_place place,
    const char *role)
{
	char *name = tide_trigger_function_name(ctx, dual, role, "insert_v2");

	tide_triggers_add_function(
	    ctx, t, name, body(ctx, dual, insert_part, tide_moved_here(ctx, dual)), false);
	/* Of a plain copy nothing is to be done for a row in which both are equal. */
	tide_triggers_add(ctx, t, tide_trigger_name(ctx, dual, place, role, "insert"), name, "INSERT",
	    dual->copy ? tide_dual_differs_trigger(ctx, dual) : NULL);
	name = tide_trigger_function_name(ctx, dual, role, "update_v2");
	tide_triggers_add_function(ctx, t, name, body(ctx, dual, update_part, ""), false);
	tide_triggers_add(ctx, t, tide_trigger_name(ctx, dual, place, role, "update"), name, "UPDATE",
	    tide_sqlf(ctx, "%s OR %s", changed(ctx, dual, &dual->new), changed(ctx, dual, &dual->old)));
	tide_moved_add(ctx, t, dual, role);
	tide_conflict_add(ctx, t, dual, role);
}

static bool
exists(const struct tide_catalog *cat, const char *trigger)
{
	for (size_t i = 0; i < cat->table.trigger_count; i++)
		if (strcmp(cat->table.trigger[i].name, trigger) == 0)
			return true;
	return false;
}

/* Triggers of the user may be replaced between the switch and the drop: what exists then is what the switch has made. */
static bool
around_users(void *ctx, const struct tide_dual *dual, const char *role)
{
	if (exists(dual->cat, tide_trigger_name(ctx, dual, TIDE_TRIGGER_FIRST, role, "insert")))
		return true;
	return !exists(dual->cat, tide_trigger_name(ctx, dual, TIDE_TRIGGER_LAST, role, "insert")) &&
	       tide_users_see_pair(dual);
}

struct tide_triggers *
tide_both_ways_triggers(void *ctx, const struct tide_dual *plain, const char *held)
{
	struct tide_triggers *t = talloc_zero(ctx, struct tide_triggers);
	const struct tide_dual *dual = with_carried_defaults(ctx, plain);
	const char *role = held == NULL ? "both" : talloc_asprintf(ctx, "both, held %s", held);
	/* In a hold only one of the columns is left for others to see. */
	bool around = held == NULL && around_users(ctx, dual, role);

	t->cat = dual->cat;
	t->note = tide_dual_note(ctx, dual, held);
	add_all(ctx, t, dual, around ? TIDE_TRIGGER_FIRST : TIDE_TRIGGER_LAST, role);
	if (around)
		tide_settle_add(ctx, t, dual, role);
	return t;
}
