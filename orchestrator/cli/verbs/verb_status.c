#include <stdlib.h>
#include <string.h>
#include <talloc.h>

#include "cli/context/cli.h"
#include "cli/context/render.h"
#include "cli/review/review_input.h"
#include "cli/render/status_print.h"
#include "tidemark/base/names.h"
#include "tidemark/base/units.h"
#include "cli/options/verbs.h"
#include "watch_keys.h"
#include "tidemark/orchestrator/next.h"
#include "tidemark/base/shell.h"

enum reached { NOT_YET, REACHED, NEVER };

/* What `run` ended with, as far as the state tells. */
static enum tide_code
exit_status(const struct tide_run_status *s)
{
	if (!s->found)
		return TIDE_PENDING;
	if (s->state == TIDE_RUN_FAILED && s->code != 0)
		return (enum tide_code)s->code;
	return tide_run_word(s->state)->exit;
}

/* Of several plans the one that most needs a decision: a failure before a lock, a pause, a gate, and work that is pending. */
static enum tide_code
worst(const struct tide_status_list *all)
{
	static const enum tide_run_state order[] = { TIDE_RUN_FAILED, TIDE_RUN_BLOCKED, TIDE_RUN_PAUSED,
		TIDE_RUN_PAUSING, TIDE_RUN_WAITING, TIDE_RUN_ROLLING_BACK, TIDE_RUN_RUNNING, TIDE_RUN_READY };

	for (size_t k = 0; k < TIDE_COUNT(order); k++)
		for (size_t i = 0; i < all->count; i++)
			if (all->item[i].state == order[k])
				return exit_status(&all->item[i]);
	return TIDE_OK;
}

/** Index of the phase called or numbered so; count when there is none. */
static size_t
find_phase(const struct tide_run_status *s, const char *name)
{
	char *end;
	unsigned long number = strtoul(name, &end, 10);
	size_t i = 0;

	while (i < s->count && strcmp(s->item[i].name, name) != 0)
		i++;
	if (i == s->count && name[0] >= '0' && name[0] <= '9' && *end == '\0' && number >= 1 &&
	    number <= s->count)
		return number - 1;
	return i;
}

static bool
known_phase(const struct tide_run_status *s, const char *name, struct tide_err *err)
{
	const char *names[256] = { "complete" }, *near;
	size_t count = 1;

	if (strcmp(name, "complete") == 0 || find_phase(s, name) < s->count)
		return true;
	for (size_t i = 0; i < s->count && count < TIDE_COUNT(names); i++)
		names[count++] = s->item[i].name;
	near = tide_nearest(name, names, count);
	(void)tide_fail(err, TIDE_USAGE, "--wait-for: plan '%s' has no phase '%s'", s->plan, name);
	return near != NULL ? tide_hint(err, "did you mean '%s'?", near) : false;
}

static enum reached
reached(const struct tide_run_status *s, const char *name)
{
	if (!s->found)
		return NOT_YET;
	if (s->state == TIDE_RUN_COMPLETE)
		return REACHED;
	/* Nobody continues it here. */
	if (s->away != NULL)
		return NEVER;
	/* What failed is a later one. */
	if (strcmp(name, "complete") != 0 && s->item[find_phase(s, name)].state == TIDE_PHASE_DONE)
		return REACHED;
	if (s->state == TIDE_RUN_FAILED || s->state == TIDE_RUN_BLOCKED || s->state == TIDE_RUN_ROLLED_BACK)
		return NEVER;
	return NOT_YET;
}

/** What was asked about, and what the file says when it is one. */
struct subject {
	const char *as, *name;
	const struct tide_plan *plan; /* NULL when it is no file */
};

/** A file need not be what the run was begun with. After a run that was rolled back, or of a recurring plan is complete, any will do. */
static enum tide_file_fit
file_fit(const struct tide_run_status *s, const struct subject *subject)
{
	if (!s->found || subject->plan == NULL || s->state == TIDE_RUN_ROLLED_BACK ||
	    tide_review_comes_back(s, subject->plan))
		return TIDE_FILE_SAME;
	return tide_review_fit(s, subject->plan);
}

static void
print(struct tide_cli *cli, const struct tide_run_status *s, const struct subject *subject)
{
	enum tide_file_fit fit = file_fit(s, subject);
	struct tide_standing standing = tide_standing_of(s);
	char *next;

	standing.longer = fit == TIDE_FILE_LONGER;
	next = tide_next_command(
	    cli, &standing, s->found && !standing.longer ? tide_cli_as(subject->as, s->plan) : subject->as);
	cli->render->status(cli, &(struct tide_status_view){ .status = s,
				     .name = subject->name,
				     .next = next,
				     .is_file = subject->plan != NULL,
				     .changed = fit == TIDE_FILE_OTHER,
				     .longer = fit == TIDE_FILE_LONGER });
	(void)fflush(cli->out.file);
	talloc_free(next);
}

/** The end of a wait that did not get there. */
static bool
gave_up(
    struct tide_cli *cli, const struct tide_run_status *s, const char *name, bool never, struct tide_err *err)
{
	char text[64];
	const char *where =
	    s->found ? tide_status_line(cli, s) : talloc_asprintf(cli, "%s: not started", name);

	cli->next = tide_cli_next(cli, s, name);
	if (never) {
		(void)tide_fail(
		    err, TIDE_PRECONDITION, "'%s' will not be reached: %s", cli->options.wait_for, where);
		if (s->away != NULL)
			return tide_hint(err, "%s; %s", s->away, s->way_out);
		return tide_hint(err, "see: tidemark history %s", tide_shell_word(cli, name));
	}
	return tide_fail(err, exit_status(s), "'%s' was not reached within %s: %s", cli->options.wait_for,
	    tide_duration_format(cli->options.timeout, text, sizeof(text)), where);
}

