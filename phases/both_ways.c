#include <string.h>

#include <talloc.h>

#include "build.h"
#include "mirror.h"
#include "overlap.h"
#include "settle.h"
#include "tidemark/sqltext.h"
#include "types.h"

/*
 * Both ways: from the switch on, old and new releases write at the same time. What changed decides, by
 * comparison with OLD, so that a lossy `down` never eats a value of the new release on an unrelated update.
 */

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

/* Every column is NULL or holds its constant default: an INSERT that says nothing about it looks like that. */
static char *
silent(void *ctx, const struct tide_dual *dual, const struct tide_dual_side *side)
{
	char *out = NULL;

	for (size_t i = 0; i < side->count; i++) {
		const struct tide_dual_column *c = &side->item[i];
		const struct tide_column *facts = c->column;
		char *value = tide_sqlf(ctx, "NEW.%I", c->name);
		char *one = tide_sqlf(ctx, "%s IS NULL", value);

		if (facts->default_expr != NULL && facts->default_constant)
			one = tide_sqlf(ctx, "(%s OR %s)", one,
			    tide_equals(ctx, dual, c, value,
				tide_sqlf(ctx, "CAST((%s) AS %s)", facts->default_expr, facts->cast_type)));
		out = tide_append(ctx, out, " AND ", one);
	}
	return out;
}

/* The same with a default that the switch carries over from the old column. */
static struct tide_dual *
with_carried_defaults(void *ctx, const struct tide_dual *dual)
{
	struct tide_dual *out = talloc_memdup(ctx, dual, sizeof(*dual));

	out->new.item = talloc_memdup(ctx, dual->new.item, dual->new.count * sizeof(*dual->new.item));
	for (size_t i = 0; i < dual->new.count; i++) {
		struct tide_column *column = talloc_memdup(ctx, dual->new.item[i].column, sizeof(*column));

		if (tide_carries_default(dual, i)) {
			column->default_expr = dual->old.item[i].column->default_expr;
			column->default_constant = true;
		}
		out->new.item[i].column = column;
	}
	return out;
}

bool
tide_carries_default(const struct tide_dual *dual, size_t i)
{
	const struct tide_column *old = i < dual->old.count ? dual->old.item[i].column : NULL;
	const struct tide_column *new = dual->new.item[i].column;

	/* A default that is not constant would make every INSERT of the old release look like one of the new. */
	return old != NULL && dual->new.item[i].copy &&new->default_expr == NULL &&new->generated == 0 &&
	       new->identity == 0 && old->default_expr != NULL && old->default_constant &&
	       old->sequence == NULL;
}

/* Variables in which values that may fail are tried, and what tries them; both "" unless on_error = "null". */
static char *
trial_variables(void *ctx, const struct tide_dual *dual)
{
	char *out = talloc_strdup(ctx, "");

	if (!dual->null_on_error)
		return out;
	for (size_t i = 0; i < dual->new.count; i++)
		out = talloc_strdup_append(out,
		    tide_sqlf(ctx, "\ttidemark_up_%d %s;\n", (int)i + 1, dual->new.item[i].column->type));
	return *out == '\0' ? out : talloc_asprintf(ctx, "DECLARE\n%s", out);
}

static char *
trials(void *ctx, const struct tide_dual *dual, const char *indent)
{
	char *out = talloc_strdup(ctx, "");

	if (!dual->null_on_error)
		return out;
	for (size_t i = 0; i < dual->new.count; i++)
		out = talloc_strdup_append(out, tide_assign(ctx, dual, &dual->new.item[i],
						    tide_sqlf(ctx, "tidemark_up_%d", (int)i + 1), indent));
	return out;
}

