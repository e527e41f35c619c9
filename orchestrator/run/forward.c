/* Running a plan forward: phases in order, each gate → steps. */
#include <string.h>
#include <talloc.h>

#include "extend.h"
#include "gate.h"
#include "hooks.h"
#include "run_sql.h"
#include "state/crash_points.h"
#include "state/journal.h"
#include "state/move.h"
#include "state/schema.h"
#include "lifecycle.h"
#include "compile_live.h"
#include "runner.h"
#include "steps/step_runner.h"
#include "tidemark/base/units.h"
#include "tidemark/phases/phase.h"

/* A hook is asked before what nobody can undo; what is done already is not begun again. */
static bool
ask_before_drop(struct tide_executor *exe, long index, const struct tide_step *step, struct tide_err *err)
{
	bool done;

	if (!step->irreversible || exe->options->hooks == NULL)
		return true;
	if (!tide_journal_has(exe->session, "step.done", index, step->name, &done, err))
		return false;
	return done || tide_hooks_ask(exe, "before-drop", step->name,
			   talloc_asprintf(exe, "step %s of phase %s", step->name, exe->report.phase), err);
}

static bool
run_steps(struct tide_executor *exe, long index, struct tide_err *err)
{
	void *mem = talloc_new(exe);
	struct tide_steps *steps = NULL;
	bool ok = tide_compile_live_steps(exe, mem, index, &steps, err);

	for (size_t i = 0; ok && i < steps->count; i++) {
		struct tide_task task = { .exe = exe,
			.phase = index,
			.step = steps->item[i].name,
			.action = &steps->item[i].forward };

		ok = ask_before_drop(exe, index, &steps->item[i], err) && tide_task_run(&task, err);
	}
	talloc_free(mem);
	return ok;
}

/* A phase that was running when an executor stopped has passed its gate: it is not asked again. */
static bool
run_phase(struct tide_executor *exe, long index, bool started, struct tide_err *err)
{
	int64_t begun = tide_now_us();
	char took[32];

	if (!tide_runner_enter(exe, index, err) || !tide_executor_check(exe, err))
		return false;
	if (!started && (!tide_gate_pass(exe, index, err) ||
			    !tide_hooks_ask(exe, "before-phase", NULL,
				talloc_asprintf(exe, "phase %s", exe->report.phase), err)))
		return false;
	if (!tide_run_move(
		exe->session, &(struct tide_move){ .to = TIDE_RUN_RUNNING, .phase = index }, err) ||
	    !tide_executor_move_phase(exe, index, TIDE_PHASE_RUNNING, err))
		return false;
	tide_executor_event(exe, "phase.start", NULL, false, "phase %ld of %zu: %s", index + 1,
	    exe->plan->count, exe->report.phase);
	if (!run_steps(exe, index, err) || !tide_executor_move_phase(exe, index, TIDE_PHASE_DONE, err))
		return false;
	tide_crash_point("phase.done");
	tide_executor_event(exe, "phase.done", NULL, false, "phase %s done in %s", exe->report.phase,
	    tide_duration_format(tide_now_us() - begun, took, sizeof(took)));
	return true;
}

static bool
run_phases(struct tide_executor *exe, struct tide_err *err)
{
	const enum tide_phase_state *states;
	long last = (long)exe->plan->count - 1;

	if (!tide_runner_states(exe, exe, &states, err))
		return false;
	if (exe->options->to != NULL && strcmp(exe->options->to, "complete") != 0 &&
	    !tide_runner_find(exe->plan, exe->options->to, &last, err))
		return false;
	for (long i = 0; i <= last; i++) {
		if (states[i] == TIDE_PHASE_DONE)
			continue;
		if (!run_phase(exe, i, states[i] == TIDE_PHASE_RUNNING, err))
			return false;
	}
	if (last + 1 < (long)exe->plan->count)
		return tide_fail(err, TIDE_PENDING, "stopped after phase %s, as --to says", exe->options->to);
	return tide_run_move(exe->session, &(struct tide_move){ .to = TIDE_RUN_COMPLETE, .phase = -1 }, err);
}

