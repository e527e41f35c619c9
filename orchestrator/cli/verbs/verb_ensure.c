/* For the start of a container: waits for the database, does what needs nobody, and becomes the command. */
#include <stdarg.h>
#include <string.h>
#include <strings.h>
#include <talloc.h>

#include "cli/context/ask.h"
#include "cli/context/render.h"
#include "cli/options/verbs.h"
#include "execute.h"
#include "run/gate_command.h"
#include "run/runner.h"
#include "tidemark/base/units.h"
#include "tidemark/orchestrator/look.h"
#include "tidemark/orchestrator/next.h"

/* Pauses between two tries of the first connection, and between two looks at a plan that another executor works on. */
#define FIRST_PAUSE (100 * TIDE_MS)
#define CONNECT_PAUSE (5 * TIDE_SECOND)
#define LOOK_PAUSE TIDE_SECOND

/* One of the plans. */
struct entry {
	const char *as, *name;
	struct tide_plan *file; /* NULL: named by the name of a stored plan */
	struct tide_plan
	    *plan;      /* the one to work with: the stored one when the file is an earlier version of it */
	const char *to; /* its phase to stop after; NULL the end */
	struct tide_ensure view;
	bool ran;
};

struct ensure {
	struct tide_cli *cli;
	struct entry *entry;
	size_t count;
	struct tide_look_plan *asked; /* the plans, and those that they require */
	size_t asked_count;
	struct tide_conn *conn;
	struct tide_look look;
	void *look_mem;
	int64_t deadline;      /* 0 none */
	enum tide_code status; /* of the first plan that is not done */
	bool stopped;          /* by a signal */
};

static void tell(struct tide_cli *cli, const char *name, const char *plan, bool warning, const char *fmt, ...)
    TIDE_PRINTF(5, 6);

/* plan: its name, or NULL. */
static void
tell(struct tide_cli *cli, const char *name, const char *plan, bool warning, const char *fmt, ...)
{
	va_list args;
	char *text;

	va_start(args, fmt);
	text = talloc_vasprintf(cli, fmt, args);
	va_end(args);
	tide_execute_tell(cli, &(struct tide_event){ .name = name,
				   .plan = plan,
				   .message = text,
				   .duration = -1,
				   .lock_wait = -1,
				   .warning = warning });
}

static void
tell_waiting(struct tide_cli *cli, const char *message)
{
	tell(cli, "database.wait", NULL, false, "%s", message);
}

/* Whether a value means no. Blanks around it and the quotes of a file for --env-file are not meant. */
static bool
is_no(const char *value)
{
	static const char *const no[] = { "0", "false", "no", "off" };
	static const char around[] = " \t\r\n\"'";
	size_t length;

	value += strspn(value, around);
	length = strlen(value);
	while (length > 0 && strchr(around, value[length - 1]) != NULL)
		length--;
	for (size_t i = 0; i < TIDE_COUNT(no); i++)
		if (strlen(no[i]) == length && strncasecmp(value, no[i], length) == 0)
			return true;
	return false;
}

/* The variable that says that nothing is to be done here, with its value; NULL: none does. */
static const char *
switched_off(struct tide_cli *cli)
{
	static const char *const variables[] = { "TIDEMARK_AUTO", "RUN_MIGRATIONS" };

	for (size_t i = 0; i < TIDE_COUNT(variables); i++) {
		const char *value = cli->getenv_fn(cli->getenv_ctx, variables[i]);

		if (value != NULL && is_no(value))
			return talloc_asprintf(cli, "%s=%s", variables[i], value);
	}
	return NULL;
}

static void
ask_for(struct ensure *e, const char *name, const char *hash)
{
	for (size_t i = 0; i < e->asked_count; i++)
		if (strcmp(e->asked[i].name, name) == 0)
			return;
	e->asked = talloc_realloc(e->cli, e->asked, struct tide_look_plan, (unsigned)(e->asked_count + 1));
	e->asked[e->asked_count++] = (struct tide_look_plan){ name, hash };
}

