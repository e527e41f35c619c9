#include "control.h"

#include <talloc.h>

#include "cli/output/json.h"
#include "cli/render/status_json.h"

bool
tide_control(struct tide_cli *cli, enum tide_wanted wanted, struct tide_err *err)
{
	const char *as = cli->options.operand[0], *name;
	struct tide_run_status status = { 0 };
	bool pause = wanted == TIDE_WANT_PAUSE;
	char *next;

	if (!tide_cli_plan_name(cli, as, &name, err) || !tide_cli_connect(cli, err) ||
	    !tide_store_status(cli, cli->conn, name, &status, err))
		return false;
	if (!status.found)
		return tide_cli_no_run(cli, name, err);
	if (!tide_store_want(cli->conn, name, wanted, tide_cli_by(cli), cli->options.reason, err) ||
	    !tide_store_status(cli, cli->conn, name, &status, err))
		return false;
	next = tide_cli_next(cli, &status, as);
	if (cli->options.json) {
		json_t *object = tide_json_object();

		json_object_set_new(object, "wanted", json_string(tide_wanted_word(wanted)));
		json_object_set_new(object, "run", tide_json_status(&status, next));
		tide_json_print(&cli->out, object, false);
		return true;
	}
	tide_output_say(&cli->out, TIDE_BOLD, "%s", name);
	if (status.live)
		tide_output_say(&cli->out, TIDE_PLAIN, ": asked %s to %s\n",
		    status.holder != NULL ? status.holder : "the executor",
		    pause ? "pause; it stops after the batch under way" : "continue");
	else
		tide_output_say(&cli->out, TIDE_PLAIN, ": no executor is running; %s\n",
		    pause ? "the next one will wait" : "the next one will not wait");
	if (next != NULL)
		tide_output_say(&cli->out, TIDE_PLAIN, "next: %s\n", next);
	return true;
}
