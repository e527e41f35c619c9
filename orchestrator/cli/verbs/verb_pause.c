#include "control.h"
#include "cli/options/verbs.h"

bool
tide_verb_pause(struct tide_cli *cli, struct tide_err *err)
{
	return tide_control(cli, TIDE_WANT_PAUSE, err);
}