static bool
read_plans(struct ensure *e, struct tide_err *err)
{
	struct tide_cli *cli = e->cli;

	e->count = cli->options.operand_count;
	e->entry = talloc_zero_array(cli, struct entry, (unsigned)e->count);
	for (size_t i = 0; i < e->count; i++) {
		struct entry *n = &e->entry[i];

		n->as = n->name = cli->options.operand[i];
		if (tide_cli_is_file(n->as)) {
			if (!tide_execute_plan(cli, n->as, &n->file, err))
				return false;
			n->name = n->file->name;
		}
		for (size_t k = 0; k < i; k++)
			if (strcmp(e->entry[k].name, n->name) == 0)
				return tide_fail(err, TIDE_USAGE, "plan '%s' is given twice", n->name);
		ask_for(e, n->name, n->file != NULL ? n->file->hash : "");
	}
	for (size_t i = 0; i < e->count; i++)
		for (size_t k = 0; e->entry[i].file != NULL && k < e->entry[i].file->requires.count; k++)
			ask_for(e, e->entry[i].file->requires.item[k], "");
	return true;
}

static bool
look(struct ensure *e, struct tide_err *err)
{
	const struct tide_cli_patience patience = { tide_cli_timeout(e->cli), FIRST_PAUSE, CONNECT_PAUSE,
		tell_waiting };
	void *mem = talloc_new(e->cli);
	const char *value[TIDE_LOOK_VALUES];
	const struct tide_cli_question question = { .application_name = "tidemark/ensure",
		.bare = true,
		.sql = tide_look_sql(mem, e->asked, e->asked_count, value),
		.count = TIDE_LOOK_VALUES,
		.value = value };
	char *answer;

	talloc_free(e->look_mem);
	e->look_mem = mem;
	return tide_cli_ask_until(e->cli, e->conn, &question, &patience, mem, &answer, NULL, err) &&
	       tide_look_read(mem, answer, &e->look, err);
}

/* A file may be an earlier or a later version of the plan that the run was begun with: then it has fewer or more phases at its end. */
static bool
fit(struct ensure *e, struct entry *n, struct tide_look_run *run, struct tide_err *err)
{
	struct tide_err unread = { 0 };
	struct tide_plan *stored = NULL;

	n->view.changed = false;
	if (run->plan_text == NULL)
		return true;
	if (!tide_cli_stored_plan(e->cli, n->name, run->plan_text, &stored, &unread)) {
		if (n->file == NULL) {
			*err = unread;
			return false;
		}
		n->view.changed = true;
	} else if (n->file == NULL || tide_plan_extends(n->file, stored)) {
		n->plan = stored;
	} else if (tide_plan_extends(stored, n->file)) {
		if (run->ahead < 0)
			run->ahead = (int64_t)stored->count;
	} else {
		n->view.changed = true;
	}
	return true;
}

static const char *
missing(const struct ensure *e, const struct tide_plan *plan)
{
	for (size_t i = 0; plan != NULL && i < plan->requires.count; i++) {
		const struct tide_look_run *run = tide_look_find(&e->look, plan->requires.item[i]);

		if (run == NULL || run->state != TIDE_RUN_COMPLETE)
		return plan->requires.item[i];
	}
	return NULL;
}

/* What is known of a plan after a look. */
static bool
see(struct ensure *e, struct entry *n, struct tide_err *err)
{
	const struct tide_look_run *found = tide_look_find(&e->look, n->name);
	struct tide_look_run *run = NULL;
	const char *to = e->cli->options.to;

	n->plan = n->file;
	if (found == NULL && n->file == NULL)
		return tide_cli_connect(e->cli, err) && tide_cli_no_run(e->cli, n->name, err);
	if (found != NULL) {
		run = talloc_memdup(e->look_mem, found, sizeof(*found));
		if (!fit(e, n, run, err))
			return false;
	}
	n->view.run = run;
	n->view.plan = n->plan;
	n->view.missing = missing(e, n->file);
	n->view.last = (long)(n->file != NULL ? n->file : n->plan)->count - 1;
	if (to != NULL && strcmp(to, "complete") != 0 &&
	    !tide_runner_find(n->file != NULL ? n->file : n->plan, to, &n->view.last, err))
		return false;
	n->to = n->view.last + 1 < (long)n->plan->count ? n->plan->phase[n->view.last].name : NULL;
	return true;
}

