#include "releases.h"

#include <talloc.h>

#include "build/build.h"

/*
 * Which releases of the application may run: the old one was written for the schema before the plan, the new one for the
 * schema after it.
 */

static const char *
windows(const struct tide_plan *plan, size_t index)
{
	bool switches = false, switched = false, dual = false;

	for (size_t i = 0; i < plan->count; i++) {
		switches = switches || tide_ops(&plan->phase[i])->switches;
		dual = dual || tide_opens(&plan->phase[i]) != NULL;
		if (i <= index)
			switched = switches;
	}
	return switched || !dual || !switches ? "both" : "old only";
}

void
tide_releases_set(struct tide_steps *steps, const struct tide_phase_at *at)
{
	struct tide_old old = { TIDE_OLD_FITS, NULL };
	struct tide_step *last;

	if (steps->count == 0)
		return;
	last = &steps->item[steps->count - 1];
	for (size_t i = 0; i <= at->index; i++) {
		const struct tide_phase_at one = { at->plan, &at->plan->phase[i], i, at->cat };
		const struct tide_phase_ops *ops = tide_ops(one.phase);
		struct tide_old here = { TIDE_OLD_FITS, NULL };

		if (ops->releases != NULL)
			here = ops->releases(steps, &one);
		/* The worst of them; of equal ones the first. */
		if (here.fate > old.fate)
			old = here;
	}
	last->releases = talloc_strdup(steps, old.fate == TIDE_OLD_FAILS     ? "new only"
					      : old.fate == TIDE_OLD_UNKNOWN ? "unknown"
									     : windows(at->plan, at->index));
	last->releases_note = old.why;
}
