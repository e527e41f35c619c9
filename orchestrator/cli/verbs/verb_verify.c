#include <talloc.h>

#include "cli/context/cli.h"
#include "cli/output/json.h"
#include "cli/review/review_input.h"
#include "tidemark/orchestrator/compare.h"
#include "tidemark/phases/phase.h"
#include "tidemark/base/sqltext.h"
#include "tidemark/orchestrator/store.h"
#include "tidemark/base/units.h"
#include "cli/options/verbs.h"
#include "cli/render/event_printer.h"

static void
print_json(struct tide_cli *cli, const struct tide_plan *plan, const struct tide_differences *found)
{
	json_t *object = tide_json_object(), *keys = json_array();

	for (size_t i = 0; i < found->count; i++) {
		json_t *key = json_loads(found->key[i], JSON_DECODE_ANY, NULL);

		json_array_append_new(keys, key != NULL ? key : tide_json_text(found->key[i]));
	}
	json_object_set_new(object, "plan", tide_json_text(plan->name));
	json_object_set_new(object, "rows_seen", json_integer((json_int_t)found->rows_seen));
	json_object_set_new(object, "differing", json_integer((json_int_t)found->differing));
	json_object_set_new(object, "keys", keys);
	if (found->unmatched >= 0)
		json_object_set_new(
		    object, "lookup", tide_json_lookup(found->unmatched, found->unmatched_key));
	json_object_set_new(object, "complete", json_boolean(!found->interrupted));
	tide_json_print(&cli->out, object, false);
}

static void
print_text(struct tide_cli *cli, const struct tide_plan *plan, const struct tide_differences *found)
{
	char rows[64], differing[64];

	tide_count_format(found->rows_seen, rows, sizeof(rows));
	tide_count_format(found->differing, differing, sizeof(differing));
	tide_output_say(&cli->out, TIDE_BOLD, "%s", plan->name);
	tide_output_say(&cli->out, found->differing > 0 ? TIDE_RED : TIDE_GREEN,
	    ": %s rows compared%s, %s differ\n", rows, found->interrupted ? " before it was interrupted" : "",
	    differing);
	for (size_t i = 0; i < found->count; i++)
		tide_output_say(&cli->out, TIDE_PLAIN, "  %s\n", found->key[i]);
	if ((int64_t)found->count < found->differing)
		tide_output_say(&cli->out, TIDE_DIM, "  … and %s more\n",
		    tide_count_format(found->differing - (int64_t)found->count, rows, sizeof(rows)));
	if (found->unmatched > 0)
		tide_output_say(&cli->out, TIDE_YELLOW, "  %s\n",
		    tide_unmatched_text(cli, found->unmatched, found->unmatched_key));
}

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
		.workers = plan->limits.workers,
		.table = tide_sqlf(cli, "%I.%I", cat->table.schema, cat->table.name),
		.spec = spec,
		/* --json is one object here, not a stream of events. */
		.observer = cli->options.json ? NULL : &observer,
	};
	done = tide_compare(cli, &what, &found, err);
	tide_event_printer_end(&printer);
	if (!done)
		return false;
	if (cli->options.json)
		print_json(cli, plan, &found);
	else
		print_text(cli, plan, &found);
	cli->status = found.differing > 0 ? TIDE_DIFFERENCES : found.interrupted ? TIDE_INTERRUPTED : TIDE_OK;
	return true;
}
