/* The rollback: undo actions of what was begun, last first. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <talloc.h>

#include "state/crash_points.h"
#include "state/journal.h"
#include "state/move.h"
#include "hooks.h"
#include "lifecycle.h"
#include "compile_live.h"
#include "rollback_plan.h"
#include "runner.h"
#include "run_sql.h"
#include "steps/step_runner.h"
#include "tidemark/base/array.h"
#include "tidemark/base/units.h"
#include "tidemark/orchestrator/store.h"
#include "tidemark/phases/phase.h"

/* Who decided, and why; what was not said is left out. Belongs to ctx. */
static char *
decision(void *ctx, const struct tide_run_options *o)
{
	const struct {
		const char *key, *value;
	} words[] = { { "by", o->by }, { "reason", o->reason }, { "ticket", o->ticket },
		{ "note", o->note } };
	json_t *object = json_object();
	char *text, *out;

	for (size_t i = 0; i < TIDE_COUNT(words); i++)
		if (words[i].value != NULL)
			json_object_set_new(object, words[i].key, json_string(words[i].value));
	text = json_dumps(object, JSON_COMPACT);
	out = talloc_strdup(ctx, text);
	free(text);
	json_decref(object);
	return out;
}

static bool
set_direction(struct tide_executor *exe, const struct tide_rollback_plan *rollback, struct tide_err *err)
{
	const struct tide_move move = { .to = TIDE_RUN_ROLLING_BACK,
		.phase = TIDE_SAME_PHASE,
		.turn = true,
		.direction = TIDE_BACK,
		.back_to = rollback->target };

	return tide_run_move(exe->session, &move, err) && tide_journal_add(exe->session,
							      &(struct tide_entry){ .event = "rollback.start",
								  .phase = -1,
								  .outcome = exe->options->reason,
								  .detail = decision(exe, exe->options),
								  .seconds = -1,
								  .lock_wait = -1 },
							      NULL, err);
}

/*
 * An action without a probe cannot see whether there is anything to undo; then the journal decides, which has
 * the step's row in the transaction of its act. What only helps phases that stay is left out when none does.
 */
static bool
is_needed(struct tide_executor *exe, long index, const struct tide_step *step, const struct tide_action *undo,
    bool all, bool *needed, struct tide_err *err)
{
	*needed = !all || (undo->flags & TIDE_RESYNC) == 0;
	if (!*needed || undo->probe != NULL)
		return true;
	return tide_journal_has(exe->session, "step.done", index, step->name, needed, err);
}

/* What the run only found done was there before it, and is left in place. */
static bool
undo_step(struct tide_executor *exe, const struct tide_rollback_entry *c, const struct tide_step *step,
    bool all, struct tide_err *err)
{
	bool untouched;

	if (!tide_journal_untouched(exe->session, c->index, step->name, &untouched, err))
		return false;
	if (untouched) {
		tide_executor_event(exe, "undo.skip", step->name, false,
		    "already satisfied before the run, and left as it is: %s", step->forward.title);
		return true;
	}
	for (size_t u = 0; u < step->undo_count; u++) {
		char *name = talloc_asprintf(exe, "%s#%zu", step->name, u + 1);
		struct tide_task task = {
			.exe = exe, .phase = c->index, .step = name, .back = true, .action = &step->undo[u]
		};
		bool needed, ok = is_needed(exe, c->index, step, &step->undo[u], all, &needed, err) &&
				  (!needed || tide_task_run(&task, err));

		talloc_free(name);
		if (!ok)
			return false;
	}
	return true;
}

