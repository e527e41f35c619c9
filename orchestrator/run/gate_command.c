#include "gate_command.h"

#include <inttypes.h>
#include <signal.h>
#include <talloc.h>

#include "executor/child.h"
#include "executor/stop_signals.h"
#include "tidemark/base/units.h"

struct tide_gate_command {
	struct ev_loop *loop;
	const struct tide_gate *gate;
	const char **argv;
	const char **environment;
	char *line;
	struct tide_child *child; /* NULL: none is running, and the last one has been told */
	bool ended;               /* child */
	int64_t due;              /* tide_now_us of the next try */
	int64_t failures;         /* in this process */
	char *result;             /* of the last try; NULL none */
};

struct tide_gate_command *
tide_gate_command_new(void *ctx, struct ev_loop *loop, const struct tide_plan *plan,
    const struct tide_phase *phase, int64_t run)
{
	struct tide_gate_command *c = talloc_zero(ctx, struct tide_gate_command);
	const struct tide_names *command = &phase->gate.command;
	size_t count = 0;

	c->loop = loop;
	c->gate = &phase->gate;
	c->line = tide_gate_command_line(c, &phase->gate);
	c->argv = talloc_zero_array(c, const char *, (unsigned)command->count + 1);
	for (size_t i = 0; i < command->count; i++)
		c->argv[i] = command->item[i];
	c->environment = talloc_zero_array(c, const char *, 5);
	c->environment[count++] = talloc_asprintf(c, "TIDEMARK_PLAN=%s", plan->name);
	c->environment[count++] = talloc_asprintf(c, "TIDEMARK_TABLE=%s", plan->table);
	c->environment[count++] = talloc_asprintf(c, "TIDEMARK_PHASE=%s", phase->name);
	if (run > 0)
		c->environment[count++] = talloc_asprintf(c, "TIDEMARK_RUN=%" PRId64, run);
	return c;
}

static void
on_end(void *ctx)
{
	struct tide_gate_command *c = ctx;

	c->ended = true;
}

static bool
start(struct tide_gate_command *c, struct tide_err *err)
{
	const struct tide_child_spec spec = { .argv = c->argv,
		.environment = c->environment,
		.timeout = c->gate->timeout,
		.done = on_end,
		.ctx = c };

	c->ended = false;
	c->child = tide_child_start(c, c->loop, &spec, err);
	return c->child != NULL;
}

/* What it said stays for display until the next try has ended. */
static bool
take_failure(struct tide_gate_command *c, struct tide_err *err)
{
	talloc_free(c->result);
	c->result = tide_child_result(c, c->child);
	talloc_free(c->child);
	c->child = NULL;
	c->ended = false;
	c->due = tide_now_us() + c->gate->interval;
	c->failures++;
	if (c->gate->retries < 0 || c->failures <= c->gate->retries)
		return true;
	tide_fail(err, TIDE_HOOK, "the gate's command has failed %" PRId64 " time%s: %s: %s", c->failures,
	    c->failures == 1 ? "" : "s", c->line, c->result);
	return tide_hint(err,
	    "nothing of the phase was done: run again when the command succeeds. Without \"retries\" "
	    "the gate waits for as long as it takes");
}

bool
tide_gate_command_ask(struct tide_gate_command *c, enum tide_gate_answer *answer, struct tide_err *err)
{
	if (c->child == NULL && tide_now_us() >= c->due && !start(c, err))
		return false;
	*answer = c->child != NULL ? TIDE_GATE_ANSWER_RUNS : TIDE_GATE_ANSWER_CLOSED;
	if (c->child == NULL || !c->ended)
		return true;
	*answer = tide_child_succeeded(c->child) ? TIDE_GATE_ANSWER_OPEN : TIDE_GATE_ANSWER_CLOSED;
	return *answer == TIDE_GATE_ANSWER_OPEN || take_failure(c, err);
}

const bool *
tide_gate_command_ended(const struct tide_gate_command *c)
{
	return &c->ended;
}

char *
tide_gate_command_text(void *ctx, const struct tide_gate_command *c)
{
	return c->result != NULL ? talloc_asprintf(ctx, "the command has not opened the gate yet: %s: %s",
				       c->line, c->result)
				 : talloc_asprintf(ctx, "waiting for the command: %s", c->line);
}

void
tide_gate_command_stop(struct tide_gate_command *c)
{
	talloc_free(c->child);
	c->child = NULL;
	c->ended = false;
	c->due = 0;
}

static void
on_signal(void *ctx, int signo)
{
	*(int *)ctx = signo;
}

bool
tide_gate_command_once(void *ctx, struct ev_loop *loop, const struct tide_plan *plan,
    const struct tide_phase *phase, bool *open, char **why, struct tide_err *err)
{
	struct tide_gate_command *c = tide_gate_command_new(ctx, loop, plan, phase, 0);
	struct tide_stop_signals signals;
	int signo = 0;
	bool ok;

	tide_stop_signals_start(&signals, loop, on_signal, &signo);
	ok = start(c, err);
	while (ok && !c->ended && signo == 0)
		ev_run(loop, EVRUN_ONCE);
	tide_stop_signals_end(&signals);
	if (ok && signo != 0)
		ok = tide_fail(err, signo == SIGINT ? TIDE_INTERRUPTED : TIDE_TERMINATED, "stopped by %s",
		    signo == SIGINT ? "SIGINT" : "SIGTERM");
	*open = ok && tide_child_succeeded(c->child);
	if (ok)
		c->result = tide_child_result(c, c->child);
	*why = ok ? tide_gate_command_text(ctx, c) : NULL;
	talloc_free(c);
	return ok;
}
