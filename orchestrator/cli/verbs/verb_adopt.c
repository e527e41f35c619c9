#include <string.h>
#include <talloc.h>

#include "cli/context/cli.h"
#include "cli/context/render.h"
#include "tidemark/orchestrator/adopt.h"
#include "cli/options/verbs.h"

bool
tide_verb_adopt(struct tide_cli *cli, struct tide_err *err)
{
	const struct tide_options *o = &cli->options;
	const struct tide_adopter who = {
		.by = tide_cli_by(cli), .reason = o->reason, .ticket = o->ticket, .note = o->note
	};
	struct tide_run_status status = { 0 };
	struct tide_adoption adoption;
	const char *name;
	bool done;

	if (!tide_cli_plan_name(cli, o->operand[0], &name, err) || !tide_cli_connect(cli, err) ||
	    !tide_store_status(cli, cli->conn, name, &status, err))
		return false;
	if (!status.found)
		return tide_cli_no_run(cli, name, err);
	done = tide_adopt(cli, cli->conn, name, &who, &adoption, err);
	if (!done) {
		cli->said_error = cli->render->adoption(cli, name, &adoption, NULL, err);
		return false;
	}
	if (!tide_store_status(cli, cli->conn, name, &status, err))
		return false;
	(void)cli->render->adoption(
	    cli, name, &adoption, tide_cli_next(cli, &status, tide_cli_as(o->operand[0], name)), NULL);
	return true;
}
