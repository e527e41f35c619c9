#include <string.h>
#include <talloc.h>

#include "cli/context/cli.h"
#include "cli/output/json.h"
#include "tidemark/base/units.h"
#include "cli/options/verbs.h"

static json_t *
row_json(const struct tide_journal_row *row)
{
	return json_pack("{s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "seq",
	    (json_int_t)row->seq, "at", tide_json_text(row->at), "event", tide_json_text(row->event), "phase",
	    tide_json_text(row->phase), "step", tide_json_text(row->step), "actor",
	    tide_json_text(row->actor), "host", tide_json_text(row->host), "detail",
	    tide_json_text(row->detail), "sql", tide_json_text(row->sql), "outcome",
	    tide_json_text(row->outcome), "seconds", tide_json_real(row->seconds), "lock_wait_seconds",
	    tide_json_real(row->lock_wait));
}

static const char *
seconds_text(double seconds, char *text, size_t size)
{
	return seconds < 0 ? "" : tide_duration_format((int64_t)(seconds * 1e6), text, size);
}

static const char *
or_empty(const char *text)
{
	return text != NULL ? text : "";
}

static void
row_text(struct tide_cli *cli, void *mem, const struct tide_journal_row *row)
{
	char took[64], lock[64];
	const char *place = row->phase == NULL  ? ""
			    : row->step == NULL ? row->phase
						: talloc_asprintf(mem, "%s/%s", row->phase, row->step);

	tide_output_say(&cli->out, TIDE_DIM, "%-24s ", or_empty(row->at));
	tide_output_say(&cli->out, TIDE_PLAIN, "%s %s ", tide_output_pad(mem, or_empty(row->event), 16),
	    tide_output_pad(mem, place, 30));
	tide_output_say(&cli->out, TIDE_PLAIN, "%8s", seconds_text(row->seconds, took, sizeof(took)));
	if (row->lock_wait > 0)
		tide_output_say(
		    &cli->out, TIDE_PLAIN, "  lock %s", seconds_text(row->lock_wait, lock, sizeof(lock)));
	if (row->outcome != NULL)
		tide_output_say(&cli->out,
		    strcmp(row->outcome, "ok") == 0 || strcmp(row->outcome, "done") == 0 ? TIDE_GREEN
											 : TIDE_YELLOW,
		    "  %s", row->outcome);
	tide_output_say(&cli->out, TIDE_DIM, "  %s%s%s", or_empty(row->actor), row->host != NULL ? "@" : "",
	    or_empty(row->host));
	tide_output_say(
	    &cli->out, TIDE_PLAIN, "%s%s\n", row->detail != NULL ? "  " : "", or_empty(row->detail));
	if (row->sql != NULL && !cli->options.quiet)
		tide_output_block(&cli->out, "        ", row->sql);
}

bool
tide_verb_history(struct tide_cli *cli, struct tide_err *err)
{
	struct tide_journal_rows rows = { 0 };
	struct tide_run_status status = { 0 };
	const char *name;

	if (!tide_cli_plan_name(cli, cli->options.operand[0], &name, err) || !tide_cli_connect(cli, err) ||
	    !tide_store_status(cli, cli->conn, name, &status, err))
		return false;
	if (!status.found)
		return tide_cli_no_run(cli, name, err);
	if (!tide_store_history(cli, cli->conn, name, &rows, err))
		return false;
	if (cli->options.json) {
		json_t *object = tide_json_object(), *list = json_array();

		for (size_t i = 0; i < rows.count; i++)
			json_array_append_new(list, row_json(&rows.item[i]));
		json_object_set_new(object, "plan", tide_json_text(name));
		json_object_set_new(object, "history", list);
		json_object_set_new(object, "home", tide_json_text(status.home));
		json_object_set_new(object, "away", tide_json_text(status.away));
		tide_json_print(&cli->out, object, false);
		return true;
	}
	if (status.away != NULL) {
		tide_output_say(&cli->err, TIDE_YELLOW, "warning: ");
		tide_output_say(&cli->err, TIDE_PLAIN, "%s; %s\n", status.away, status.way_out);
	}
	for (size_t i = 0; i < rows.count; i++) {
		void *mem = talloc_new(cli);

		row_text(cli, mem, &rows.item[i]);
		talloc_free(mem);
	}
	return true;
}
