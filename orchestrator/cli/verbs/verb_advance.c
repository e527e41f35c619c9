#include "execute.h"
#include "tidemark/orchestrator/run.h"
#include "cli/options/verbs.h"

/** Opens the gate and continues, as one thing to do. */
static bool
open_and_run(void *ctx, struct ev_loop *loop, const struct tide_dsn *dsn, const struct tide_plan *plan,
    const struct tide_run_options *options, const struct tide_observer *observer,
    struct tide_outcome *outcome, struct tide_err *err)
{
	if (!tide_run_advance(ctx, loop, dsn, plan, options, observer, outcome, err))
		return false;
	/* An executor that waits at the gate continues by itself, and holds the lease. */
	if (outcome->live || outcome->stop == TIDE_INTERRUPTED || outcome->stop == TIDE_TERMINATED)
		return true;
	*outcome = (struct tide_outcome){ 0 };
	return tide_run_forward(ctx, loop, dsn, plan, options, observer, outcome, err);
}

bool
tide_verb_advance(struct tide_cli *cli, struct tide_err *err)
{
	struct tide_plan *plan;

	if (cli->options.now && cli->options.reason == NULL) {
		(void)tide_fail(err, TIDE_USAGE, "--now needs --reason");
		return tide_hint(
		    err, "the reason is kept in the journal: --now --reason 'old release is gone'");
	}
	return tide_execute_plan(cli, cli->options.operand[0], &plan, err) &&
	       tide_execute(cli, plan, cli->options.no_run ? tide_run_advance : open_and_run, err);
}
