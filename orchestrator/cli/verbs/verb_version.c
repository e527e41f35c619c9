#include "cli/context/cli.h"
#include "cli/output/json.h"
#include "cli/options/verbs.h"

bool
tide_verb_version(struct tide_cli *cli, struct tide_err *err)
{
	json_t *object;

	(void)err;
	if (!cli->options.json) {
		tide_output_say(&cli->out, TIDE_PLAIN, "tidemark %s\n", TIDEMARK_VERSION);
		return true;
	}
	object = tide_json_object();
	json_object_set_new(object, "version", json_string(TIDEMARK_VERSION));
	tide_json_print(&cli->out, object, false);
	return true;
}
