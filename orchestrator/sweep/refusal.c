#include "refusal.h"

#include <string.h>
#include <talloc.h>

#include "batch.h"
#include "tidemark/phases/phase.h"
#include "tidemark/base/units.h"

/* The first that fits decides. A class ends after two characters. */
static const struct {
	const char *state;
	enum tide_refusal refusal;
} refusals[] = {
	{ "55P03", TIDE_REFUSAL_YIELDED }, /* lock_not_available */
	{ "40P01", TIDE_REFUSAL_YIELDED }, /* deadlock_detected */
	{ "42P01", TIDE_REFUSAL_NAMES },   /* no such table */
	{ "42703", TIDE_REFUSAL_NAMES },   /* no such column */
	{ "42809", TIDE_REFUSAL_NAMES },   /* a view, and the like */
	{ "42501", TIDE_REFUSAL_NAMES },   /* no right */
	{ "42804", TIDE_REFUSAL_NAMES },   /* columns of other types … */
	{ "42883", TIDE_REFUSAL_NAMES }, { "42846", TIDE_REFUSAL_NAMES },
	{ TIDE_BATCH_AGAIN, TIDE_REFUSAL_REPEATED }, { "22", TIDE_REFUSAL_ROW }, /* data */
	{ "23", TIDE_REFUSAL_ROW },                                              /* integrity */
	{ "P0", TIDE_REFUSAL_ROW }, /* raised by a function of the user */
};

enum tide_refusal
tide_refusal_of(const struct tide_err *err)
{
	for (size_t i = 0; i < TIDE_COUNT(refusals); i++)
		if (strncmp(err->sqlstate, refusals[i].state, strlen(refusals[i].state)) == 0)
			return refusals[i].refusal;
	return TIDE_REFUSAL_OTHER;
}

void
tide_refusal_row(const struct tide_sweep *sweep, const struct tide_segment *segment,
    const struct tide_span *span, const struct tide_rows *found, struct tide_err *err)
{
	const struct tide_order *order = segment->relation->order;
	void *mem = talloc_new(NULL);
	char *look = order->look(mem, segment, span, found);

	err->code = TIDE_PRECONDITION;
	tide_wrap(err, "%s: a row in %s", sweep->spec->what, order->place(mem, segment, span));
	tide_hint(err, "%s%s%sfix the row or the expression, then run again",
	    look != NULL ? "look at it: " : "", look != NULL ? look : "", look != NULL ? "; " : "");
	talloc_free(mem);
}

void
tide_refusal_repeated(const struct tide_sweep *sweep, const struct tide_segment *segment,
    const struct tide_span *span, struct tide_err *err)
{
	char *place = segment->relation->order->place(NULL, segment, span);

	*err = (struct tide_err){ 0 };
	tide_fail(err, TIDE_PRECONDITION, "%s: rows that have been filled would be filled again (%s)",
	    sweep->spec->what, place);
	talloc_free(place);
	tide_hint(err,
	    "it must be idempotent, as a resume may repeat it: add a \"where\" that no "
	    "longer holds for a filled row. A trigger that changes the value has the same effect. This batch "
	    "changed nothing");
}

/* The dual_write whose trigger it is: the last one before the current phase; NULL: none. */
static const char *
dual_write_of(const struct tide_executor *exe)
{
	const char *name = NULL;

	for (size_t i = 0; i < exe->plan->count && strcmp(exe->plan->phase[i].name, exe->report.phase) != 0;
	     i++)
		if (tide_phase_opens(&exe->plan->phase[i]))
			name = exe->plan->phase[i].name;
	return name;
}

void
tide_refusal_trigger(const struct tide_sweep *sweep, const struct tide_segment *segment, struct tide_err *err)
{
	const struct tide_executor *exe = sweep->exe;
	const char *follows = dual_write_of(exe);

	*err = (struct tide_err){ 0 };
	tide_fail(err, TIDE_PRECONDITION,
	    "the trigger that keeps %s in step is disabled, changed or gone on %s", sweep->spec->what,
	    segment->relation->name);
	tide_hint(err,
	    "it was changed, and rows may have been written without it. Restore it as it was, ENABLE "
	    "ALWAYS: its statements are in tidemark history %s --verbose%s%s%s%s",
	    exe->plan->name, follows != NULL ? "\nthen have every row checked again: tidemark rollback " : "",
	    follows != NULL ? exe->plan->name : "", follows != NULL ? " --to " : "",
	    follows != NULL ? follows : "");
}
