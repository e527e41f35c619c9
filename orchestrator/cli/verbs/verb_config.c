#include <talloc.h>

#include "cli/context/cli.h"
#include "cli/context/render.h"
#include "tidemark/plans/plan.h"
#include "cli/options/verbs.h"

/* The settings as they are collected. */
struct table {
	struct tide_cli *cli;
	struct tide_shown_setting *item;
	size_t count;
};

static void
add(struct table *table, const char *name, const char *value, const char *origin)
{
	table->item =
	    talloc_realloc(table->cli, table->item, struct tide_shown_setting, (unsigned)(table->count + 1));
	table->item[table->count++] = (struct tide_shown_setting){ name, value, origin };
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
	}
}

bool
tide_verb_config(struct tide_cli *cli, struct tide_err *err)
{
	struct table table = { .cli = cli };

	if (!tide_cli_resolve(cli, err))
		return false;
	for (size_t i = 0; i < cli->settings.count; i++) {
		const struct tide_setting *setting = &cli->settings.item[i];

		add(&table, setting->keyword, setting->shown, setting->origin);
	}
	add_options(&table);
	add_limits(&table);
	cli->render->settings(cli, table.item, table.count);
	return true;
}
