#include "runner.h"

#include <stdlib.h>
#include <string.h>
#include <talloc.h>

#include "state/application_name.h"
#include "lifecycle.h"
#include "run_sql.h"
#include "state/lease.h"
#include "tidemark/base/names.h"
#include "tidemark/base/sqltext.h"
#include "tidemark/base/units.h"
#include "tidemark/orchestrator/next.h"
#include "tidemark/orchestrator/store.h"

/** How long a lost server is waited for. */
#define RECONNECT_FOR (5 * 60 * TIDE_SECOND)

/* How a stop that is no failure leaves the run. */
struct stop {
	enum tide_code code;
	enum tide_run_state state;
};

static const struct stop stops[] = {
	{ TIDE_GATE, TIDE_RUN_WAITING },
	{ TIDE_PAUSED, TIDE_RUN_READY },
	{ TIDE_BUDGET, TIDE_RUN_READY },
	{ TIDE_PENDING, TIDE_RUN_READY },
	{ TIDE_INTERRUPTED, TIDE_RUN_READY },
	{ TIDE_TERMINATED, TIDE_RUN_READY },
};

static const struct stop *
find_stop(enum tide_code code)
{
	for (size_t i = 0; i < TIDE_COUNT(stops); i++)
		if (stops[i].code == code)
			return &stops[i];
	return NULL;
}

/* What the database says of the run now; false: it cannot be read, or there is no run. Texts belong to mem. */
static bool
read_status(struct tide_executor *exe, void *mem, struct tide_run_status *out)
{
	struct tide_err ignored = { 0 };

	return tide_conn_alive(exe->control) && !tide_conn_busy(exe->control) &&
	       tide_store_status(mem, exe->control, exe->plan->name, out, &ignored) && out->found;
}

/* The state of a run that this attempt has not moved: it may have waited for the lease, or a rollback had not begun. */
static void
tell_standing(struct tide_executor *exe, struct tide_outcome *outcome)
{
	void *mem = talloc_new(exe);
	struct tide_run_status status = { 0 };

	if (read_status(exe, mem, &status)) {
		outcome->state = status.state;
		outcome->live = status.live;
	}
	talloc_free(mem);
}

/* What hooks and logs are told of a run that fails: not of one that goes on elsewhere, or stops for a reason that is none. */
static void
tell_failure(struct tide_executor *exe, const struct tide_err *err)
{
	if (err->code == TIDE_DIFFERENCES && !exe->back)
		tide_executor_event(exe, "verify.failed", NULL, true, "%s", err->message);
	tide_executor_event(
	    exe, exe->back ? "rollback.failed" : "run.failed", NULL, true, "%s", err->message);
}

/* Ends an attempt that failed with `err`: releases the lease and writes the state of the run. */
static bool
conclude(void *ctx, struct tide_executor *exe, struct tide_outcome *outcome, struct tide_err *err)
{
	const struct stop *stop;
	enum tide_run_state state;
	bool moves = exe->session->fence != 0 && !exe->back;
	bool held = exe->session->fence != 0 || exe->last_fence != 0;
	bool shut_out = err->code == TIDE_BUDGET && tide_executor_shut_out(exe);

	/* Once the lease is lost, any other error may come from what the new executor changes: the loss is what is reported. */
	if (!tide_lease_held(exe->session))
		tide_session_lose(exe->session, err);
	stop = find_stop(err->code);
	state = stop != NULL ? stop->state : err->code == TIDE_LOCK ? TIDE_RUN_BLOCKED : TIDE_RUN_FAILED;
	outcome->phase = exe->report.phase != NULL ? talloc_strdup(ctx, exe->report.phase) : NULL;
	outcome->reason = talloc_strdup(ctx, err->message);
	tide_executor_close(exe, moves ? state : TIDE_RUN_NONE, err->message, err->code);
	if (stop == NULL && held && err->code != TIDE_LEASE)
		tell_failure(exe, err);
	if (moves)
		outcome->state = state;
	else
		tell_standing(exe, outcome);
	if (stop == NULL)
		return false;
	outcome->stop = err->code;
	outcome->shut_out = shut_out;
	return true;
}

char *
tide_runner_next(struct tide_executor *exe, void *ctx)
{
	void *mem = talloc_new(exe);
	struct tide_run_status status = { 0 };
	char *next = NULL;

	if (read_status(exe, mem, &status)) {
		const struct tide_standing standing = tide_standing_of(&status);

		next = tide_next_command(ctx, &standing, exe->plan->name);
	}
	talloc_free(mem);
	return next;
}

bool
tide_runner_hint_next(struct tide_executor *exe, const char *intro, struct tide_err *err)
{
	char *next = tide_runner_next(exe, exe);

	if (next != NULL)
		tide_hint(err, "%s: %s", intro, next);
	talloc_free(next);
	return false;
}

bool
tide_runner_rolled_back(struct tide_executor *exe, struct tide_err *err)
{
	tide_fail(err, TIDE_PRECONDITION, "plan '%s' was rolled back", exe->plan->name);
	return tide_runner_hint_next(exe, "to start it again (or with the path of a changed file)", err);
}

