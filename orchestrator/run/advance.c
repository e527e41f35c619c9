/* Opening a gate: one row, no lease; a live executor sees it at once, else the next run does. */
#include <string.h>
#include <talloc.h>

#include "gate.h"
#include "state/journal.h"
#include "lifecycle.h"
#include "run_sql.h"
#include "runner.h"

struct stand {
	long index;   /* first phase that is not done; -1 none */
	bool in_hold; /* it has begun: when the run waits, for a hold */
};

static bool
where(struct tide_executor *exe, struct stand *out, struct tide_err *err)
{
	const enum tide_phase_state *states;

	out->index = -1;
	if (!tide_runner_states(exe, exe, &states, err))
		return false;
	for (long i = 0; i < (long)exe->plan->count && out->index < 0; i++) {
		if (states[i] == TIDE_PHASE_DONE)
			continue;
		out->index = i;
		out->in_hold = states[i] == TIDE_PHASE_RUNNING;
	}
	return true;
}

/*
 * A phase that has begun waits in a hold or not at all, and only --now waives a hold: everything else would
 * open nothing.
 */
static bool
refuse(struct tide_executor *exe, const struct tide_run_row *run, const struct stand *stand,
    struct tide_err *err)
{
	const struct tide_run_options *o = exe->options;
	const struct tide_gate *gate;

	if (run->state == TIDE_RUN_ROLLED_BACK)
		return tide_runner_rolled_back(exe, err);
	if (run->direction == TIDE_BACK) {
		tide_fail(err, TIDE_PRECONDITION, "a rollback of '%s' is under way", exe->plan->name);
		return tide_runner_hint_next(exe, "finish it", err);
	}
	if (stand->index < 0)
		return tide_fail(err, TIDE_PRECONDITION, "plan '%s' is complete", exe->plan->name);
	gate = &exe->plan->phase[stand->index].gate;
	if (o->now && o->reason == NULL) {
		tide_fail(err, TIDE_USAGE, "--now waives a waiting time and needs --reason");
		return tide_hint(err, "tidemark advance %s --now --reason '…'", exe->plan->name);
	}
	if (stand->in_hold && run->state != TIDE_RUN_WAITING) {
		tide_fail(err, TIDE_PRECONDITION, "phase %s is running: there is no gate to open",
		    exe->plan->phase[stand->index].name);
		return tide_runner_hint_next(exe, "continue with", err);
	}
	if (stand->in_hold && !o->now) {
		tide_fail(err, TIDE_PRECONDITION, "phase %s waits for its hold to end",
		    exe->plan->phase[stand->index].name);
		return tide_runner_hint_next(exe, "continue with", err);
	}
	if (!stand->in_hold && !gate->manual && !(o->now && gate->after > 0)) {
		tide_fail(err, TIDE_PRECONDITION, "phase %s has no gate that needs manual approval",
		    exe->plan->phase[stand->index].name);
		return tide_runner_hint_next(exe, "continue with", err);
	}
	return true;
}

static bool
open_gate(struct tide_executor *exe, const struct stand *stand, bool live, struct tide_err *err)
{
	void *mem = talloc_new(exe);
	const struct tide_run_options *o = exe->options;
	bool ok = tide_await_query(exe->control, mem, tide_sql_run_advance,
	    TIDE_ARGS(tide_param_int(mem, exe->session->run), tide_param_int(mem, stand->index),
		o->by != NULL ? o->by : exe->session->owner, o->now ? "true" : "false",
		stand->in_hold ? "true" : "false", o->reason, o->ticket, o->note, live ? "true" : "false"),
	    NULL, err);

	talloc_free(mem);
	return ok;
}

static bool
attempt(struct tide_executor *exe, struct tide_outcome *outcome, struct tide_err *err)
{
	struct tide_run_row run;
	struct stand stand = { 0 };

	if (!tide_executor_connect(exe, 0, &run, err))
		return false;
	if (!run.found)
		return tide_fail(err, TIDE_PRECONDITION, "plan '%s' has not been started in this database",
		    exe->plan->name);
	if (!where(exe, &stand, err) || !refuse(exe, &run, &stand, err) ||
	    !open_gate(exe, &stand, run.live, err))
		return false;
	tide_executor_event(exe, "gate.advance", NULL, false, "%s of phase %s %s",
	    stand.in_hold ? "the hold" : "the gate", exe->plan->phase[stand.index].name,
	    stand.in_hold ? "is waived" : "is open");
	outcome->stop = TIDE_OK;
	outcome->state = run.state;
	outcome->phase = exe->plan->phase[stand.index].name;
	outcome->live = run.live;
	return true;
}

bool
tide_run_advance(void *ctx, struct ev_loop *loop, const struct tide_dsn *dsn, const struct tide_plan *plan,
    const struct tide_run_options *options, const struct tide_observer *observer,
    struct tide_outcome *outcome, struct tide_err *err)
{
	return tide_runner_drive(
	    ctx, tide_executor_new(ctx, loop, dsn, plan, options, observer), attempt, outcome, err);
}
