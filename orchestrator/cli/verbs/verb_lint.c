#include <string.h>
#include <talloc.h>

#include "cli/output/json.h"
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

static const struct {
	const char *format;
	void (*print)(struct tide_stream *stream, const char *path, const struct tide_findings *findings);
} printers[] = {
	{ "human", tide_lint_print_human },
	{ "gcc", tide_lint_print_gcc },
	{ "github", tide_lint_print_github },
};

static void
print(struct tide_cli *cli, const char *path, const struct tide_plan *plan,
    const struct tide_findings *findings, json_t *plans)
{
	if (plans != NULL) {
		json_array_append_new(plans, json_pack("{s:o, s:o, s:o}", "path", tide_json_text(path),
						 "name", tide_json_text(plan != NULL ? plan->name : NULL),
						 "findings", tide_json_findings(findings)));
		return;
	}
	for (size_t i = 0; i < TIDE_COUNT(printers); i++)
		if (strcmp(printers[i].format, cli->options.format) == 0)
			printers[i].print(&cli->out, path, findings);
}

static void
summary(struct tide_cli *cli, size_t errors, size_t warnings, json_t *plans)
{
	size_t count = cli->options.operand_count;

	if (plans != NULL) {
		json_t *object = tide_json_object();

		json_object_set_new(object, "plans", plans);
		json_object_set_new(object, "errors", json_integer((json_int_t)errors));
		json_object_set_new(object, "warnings", json_integer((json_int_t)warnings));
		tide_json_print(&cli->out, object, false);
		return;
	}
	if (strcmp(cli->options.format, "human") != 0 || cli->options.quiet)
		return;
	tide_output_say(
	    &cli->out, errors > 0 ? TIDE_RED : TIDE_GREEN, "%zu plan%s: ", count, count == 1 ? "" : "s");
	tide_output_say(&cli->out, TIDE_PLAIN, "%zu error%s, %zu warning%s\n", errors, errors == 1 ? "" : "s",
	    warnings, warnings == 1 ? "" : "s");
	if (errors == 0 && count == 1)
		tide_output_say(&cli->out, TIDE_PLAIN, "next: tidemark plan %s\n",
		    tide_shell_word(cli, cli->options.operand[0]));
}

bool
tide_verb_lint(struct tide_cli *cli, struct tide_err *err)
{
	bool json = cli->options.json || strcmp(cli->options.format, "json") == 0;
	json_t *plans = json ? json_array() : NULL;
	size_t errors = 0, warnings = 0;

	cli->options.json = json;
	for (size_t i = 0; i < cli->options.operand_count; i++) {
		const char *path = cli->options.operand[i];
		struct tide_findings *findings = talloc_zero(cli, struct tide_findings);
		struct tide_plan *plan;

		if (!check(cli, path, findings, &plan, err)) {
			json_decref(plans);
			return tide_wrap(err, "lint of '%s'", path);
		}
		print(cli, path, plan, findings, plans);
		errors += tide_lint_count(findings, TIDE_ERROR);
		warnings += tide_lint_count(findings, TIDE_WARNING);
	}
	summary(cli, errors, warnings, plans);
	cli->status = errors > 0 ? TIDE_PLAN : TIDE_OK;
	return true;
}
