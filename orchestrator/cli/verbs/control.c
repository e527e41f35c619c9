#include "control.h"

#include <talloc.h>

#include "cli/context/render.h"

bool
tide_control(struct tide_cli *cli, enum tide_wanted wanted, struct tide_err *err)
{
	const char *as = cli->options.operand[0], *name;
	struct tide_run_status status = { 0 };
	char *next;

	if (!tide_cli_plan_name(cli, as, &name, err) || !tide_cli_connect(cli, err) ||
	    !tide_store_status(cli, cli->conn, name, &status, err))
		return false;
	if (!status.found)
		return tide_cli_no_run(cli, name, err);
	if (!tide_store_want(cli->conn, name, wanted, tide_cli_by(cli), cli->options.reason, err) ||
	    !tide_store_status(cli, cli->conn, name, &status, err))
		return false;
	next = tide_cli_next(cli, &status, tide_cli_as(as, name));
	cli->render->control(cli,
	    &(struct tide_control_view){ .name = name, .next = next, .wanted = wanted, .status = &status });
	return true;
}
