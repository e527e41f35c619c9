#include <string.h>
#include <talloc.h>

#include "cli/context/cli.h"
#include "cli/output/json.h"
#include "tidemark/orchestrator/adopt.h"
#include "cli/options/verbs.h"

static json_t *
differences_json(const struct tide_adoption *a)
{
	json_t *list = json_array();

	for (size_t i = 0; i < a->count; i++) {
		const struct tide_difference *d = &a->item[i];

		json_array_append_new(
		    list, json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "kind", tide_json_text(d->kind), "name",
			      tide_json_text(d->name), "table", tide_json_text(d->table), "problem",
			      tide_json_text(d->problem), "message", tide_json_text(d->text), "fix",
			      tide_json_text(d->fix)));
	}
	return list;
}

static json_t *
not_compared_json(const struct tide_adoption *a)
{
	json_t *list = json_array();

	for (size_t i = 0; i < a->not_compared.count; i++)
		json_array_append_new(list, tide_json_text(a->not_compared.item[i]));
	return list;
}

/* One object, whatever came of it; err: NULL when it was no failure. */
static void
print_json(struct tide_cli *cli, const char *plan, const struct tide_adoption *a, const char *next,
    const struct tide_err *err)
{
	json_t *object = tide_json_object();

	json_object_set_new(object, "plan", tide_json_text(plan));
	json_object_set_new(object, "adopted", json_boolean(a->adopted));
	json_object_set_new(object, "case", tide_json_text(a->place));
	json_object_set_new(object, "reason", tide_json_text(a->reason));
	json_object_set_new(object, "table", tide_json_text(a->table));
	json_object_set_new(object, "from", tide_json_text(a->before));
	json_object_set_new(object, "to", tide_json_text(a->here));
	json_object_set_new(object, "sweeps_start_over", json_integer((json_int_t)a->sweeps));
	json_object_set_new(object, "differences", differences_json(a));
	json_object_set_new(object, "not_compared", not_compared_json(a));
	json_object_set_new(object, "next", tide_json_text(next));
	if (err != NULL)
		json_object_set_new(object, "error", tide_json_error(err));
	tide_json_print(&cli->out, object, false);
}

static void
print_not_compared(struct tide_cli *cli, const struct tide_adoption *a)
{
	for (size_t i = 0; i < a->not_compared.count; i++)
		tide_output_say(&cli->out, TIDE_PLAIN, "not compared: %s\n", a->not_compared.item[i]);
}

static void
print_text(struct tide_cli *cli, const char *plan, const struct tide_adoption *a, const char *next)
{
	tide_output_say(&cli->out, TIDE_BOLD, "%s", plan);
	if (!a->adopted)
		tide_output_say(&cli->out, TIDE_PLAIN, ": %s\n", a->reason);
	else if (a->sweeps == 0)
		tide_output_say(&cli->out, TIDE_GREEN, ": adopted: %s is as the run left it\n", a->table);
	else
		tide_output_say(&cli->out, TIDE_GREEN,
		    ": adopted: %s is as the run left it; %lld unfinished sweep%s start%s over and only "
		    "read%s rows that are filled\n",
		    a->table, (long long)a->sweeps, a->sweeps == 1 ? "" : "s", a->sweeps == 1 ? "s" : "",
		    a->sweeps == 1 ? "s" : "");
	print_not_compared(cli, a);
	if (next != NULL)
		tide_output_say(&cli->out, TIDE_PLAIN, "next: %s\n", next);
}

static void
print_differences(struct tide_cli *cli, const struct tide_adoption *a)
{
	for (size_t i = 0; i < a->count; i++) {
		tide_output_say(&cli->out, TIDE_YELLOW, "%s\n", a->item[i].text);
		tide_output_say(&cli->out, TIDE_DIM, "    %s\n", a->item[i].fix);
	}
	print_not_compared(cli, a);
	(void)fflush(cli->out.file);
}

bool
tide_verb_adopt(struct tide_cli *cli, struct tide_err *err)
{
	const struct tide_options *o = &cli->options;
	const struct tide_adopter who = {
		.by = tide_cli_by(cli), .reason = o->reason, .ticket = o->ticket, .note = o->note
	};
	struct tide_run_status status = { 0 };
	struct tide_adoption adoption;
	const char *name, *next;
	bool done;

	if (!tide_cli_plan_name(cli, o->operand[0], &name, err) || !tide_cli_connect(cli, err) ||
	    !tide_store_status(cli, cli->conn, name, &status, err))
		return false;
	if (!status.found)
		return tide_cli_no_run(cli, name, err);
	done = tide_adopt(cli, cli->conn, name, &who, &adoption, err);
	if (!done) {
		if (o->json)
			print_json(cli, name, &adoption, NULL, err);
		else
			print_differences(cli, &adoption);
		cli->said_error = o->json;
		return false;
	}
	if (!tide_store_status(cli, cli->conn, name, &status, err))
		return false;
	next = tide_cli_next(cli, &status, o->operand[0]);
	if (o->json)
		print_json(cli, name, &adoption, next, NULL);
	else
		print_text(cli, name, &adoption, next);
	return true;
}
