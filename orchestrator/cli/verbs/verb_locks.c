#include <talloc.h>

#include "cli/context/cli.h"
#include "cli/output/json.h"
#include "tidemark/base/units.h"
#include "cli/options/verbs.h"

static const char *
or_empty(const char *text)
{
	return text != NULL ? text : "";
}

static void
print(struct tide_cli *cli, const struct tide_lock_rows *locks)
{
	for (size_t i = 0; i < locks->count; i++) {
		const struct tide_lock_row *row = &locks->item[i];
		void *mem = talloc_new(cli);
		char age[64];

		tide_output_say(
		    &cli->out, TIDE_YELLOW, "%s", tide_output_pad(mem, tide_lock_role_word(row->role), 17));
		tide_output_say(&cli->out, TIDE_PLAIN, "pid %-8d %s %s %s %s  %s\n", row->pid,
		    tide_output_pad(mem, or_empty(row->user), 14),
		    tide_output_pad(mem, or_empty(row->application), 22),
		    tide_output_pad(mem, or_empty(row->state), 20),
		    row->age < 0
			? ""
			: tide_duration_format((int64_t)(row->age * 1e3) * TIDE_MS, age, sizeof(age)),
		    or_empty(row->lock));
		if (row->query != NULL && row->query[0] != '\0')
			tide_output_block(&cli->out, "        ", row->query);
		talloc_free(mem);
	}
}

static json_t *
locks_json(const struct tide_lock_rows *locks)
{
	json_t *list = json_array();

	for (size_t i = 0; i < locks->count; i++) {
		const struct tide_lock_row *row = &locks->item[i];

		json_array_append_new(
		    list, json_pack("{s:o, s:i, s:o, s:o, s:o, s:o, s:o, s:o}", "role",
			      tide_json_text(tide_lock_role_word(row->role)), "pid", row->pid, "user",
			      tide_json_text(row->user), "application", tide_json_text(row->application),
			      "state", tide_json_text(row->state), "lock", tide_json_text(row->lock), "query",
			      tide_json_text(row->query), "age_seconds", tide_json_real(row->age)));
	}
	return list;
}

bool
tide_verb_locks(struct tide_cli *cli, struct tide_err *err)
{
	struct tide_lock_rows locks = { 0 };
	struct tide_plan *plan;

	if (!tide_cli_plan(cli, cli->options.operand[0], &plan, err) || !tide_cli_connect(cli, err) ||
	    !tide_store_locks(cli, cli->conn, plan->schema, plan->relation, &locks, err))
		return false;
	if (cli->options.json) {
		json_t *object = tide_json_object();

		json_object_set_new(object, "plan", tide_json_text(plan->name));
		json_object_set_new(object, "table", tide_json_text(plan->table));
		json_object_set_new(object, "locks", locks_json(&locks));
		tide_json_print(&cli->out, object, false);
		return true;
	}
	if (locks.count == 0)
		tide_output_say(&cli->out, TIDE_PLAIN,
		    "on %s no session blocks the run, and the run blocks no session\n", plan->table);
	print(cli, &locks);
	return true;
}