static bool
ask_alone(struct tide_executor *exe, const char *sql, bool *answer, struct tide_err *err)
{
	void *mem = talloc_new(exe);
	struct tide_rows *rows;
	bool ok = tide_await_query(exe->control, mem, sql, TIDE_ARGS(exe->plan->name), &rows, err);

	*answer = ok && tide_rows_only_bool(rows);
	talloc_free(mem);
	return ok;
}

/* What a run in this state is followed by. A plan that this executor has just completed is not begun again, whatever it lost then. */
static unsigned
accepted(const struct tide_executor *exe)
{
	return TIDE_ACCEPT_LONGER | (exe->options->again ? TIDE_ACCEPT_ANEW : 0) |
	       (exe->last_fence == 0 && !exe->options->unattended ? TIDE_ACCEPT_NEXT : 0);
}

static bool
is_open(const struct tide_executor *exe, const struct tide_run_row *run)
{
	return run->found && run->state != TIDE_RUN_ROLLED_BACK &&
	       !tide_run_begins_anew(exe->plan, run->state, accepted(exe));
}

/*
 * One executor at a time: with several at once the checks of one would find the first changes of another, which look like
 * somebody else's, and the copy of the table with which they are tried would get in the way of its locks. Ends when
 * *alone, or when another one has made the run.
 */
static bool
begin_alone(
    struct tide_executor *exe, unsigned accept, struct tide_run_row *run, bool *alone, struct tide_err *err)
{
	int64_t tell = tide_now_us() + TIDE_SECOND;
	bool present;

	for (;;) {
		if (!ask_alone(exe, tide_sql_run_alone, alone, err) ||
		    !tide_state_ensure(exe->control, false, &present, err) ||
		    (present && !tide_run_find(exe->session, accept, run, err)))
			return false;
		if (*alone || is_open(exe, run))
			return true;
		if (tell != 0 && tide_now_us() > tell) {
			tide_executor_event(exe, "lease.wait", NULL, false,
			    "another executor is checking the plan before it begins; waiting for it");
			tell = 0;
		}
		tide_executor_sleep(exe, 100 * TIDE_MS);
		if (tide_executor_halted(exe, err))
			return false;
	}
}

/* Finds the run, or makes it once everything ahead has been checked. */
static bool
find_or_create(struct tide_executor *exe, struct tide_run_row *run, struct tide_err *err)
{
	unsigned accept = accepted(exe);
	bool alone, was;

	if (!tide_executor_connect(exe, accept, run, err))
		return false;
	if (is_open(exe, run))
		return true;
	if (run->found && run->state == TIDE_RUN_ROLLED_BACK && !exe->options->again)
		return tide_runner_rolled_back(exe, err);
	if (!begin_alone(exe, accept, run, &alone, err))
		return false;
	if (!is_open(exe, run) &&
	    (!tide_compile_live_preflight(exe, err) || !tide_run_create(exe->session, accept, run, err)))
		return false;
	return !alone || ask_alone(exe, tide_sql_run_alone_no_more, &was, err);
}

static bool
may_go(struct tide_executor *exe, const struct tide_run_row *run, struct tide_err *err)
{
	if (run->direction == TIDE_BACK) {
		tide_fail(err, TIDE_PRECONDITION, "a rollback of '%s' is under way", exe->plan->name);
		return tide_runner_hint_next(exe, "finish it", err);
	}
	if (run->wanted == TIDE_WANT_PAUSE) {
		tide_fail(
		    err, TIDE_PAUSED, "paused by %s", run->wanted_by != NULL ? run->wanted_by : "somebody");
		return false;
	}
	return true;
}

/* The lease is ours: what was read before may be over. */
static bool
look_again(struct tide_executor *exe, struct tide_run_row *run, struct tide_err *err)
{
	if (!tide_run_look_again(exe->session, run, err))
		return false;
	if (run->state == TIDE_RUN_ROLLED_BACK)
		return tide_runner_rolled_back(exe, err);
	/* A pause is served where the executor looks for one. */
	run->wanted = TIDE_WANT_RUN;
	return may_go(exe, run, err);
}

