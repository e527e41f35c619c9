#include "execute.h"
#include "cli/options/verbs.h"

bool
tide_verb_rollback(struct tide_cli *cli, struct tide_err *err)
{
	struct tide_plan *plan;

	/* No lint: the rollback is what the journal holds, whatever today's rules say of the plan. */
	return tide_cli_plan(cli, cli->options.operand[0], &plan, err) &&
	       tide_execute(cli, plan, tide_run_back, err);
}