static char *
next(struct ensure *e, const struct entry *n)
{
	const struct tide_look_run *r = n->view.run;
	const struct tide_gate *gate =
	    r != NULL && !n->view.changed && !r->begun && r->ahead >= 0 && (size_t)r->ahead < n->plan->count
		? &n->plan->phase[r->ahead].gate
		: NULL;

	if (r == NULL)
		return NULL;
	return tide_next_command(e->cli,
	    &(struct tide_standing){ .state = tide_run_shown(r->state, r->direction, r->wanted, r->live),
		.direction = r->direction,
		.wanted = r->wanted,
		.live = r->live,
		.needs_approval = gate != NULL && gate->manual && !r->approved,
		.in_hold = r->begun,
		.until = r->until },
	    n->name);
}

static void
leave(struct ensure *e, const struct entry *n, enum tide_code code, const char *why, const char *next_command)
{
	bool standing = tide_execute_status(code, false) == TIDE_OK;

	if (e->status == TIDE_OK)
		e->status = code;
	tell(e->cli, "ensure.left", n->name, !standing, "%s: left as it is: %s%s%s", n->name, why,
	    next_command != NULL ? "; next: " : "", next_command != NULL ? next_command : "");
}

/* What is to be done, up to "done". */
static const char *
wanted(const struct ensure *e, const struct entry *n)
{
	return n->to != NULL ? talloc_asprintf(e->look_mem, "phase %s is", n->to) : "every phase is";
}

static void
done(struct ensure *e, const struct entry *n)
{
	tell(e->cli, "ensure.done", n->name, false, "%s: %s%s done", n->name,
	    n->ran || n->view.waited ? "" : "nothing to do: ", wanted(e, n));
}

/* How an attempt of ours left the plan. */
static struct tide_verdict
ended(struct ensure *e, const struct tide_outcome *outcome)
{
	const char *why = outcome->reason != NULL ? outcome->reason : "stopped";

	if (outcome->live)
		return (struct tide_verdict){ TIDE_VERDICT_WAIT, TIDE_OK, NULL };
	if (outcome->stop == TIDE_OK || outcome->stop == TIDE_PENDING)
		return (struct tide_verdict){ TIDE_VERDICT_DONE, TIDE_OK, NULL };
	e->stopped = outcome->stop == TIDE_INTERRUPTED || outcome->stop == TIDE_TERMINATED;
	return (struct tide_verdict){ TIDE_VERDICT_LEAVE, outcome->stop, why };
}

/* An error of the run is in its row, and left there for a person. Any other one is ours. */
static bool
attempt(struct ensure *e, struct entry *n, struct tide_verdict *verdict, const char **next_command,
    struct tide_err *err)
{
	struct tide_cli *cli = e->cli;
	int64_t left = e->deadline != 0 ? e->deadline - tide_now_us() : 0, took = -1;
	const struct tide_run_options options = { .to = n->to,
		.budget = left,
		.if_locked = TIDE_IF_LOCKED_SKIP,
		.unattended = true,
		.by = tide_cli_by(cli) };
	struct tide_outcome outcome = { 0 };

	if (e->deadline != 0 && left <= 0) {
		*verdict =
		    (struct tide_verdict){ TIDE_VERDICT_LEAVE, TIDE_BUDGET, "the time budget is used up" };
		return true;
	}
	tide_conn_close(e->conn);
	if (tide_execute_quietly(cli, n->plan, tide_run_forward, &options, &outcome, &took, err)) {
		*verdict = ended(e, &outcome);
		*next_command = outcome.next;
	} else if (err->code == TIDE_LEASE) {
		*verdict = (struct tide_verdict){ TIDE_VERDICT_WAIT, TIDE_OK, NULL };
	} else if (took >= 0 && outcome.held && err->code != TIDE_UNREACHABLE) {
		if (!cli->render->failure(cli, n->plan, err, &outcome, took))
			cli->render->error(cli, err);
		cli->next = NULL;
		*verdict = (struct tide_verdict){ TIDE_VERDICT_LEAVE, err->code, "it failed" };
	} else {
		return false;
	}
	n->ran = verdict->kind != TIDE_VERDICT_WAIT;
	*err = (struct tide_err){ 0 };
	return true;
}

/*
 * A gate that is a query, a time window or a command is asked without the lease: as long as it is closed, the run is not touched.
 * The command comes last, and once.
 */
