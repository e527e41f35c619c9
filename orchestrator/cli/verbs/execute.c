#include "execute.h"

#include <ev.h>
#include <stdio.h>
#include <string.h>
#include <talloc.h>

#include "cli/context/render.h"
#include "cli/output/observers.h"
#include "cli/metrics/metrics_file.h"
#include "tidemark/orchestrator/hooks.h"
#include "tidemark/phases/phase.h"
#include "tidemark/base/units.h"
#include "cli/render/event_printer.h"
#include "run_keys.h"
#include "tidemark/base/shell.h"

enum tide_code
tide_execute_status(enum tide_code stop, bool exit_code)
{
	bool standing =
	    stop == TIDE_PENDING || stop == TIDE_GATE || stop == TIDE_PAUSED || stop == TIDE_BUDGET;

	return standing && !exit_code ? TIDE_OK : stop;
}

bool
tide_execute_plan(struct tide_cli *cli, const char *as, struct tide_plan **plan, struct tide_err *err)
{
	struct tide_findings *findings = talloc_zero(cli, struct tide_findings);

	if (!tide_cli_plan(cli, as, plan, err))
		return false;
	if (!tide_cli_is_file(as))
		return true;
	tide_phase_lint(*plan, NULL, findings);
	if (!tide_findings_has_error(findings))
		return true;
	cli->render->refused(cli, (*plan)->path, findings);
	(void)tide_fail(err, TIDE_PLAN, "plan '%s' has errors, nothing was done", (*plan)->name);
	return tide_hint(err, "see: tidemark lint %s", tide_shell_word(cli, as));
}

/** What is being executed, for the error that ends the program at once. */
struct execution {
	struct tide_cli *cli;
	const struct tide_plan *plan;
	struct tide_event_printer *printer;
	struct tide_run_keys *keys;
	int64_t began;
};

static void
report_last(void *ctx, const struct tide_err *err)
{
	struct execution *e = ctx;
	const struct tide_outcome unknown = { 0 };

	tide_event_printer_end(e->printer);
	if (!e->cli->render->failure(e->cli, e->plan, err, &unknown, tide_now_us() - e->began))
		e->cli->render->error(e->cli, err);
	(void)fflush(e->cli->out.file);
}

/*
 * An answer that cannot be read ends the program in the middle: the error is reported as any other of this
 * run.
 */
static bool
perform(struct execution *e, tide_execute_fn *fn, const struct tide_run_options *options,
    const struct tide_observer *observer, struct tide_outcome *outcome, struct tide_err *err)
{
	const struct tide_unreadable unreadable = { .report = report_last, .ctx = e },
				     *outer = ev_userdata(e->cli->loop);
	bool done;

	tide_rows_on_unreadable(e->cli->loop, &unreadable);
	tide_run_keys_begin(e->keys);
	done = fn(e->cli, e->cli->loop, &e->cli->dsn, e->plan, options, observer, outcome, err);
	tide_run_keys_end(e->keys);
	tide_rows_on_unreadable(e->cli->loop, outer);
	return done;
}

bool
tide_execute_quietly(struct tide_cli *cli, const struct tide_plan *plan, tide_execute_fn *fn,
    const struct tide_run_options *options, struct tide_outcome *outcome, int64_t *took, struct tide_err *err)
{
	const struct tide_options *o = &cli->options;
	struct tide_event_printer printer;
	struct tide_observers observers = { 0 };
	const struct tide_observer observer = tide_observers_all(&observers);
	struct tide_metrics_file *metrics = NULL;
	struct tide_run_options own = *options;
	struct execution execution = {
		.cli = cli, .plan = plan, .printer = &printer, .began = tide_now_us()
	};
	bool done;

	if (cli->render->observer != NULL)
		tide_observers_add(&observers, cli->render->observer(cli));
	tide_observers_add(&observers, tide_event_printer_init(&printer, cli));
	if (o->metrics_file != NULL && !tide_metrics_file_open(cli, o->metrics_file, plan, &metrics, err))
		return false;
	if (metrics != NULL)
		tide_observers_add(&observers, tide_metrics_file_observer(metrics, &observer));
	if (o->hook != NULL) {
		own.hooks = tide_hooks_new(cli, cli->loop, o->hook, o->hook_timeout, plan, &observer, err);
		if (own.hooks == NULL)
			return false;
		tide_observers_add(&observers, tide_hooks_observer(own.hooks));
	}
	/* Nobody is there to press one, or they are for whoever comes after. */
	if (!options->unattended) {
		execution.keys = tide_run_keys_new(cli, plan, &printer);
		tide_observers_add(&observers, tide_run_keys_observer(execution.keys));
	}
	/* The executor opens connections of its own: the one that read a stored plan would only take up
	 * another. */
	tide_cli_disconnect(cli);
	if (!tide_cli_resolve(cli, err))
		return false;
	if (cli->err.terminal && !printer.silent) {
		tide_output_say(&cli->err, TIDE_DIM, "connecting to %s …", tide_cli_target(cli));
		(void)fflush(cli->err.file);
		printer.line.shown = true;
	}
	done = perform(&execution, fn, &own, &observer, outcome, err);
	*took = tide_now_us() - execution.began;
	if (own.hooks != NULL)
		tide_hooks_finish(own.hooks);
	talloc_free(own.hooks);
	if (metrics != NULL)
		tide_metrics_file_end(metrics, outcome->state);
	tide_event_printer_end(&printer);
	return done;
}

bool
tide_execute(struct tide_cli *cli, const struct tide_plan *plan, tide_execute_fn *fn, struct tide_err *err)
{
	const struct tide_options *o = &cli->options;
	const struct tide_run_options options = {
		.to = o->to,
		.budget = o->budget,
		.if_locked = o->if_locked == NULL || strcmp(o->if_locked, "fail") == 0 ? TIDE_IF_LOCKED_FAIL
			     : strcmp(o->if_locked, "wait") == 0                       ? TIDE_IF_LOCKED_WAIT
										       : TIDE_IF_LOCKED_SKIP,
		.again = o->again,
		.wait = o->wait,
		.now = o->now,
		.reason = o->reason,
		.by = tide_cli_by(cli),
		.ticket = o->ticket,
		.note = o->note,
		.yes = o->yes,
		.accept_loss = o->accept_loss,
	};
	struct tide_outcome outcome = { 0 };
	int64_t took = -1;

	if (!tide_execute_quietly(cli, plan, fn, &options, &outcome, &took, err)) {
		/* Before it began, the error is one of the command line as any other. */
		if (took >= 0)
			cli->said_error = cli->render->failure(cli, plan, err, &outcome, took);
		return false;
	}
	cli->status = tide_execute_status(outcome.stop, o->exit_code);
	cli->render->outcome(cli, plan, &outcome, took);
	return true;
}

void
tide_execute_tell(struct tide_cli *cli, const struct tide_event *event)
{
	struct tide_event_printer printer;
	struct tide_observers observers = { 0 };
	const struct tide_observer all = tide_observers_all(&observers);

	if (cli->render->observer != NULL)
		tide_observers_add(&observers, cli->render->observer(cli));
	tide_observers_add(&observers, tide_event_printer_init(&printer, cli));
	all.event(all.ctx, event);
	tide_event_printer_end(&printer);
}
