#include <talloc.h>

#include "cli/context/ask.h"
#include "cli/context/render.h"
#include "cli/options/verbs.h"
#include "tidemark/base/units.h"

static void
tell(struct tide_cli *cli, const char *message)
{
	if (!cli->options.quiet)
		tide_output_say(&cli->err, TIDE_DIM, "%s\n", message);
}

bool
tide_verb_wait(struct tide_cli *cli, struct tide_err *err)
{
	const struct tide_cli_question question = { .application_name = "tidemark/wait", .sql = "SELECT 1" };
	const struct tide_cli_patience patience = { .timeout = tide_cli_timeout(cli),
		.pause = cli->options.interval,
		.most = cli->options.interval,
		.tell = tell };
	int64_t began = tide_now_us();
	struct tide_conn *conn;
	char *answer;
	bool ok;
	int tries;

	if (!tide_cli_resolve(cli, err))
		return false;
	conn = tide_conn_new(cli, cli->loop);
	ok = tide_cli_ask_until(cli, conn, &question, &patience, cli, &answer, &tries, err);
	talloc_free(conn);
	if (ok)
		cli->render->answers(cli, tries, tide_now_us() - began);
	return ok;
}