/* Some new column is not what the old side makes of it; after `trials`. */
static char *
disagrees(void *ctx, const struct tide_dual *dual)
{
	char *out = NULL;

	if (!dual->null_on_error)
		return tide_dual_differs_trigger(ctx, dual);
	for (size_t i = 0; i < dual->new.count; i++) {
		const struct tide_dual_column *c = &dual->new.item[i];

		out = tide_append(ctx, out, " OR ",
		    tide_differs(ctx, dual, c, tide_sqlf(ctx, "NEW.%I", c->name),
			tide_sqlf(ctx, "tidemark_up_%d", (int)i + 1)));
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
update_body(void *ctx, const struct tide_dual *dual)
{
	return tide_sqlf(ctx,
	    "%sBEGIN\n"
	    "\tIF %s THEN\n"
	    "%s"
	    "\t\tIF %s THEN\n%s\t\tEND IF;\n"
	    "\tELSIF %s THEN\n%s\tEND IF;\n"
	    "\tRETURN NEW;\nEND\n",
	    trial_variables(ctx, dual), changed(ctx, dual, &dual->new), trials(ctx, dual, "\t\t"),
	    disagrees(ctx, dual), assign_side(ctx, dual, &dual->old, "\t\t\t"),
	    changed(ctx, dual, &dual->old), assign_side(ctx, dual, &dual->new, "\t\t"));
}

static char *
insert_body(void *ctx, const struct tide_dual *dual)
{
	return tide_sqlf(ctx,
	    "%sBEGIN\n"
	    "\tIF %s THEN\n%s"
	    "\tELSIF %s THEN\n%s"
	    "\tELSE\n%s"
	    "\t\tIF %s THEN\n%s\t\tEND IF;\n"
	    "\tEND IF;\n"
	    "\tRETURN NEW;\nEND\n",
	    trial_variables(ctx, dual), silent(ctx, dual, &dual->new),
	    assign_side(ctx, dual, &dual->new, "\t\t"), silent(ctx, dual, &dual->old),
	    assign_side(ctx, dual, &dual->old, "\t\t"), trials(ctx, dual, "\t\t"), disagrees(ctx, dual),
	    assign_side(ctx, dual, &dual->old, "\t\t\t"));
}

static char *
image(void *ctx, const struct tide_dual_side *side)
{
	char *pairs = NULL;

	for (size_t i = 0; i < side->count; i++)
		pairs = tide_append(
		    ctx, pairs, ", ", tide_sqlf(ctx, "%L, NEW.%I", side->item[i].name, side->item[i].name));
	return tide_sqlf(ctx, "pg_catalog.jsonb_build_object(%s)", pairs);
}

static char *
conflict_body(void *ctx, const struct tide_dual *dual)
{
	bool decide = dual->null_on_error || !tide_dual_provable(dual);
	char *key = tide_has_primary_key(dual->cat) ? tide_row_key(ctx, dual->cat, "NEW")
						    : talloc_strdup(ctx, "NULL");
	char *test = decide ? tide_sqlf(ctx, "%s\tIF NOT (%s) THEN\n\t\tRETURN NEW;\n\tEND IF;\n",
				  trials(ctx, dual, "\t"), disagrees(ctx, dual))
			    : talloc_strdup(ctx, "");

	return tide_sqlf(ctx,
	    "%sBEGIN\n%s"
	    "\tINSERT INTO tidemark.conflict (\"plan\", \"relation\", \"key\", \"old\", \"new\", \"kept\")\n"
	    "\tVALUES (%L, %L, %s, %s, %s, 'new');\n"
	    "\tRETURN NEW;\nEND\n",
	    trial_variables(ctx, dual), test, dual->plan->name, tide_people_table(ctx, dual->cat), key,
	    image(ctx, &dual->old), image(ctx, &dual->new));
}

/* An old column whose default gives another value each time is never silent, so nothing can be said about an INSERT. */
static bool
inserts_can_conflict(const struct tide_dual *dual)
{
	for (size_t i = 0; i < dual->old.count; i++)
		if (dual->old.item[i].column->default_expr != NULL &&
		    !dual->old.item[i].column->default_constant)
			return false;
	return true;
}

static void
add_conflict(void *ctx, struct tide_triggers *t, const struct tide_dual *dual, enum tide_trigger_place place,
    const char *role)
{
	char *name = tide_trigger_function_name(ctx, dual, role, "conflict_v1");
	bool in_when = !dual->null_on_error && tide_dual_provable(dual);
	char *differs = in_when ? tide_sqlf(ctx, "\n\tAND (%s)", tide_dual_differs_trigger(ctx, dual))
				: talloc_strdup(ctx, "");

	tide_triggers_add_function(ctx, t, name, conflict_body(ctx, dual), true);
	if (inserts_can_conflict(dual))
		tide_triggers_add(ctx, t, tide_trigger_name(ctx, dual, place, role, "conflict_insert"), name,
		    "INSERT",
		    tide_sqlf(ctx, "NOT (%s)\n\tAND NOT (%s)%s", silent(ctx, dual, &dual->new),
			silent(ctx, dual, &dual->old), differs));
	tide_triggers_add(ctx, t, tide_trigger_name(ctx, dual, place, role, "conflict_update"), name,
	    "UPDATE",
	    tide_sqlf(ctx, "(%s)\n\tAND (%s)%s", changed(ctx, dual, &dual->new),
		changed(ctx, dual, &dual->old), differs));
}

/* One hash and these suffixes: the conflict is written down before the values are changed. */
static void
add_all(void *ctx, struct tide_triggers *t, const struct tide_dual *dual, enum tide_trigger_place place,
    const char *role)
{
	char *name;

	add_conflict(ctx, t, dual, place, role);
	name = tide_trigger_function_name(ctx, dual, role, "insert_v1");
	tide_triggers_add_function(ctx, t, name, insert_body(ctx, dual), false);
	tide_triggers_add(ctx, t, tide_trigger_name(ctx, dual, place, role, "insert"), name, "INSERT", NULL);
	name = tide_trigger_function_name(ctx, dual, role, "update_v1");
	tide_triggers_add_function(ctx, t, name, update_body(ctx, dual), false);
	tide_triggers_add(ctx, t, tide_trigger_name(ctx, dual, place, role, "update"), name, "UPDATE",
	    tide_sqlf(ctx, "%s OR %s", changed(ctx, dual, &dual->new), changed(ctx, dual, &dual->old)));
}

static bool
stands(const struct tide_catalog *cat, const char *trigger)
{
	for (size_t i = 0; i < cat->table.trigger_count; i++)
		if (strcmp(cat->table.trigger[i].name, trigger) == 0)
			return true;
	return false;
}

/* Triggers of the user may be replaced between the switch and the drop: what stands then is what the switch has made. */
static bool
around_users(void *ctx, const struct tide_dual *dual, const char *role)
{
	if (stands(dual->cat, tide_trigger_name(ctx, dual, TIDE_TRIGGER_FIRST, role, "insert")))
		return true;
	return !stands(dual->cat, tide_trigger_name(ctx, dual, TIDE_TRIGGER_LAST, role, "insert")) &&
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
	t->note = tide_overlap_note(ctx, dual, held);
	add_all(ctx, t, dual, around ? TIDE_TRIGGER_FIRST : TIDE_TRIGGER_LAST, role);
	if (around)
		tide_settle_add(ctx, t, dual, role);
	return t;
}
