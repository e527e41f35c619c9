#include <string.h>
#include <talloc.h>
#include <unistd.h>

#include "cli/context/render.h"
#include "cli/output/lint_print.h"
#include "cli/review/review_input.h"
#include "tidemark/phases/phase.h"
#include "cli/options/verbs.h"
#include "tidemark/base/shell.h"

/* Why the catalog could not be read. */
static const char *
rule_of(const struct tide_err *failed)
{
	if (strcmp(failed->sqlstate, "42501") == 0)
		return "privilege-state";
	return strcmp(failed->sqlstate, "22P05") == 0 ? "encoding" : "no-such-table";
}

/* As execvp would look for it. */
static bool
is_program(struct tide_cli *cli, const char *name)
{
	const char *path = cli->getenv_fn(cli->getenv_ctx, "PATH");

	if (strchr(name, '/') != NULL || path == NULL)
		return strchr(name, '/') == NULL || access(name, X_OK) == 0;
	for (const char *at = path;;) {
		size_t length = strcspn(at, ":");
		char *file = talloc_asprintf(cli, "%.*s/%s", (int)length, at, name);
		bool found = access(length > 0 ? file : name, X_OK) == 0;

		talloc_free(file);
		if (found || at[length] == '\0')
			return found;
		at += length + 1;
	}
}

/* Only a warning: lint may run on another machine than the executor. */
static void
check_commands(struct tide_cli *cli, const struct tide_plan *plan, struct tide_findings *out)
{
	for (size_t i = 0; i < plan->count; i++) {
		const struct tide_phase *phase = &plan->phase[i];
		const struct tide_toml *gate = tide_toml_get(phase->node, "gate");

		if (phase->gate.command.count > 0 && !is_program(cli, phase->gate.command.item[0]))
			tide_findings_add(out, TIDE_WARNING, "gate-command-missing", gate->line, gate->column,
			    "it must be there, and executable, where the executor runs; with a path it is looked for "
			    "from its working directory",
			    "the program %s of the gate's command is not found on this machine",
			    phase->gate.command.item[0]);
	}
}

/** One plan's findings; false + err only for what is not about the plan. */
static bool
check(struct tide_cli *cli, const char *path, struct tide_findings *out, struct tide_plan **plan,
    struct tide_err *err)
{
	bool live = cli->options.db || tide_options_connect(&cli->options);
	struct tide_err failed = { 0 };
	struct tide_review_input *loaded;

	*plan = NULL;
	/* Without a database to ask, a plan is a file: one that is not there must not become a connection to wait for. */
	if (!live && !tide_cli_is_file(path)) {
		tide_fail(&failed, TIDE_PLAN, "there is no file '%s'", path);
		tide_hint(&failed, "to check a plan that is stored in a database: tidemark lint --db %s",
		    tide_shell_word(cli, path));
		tide_lint_from_err(out, "plan-invalid", &failed);
		return true;
	}
	if (!tide_cli_plan(cli, path, plan, &failed)) {
		if (failed.code != TIDE_PLAN && failed.code != TIDE_USAGE) {
			*err = failed;
			return false;
		}
		*plan = NULL;
		tide_lint_from_err(out, "plan-invalid", &failed);
		return true;
	}
	check_commands(cli, *plan, out);
	if (!live) {
		tide_phase_lint(*plan, NULL, out);
		return true;
	}
	if (!tide_review_load(cli, cli, *plan, &loaded, &failed)) {
		if (failed.code != TIDE_PRECONDITION) {
			*err = failed;
			return false;
		}
		tide_phase_lint(*plan, NULL, out);
		tide_lint_from_err(out, rule_of(&failed), &failed);
		return true;
	}
	if (!tide_review_preflight(cli, loaded, err))
		return false;
	tide_lint_merge(out, loaded->findings);
	return true;
}

bool
tide_verb_lint(struct tide_cli *cli, struct tide_err *err)
{
	size_t count = cli->options.operand_count;
	struct tide_checked_plan *checked = talloc_zero_array(cli, struct tide_checked_plan, (unsigned)count);
	bool errors = false;

	for (size_t i = 0; i < count; i++) {
		const char *path = cli->options.operand[i];
		struct tide_findings *findings = talloc_zero(cli, struct tide_findings);
		struct tide_plan *plan;

		if (!check(cli, path, findings, &plan, err))
			return tide_wrap(err, "lint of '%s'", path);
		checked[i] = (struct tide_checked_plan){ path, plan, findings };
		errors = errors || tide_findings_has_error(findings);
	}
	cli->render->lint(cli, checked, count);
	cli->status = errors ? TIDE_PLAN : TIDE_OK;
	return true;
}
