#include <talloc.h>

#include "cli/context/cli.h"
#include "cli/context/render.h"
#include "cli/options/verbs.h"

bool
tide_verb_locks(struct tide_cli *cli, struct tide_err *err)
{
	struct tide_lock_rows locks = { 0 };
	struct tide_plan *plan;

	if (!tide_cli_plan(cli, cli->options.operand[0], &plan, err) || !tide_cli_connect(cli, err) ||
	    !tide_store_locks(cli, cli->conn, plan->schema, plan->relation, &locks, err))
		return false;
	cli->render->locks(cli, plan, &locks);
	return true;
}
