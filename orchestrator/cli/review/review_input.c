#include "review_input.h"

#include <string.h>
#include <talloc.h>

#include "cli/output/lint_print.h"
#include "state/encoding.h"
#include "tidemark/postgres/catalog_load.h"
#include "tidemark/phases/phase.h"
#include "tidemark/postgres/rows.h"

bool
tide_review_catalog(void *ctx, struct tide_conn *conn, const struct tide_plan *plan,
    struct tide_catalog **out, struct tide_err *err)
{
	struct tide_catalog_request request = {
		.schema = plan->schema,
		.relation = plan->relation,
		.plan = plan->name,
		.expressions = tide_phase_expressions(ctx, plan),
		.columns = tide_phase_paired_columns(ctx, plan),
		.future_columns = tide_phase_future_columns(ctx, plan),
	};

	if (!tide_encoding_check(conn, plan, err) || !tide_store_table(conn, plan->name, &request.oid, err) ||
	    !tide_catalog_load(ctx, conn, &request, out, err))
		return false;
	return !tide_phase_more_facts(ctx, plan, *out, &request.expressions, &request.columns) ||
	       tide_catalog_load(ctx, conn, &request, out, err);
}

enum tide_file_fit
tide_review_fit(const struct tide_run_status *run, const struct tide_plan *plan)
{
	void *mem;
	struct tide_plan *stored = NULL;
	struct tide_err ignored = { 0 };
	bool longer;

	if (strcmp(run->hash, plan->hash) == 0)
		return TIDE_FILE_SAME;
	if (run->plan_text == NULL)
		return TIDE_FILE_OTHER;
	mem = talloc_new(NULL);
	longer = tide_plan_parse(mem, plan->path, run->plan_text, strlen(run->plan_text), tide_phase_kinds(),
		     tide_phase_count, &stored, &ignored) &&
		 tide_plan_extends(stored, plan);
	talloc_free(mem);
	return longer ? TIDE_FILE_LONGER : TIDE_FILE_OTHER;
}

bool
tide_review_comes_back(const struct tide_run_status *run, const struct tide_plan *plan)
{
	return run->found && run->state == TIDE_RUN_COMPLETE && plan->recurring;
}

/* Of a run under way, the phases that have begun have their steps in the journal; *first is the one after them. */
static bool
written_down(struct tide_review_input *input, struct tide_conn *conn, size_t *first, bool *at_work,
    struct tide_err *err)
{
	const struct tide_run_status *run = &input->run;

	*first = 0;
	*at_work = false;
	if (!run->found || run->state == TIDE_RUN_ROLLED_BACK || tide_review_comes_back(run, input->plan) ||
	    tide_review_fit(run, input->plan) == TIDE_FILE_OTHER)
		return true;
	for (size_t i = 0; i < run->count && i < input->plan->count; i++) {
		if (!tide_store_steps(input, conn, run->id, (long)i, &input->steps[i], err))
			return false;
		if (input->steps[i] == NULL)
			break;
		*first = i + 1;
		*at_work = run->item[i].state != TIDE_PHASE_DONE;
	}
	return true;
}

/*
 * Phases that have begun are shown as they were compiled then; only the rest is compiled, against the table
 * as it is now.
 */
bool
tide_review_load(void *ctx, struct tide_cli *cli, const struct tide_plan *plan,
    struct tide_review_input **out, struct tide_err *err)
{
	struct tide_review_input *input = talloc_zero(ctx, struct tide_review_input);
	struct tide_findings *found;
	struct tide_rows *rows;
	struct tide_err compile = { 0 };
	size_t first;
	bool at_work;

	input->plan = plan;
	input->findings = talloc_zero(input, struct tide_findings);
	input->steps = talloc_zero_array(input, struct tide_steps *, (unsigned)plan->count + 1);
	if (!tide_cli_connect(cli, err) || !tide_review_catalog(input, cli->conn, plan, &input->cat, err) ||
	    !tide_store_status(input, cli->conn, plan->name, &input->run, err) ||
	    !written_down(input, cli->conn, &first, &at_work, err) ||
	    !tide_await_query(cli->conn, input, "SELECT pg_catalog.to_regnamespace('tidemark') IS NOT NULL",
		0, NULL, &rows, err))
		return false;
	input->state = tide_rows_only_bool(rows);
	if (input->run.found && input->run.unmatched > 0)
		tide_findings_add(input->findings, TIDE_WARNING, "lookup-unmatched", 0, 0,
		    "add what is missing to the table that is looked up and write those rows again (UPDATE … "
		    "SET old = "
		    "old), or leave them NULL: the switch does not stop for them",
		    "%s", tide_unmatched_text(input, input->run.unmatched, input->run.unmatched_key));
	tide_phase_lint(plan, NULL, input->findings);
	if (!tide_findings_has_error(input->findings)) {
		found = talloc_zero(input, struct tide_findings);
		if (!tide_phase_compile_rest(
			input, plan, first, at_work, input->cat, input->steps, found, &compile) &&
		    !tide_findings_has_error(found))
			tide_lint_from_err(found, "cannot-compile", &compile);
		tide_lint_merge(input->findings, found);
	}
	*out = input;
	return true;
}
