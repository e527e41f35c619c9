#include "cli.h"

#include <errno.h>
#include <ev.h>
#include <pwd.h>
#include <string.h>
#include <talloc.h>
#include <unistd.h>

#include "cli/options/verbs.h"
#include "render.h"
#include "tidemark/orchestrator/next.h"

static void
report(struct tide_cli *cli, const struct tide_err *err)
{
	if (!cli->said_error)
		cli->render->error(cli, err);
}

/* An answer that cannot be read: the program ends right after. */
static void
report_last(void *ctx, const struct tide_err *err)
{
	struct tide_cli *cli = ctx;

	report(cli, err);
	(void)fflush(cli->out.file);
}

/** --help and --version win over the verb. */
static bool
perform(struct tide_cli *cli, struct tide_err *err)
{
	if (cli->options.version)
		return tide_verb_version(cli, err);
	if (cli->options.help && cli->options.verb != TIDE_VERB_HELP) {
		char **operand = talloc_array(cli, char *, 1);

		operand[0] = talloc_strdup(operand, tide_verb_table[cli->options.verb].name);
		cli->options.operand = operand;
		cli->options.operand_count = 1;
		return tide_verb_help(cli, err);
	}
	return tide_verb_table[cli->options.verb].run(cli, err);
}

/* Everything is closed. As a shell has it: 127 there is no such command, 126 it cannot be run. */
static enum tide_code
become(struct tide_cli *cli, const struct tide_process *process)
{
	int failed = process->become(process->ctx, cli->command);
	enum tide_code code = failed == ENOENT ? TIDE_NO_COMMAND : TIDE_NOT_RUNNABLE;
	struct tide_err err = { 0 };

	(void)tide_fail(&err, code, "cannot start '%s': %s", cli->command[0],
	    failed == ENOENT ? "there is no such command" : strerror(failed));
	(void)tide_hint(&err, "%s",
	    failed == ENOENT
		? "check its spelling and PATH; a script also needs the interpreter of its first line"
		: "check that it is a program for this machine, and that this user may execute it");
	cli->render->error(cli, &err);
	return code;
}

/* Some variables are only read by libpq itself: where the service file is, for one. */
static void
share_environment(const struct tide_environment *environment, const struct tide_process *process)
{
	for (size_t i = 0; i < environment->count; i++)
		if (strncmp(environment->variable[i].name, "PG", 2) == 0)
			process->setenv_fn(
			    process->ctx, environment->variable[i].name, environment->variable[i].value);
}

/* A full disk may show only when the output is closed: then, too, the status must not be 0. */
int
tide_cli_main(int argc, char *const *argv, const struct tide_process *process)
{
	struct tide_cli *cli = talloc_zero(NULL, struct tide_cli);
	const struct tide_unreadable unreadable = { .report = report_last, .ctx = cli };
	struct tide_err err = { 0 }, late = { 0 };
	enum tide_code status;
	bool parsed, done;

	parsed = tide_options_parse(cli, argc, argv, process->getenv_fn, process->ctx, &cli->options, &err);
	cli->getenv_fn = tide_environment_get;
	cli->getenv_ctx = &cli->options.environment;
	share_environment(&cli->options.environment, process);
	tide_stream_init(&cli->out, stdout, cli->options.color, cli->getenv_fn, cli->getenv_ctx);
	tide_stream_init(&cli->err, stderr, cli->options.color, cli->getenv_fn, cli->getenv_ctx);
	cli->render = tide_render_for(cli);
	/* The default one: only there libev hears of child processes that end. */
	cli->loop = ev_default_loop(EVFLAG_AUTO);
	if (cli->loop != NULL)
		tide_rows_on_unreadable(cli->loop, &unreadable);
	done = parsed && cli->loop == NULL ? tide_fail(&err, TIDE_UNEXPECTED, "cannot create an event loop")
					   : parsed && perform(cli, &err);
	if (!done)
		report(cli, &err);
	status = done ? cli->status : err.code == TIDE_OK ? TIDE_UNEXPECTED : err.code;
	if (!tide_stream_close(&cli->out, &late)) {
		tide_output_error(&cli->err, &late);
		status = status == TIDE_OK ? late.code : status;
	}
	tide_cli_disconnect(cli);
	if (cli->loop != NULL)
		ev_loop_destroy(cli->loop);
	if (done && status == TIDE_OK && cli->command != NULL)
		status = become(cli, process);
	talloc_free(cli);
	return (int)status;
}

const char *
tide_cli_by(struct tide_cli *cli)
{
	char host[256] = "";
	const struct passwd *entry;
	const char *user;

	if (cli->options.by != NULL)
		return cli->options.by;
	user = cli->getenv_fn(cli->getenv_ctx, "USER");
	if (user == NULL || user[0] == '\0') {
		entry = getpwuid(geteuid());
		user = entry != NULL ? entry->pw_name : "unknown";
	}
	(void)gethostname(host, sizeof(host) - 1);
	return talloc_asprintf(cli, "%s@%s", user, host[0] != '\0' ? host : "localhost");
}

char *
tide_cli_next(void *ctx, const struct tide_run_status *s, const char *as)
{
	const struct tide_standing standing = tide_standing_of(s);

	return tide_next_command(ctx, &standing, as);
}
