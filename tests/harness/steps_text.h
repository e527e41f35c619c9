#ifndef TIDE_TEST_STEPS_TEXT_H
#define TIDE_TEST_STEPS_TEXT_H

/* Compiled steps as text that reads as a review: every statement in the order in which it runs, forward and back. */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <talloc.h>

#include "tidemark/phases/step.h"

static void
steps_say(char **out, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	*out = talloc_vasprintf_append_buffer(*out, fmt, args);
	va_end(args);
}

static void
steps_line(char **out, const char *label, const char *text)
{
	if (text != NULL)
		steps_say(out, "-- %s: %s\n", label, text);
}

static void
steps_sweep(char **out, const struct tide_sweep_spec *sweep)
{
	steps_say(out, "-- sweep: %s%s\n",
	    sweep->deletes ? "delete"
	    : sweep->write ? "write"
			   : "read only",
	    sweep->repeats ? ", repeats" : "");
	steps_line(out, "in the order of", sweep->by);
	if (sweep->limit > 0)
		steps_say(out, "-- at most: %lld rows\n", (long long)sweep->limit);
	if (sweep->order != NULL)
		steps_say(out, "-- order: %s\n", sweep->order);
	if (sweep->max_rows_per_second > 0)
		steps_say(out, "-- at most: %lld rows per second\n", (long long)sweep->max_rows_per_second);
	steps_line(out, "what", sweep->what);
	steps_line(out, "trigger", sweep->trigger);
	steps_line(out, "function", sweep->function);
	steps_line(out, "key", sweep->key);
	steps_line(out, "session_replication_role", sweep->replication_role);
	for (size_t i = 0; i < sweep->other_count; i++) {
		const struct tide_other_trigger *t = &sweep->other[i];

		steps_say(out, "-- %s: %s%s%s, %s%s%s, %s\n", t->fires ? "fires" : "skips", t->name,
		    t->table != NULL ? " on " : "", t->table != NULL ? t->table : "", t->timing,
		    t->condition != NULL ? " WHEN " : "", t->condition != NULL ? t->condition : "",
		    t->function);
	}
	if (sweep->deletes)
		steps_say(out, "DELETE\n");
	if (sweep->set != NULL)
		steps_say(out, "SET %s\n", sweep->set);
	steps_say(out, "WHERE %s\n", sweep->residual);
}

static void
steps_guards(char **out, const struct tide_action *action)
{
	const char *at = action->guards;

	for (; at != NULL && *at != '\0'; at += strcspn(at, "\n") + (at[strcspn(at, "\n")] == '\n' ? 1 : 0))
		steps_say(out, "-- no other plan keeps in step: %.*s\n", (int)strcspn(at, "\n"), at);
}

static void
steps_action(char **out, const struct tide_action *action)
{
	static const char *const touch[] = { "", ", reads the table", ", writes in batches", ", builds",
		", reads a sample", ", vacuums", ", rewrites", ", rows", ", unknown" };
	static const char *const loss[] = { "", "unknown", "lossy", "irreversible" };

	steps_line(out, "title", action->title);
	steps_say(out, "-- %s, lock %s%s%s%s%s\n", tide_step_kind_name(action->kind),
	    tide_lock_name(action->lock), touch[action->touch],
	    (action->flags & TIDE_RESTARTABLE) != 0 ? ", restartable" : "",
	    (action->flags & TIDE_CREATES) != 0 ? ", creates" : "",
	    (action->flags & TIDE_PROVES) != 0 ? ", proves" : "");
	if ((action->flags & TIDE_YIELDS) != 0)
		steps_say(
		    out, "-- gives way%s\n", (action->flags & TIDE_TRACELESS) != 0 ? ", traceless" : "");
	if ((action->flags & TIDE_ROLE_SEARCH_PATH) != 0)
		steps_say(out, "-- with the role's own search_path\n");
	if ((action->flags & TIDE_RESYNC) != 0)
		steps_say(out, "-- only when earlier phases stay\n");
	for (size_t i = 0; i < action->also_count; i++)
		steps_say(out, "-- also locks %s: %s\n", action->also[i].relation,
		    tide_lock_name(action->also[i].lock));
	if ((action->flags & TIDE_LOCKS_UNKNOWN) != 0)
		steps_say(out, "-- what it locks is not all known\n");
	if (action->rows < 0 && action->sweep != NULL)
		steps_say(out, "-- estimate: unknown\n");
	if (action->rows > 0)
		steps_say(out, "-- estimate: %lld rows, %lld bytes\n", (long long)action->rows,
		    (long long)action->bytes);
	if (action->loss != TIDE_LOSES_NOTHING)
		steps_say(out, "-- %s: %s\n", loss[action->loss], action->loss_note);
	steps_line(out, "rows that lose", action->lost);
	if (action->kind == TIDE_STEP_WAIT)
		steps_say(out, "-- wait: %lld s\n", (long long)(action->wait_us / 1000000));
	steps_line(out, "probe", action->probe);
	steps_line(out, "repair", action->repair);
	steps_line(out, "cleanup", action->cleanup);
	steps_line(out, "differing", action->differing);
	steps_guards(out, action);
	if (action->rests_on != NULL)
		steps_say(out, "-- only while step %s counts\n", action->rests_on);
	if (action->sweep != NULL)
		steps_sweep(out, action->sweep);
	for (size_t i = 0; i < action->act_count; i++)
		steps_say(out, "%s;\n", action->act[i]);
}

/* Belongs to ctx. */
static char *
steps_text(void *ctx, const struct tide_steps *steps)
{
	char *out = talloc_strdup(ctx, "");

	for (size_t i = 0; i < steps->count; i++) {
		const struct tide_step *step = &steps->item[i];

		steps_say(&out, "\n-- step %s%s\n", step->name, step->irreversible ? " (no way back)" : "");
		steps_action(&out, &step->forward);
		for (size_t k = 0; k < step->undo_count; k++) {
			steps_say(&out, "-- back %zu of %zu\n", k + 1, step->undo_count);
			steps_action(&out, &step->undo[k]);
		}
		if (step->releases != NULL)
			steps_say(&out, "-- releases: %s%s%s\n", step->releases,
			    step->releases_note != NULL ? "; " : "",
			    step->releases_note != NULL ? step->releases_note : "");
	}
	return out;
}

#endif
