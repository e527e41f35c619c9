#include "releases.h"

#include <string.h>

#include <talloc.h>

#include "build/build.h"
#include "script/script.h"
#include "build/specs.h"

/*
 * Which releases of the application may run: the old one was written for the schema before the plan, the new one for the
 * schema after it.
 */

/* The old side of a switch is gone for the application once a column of it is dropped or held. */
static bool
drops_old(const struct tide_plan *plan, size_t index)
{
	const struct drop_column_spec *drop = plan->phase[index].spec;
	const struct tide_names *side = NULL;

	if (!tide_is_kind(&plan->phase[index], "drop_column"))
		return false;
	for (size_t i = 0; i < index; i++) {
		const struct dual_write_spec *dual = plan->phase[i].spec;
		const struct switch_spec *change = plan->phase[i].spec;

		if (tide_is_kind(&plan->phase[i], "dual_write"))
			side = &dual->from;
		else if (tide_is_kind(&plan->phase[i], "switch") && change->swap_names && i > 0 &&
			 side != NULL)
			for (size_t k = i; k-- > 0;)
				if (tide_is_kind(&plan->phase[k], "dual_write")) {
					side = &((const struct dual_write_spec *)plan->phase[k].spec)->to;
					break;
				}
	}
	return side == NULL || tide_names_have(side, drop->column);
}

/* What the phases up to here mean for the old release, the worst of them, and in words why. */
struct old_release {
	enum tide_old_release fate;
	char *why;
};

static void
worsen(struct old_release *old, enum tide_old_release fate, char *why)
{
	if (fate > old->fate)
		*old = (struct old_release){ fate, why };
}

/* The add_column phase that makes the column, or NULL: it was there before. */
static const struct add_column_spec *
added_by(const struct tide_plan *plan, size_t index, const char *column)
{
	for (size_t i = 0; i < index; i++) {
		const struct add_column_spec *spec = plan->phase[i].spec;

		if (tide_is_kind(&plan->phase[i], "add_column") && strcmp(spec->column, column) == 0)
			return spec;
	}
	return NULL;
}

static bool
kept_in_step(const struct tide_plan *plan, size_t index, const char *column)
{
	for (size_t i = 0; i < index; i++) {
		const struct dual_write_spec *spec = plan->phase[i].spec;

		if (tide_is_kind(&plan->phase[i], "dual_write") &&
		    (tide_names_have(&spec->to, column) || tide_names_have(&spec->from, column)))
			return true;
	}
	return false;
}

/* A column that must have a value fails for those who do not know it, unless a default or our trigger gives one. */
static void
look_at_not_null(void *ctx, const struct tide_phase_at *at, size_t index, struct old_release *old)
{
	const struct set_not_null_spec *spec = at->plan->phase[index].spec;
	const struct add_column_spec *added = added_by(at->plan, index, spec->column);
	const struct tide_column *column = tide_catalog_column(at->cat, spec->column);

	if (kept_in_step(at->plan, index, spec->column) || (added != NULL && added->fallback != NULL) ||
	    (column != NULL && (column->default_expr != NULL || column->identity != 0)))
		return;
	worsen(old, added != NULL ? TIDE_OLD_FAILS : TIDE_OLD_UNKNOWN,
	    talloc_asprintf(ctx, "an INSERT that gives %s no value fails", spec->column));
}

static void
look_at_sql(void *ctx, const struct tide_phase_at *at, size_t index, struct old_release *old)
{
	const struct sql_spec *spec = at->plan->phase[index].spec;
	const struct tide_script_part *why = NULL;
	struct tide_script script;
	enum tide_old_release fate;

	tide_script_read(ctx, at, &spec->act, &script);
	fate = tide_script_old(&script, &why);
	if (why != NULL)
		worsen(old, fate,
		    talloc_asprintf(ctx, "%s statement %zu of phase %s (%s)",
			fate == TIDE_OLD_FAILS ? "they must not use what is taken away by"
					       : "it depends on what they do: see",
			why->number, at->plan->phase[index].name, why->statement->tag));
}

static const char *
windows(const struct tide_plan *plan, size_t index)
{
	bool switches = false, switched = false, dual = false;

	for (size_t i = 0; i < plan->count; i++) {
		switches = switches || tide_is_kind(&plan->phase[i], "switch");
		dual = dual || tide_is_kind(&plan->phase[i], "dual_write");
		if (i <= index)
			switched = switches;
	}
	return switched || !dual || !switches ? "both" : "old only";
}

void
tide_releases_set(struct tide_steps *steps, const struct tide_phase_at *at)
{
	struct old_release old = { TIDE_OLD_FITS, NULL };
	struct tide_step *last;

	if (steps->count == 0)
		return;
	last = &steps->item[steps->count - 1];
	for (size_t i = 0; i <= at->index; i++) {
		if (drops_old(at->plan, i))
			worsen(&old, TIDE_OLD_FAILS, NULL);
		else if (tide_is_kind(&at->plan->phase[i], "set_not_null"))
			look_at_not_null(steps, at, i, &old);
		else if (tide_is_kind(&at->plan->phase[i], "sql"))
			look_at_sql(steps, at, i, &old);
	}
	last->releases = talloc_strdup(steps, old.fate == TIDE_OLD_FAILS     ? "new only"
					      : old.fate == TIDE_OLD_UNKNOWN ? "unknown"
									     : windows(at->plan, at->index));
	last->releases_note = old.why;
}
