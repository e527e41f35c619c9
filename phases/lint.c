#include <string.h>

#include <talloc.h>

#include "build/build.h"
#include "catalog/change.h"
#include "checks/overlap.h"
#include "pair/pair.h"
#include "tidemark/plans/effects.h"
#include "tidemark/plans/expression.h"
#include "tidemark/phases/phase.h"

/* Checks of the plan as a whole; what concerns one phase is its kind's. */

static void
check_gate(const struct tide_checking *c)
{
	const struct tide_gate *gate = &c->at->phase->gate;
	struct tide_window window;
	unsigned traits;

	if (gate->sql != NULL) {
		traits = tide_sql_traits(gate->sql);
		if ((traits & (TIDE_SQL_READ_ONLY | TIDE_SQL_UNPARSED)) == 0)
			tide_say(c, TIDE_ERROR, "gate-sql-writes", "gate",
			    "it is asked again until it returns true", "the gate's query must only read");
	}
	if (gate->window != NULL && !tide_window_parse(gate->window, &window))
		tide_say(c, TIDE_ERROR, "gate-window", "gate",
		    "such as \"Mon-Fri 22:00-06:00 Europe/Berlin\"",
		    "the gate's window cannot be read: \"%s\"", gate->window);
}

static void
check_added_twice(const struct tide_checking *c)
{
	const char *column = tide_adds(c->at->phase).name;

	for (size_t i = 0; column != NULL && i < c->at->index; i++) {
		const char *other = tide_adds(&c->at->plan->phase[i]).name;

		if (other != NULL && strcmp(other, column) == 0)
			tide_say(c, TIDE_ERROR, "add-column-twice", "column", NULL,
			    "the plan adds \"%s\" twice (first on line %d)", column,
			    c->at->plan->phase[i].line);
	}
}

/* A dual write that nothing ends stays forever: worth saying, not forbidden. */
static void
check_ends(const struct tide_checking *c)
{
	void *mem;
	struct tide_dual_state state;

	if (tide_opens(c->at->phase) == NULL)
		return;
	mem = talloc_new(NULL);
	tide_dual_state_at(mem, c->at->plan, c->at->index, c->at->plan->count, &state);
	if (!state.backfilled)
		tide_say(c, TIDE_WARNING, "dual-write-without-backfill", NULL,
		    "put a phase of kind \"backfill\" after it", "nothing fills the rows that exist already");
	if (!state.switched)
		tide_say(c, TIDE_NOTE, "dual-write-without-switch", NULL, NULL,
		    "the plan never switches: writes of the new release to \"%s\" would be overwritten",
		    state.to.item[0]);
	else if (!state.ended)
		tide_say(c, TIDE_WARNING, "dual-write-without-drop", NULL,
		    talloc_asprintf(c->out, "end the plan with a phase of kind \"drop_column\" for \"%s\"",
			state.from.item[0]),
		    "the plan never drops \"%s\": the triggers that keep both sides in step stay permanently",
		    state.from.item[0]);
	talloc_free(mem);
}

/* What changes the schema is done once. */
static void
check_recurring(const struct tide_checking *c)
{
	if (c->at->plan->recurring && !tide_phase_recurs(c->at->phase))
		tide_say(c, TIDE_ERROR, "plan-recurring", "kind",
		    "put it into a plan of its own, which the recurring one requires",
		    "a recurring plan has only phases of kind backfill, purge and sql: %s is done once",
		    c->at->phase->kind->name);
}

void
tide_phase_lint(const struct tide_plan *plan, const struct tide_catalog *cat, struct tide_findings *out)
{
	struct tide_catalog *ahead = cat == NULL ? NULL : tide_change_copy(out, cat);

	for (size_t i = 0; i < plan->count; i++) {
		struct tide_phase_at at = { plan, &plan->phase[i], i, ahead };
		struct tide_checking c = { &at, out };
		const struct tide_phase_ops *ops = tide_ops(at.phase);

		check_gate(&c);
		check_recurring(&c);
		check_added_twice(&c);
		check_ends(&c);
		tide_check_overlap(&at, out);
		if (ops->check != NULL)
			ops->check(&at, out);
		if (ahead != NULL && ops->apply != NULL)
			ops->apply(&at, ahead);
	}
}