static bool
undo_phase(struct tide_executor *exe, const struct tide_rollback_entry *c, bool all, struct tide_err *err)
{
	if (!tide_runner_enter(exe, c->index, err) || !tide_executor_check(exe, err) ||
	    !tide_executor_move_phase(exe, c->index, TIDE_PHASE_UNDOING, err))
		return false;
	tide_executor_event(
	    exe, "undo.phase", NULL, false, "rolling back phase %ld: %s", c->index + 1, exe->report.phase);
	for (size_t s = c->steps != NULL ? c->steps->count : 0; s > 0; s--)
		if (!undo_step(exe, c, &c->steps->item[s - 1], all, err))
			return false;
	if (!tide_executor_move_phase(exe, c->index, TIDE_PHASE_PENDING, err))
		return false;
	tide_crash_point("phase.done");
	tide_executor_event(exe, "undo.done", NULL, false, "phase %s is rolled back", exe->report.phase);
	return true;
}

/*
 * The undo actions of this phase that have changed something, by their names in the journal, one a line. A rollback that was
 * interrupted counts with the one that continues with it: what is asked for is what happened after the last step forward. What
 * a failed action has cleaned up is not done any more.
 */
static bool
undone_actions(struct tide_executor *exe, void *mem, const struct tide_rollback_entry *c, const char **names,
    struct tide_err *err)
{
	struct tide_rows *rows;
	bool ok = tide_await_query(exe->control, mem, tide_sql_run_undone,
	    TIDE_ARGS(tide_param_int(mem, exe->session->run), tide_param_int(mem, c->index), TIDE_ALREADY_SO),
	    &rows, err);

	if (ok)
		*names = tide_rows_only_required(rows);
	return ok;
}

static bool
has_line(const char *lines, const char *line)
{
	size_t length = strlen(line);

	for (const char *at = lines; *at != '\0';) {
		size_t here = strcspn(at, "\n");

		if (here == length && strncmp(at, line, length) == 0)
			return true;
		at += here + (at[here] == '\n' ? 1 : 0);
	}
	return false;
}

static void
add_title(char **list, const struct tide_action *action)
{
	*list = talloc_asprintf_append(*list, "%s%s", **list != '\0' ? "; " : "", action->title);
}

/* The undo actions of the phase that were done, and those that were not, by their titles; "" where there is none. */
static bool
tell_apart(struct tide_executor *exe, const struct tide_rollback_entry *c, const char *names, char **done,
    char **missing, struct tide_err *err)
{
	for (size_t s = c->steps != NULL ? c->steps->count : 0; s > 0; s--) {
		const struct tide_step *step = &c->steps->item[s - 1];
		bool ran = false, untouched = false;

		if (!tide_journal_has(exe->session, "step.done", c->index, step->name, &ran, err) ||
		    !tide_journal_untouched(exe->session, c->index, step->name, &untouched, err))
			return false;
		for (size_t u = 0; ran && !untouched && u < step->undo_count; u++) {
			char *name = talloc_asprintf(*done, "%s#%zu", step->name, u + 1);

			/* To have looked changes nothing. */
			if (step->undo[u].kind != TIDE_STEP_SWEEP)
				add_title(has_line(names, name) ? done : missing, &step->undo[u]);
		}
	}
	return true;
}

/*
 * Rows forbid rolling the phase back, and nothing of it was: the run is at its end again, as if that had been asked for. `why`
 * stays the answer.
 */
static void
restore_position(struct tide_executor *exe, const struct tide_rollback_entry *c, struct tide_err *why)
{
	struct tide_err ignored = { 0 };
	void *mem = talloc_new(exe);
	char *done = talloc_strdup(mem, ""), *missing = talloc_strdup(mem, "");
	const char *names;
	struct tide_move move = { .to = TIDE_RUN_READY,
		.phase = c->index,
		.turn = true,
		.direction = TIDE_FORWARD,
		.back_to = -1 };

	if (why->code != TIDE_DIFFERENCES || !undone_actions(exe, mem, c, &names, &ignored) ||
	    !tell_apart(exe, c, names, &done, &missing, &ignored) || *done != '\0' ||
	    !tide_executor_move_phase(
		exe, c->index, c->was == TIDE_PHASE_DONE ? TIDE_PHASE_DONE : TIDE_PHASE_RUNNING, &ignored)) {
		talloc_free(mem);
		return;
	}
	move.reason = talloc_asprintf(
	    mem, "phase %s could not be rolled back: %s", exe->plan->phase[c->index].name, why->message);
	if (tide_run_move(exe->session, &move, &ignored))
		tide_hint(why,
		    "nothing of phase %s was rolled back: the run is at the end of that phase again. Fix the "
		    "rows and roll back again; or leave it as it is and roll the rest back: tidemark "
		    "rollback %s --yes --accept-loss; or continue: tidemark run %s",
		    exe->plan->phase[c->index].name, exe->plan->name, exe->plan->name);
	talloc_free(mem);
}

