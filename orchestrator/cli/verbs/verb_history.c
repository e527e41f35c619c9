#include <string.h>
#include <talloc.h>

#include "cli/context/cli.h"
#include "cli/context/render.h"
#include "cli/options/verbs.h"

bool
tide_verb_history(struct tide_cli *cli, struct tide_err *err)
{
	struct tide_journal_rows rows = { 0 };
	struct tide_run_status status = { 0 };
	const char *name;

	if (!tide_cli_plan_name(cli, cli->options.operand[0], &name, err) || !tide_cli_connect(cli, err) ||
	    !tide_store_status(cli, cli->conn, name, &status, err))
		return false;
	if (!status.found)
		return tide_cli_no_run(cli, name, err);
	if (!tide_store_history(cli, cli->conn, name, &rows, err))
		return false;
	cli->render->history(cli, &status, &rows);
	return true;
}