static bool
ask_gate(struct ensure *e, const struct entry *n, struct tide_verdict *verdict, struct tide_err *err)
{
	const struct tide_phase *phase = &n->plan->phase[n->view.run->ahead];
	struct tide_gate gate = phase->gate;
	char *why = NULL;
	bool open;

	if (n->view.run->begun)
		gate.sql = NULL;
	tide_conn_close(e->conn);
	if (!tide_cli_connect(e->cli, err) ||
	    !tide_run_gate_open(e->cli->conn, n->plan->name, &gate, &open, err))
		return false;
	tide_cli_disconnect(e->cli);
	if (open && gate.command.count > 0 && !n->view.run->begun &&
	    !tide_gate_command_once(e->look_mem, e->cli->loop, n->plan, phase, &open, &why, err))
		return false;
	if (why != NULL)
		verdict->text = why;
	verdict->kind = open ? TIDE_VERDICT_RUN : TIDE_VERDICT_LEAVE;
	return true;
}

static bool
await_other(
    struct ensure *e, struct entry *n, const char *owner, int64_t *pause, struct tide_verdict *verdict)
{
	if (e->deadline != 0 && tide_now_us() >= e->deadline) {
		*verdict =
		    (struct tide_verdict){ TIDE_VERDICT_LEAVE, TIDE_BUDGET, "the time budget is used up" };
		return false;
	}
	if (!n->view.waited)
		tell(e->cli, "ensure.wait", n->name, false,
		    "%s: another executor works on it%s%s; waiting until %s done", n->name,
		    owner != NULL ? ": " : "", owner != NULL ? owner : "", wanted(e, n));
	n->view.waited = true;
	tide_cli_sleep(e->cli, *pause);
	*pause = *pause * 2 < LOOK_PAUSE ? *pause * 2 : LOOK_PAUSE;
	return true;
}

/* Until the plan is done, or is to be left as it is. */
static bool
settle(struct ensure *e, struct entry *n, struct tide_err *err)
{
	int64_t pause = FIRST_PAUSE;

	for (;;) {
		struct tide_verdict verdict;
		const char *next_command;

		if (!see(e, n, err))
			return false;
		verdict = tide_ensure_judge(e->look_mem, &n->view);
		next_command = verdict.kind == TIDE_VERDICT_LEAVE || verdict.kind == TIDE_VERDICT_ASK
				   ? next(e, n)
				   : NULL;
		if (verdict.kind == TIDE_VERDICT_ASK && !ask_gate(e, n, &verdict, err))
			return false;
		if (verdict.kind == TIDE_VERDICT_RUN && !attempt(e, n, &verdict, &next_command, err))
			return false;
		if (verdict.kind == TIDE_VERDICT_WAIT && await_other(e, n, verdict.text, &pause, &verdict)) {
			if (!look(e, err))
				return false;
			continue;
		}
		if (verdict.kind == TIDE_VERDICT_DONE)
			done(e, n);
		else
			leave(e, n, verdict.code, verdict.text, next_command);
		/* What comes next may require it. */
		return !n->ran || e->stopped || n + 1 == e->entry + e->count || look(e, err);
	}
}

/* Without a command there is nothing to start that could do without the plan: a failure is a failure, as of `run`. */
static void
conclude(struct ensure *e)
{
	struct tide_cli *cli = e->cli;

	if (e->stopped || cli->options.strict)
		cli->status = e->status;
	else if (cli->options.command == NULL)
		cli->status = tide_execute_status(e->status, false);
	cli->command = cli->options.command;
}

static bool
ensure(struct ensure *e, struct tide_err *err)
{
	if (!look(e, err))
		return false;
	for (size_t i = 0; i < e->count && !e->stopped; i++)
		if (!settle(e, &e->entry[i], err))
			return false;
	conclude(e);
	return true;
}

bool
tide_verb_ensure(struct tide_cli *cli, struct tide_err *err)
{
	struct ensure e = { .cli = cli };
	const char *off = switched_off(cli);
	bool ok;

	if (off != NULL) {
		tell(cli, "ensure.off", NULL, false, "%s: nothing is done to the database", off);
		cli->command = cli->options.command;
		return true;
	}
	if (cli->options.budget > 0)
		e.deadline = tide_now_us() + cli->options.budget;
	if (!read_plans(&e, err) || !tide_cli_resolve(cli, err))
		return false;
	e.conn = tide_conn_new(cli, cli->loop);
	ok = ensure(&e, err);
	talloc_free(e.conn);
	return ok;
}
