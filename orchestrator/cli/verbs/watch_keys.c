#include "watch_keys.h"

#include <string.h>
#include <talloc.h>

#include "cli/output/keys.h"
#include "tidemark/phases/phase.h"
#include "tidemark/plans/steering.h"

struct tide_watch_keys {
	struct tide_cli *cli;
	const char *plan;
	struct tide_keys *keys; /* NULL: there are none */
	char *said;             /* what came of the last one; NULL nothing */
	bool failed;
	bool quit;
};

/* How many there are: what is set; else what the executor works with, also where it decides itself; else what the plan says. */
static int64_t
workers_now(const struct tide_run_status *s)
{
	void *mem = talloc_new(NULL);
	struct tide_err ignored = { 0 };
	struct tide_plan *plan;
	int64_t workers = s->live ? s->progress.workers : 0, set_to = 0;

	for (size_t i = 0; i < s->settings.count; i++) {
		struct tide_steering *set = tide_steering_new(mem, &(struct tide_limits){ 0 });

		if (strcmp(s->settings.item[i].key, "workers") == 0 &&
		    tide_steering_set(set, "workers", s->settings.item[i].value, &ignored))
			set_to = set->limits.workers;
	}
	workers = set_to != 0 ? set_to : workers;
	if (workers == 0 && s->plan_text != NULL &&
	    tide_plan_parse(mem, s->plan, s->plan_text, strlen(s->plan_text), tide_phase_kinds(),
		tide_phase_count, &plan, &ignored))
		workers = tide_limits_workers(&plan->limits);
	talloc_free(mem);
	return workers;
}

static bool
change_workers(struct tide_watch_keys *w, const struct tide_run_status *s, int64_t more, struct tide_err *err)
{
	char *value = talloc_asprintf(w, "%lld", (long long)(workers_now(s) + more));
	struct tide_steering *set = tide_steering_new(w, &(struct tide_limits){ 0 });
	const struct tide_live_change change = { "workers", value };
	bool ok = tide_steering_set(set, "workers", value, err) &&
		  tide_store_set(w->cli->conn, w->plan, &change, 1, tide_cli_by(w->cli), NULL, 0, err);

	if (ok)
		w->said = talloc_asprintf(w, "workers = %s", value);
	talloc_free(set);
	talloc_free(value);
	return ok;
}

static bool
want(struct tide_watch_keys *w, enum tide_wanted wanted, const char *said, struct tide_err *err)
{
	bool ok = tide_store_want(w->cli->conn, w->plan, wanted, tide_cli_by(w->cli), NULL, err);

	if (ok)
		w->said = talloc_strdup(w, said);
	return ok;
}

static bool
pause_run(struct tide_watch_keys *w, const struct tide_run_status *s, struct tide_err *err)
{
	(void)s;
	return want(w, TIDE_WANT_PAUSE, "asked to pause", err);
}

static bool
resume_run(struct tide_watch_keys *w, const struct tide_run_status *s, struct tide_err *err)
{
	(void)s;
	return want(w, TIDE_WANT_RUN, "asked to continue", err);
}

static bool
more_workers(struct tide_watch_keys *w, const struct tide_run_status *s, struct tide_err *err)
{
	return change_workers(w, s, 1, err);
}

static bool
fewer_workers(struct tide_watch_keys *w, const struct tide_run_status *s, struct tide_err *err)
{
	return change_workers(w, s, -1, err);
}

static bool
quit_watching(struct tide_watch_keys *w, const struct tide_run_status *s, struct tide_err *err)
{
	(void)s;
	(void)err;
	w->quit = true;
	return true;
}

/** The first is the one that is shown. */
static const struct {
	const char *keys, *text;
	bool (*act)(struct tide_watch_keys *w, const struct tide_run_status *s, struct tide_err *err);
} table[] = {
	{ "pP", "pause", pause_run },
	{ "rR", "resume", resume_run },
	{ "+=", "more workers", more_workers },
	{ "-_", "fewer workers", fewer_workers },
	{ "qQ", "quit", quit_watching },
};

struct tide_watch_keys *
tide_watch_keys_begin(struct tide_cli *cli, const char *plan, bool wanted)
{
	struct tide_watch_keys *w = talloc_zero(cli, struct tide_watch_keys);

	w->cli = cli;
	w->plan = plan;
	w->keys = wanted ? tide_keys_begin(w, cli->loop, TIDE_KEYS_END_AT_ONCE) : NULL;
	return w;
}

void
tide_watch_keys_end(struct tide_watch_keys *w)
{
	tide_keys_end(w->keys);
	talloc_free(w);
}

void
tide_watch_keys_print(const struct tide_watch_keys *w)
{
	struct tide_stream *out = &w->cli->out;

	if (w->keys == NULL)
		return;
	for (size_t i = 0; i < TIDE_COUNT(table); i++) {
		tide_output_say(out, TIDE_BOLD, "%s%c", i > 0 ? "  " : "", table[i].keys[0]);
		tide_output_say(out, TIDE_DIM, " %s", table[i].text);
	}
	tide_output_say(out, TIDE_PLAIN, "\n");
	if (w->said != NULL)
		tide_output_say(out, w->failed ? TIDE_YELLOW : TIDE_GREEN, "%s\n", w->said);
	(void)fflush(out->file);
}

static bool
act(struct tide_watch_keys *w, const struct tide_run_status *s, char key, struct tide_err *err)
{
	struct tide_err failed = { 0 };
	size_t i = 0;

	while (i < TIDE_COUNT(table) && strchr(table[i].keys, key) == NULL)
		i++;
	TALLOC_FREE(w->said);
	if (i == TIDE_COUNT(table))
		return true;
	w->failed = !table[i].act(w, s, &failed);
	if (!w->failed)
		return true;
	if (failed.code == TIDE_UNREACHABLE) {
		*err = failed;
		return false;
	}
	w->said =
	    talloc_asprintf(w, "%s%s%s", failed.message, failed.hint[0] != '\0' ? "\n" : "", failed.hint);
	return true;
}

/* One at a time: the next one counts from what this one has made of it. */
bool
tide_watch_keys_wait(
    struct tide_watch_keys *w, const struct tide_run_status *s, int64_t us, bool *quit, struct tide_err *err)
{
	char key;

	if (w->keys == NULL) {
		tide_cli_sleep(w->cli, us);
		return true;
	}
	tide_keys_wait(w->keys, us);
	key = tide_keys_take(w->keys);
	if (key != '\0' && !act(w, s, key, err))
		return false;
	*quit = w->quit;
	return true;
}
