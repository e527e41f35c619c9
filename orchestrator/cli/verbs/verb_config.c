#include <talloc.h>

#include "cli/context/cli.h"
#include "cli/output/json.h"
#include "tidemark/plans/plan.h"
#include "cli/options/verbs.h"

struct table {
	struct tide_cli *cli;
	json_t *list; /* with --json */
};

static void
add(struct table *table, const char *name, const char *value, const char *origin)
{
	struct tide_cli *cli = table->cli;
	void *mem;

	if (table->list != NULL) {
		json_array_append_new(
		    table->list, json_pack("{s:o, s:o, s:o}", "name", tide_json_text(name), "value",
				     tide_json_text(value), "origin", tide_json_text(origin)));
		return;
	}
	mem = talloc_new(cli);
	tide_output_say(&cli->out, TIDE_PLAIN, "%s  %s  ", tide_output_pad(mem, name, 24),
	    tide_output_pad(mem, value != NULL ? value : "", 32));
	tide_output_say(&cli->out, TIDE_DIM, "%s\n", origin);
	talloc_free(mem);
}

/** Settings that are not about the connection have an environment variable each. */
static void
add_options(struct table *table)
{
	struct tide_cli *cli = table->cli;

	for (const struct tide_option *row = tide_option_table; row->name != NULL; row++) {
		const char *value = row->env != NULL ? cli->getenv_fn(cli->getenv_ctx, row->env) : NULL;

		if (row->env == NULL || row->offset == offsetof(struct tide_options, dsn))
			continue;
		if (tide_option_origin(&cli->options, row) == TIDE_ORIGIN_FLAG)
			add(table, row->name, tide_option_show(cli, &cli->options, row), "command line");
		else if (value != NULL && value[0] != '\0')
			add(table, row->name, value, row->env);
		else
			add(table, row->name, row->fallback != NULL ? row->fallback : "", "default");
	}
}

/** Limits that no flag can override. */
static void
add_limits(struct table *table)
{
	for (const struct tide_field *field = tide_limits_fields(); field->key != NULL; field++) {
		char *name = talloc_asprintf(table->cli, "limits.%s", field->key);

		add(table, name, field->fallback, "default; the plan may say otherwise");
		talloc_free(name);
	}
}

bool
tide_verb_config(struct tide_cli *cli, struct tide_err *err)
{
	struct table table = { .cli = cli, .list = cli->options.json ? json_array() : NULL };
	json_t *object;

	if (!tide_cli_resolve(cli, err)) {
		json_decref(table.list);
		return false;
	}
	for (size_t i = 0; i < cli->settings.count; i++) {
		const struct tide_setting *setting = &cli->settings.item[i];

		add(&table, setting->keyword, setting->shown, setting->origin);
	}
	add_options(&table);
	add_limits(&table);
	if (table.list != NULL) {
		object = tide_json_object();
		json_object_set_new(object, "settings", table.list);
		tide_json_print(&cli->out, object, false);
	}
	return true;
}