/* What is said of a phase that rows forbid rolling back; NULL with an error. */
static char *
left_text(struct tide_executor *exe, void *mem, const struct tide_rollback_entry *c, const char *why,
    struct tide_err *err)
{
	const char *phase = exe->plan->phase[c->index].name, *names;
	char *done = talloc_strdup(mem, ""), *missing = talloc_strdup(mem, "");

	if (!undone_actions(exe, mem, c, &names, err))
		return NULL;
	if (!tell_apart(exe, c, names, &done, &missing, err))
		return NULL;
	if (*done == '\0')
		return talloc_asprintf(mem, "phase %s is left as it is: %s", phase, why);
	return talloc_asprintf(mem, "phase %s is left partly rolled back: %s. Done: %s. Not done: %s", phase,
	    why, done, *missing != '\0' ? missing : "nothing");
}

/* With --accept-loss, what rows forbid rolling back stays as it is, and the rollback continues after it. */
static bool
leave(struct tide_executor *exe, const struct tide_rollback_entry *c, struct tide_err *err)
{
	struct tide_err why = *err;
	void *mem;
	char *text;
	bool ok;

	if (!exe->options->accept_loss || err->code != TIDE_DIFFERENCES)
		return false;
	memset(err, 0, sizeof(*err));
	mem = talloc_new(exe);
	text = left_text(exe, mem, c, why.message, err);
	ok = text != NULL &&
	     tide_journal_add(exe->session,
		 &(struct tide_entry){ .event = "undo.left",
		     .phase = c->index,
		     .outcome = text,
		     .detail = decision(exe, exe->options),
		     .seconds = -1,
		     .lock_wait = -1 },
		 NULL, err) &&
	     tide_executor_move_phase(exe, c->index, TIDE_PHASE_PENDING, err);
	if (ok)
		tide_executor_event(exe, "undo.left", NULL, true, "%s", text);
	talloc_free(mem);
	return ok;
}

/*
 * State, direction and target change in one statement: after a crash the rollback has either ended or is
 * still under way.
 */
static bool
finish(struct tide_executor *exe, const struct tide_rollback_plan *rollback, struct tide_outcome *outcome,
    struct tide_err *err)
{
	void *ctx = talloc_parent(exe);
	bool all = rollback->target < 0;
	enum tide_run_state state = all ? TIDE_RUN_ROLLED_BACK : TIDE_RUN_READY;
	char *reason = all ? NULL
			   : talloc_asprintf(ctx, "rolled back to the end of phase %s",
				 exe->plan->phase[rollback->target].name);
	const struct tide_move move = { .to = state,
		.phase = all ? -1 : rollback->target + 1,
		.reason = reason,
		.turn = true,
		.direction = TIDE_FORWARD,
		.back_to = -1 };
	bool ok =
	    tide_run_move(exe->session, &move, err) && tide_journal_add(exe->session,
							   &(struct tide_entry){ .event = "rollback.done",
							       .phase = -1,
							       .outcome = tide_run_word(state)->word,
							       .seconds = -1,
							       .lock_wait = -1 },
							   NULL, err);

	if (!ok)
		return false;
	exe->report.phase = NULL;
	tide_executor_event(exe, "rollback.complete", NULL, false, "%s",
	    reason != NULL ? reason : "everything is rolled back");
	tide_executor_close(exe, TIDE_RUN_NONE, NULL, TIDE_OK);
	outcome->state = state;
	outcome->reason = reason;
	return true;
}