static bool
worth_reconnecting(const struct tide_executor *exe, const struct tide_err *err, int64_t give_up)
{
	return err->code == TIDE_UNREACHABLE && exe->reached && exe->requests.signo == 0 &&
	       tide_now_us() < give_up && (exe->deadline == 0 || tide_now_us() < exe->deadline);
}

/* Waits for longer from try to try, at random so that many executors do not come at once. False: a stop was requested. */
static bool
connect_later(struct tide_executor *exe, int tries)
{
	int64_t pause = 100 * TIDE_MS << (tries < 6 ? tries : 6);

	tide_executor_reset(exe);
	tide_executor_sleep(exe, pause / 2 + (int64_t)arc4random_uniform((uint32_t)pause));
	return exe->requests.signo == 0;
}

bool
tide_runner_drive(void *ctx, struct tide_executor *exe, tide_attempt *attempt, struct tide_outcome *outcome,
    struct tide_err *err)
{
	int64_t give_up = 0;
	bool ok, held;

	for (int tries = 0;; tries++) {
		int64_t begun = tide_now_us();

		memset(outcome, 0, sizeof(*outcome));
		memset(err, 0, sizeof(*err));
		ok = attempt(exe, outcome, err);
		if (ok)
			break;
		/* A connection that had worked for a while starts the patience again. */
		if (give_up == 0 || tide_now_us() - begun > 10 * TIDE_SECOND) {
			give_up = tide_now_us() + RECONNECT_FOR;
			tries = 0;
		}
		if (!worth_reconnecting(exe, err, give_up))
			break;
		tide_executor_event(exe, "connection.lost", NULL, true, "%s; connecting again", err->message);
		/* The client's own report of a lost connection has no SQLSTATE: it is connection_failure. */
		tide_executor_sample(
		    exe, TIDE_SAMPLE_RETRY, err->sqlstate[0] != '\0' ? err->sqlstate : "08006", 1);
		if (!connect_later(exe, tries)) {
			tide_executor_halted(exe, err);
			break;
		}
	}
	outcome->run = exe->session->run;
	/* What was refused before it began leaves the run as it was: what to do then is in the hint. */
	held = ok || exe->session->fence != 0;
	if (!ok)
		ok = conclude(ctx, exe, outcome, err);
	outcome->held = held;
	if (held || ok)
		outcome->next = tide_runner_next(exe, ctx);
	talloc_free(exe);
	return ok;
}

bool
tide_runner_states(
    struct tide_executor *exe, void *ctx, const enum tide_phase_state **out, struct tide_err *err)
{
	void *mem = talloc_new(exe);
	struct tide_rows *rows;
	enum tide_phase_state *states;
	size_t state;

	if (!tide_await_query(exe->control, mem, tide_sql_run_phase_states,
		TIDE_ARGS(tide_param_int(mem, exe->session->run)), &rows, err)) {
		talloc_free(mem);
		return false;
	}
	/* States are found by their index: with a row too many or too few they would be those of other
	 * phases. */
	if (tide_rows_count(rows) != exe->plan->count) {
		size_t stored = tide_rows_count(rows);

		talloc_free(mem);
		tide_fail(err, TIDE_UNEXPECTED, "the stored run has %zu phases, and the plan has %zu", stored,
		    exe->plan->count);
		return tide_hint(err, "rows of tidemark.phase were added or deleted by hand: restore them");
	}
	states = talloc_zero_array(ctx, enum tide_phase_state, (unsigned)exe->plan->count);
	state = tide_rows_column(rows, "state");
	for (size_t i = 0; i < exe->plan->count; i++) {
		states[i] = tide_phase_state_of(tide_rows_required(rows, i, state));
		tide_executor_sample(exe, TIDE_SAMPLE_PHASE, tide_phase_word(states[i])->word, (int64_t)i);
	}
	*out = states;
	talloc_free(mem);
	return true;
}

bool
tide_runner_enter(struct tide_executor *exe, long index, struct tide_err *err)
{
	char *name = tide_application_name(exe, exe->plan->name, exe->plan->phase[index].name);
	char *sql = tide_sqlf(exe, "SET application_name = %L", name);
	bool ok;

	exe->report.ordinal = index;
	exe->report.begun = false;
	exe->report.phase = exe->plan->phase[index].name;
	ok = tide_await_exec(exe->control, NULL, sql, NULL, err);
	talloc_free(sql);
	talloc_free(name);
	return ok;
}

bool
tide_runner_find(const struct tide_plan *plan, const char *name, long *index, struct tide_err *err)
{
	const char *names[64];
	const char *near;
	size_t count = 0;

	*index = tide_plan_find(plan, name);
	if (*index >= 0)
		return true;
	for (; count < plan->count && count < TIDE_COUNT(names); count++)
		names[count] = plan->phase[count].name;
	near = tide_nearest(name, names, count);
	tide_fail(err, TIDE_USAGE, "plan '%s' has no phase '%s'", plan->name, name);
	return near != NULL
		   ? tide_hint(err, "did you mean '%s'?", near)
		   : tide_hint(err, "phases have the names that `tidemark status %s` shows", plan->name);
}
