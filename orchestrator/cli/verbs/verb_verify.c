#include <talloc.h>

#include "cli/context/cli.h"
#include "cli/context/render.h"
#include "cli/review/review_input.h"
#include "tidemark/orchestrator/compare.h"
#include "tidemark/phases/phase.h"
#include "tidemark/base/sqltext.h"
#include "tidemark/orchestrator/store.h"
#include "tidemark/base/units.h"
#include "cli/options/verbs.h"
#include "cli/render/event_printer.h"

bool
tide_verb_verify(struct tide_cli *cli, struct tide_err *err)
{
	struct tide_differences found = { 0 };
	struct tide_catalog *cat;
	struct tide_observer observer;
	struct tide_plan *plan;
	struct tide_sweep_spec *spec;
	struct tide_comparison what;
	struct tide_event_printer printer;
	bool done;

	if (!tide_cli_plan(cli, cli->options.operand[0], &plan, err) || !tide_cli_connect(cli, err) ||
	    !tide_review_catalog(cli, cli->conn, plan, &cat, err) ||
	    !tide_phase_compare_spec(cli, plan, cat, &spec, err))
		return false;
	observer = tide_event_printer_init(&printer, cli);
	what = (struct tide_comparison){
		.loop = cli->loop,
		.conn = cli->conn,
		.dsn = &cli->dsn,
		.application_name = "tidemark/verify",
		.limits = &plan->limits,
		.plan = plan->name,
		.table = tide_sqlf(cli, "%I.%I", cat->table.schema, cat->table.name),
		.spec = spec,
		/* For programs it is one object here, not a stream of events. */
		.observer = cli->render->machine ? NULL : &observer,
	};
	done = tide_compare(cli, &what, &found, err);
	tide_event_printer_end(&printer);
	if (!done)
		return false;
	cli->render->differences(cli, plan, &found);
	cli->status = found.differing > 0 ? TIDE_DIFFERENCES : found.stopped;
	return true;
}
