#include <string.h>

#include "cli/context/cli.h"
#include "cli/options/help.h"
#include "cli/options/verbs.h"

bool
tide_verb_completion(struct tide_cli *cli, struct tide_err *err)
{
	void (*const print[])(FILE *) = { tide_completion_bash, tide_completion_zsh, tide_completion_fish };

	for (size_t i = 0; tide_shells[i] != NULL; i++) {
		if (strcmp(tide_shells[i], cli->options.operand[0]) != 0)
			continue;
		print[i](cli->out.file);
		return true;
	}
	return tide_fail(
	    err, TIDE_USAGE, "no completions for '%s': bash, zsh or fish", cli->options.operand[0]);
}
