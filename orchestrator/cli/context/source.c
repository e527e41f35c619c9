#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <talloc.h>
#include <unistd.h>

#include "cli.h"
#include "tidemark/base/names.h"
#include "tidemark/phases/phase.h"
#include "tidemark/plans/toml.h"

bool
tide_cli_is_file(const char *plan)
{
	size_t length = strlen(plan);
	struct stat status;

	/* lstat: a link that leads nowhere is a file that cannot be read, not the name of a plan. */
	return strcmp(plan, TIDE_STDIN) == 0 || strchr(plan, '/') != NULL ||
	       (length > 5 && strcmp(plan + length - 5, ".toml") == 0) || lstat(plan, &status) == 0;
}

/** Flags and environment override the plan; the hash is over the plan alone. */
static void
override(const struct tide_options *options, struct tide_limits *limits)
{
	if (options->workers != 0)
		limits->workers = options->workers;
	if (options->impact != NULL)
		limits->impact = options->impact;
	if (options->lock_timeout != 0)
		limits->lock_timeout = options->lock_timeout;
	if (options->batch_duration != 0)
		limits->batch_duration = options->batch_duration;
}

bool
tide_cli_no_run(struct tide_cli *cli, const char *plan, struct tide_err *err)
{
	struct tide_status_list list = { 0 };
	const char **names;
	const char *near;

	if (!tide_store_list(cli, cli->conn, &list, err))
		return false;
	names = talloc_array(cli, const char *, (unsigned)list.count + 1);
	for (size_t i = 0; i < list.count; i++)
		names[i] = list.item[i].plan;
	near = tide_nearest(plan, names, list.count);
	(void)tide_fail(
	    err, TIDE_PRECONDITION, "no run of a plan called '%s' in %s", plan, tide_cli_target(cli));
	if (near != NULL)
		return tide_hint(err, "did you mean '%s'?", near);
	return tide_hint(
	    err, "`tidemark status` lists the plans of a database; a plan file is named by its path");
}

bool
tide_cli_stored_plan(
    struct tide_cli *cli, const char *name, const char *text, struct tide_plan **out, struct tide_err *err)
{
	if (!tide_plan_parse(cli, talloc_asprintf(cli, "%s (stored)", name), text, strlen(text),
		tide_phase_kinds(), tide_phase_count, out, err))
		return false;
	override(&cli->options, &(*out)->limits);
	return true;
}

static bool
stored(struct tide_cli *cli, const char *name, struct tide_plan **out, struct tide_err *err)
{
	char *text = NULL;

	if (!tide_cli_connect(cli, err))
		return tide_wrap(
		    err, "'%s' is not a file: looking for a plan of that name in the database", name);
	if (!tide_store_plan_text(cli, cli->conn, name, &text, err))
		return false;
	if (text == NULL)
		return tide_cli_no_run(cli, name, err);
	return tide_cli_stored_plan(cli, name, text, out, err);
}

/* Once: what is read is gone. */
static bool
read_stdin(struct tide_cli *cli, struct tide_err *err)
{
	size_t most = TIDE_PLAN_SIZE_MAX + 1;
	char *text;

	if (cli->input != NULL)
		return true;
	if (isatty(STDIN_FILENO) && !cli->options.quiet)
		tide_output_say(&cli->err, TIDE_DIM, "reading the plan from the terminal; Ctrl-D ends it\n");
	text = talloc_array(cli, char, (unsigned)most);
	errno = 0;
	cli->input_size = fread(text, 1, most, stdin);
	if (ferror(stdin)) {
		talloc_free(text);
		return tide_fail(
		    err, TIDE_PLAN, "cannot read the plan from standard input: %s", strerror(errno));
	}
	cli->input = text;
	return true;
}

static bool
load(struct tide_cli *cli, const char *plan, struct tide_plan **out, struct tide_err *err)
{
	if (strcmp(plan, TIDE_STDIN) != 0)
		return tide_plan_load(cli, plan, tide_phase_kinds(), tide_phase_count, out, err);
	return read_stdin(cli, err) && tide_plan_parse(cli, plan, cli->input, cli->input_size,
					   tide_phase_kinds(), tide_phase_count, out, err);
}

const char *
tide_cli_as(const char *as, const char *name)
{
	return strcmp(as, TIDE_STDIN) == 0 ? name : as;
}

bool
tide_cli_plan(struct tide_cli *cli, const char *plan, struct tide_plan **out, struct tide_err *err)
{
	if (!tide_cli_is_file(plan))
		return stored(cli, plan, out, err);
	if (!load(cli, plan, out, err))
		return false;
	override(&cli->options, &(*out)->limits);
	return true;
}

bool
tide_cli_plan_name(struct tide_cli *cli, const char *plan, const char **name, struct tide_err *err)
{
	struct tide_plan *loaded;

	if (!tide_cli_is_file(plan)) {
		*name = plan;
		return true;
	}
	if (!load(cli, plan, &loaded, err))
		return false;
	*name = loaded->name;
	return true;
}
