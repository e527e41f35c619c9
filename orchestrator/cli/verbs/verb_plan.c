#include <talloc.h>

#include "cli/context/cli.h"
#include "cli/context/render.h"
#include "cli/output/lint_print.h"
#include "cli/review/review_input.h"
#include "cli/review/review.h"
#include "cli/options/verbs.h"
#include "run/zones.h"
#include "tidemark/base/shell.h"

static bool
open(struct tide_cli *cli, const char *as, struct tide_review_input **input, struct tide_err *err)
{
	struct tide_plan *plan;
	const char *hint;

	if (!tide_cli_plan(cli, as, &plan, err))
		return false;
	if (tide_cli_connect(cli, err))
		return tide_review_load(cli, cli, plan, input, err) &&
		       tide_zones_check(cli->conn, plan, (*input)->findings, err);
	if (err->code != TIDE_UNREACHABLE)
		return false;
	(void)tide_wrap(err, "a review needs the database");
	hint = talloc_strdup(cli, err->hint);
	return tide_hint(err, "%s%swithout one: tidemark lint %s", hint, hint[0] != '\0' ? "\n" : "",
	    tide_shell_word(cli, as));
}

bool
tide_verb_plan(struct tide_cli *cli, struct tide_err *err)
{
	const struct tide_options *o = &cli->options;
	const char *as = o->operand[0];
	struct tide_review_input *input;

	if (o->sql && o->json)
		return tide_fail(err, TIDE_USAGE, "--sql and --json cannot be used together");
	if (!open(cli, as, &input, err))
		return false;
	if (tide_findings_has_error(input->findings))
		cli->status = TIDE_PLAN;
	if (o->sql && cli->status != TIDE_OK) {
		tide_lint_print_human(&cli->err, input->plan->path, input->findings);
		return tide_fail(
		    err, TIDE_PLAN, "plan '%s' has errors, there is no SQL for it", input->plan->name);
	}
	if (o->sql)
		return tide_review_sql(&cli->out, input, o->rollback, err);
	if (input->run.found && tide_review_fit(&input->run, input->plan) != TIDE_FILE_LONGER)
		as = tide_cli_as(as, input->plan->name);
	cli->render->review(cli, input, as, o->rollback);
	return true;
}
