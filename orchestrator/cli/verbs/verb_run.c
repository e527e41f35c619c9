#include "execute.h"
#include "cli/options/verbs.h"

bool
tide_verb_run(struct tide_cli *cli, struct tide_err *err)
{
	struct tide_plan *plan;

	return tide_execute_plan(cli, cli->options.operand[0], &plan, err) &&
	       tide_execute(cli, plan, tide_run_forward, err);
}
