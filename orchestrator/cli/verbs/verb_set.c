#include <string.h>
#include <talloc.h>

#include "cli/context/cli.h"
#include "cli/context/render.h"
#include "cli/options/verbs.h"
#include "run/zones.h"
#include "tidemark/plans/steering.h"

static bool
not_an_assignment(const char *word, struct tide_err *err)
{
	tide_fail(err, TIDE_USAGE, "'%s' is not KEY=VALUE", word);
	return tide_hint(err, "workers=4 sets a value, workers= ends it, and the plan's counts again");
}

static bool
given_twice(const struct tide_live_change *change, size_t count, struct tide_err *err)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(change[i].key, change[count].key) == 0)
			return !tide_fail(err, TIDE_USAGE, "\"%s\" is given twice", change[i].key);
	return false;
}

/* Splits and checks what was given, as far as that needs no server. *sets: how many are not ended but set. */
static bool
read_changes(
    struct tide_cli *cli, struct tide_live_change *out, size_t count, size_t *sets, struct tide_err *err)
{
	const struct tide_limits none = { 0 };
	struct tide_steering *steering = tide_steering_new(cli, &none);

	*sets = 0;
	for (size_t i = 0; i < count; i++) {
		const char *word = cli->options.operand[1 + i], *equals = strchr(word, '=');

		if (equals == NULL || equals == word)
			return not_an_assignment(word, err);
		out[i].key = talloc_strndup(cli, word, (size_t)(equals - word));
		out[i].value = equals[1] != '\0' ? equals + 1 : NULL;
		if (!tide_steering_known(out[i].key, err) || given_twice(out, i, err) ||
		    (out[i].value != NULL && !tide_steering_set(steering, out[i].key, out[i].value, err)))
			return false;
		*sets += out[i].value != NULL;
	}
	return true;
}

/* What only the server knows. */
static bool
check_zones(struct tide_cli *cli, const struct tide_live_change *change, size_t count, struct tide_err *err)
{
	for (size_t i = 0; i < count; i++)
		if (change[i].value != NULL && strcmp(change[i].key, "window") == 0 &&
		    !tide_zone_check(cli->conn, change[i].value, err))
			return false;
	return true;
}

static bool
read_status(struct tide_cli *cli, const char *name, struct tide_run_status *status, struct tide_err *err)
{
	if (!tide_store_status(cli, cli->conn, name, status, err))
		return tide_store_set_refused(cli->conn, name, err);
	return status->found || tide_cli_no_run(cli, name, err);
}

bool
tide_verb_set(struct tide_cli *cli, struct tide_err *err)
{
	const struct tide_options *o = &cli->options;
	size_t count = o->operand_count - 1, sets;
	struct tide_live_change *change =
	    talloc_zero_array(cli, struct tide_live_change, (unsigned)count + 1);
	struct tide_run_status status = { 0 };
	const char *name;

	if (!read_changes(cli, change, count, &sets, err))
		return false;
	if (o->expire > 0 && sets == 0)
		return tide_fail(err, TIDE_USAGE, "--expire says when a value ends, and none is set here");
	if (!tide_cli_plan_name(cli, o->operand[0], &name, err) || !tide_cli_connect(cli, err) ||
	    !read_status(cli, name, &status, err) || !check_zones(cli, change, count, err))
		return false;
	if (count > 0 &&
	    (!tide_store_set(cli->conn, name, change, count, tide_cli_by(cli), o->reason, o->expire, err) ||
		!read_status(cli, name, &status, err)))
		return false;
	cli->render->steering(cli, &(struct tide_steering_view){ .name = name,
				       .next = tide_cli_next(cli, &status, o->operand[0]),
				       .changed = count > 0,
				       .status = &status });
	return true;
}