static bool
skip(struct tide_executor *exe, const struct tide_run_row *run, const char *owner,
    struct tide_outcome *outcome)
{
	outcome->state = run->state;
	outcome->live = true;
	outcome->reason = talloc_asprintf(talloc_parent(exe), "%s works on it already", owner);
	return true;
}

/* Another executor was faster, and that is no error. */
static bool
taken_meanwhile(const struct tide_executor *exe, struct tide_err *err)
{
	if (err->code != TIDE_LEASE || exe->session->fence != 0 ||
	    exe->options->if_locked != TIDE_IF_LOCKED_SKIP)
		return false;
	*err = (struct tide_err){ 0 };
	return true;
}

/* What is complete stays so; what could come back is told how. */
static const char *
complete_already(const struct tide_plan *plan)
{
	bool may = true;

	for (size_t i = 0; i < plan->count; i++)
		may = may && tide_phase_recurs(&plan->phase[i]);
	if (plan->recurring)
		return "nothing to do: the plan is complete";
	return may ? "nothing to do: the plan is complete, and not recurring; to run it again and again, say "
		     "recurring = true in its file"
		   : "nothing to do: the plan is complete; another change is a plan of another name";
}

static bool
attempt(struct tide_executor *exe, struct tide_outcome *outcome, struct tide_err *err)
{
	struct tide_run_row run;

	if (!find_or_create(exe, &run, err))
		return false;
	if (run.state == TIDE_RUN_COMPLETE && run.known == 0) {
		outcome->state = TIDE_RUN_COMPLETE;
		outcome->reason = complete_already(exe->plan);
		return true;
	}
	if (!may_go(exe, &run, err)) {
		if (err->code == TIDE_PAUSED) {
			outcome->stop = TIDE_PAUSED;
			outcome->state = TIDE_RUN_PAUSED;
			outcome->reason = talloc_strdup(talloc_parent(exe), err->message);
			return true;
		}
		return false;
	}
	if (run.live && exe->options->if_locked == TIDE_IF_LOCKED_SKIP)
		return skip(exe, &run, run.owner, outcome);
	/* Phases that were added are checked before the lease is taken: a plan that is refused changes
	 * nothing. */
	if (run.known > 0 && !tide_extend_check(exe, err))
		return false;
	if (!tide_executor_start(exe, err))
		return taken_meanwhile(exe, err) && skip(exe, &run, "another executor", outcome);
	/* Another one had it since the run was looked at: what it has left may be a failure, or a gate. */
	if (exe->options->unattended && exe->session->fence != run.fence + 1) {
		tide_executor_close(exe, TIDE_RUN_NONE, NULL, TIDE_OK);
		return skip(exe, &run, "another executor", outcome);
	}
	if (!look_again(exe, &run, err))
		return false;
	tide_executor_event(exe, "run.start", NULL, false, "run of '%s' on %s (run %lld, fence %lld)",
	    exe->plan->name, exe->session->relation, (long long)exe->session->run,
	    (long long)exe->session->fence);
	if (run.known > 0 && !tide_extend_run(exe, &run, err))
		return false;
	if (!run_phases(exe, err))
		return false;
	tide_executor_event(exe, "run.complete", NULL, false, "plan '%s' is complete", exe->plan->name);
	tide_executor_close(exe, TIDE_RUN_NONE, NULL, TIDE_OK);
	outcome->state = TIDE_RUN_COMPLETE;
	return true;
}

bool
tide_run_forward(void *ctx, struct ev_loop *loop, const struct tide_dsn *dsn, const struct tide_plan *plan,
    const struct tide_run_options *options, const struct tide_observer *observer,
    struct tide_outcome *outcome, struct tide_err *err)
{
	return tide_runner_drive(
	    ctx, tide_executor_new(ctx, loop, dsn, plan, options, observer), attempt, outcome, err);
}
