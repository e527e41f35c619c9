/* What may be done with a plan when nobody is there: decided from what is read, and from nothing else. */
#include "tidemark/orchestrator/look.h"

#include <talloc.h>

static struct tide_verdict
leave(enum tide_code code, const char *text)
{
	return (struct tide_verdict){ TIDE_VERDICT_LEAVE, code, text };
}

/* The gate of the phase ahead, or NULL: which phase that is is not known. */
static const struct tide_gate *
gate_ahead(const struct tide_ensure *e)
{
	const struct tide_look_run *r = e->run;

	return e->changed || r->ahead < 0 || (size_t)r->ahead >= e->plan->count
		   ? NULL
		   : &e->plan->phase[r->ahead].gate;
}

/* It waits as long as its gate is closed or its time is not over. A person's word and a time are in its row. */
static struct tide_verdict
judge_waiting(const struct tide_ensure *e)
{
	const struct tide_look_run *r = e->run;
	const struct tide_gate *gate = gate_ahead(e);
	const char *why = r->reason != NULL ? r->reason : "waiting";
	/* A phase that was begun has passed all of it but the window. */
	bool person = gate != NULL && !r->begun && gate->manual && !r->approved;
	bool query = gate != NULL && !r->begun && (gate->sql != NULL || gate->command.count > 0);

	if (r->until != NULL || person)
		return leave(TIDE_GATE, why);
	if (query || (gate != NULL && gate->window != NULL))
		return r->live ? leave(TIDE_GATE, why)
			       : (struct tide_verdict){ TIDE_VERDICT_ASK, TIDE_GATE, why };
	return (struct tide_verdict){ r->live ? TIDE_VERDICT_WAIT : TIDE_VERDICT_RUN, TIDE_OK, r->owner };
}

static bool
is_done(const struct tide_ensure *e)
{
	const struct tide_look_run *r = e->run;
	bool stays = r->direction == TIDE_FORWARD || r->state == TIDE_RUN_COMPLETE || r->back_to >= e->last;

	/* The next run of a plan that comes back is not what a container waits for. */
	if (r->state == TIDE_RUN_COMPLETE && e->plan->recurring)
		return true;
	return !e->changed && r->state != TIDE_RUN_ROLLED_BACK && stays &&
	       (r->ahead < 0 || r->ahead > e->last);
}

struct tide_verdict
tide_ensure_judge(void *ctx, const struct tide_ensure *e)
{
	const struct tide_look_run *r = e->run;

	if (r == NULL && e->missing != NULL)
		return leave(TIDE_PRECONDITION,
		    talloc_asprintf(ctx, "it requires '%s', which is not complete", e->missing));
	if (r == NULL)
		return (struct tide_verdict){ TIDE_VERDICT_RUN, TIDE_OK, NULL };
	if (is_done(e))
		return (struct tide_verdict){ TIDE_VERDICT_DONE, TIDE_OK, NULL };
	if (r->state == TIDE_RUN_ROLLED_BACK)
		return leave(TIDE_PRECONDITION, "it was rolled back");
	if (r->direction == TIDE_BACK && r->state != TIDE_RUN_COMPLETE)
		return leave(TIDE_PRECONDITION, "a rollback is under way");
	if (r->wanted == TIDE_WANT_PAUSE)
		return leave(TIDE_PAUSED,
		    talloc_asprintf(ctx, "paused by %s", r->wanted_by != NULL ? r->wanted_by : "somebody"));
	/* One that was asked long ago and has stopped since is nobody's. */
	if (r->wanted == TIDE_WANT_YIELD && (r->live || e->waited))
		return leave(TIDE_PAUSED, talloc_asprintf(ctx, "%s asked for the run",
					      r->wanted_by != NULL ? r->wanted_by : "somebody"));
	if (r->state == TIDE_RUN_WAITING)
		return judge_waiting(e);
	if (r->live)
		return (struct tide_verdict){ TIDE_VERDICT_WAIT, TIDE_OK, r->owner };
	if (r->state == TIDE_RUN_FAILED)
		return leave(r->code != 0 ? (enum tide_code)r->code : TIDE_UNEXPECTED,
		    talloc_asprintf(
			ctx, "it failed: %s", r->reason != NULL ? r->reason : "no reason is known"));
	/* The executor that was waited for did not get its lock: not every replica has to try that again. */
	if (r->state == TIDE_RUN_BLOCKED && e->waited)
		return leave(TIDE_LOCK, r->reason != NULL ? r->reason : "a lock was not obtained");
	return (struct tide_verdict){ TIDE_VERDICT_RUN, TIDE_OK, NULL };
}
