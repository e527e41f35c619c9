#include "gate_field.h"

#include <string.h>

#include <talloc.h>

#include "tidemark/base/array.h"
#include "tidemark/base/shell.h"
#include "tidemark/base/units.h"
#include "toml/place.h"

#define GATE(key, type, ...) TIDE_KEY(tide_gate, key, type, __VA_ARGS__)

const struct tide_field *
tide_gate_fields(void)
{
	static const struct tide_field fields[] = {
		GATE(manual, BOOLEAN, .help = "waits for manual approval (`tidemark advance`)"),
		GATE(after, DURATION, .min = 0, .max = INT64_C(366) * 24 * 3600 * 1000000,
		    .help = "time that must have passed since the last phase ended"),
		GATE(sql, QUERY, .help = "a SELECT that must return true, asked again until it does"),
		TIDE_KEY_WINDOW(tide_gate),
		GATE(command, TEXTS, .help = "a program and its arguments, run until it exits with status 0"),
		GATE(interval, DURATION, .fallback = "10s", .min = 100000, .max = INT64_C(86400000000),
		    .help = "time between two runs of the command"),
		GATE(timeout, DURATION, .fallback = "30s", .min = 100000, .max = INT64_C(3600000000),
		    .help = "the command is killed when it runs longer"),
		GATE(retries, INTEGER, .min = 0, .max = 1000000,
		    .help =
			"how often it is run again before the run stops; left out: until it opens the gate"),
		{ 0 },
	};

	return fields;
}

static bool
read_word(const struct tide_toml *node, const char *path, struct tide_gate *out, struct tide_err *err)
{
	void *mem;

	if (strcmp(node->text, "manual") == 0) {
		out->manual = true;
		return true;
	}
	mem = talloc_new(NULL);
	tide_place_fail(
	    err, path, node->line, node->column, "a gate cannot be %s", tide_place_quote(mem, node->text));
	talloc_free(mem);
	return tide_hint(err, "gate = \"manual\", or a table of manual, after, sql, window and command");
}

bool
tide_gate_check_window(const char *text, const char *path, int line, int column, struct tide_err *err)
{
	struct tide_window window;

	if (tide_window_parse(text, &window))
		return true;
	tide_place_fail(err, path, line, column, "\"window\" is not a time window");
	return tide_hint(err, "weekdays where needed, from-to, and a time zone: \"Mon-Fri 22:00-06:00 "
			      "Europe/Berlin\"; 00:00-24:00 is the whole day");
}

/* The argv is given as it is, without a shell: a line that would need one is a mistake. */
static bool
check_command(
    const struct tide_toml *node, const struct tide_gate *gate, const char *path, struct tide_err *err)
{
	static const char *const keys[] = { "interval", "timeout", "retries" };
	const struct tide_toml *command = tide_toml_get(node, "command"), *key;

	if (command != NULL && command->type == TIDE_TOML_STRING && strpbrk(gate->command.item[0], " \t\n")) {
		tide_place_fail(err, path, command->line, command->column,
		    "\"command\" is no shell line: it is a list of a program and its arguments");
		return tide_hint(err, "command = [\"curl\", \"-fsS\", \"https://…\"]; for a shell: [\"sh\", "
				      "\"-c\", \"…\"]");
	}
	for (size_t i = 0; command == NULL && i < TIDE_COUNT(keys); i++) {
		key = tide_toml_get(node, keys[i]);
		if (key == NULL)
			continue;
		tide_place_fail(err, path, key->key_line, key->key_column,
		    "\"%s\" is for a gate with a command", keys[i]);
		return tide_hint(err, "leave the key out, or add command = [\"…\"]");
	}
	return true;
}

bool
tide_gate_read(
    void *ctx, const struct tide_toml *node, const char *path, struct tide_gate *out, struct tide_err *err)
{
	struct tide_gate *gate;
	const struct tide_toml *text;

	if (node->type == TIDE_TOML_STRING)
		return read_word(node, path, out, err);
	if (node->type != TIDE_TOML_TABLE || node->count == 0) {
		tide_place_fail(err, path, node->line, node->column,
		    "a gate must be \"manual\" or a table, not %s",
		    node->type == TIDE_TOML_TABLE ? "an empty one" : tide_place_type(node));
		return tide_hint(err, "such as gate = { manual = true, after = \"24h\" }");
	}
	gate = talloc_zero(ctx, struct tide_gate);
	gate->retries = -1;
	if (!tide_fields_read(node, path, tide_gate_fields(), NULL, gate, err) ||
	    !check_command(node, gate, path, err))
		return false;
	text = tide_toml_get(node, "window");
	if (gate->window != NULL &&
	    !tide_gate_check_window(gate->window, path, text->line, text->column, err))
		return false;
	*out = *gate;
	return true;
}

char *
tide_gate_command_line(void *ctx, const struct tide_gate *gate)
{
	char *line = NULL;

	for (size_t i = 0; i < gate->command.count; i++) {
		char *word = tide_shell_word(ctx, gate->command.item[i]);

		line = line == NULL ? word : talloc_asprintf_append(line, " %s", word);
	}
	return line;
}

char *
tide_gate_text(void *ctx, const struct tide_gate *gate)
{
	char after[32];
	char *text = NULL;

#define PART(...)                                                                                            \
	text = text == NULL ? talloc_asprintf(ctx, __VA_ARGS__)                                              \
			    : talloc_asprintf_append(talloc_strdup_append(text, ", "), __VA_ARGS__)
	if (gate->manual)
		PART("manual approval");
	if (gate->after > 0)
		PART("%s after the phase before", tide_duration_format(gate->after, after, sizeof(after)));
	if (gate->sql != NULL)
		PART("SQL condition: %s", gate->sql);
	if (gate->window != NULL)
		PART("time window %s", gate->window);
	if (gate->command.count > 0)
		PART("command: %s", tide_gate_command_line(ctx, gate));
#undef PART
	return text;
}
