#include "control.h"
#include "verbs.h"

bool
tide_verb_resume(struct tide_cli *cli, struct tide_err *err)
{
	return tide_control(cli, "run", err);
}