static bool
draws(const struct tide_cli *cli)
{
	return cli->options.watch && cli->out.terminal && !cli->render->machine;
}

/** A redraw on a terminal; elsewhere only what is new. */
static void
redraw(struct tide_cli *cli, const struct tide_run_status *s, const struct subject *subject,
    const struct tide_watch_keys *keys, char **last)
{
	char *line =
	    s->found ? tide_status_line(*last, s) : talloc_asprintf(*last, "%s: not started", subject->name);

	if (draws(cli)) {
		tide_output_put(&cli->out, "\033[H\033[J");
		print(cli, s, subject);
		tide_watch_keys_print(keys);
	} else if (cli->render->machine) {
		print(cli, s, subject);
	} else if (strcmp(line, *last) != 0) {
		tide_output_say(&cli->out, TIDE_PLAIN, "%s\n", line);
		(void)fflush(cli->out.file);
	}
	line = talloc_steal(cli, line);
	talloc_free(*last);
	*last = line;
}

/* What ends it, if anything does. An output that cannot be written any more does as well: nobody watches. */
static bool
is_over(const struct tide_cli *cli, const struct tide_run_status *s, int64_t deadline, enum reached *end)
{
	const char *wait_for = cli->options.wait_for;

	*end = wait_for != NULL ? reached(s, wait_for) : NOT_YET;
	return *end != NOT_YET || tide_now_us() >= deadline ||
	       (wait_for == NULL && s->found && tide_run_word(s->state)->over) || ferror(cli->out.file);
}

/* What was waited for is there, or is not: so says the status. */
static bool
finish(struct tide_cli *cli, const struct tide_run_status *s, const struct subject *subject, enum reached end,
    struct tide_err *err)
{
	const struct tide_options *o = &cli->options;
	bool lost = o->wait_for != NULL && end != REACHED;

	if (!o->watch && !lost)
		print(cli, s, subject);
	cli->status = o->exit_code && !lost && o->wait_for == NULL ? exit_status(s) : TIDE_OK;
	return !lost || gave_up(cli, s, subject->name, end == NEVER, err);
}

static bool
follow(
    struct tide_cli *cli, const struct subject *subject, struct tide_watch_keys *keys, struct tide_err *err)
{
	const struct tide_options *o = &cli->options;
	int64_t deadline = o->timeout > 0 ? tide_now_us() + o->timeout : INT64_MAX;
	char *last = talloc_strdup(cli, "");

	for (;;) {
		void *mem = talloc_new(cli);
		struct tide_run_status s = { 0 };
		bool quit = false;
		enum reached end;
		int64_t left;

		if (!tide_store_status(mem, cli->conn, subject->name, &s, err))
			return false;
		if (o->wait_for != NULL && s.found && !known_phase(&s, o->wait_for, err))
			return false;
		if (o->watch)
			redraw(cli, &s, subject, keys, &last);
		if (is_over(cli, &s, deadline, &end))
			return finish(cli, &s, subject, end, err);
		left = deadline - tide_now_us();
		if (!tide_watch_keys_wait(
			keys, &s, o->interval < left ? o->interval : left + TIDE_MS, &quit, err))
			return false;
		if (quit) {
			/* Whoever waits for something has not got it. */
			cli->status = o->exit_code || o->wait_for != NULL ? exit_status(&s) : TIDE_OK;
			return true;
		}
		talloc_free(mem);
	}
}

static bool
watch(struct tide_cli *cli, const struct subject *subject, struct tide_err *err)
{
	struct tide_watch_keys *keys = tide_watch_keys_begin(cli, subject->name, draws(cli));
	bool done = follow(cli, subject, keys, err);

	tide_watch_keys_end(keys);
	return done;
}

static bool
list(struct tide_cli *cli, struct tide_err *err)
{
	struct tide_status_list all = { 0 };

	if (!tide_store_list(cli, cli->conn, &all, err))
		return false;
	if (cli->options.exit_code)
		cli->status = worst(&all);
	cli->render->status_list(cli, &all);
	return true;
}

static bool
find_subject(struct tide_cli *cli, struct subject *subject, struct tide_err *err)
{
	struct tide_plan *plan;

	subject->name = subject->as;
	if (!tide_cli_is_file(subject->as))
		return true;
	if (!tide_cli_plan(cli, subject->as, &plan, err))
		return false;
	subject->name = plan->name;
	subject->plan = plan;
	return true;
}

bool
tide_verb_status(struct tide_cli *cli, struct tide_err *err)
{
	const struct tide_options *o = &cli->options;
	struct tide_run_status s = { 0 };
	struct subject subject = { 0 };

	if (o->operand_count == 0) {
		if (o->watch || o->wait_for != NULL)
			return tide_fail(
			    err, TIDE_USAGE, "--%s needs a plan", o->watch ? "watch" : "wait-for");
		return tide_cli_connect(cli, err) && list(cli, err);
	}
	subject.as = o->operand[0];
	if (!find_subject(cli, &subject, err) || !tide_cli_connect(cli, err))
		return false;
	if (o->watch || o->wait_for != NULL)
		return watch(cli, &subject, err);
	if (!tide_store_status(cli, cli->conn, subject.name, &s, err))
		return false;
	if (!s.found && !tide_cli_is_file(subject.as))
		return tide_cli_no_run(cli, subject.name, err);
	print(cli, &s, &subject);
	cli->status = o->exit_code ? exit_status(&s) : TIDE_OK;
	return true;
}
