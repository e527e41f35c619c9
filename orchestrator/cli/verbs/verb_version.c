#include "cli/context/cli.h"
#include "cli/context/render.h"
#include "cli/options/verbs.h"

bool
tide_verb_version(struct tide_cli *cli, struct tide_err *err)
{
	(void)err;
	cli->render->version(cli);
	return true;
}