/* Going back less far than an interrupted rollback would leave phases half undone after it. */
static bool
check_target(struct tide_executor *exe, const struct tide_run_row *run, long target, struct tide_err *err)
{
	const enum tide_phase_state *states;

	if (run->direction == TIDE_BACK && target > run->back_to) {
		tide_fail(err, TIDE_PRECONDITION, "a rollback that goes further back is under way");
		return tide_runner_hint_next(exe, "finish it first", err);
	}
	if (target < 0)
		return true;
	if (!tide_runner_states(exe, exe, &states, err))
		return false;
	if (states[target] == TIDE_PHASE_DONE)
		return true;
	tide_fail(err, TIDE_PRECONDITION, "phase %s is not done: there is nothing to roll back",
	    exe->plan->phase[target].name);
	return tide_hint(err, "see: tidemark status %s", exe->plan->name);
}

static bool
nothing_to_do(struct tide_outcome *outcome)
{
	outcome->state = TIDE_RUN_ROLLED_BACK;
	outcome->reason = "nothing to do: the plan is rolled back";
	return true;
}

static bool
attempt(struct tide_executor *exe, struct tide_outcome *outcome, struct tide_err *err)
{
	struct tide_run_row run;
	struct tide_rollback_plan rollback = { .target = -1 };

	exe->back = true;
	if (!tide_executor_connect(exe, TIDE_ACCEPT_COMPLETE, &run, err))
		return false;
	if (!run.found)
		return tide_fail(err, TIDE_PRECONDITION, "plan '%s' has not been started in this database",
		    exe->plan->name);
	if (run.state == TIDE_RUN_ROLLED_BACK)
		return nothing_to_do(outcome);
	if (exe->options->to != NULL && !tide_runner_find(exe->plan, exe->options->to, &rollback.target, err))
		return false;
	/* A rollback that was interrupted continues to where it was going. */
	if (exe->options->to == NULL && run.direction == TIDE_BACK) {
		rollback.target = run.back_to;
		rollback.accepted = true;
	}
	if (!check_target(exe, &run, rollback.target, err) ||
	    !tide_rollback_plan_look(exe, &run, true, &rollback, err))
		return false;
	tide_crash_point("rollback.looked");
	exe->asks_for_room = true;
	if (!tide_executor_start(exe, err) || !tide_run_look_again(exe->session, &run, err))
		return false;
	if (run.state == TIDE_RUN_ROLLED_BACK) {
		tide_executor_close(exe, TIDE_RUN_NONE, NULL, TIDE_OK);
		return nothing_to_do(outcome);
	}
	/* The executor that made room may have gone further since, and so may another plan. */
	if (!tide_rollback_plan_look(exe, &run, false, &rollback, err))
		return false;
	/* One that was interrupted was not refused when it began. */
	if (run.direction != TIDE_BACK && !tide_hooks_ask(exe, "before-rollback", NULL, "the rollback", err))
		return false;
	if (!set_direction(exe, &rollback, err))
		return false;
	outcome->state = TIDE_RUN_ROLLING_BACK;
	for (size_t i = 0; i < rollback.count; i++)
		if (!undo_phase(exe, &rollback.entry[i], rollback.target < 0, err) &&
		    !leave(exe, &rollback.entry[i], err)) {
			restore_position(exe, &rollback.entry[i], err);
			return false;
		}
	return finish(exe, &rollback, outcome, err);
}

bool
tide_run_back(void *ctx, struct ev_loop *loop, const struct tide_dsn *dsn, const struct tide_plan *plan,
    const struct tide_run_options *options, const struct tide_observer *observer,
    struct tide_outcome *outcome, struct tide_err *err)
{
	struct tide_run_options *own = talloc_zero(ctx, struct tide_run_options);

	*own = *options;
	own->if_locked = TIDE_IF_LOCKED_WAIT;
	return tide_runner_drive(
	    ctx, tide_executor_new(ctx, loop, dsn, plan, own, observer), attempt, outcome, err);
}
