/* One JSON object for each verb; of a run, one on each line for each event. */
#include "cli/context/render.h"

#include <talloc.h>

#include "cli/context/cli.h"
#include "cli/output/json.h"
#include "cli/output/lint_print.h"
#include "cli/review/review.h"
#include "formats.h"
#include "status_json.h"
#include "tidemark/base/units.h"
#include "tidemark/orchestrator/event_json.h"
#include "tidemark/orchestrator/next.h"
#include "tidemark/plans/steering.h"

/* The verbs whose output is a stream of events. */
static bool
streams(const struct tide_cli *cli)
{
	return cli->options.verb == TIDE_VERB_RUN || cli->options.verb == TIDE_VERB_ENSURE ||
	       cli->options.verb == TIDE_VERB_ADVANCE || cli->options.verb == TIDE_VERB_ROLLBACK;
}

static void
json_error(struct tide_cli *cli, const struct tide_err *err)
{
	json_t *object = tide_json_object();

	json_object_set_new(object, "error", tide_json_error(err));
	if (cli->next != NULL)
		json_object_set_new(object, "next", tide_json_text(cli->next));
	tide_json_print(&cli->out, object, streams(cli));
}

static json_t *
run_json(int64_t run)
{
	return run > 0 ? json_integer((json_int_t)run) : json_null();
}

static void
json_outcome(
    struct tide_cli *cli, const struct tide_plan *plan, const struct tide_outcome *outcome, int64_t took)
{
	json_t *object = tide_json_object();

	json_object_set_new(object, "event", json_string("outcome"));
	json_object_set_new(object, "at", tide_json_now());
	json_object_set_new(object, "plan", tide_json_text(plan->name));
	json_object_set_new(object, "run", run_json(outcome->run));
	json_object_set_new(
	    object, "stop", tide_json_text(outcome->stop == TIDE_OK ? "ok" : tide_code_name(outcome->stop)));
	json_object_set_new(object, "state",
	    tide_json_text(outcome->state == TIDE_RUN_NONE ? NULL : tide_run_word(outcome->state)->word));
	json_object_set_new(object, "phase", tide_json_text(outcome->phase));
	json_object_set_new(object, "reason", tide_json_text(outcome->reason));
	json_object_set_new(object, "next", tide_json_text(outcome->next));
	json_object_set_new(object, "seconds", tide_json_seconds(took));
	json_object_set_new(object, "exit_code", json_integer((json_int_t)cli->status));
	tide_json_print(&cli->out, object, true);
}

static bool
json_failure(struct tide_cli *cli, const struct tide_plan *plan, const struct tide_err *err,
    const struct tide_outcome *outcome, int64_t took)
{
	json_t *object = tide_json_object();

	json_object_set_new(object, "event", json_string("error"));
	json_object_set_new(object, "at", tide_json_now());
	json_object_set_new(object, "plan", tide_json_text(plan->name));
	json_object_set_new(object, "run", run_json(outcome->run));
	json_object_set_new(object, "error", tide_json_error(err));
	json_object_set_new(object, "next", tide_json_text(outcome->next));
	json_object_set_new(object, "seconds", tide_json_seconds(took));
	json_object_set_new(object, "exit_code", json_integer((json_int_t)err->code));
	tide_json_print(&cli->out, object, true);
	return true;
}

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
static bool
json_adoption(struct tide_cli *cli, const char *plan, const struct tide_adoption *a, const char *next,
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
	return true;
}

static json_t *
row_json(const struct tide_journal_row *row)
{
	return json_pack("{s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "seq",
	    (json_int_t)row->seq, "run", (json_int_t)row->run, "at", tide_json_text(row->at), "event",
	    tide_json_text(row->event), "phase", tide_json_text(row->phase), "step",
	    tide_json_text(row->step), "actor", tide_json_text(row->actor), "host", tide_json_text(row->host),
	    "detail", tide_json_text(row->detail), "sql", tide_json_text(row->sql), "outcome",
	    tide_json_text(row->outcome), "seconds", tide_json_real(row->seconds), "lock_wait_seconds",
	    tide_json_real(row->lock_wait));
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

static void
json_differences(struct tide_cli *cli, const struct tide_plan *plan, const struct tide_differences *found)
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
	json_object_set_new(object, "complete", json_boolean(found->stopped == TIDE_OK));
	tide_json_print(&cli->out, object, false);
}

/** The stream of events. Progress comes at most once a second. */
struct event_stream {
	struct tide_cli *cli;
	int64_t at; /* tide_now_us of the last progress; 0 never */
};

static void
on_event(void *ctx, const struct tide_event *event)
{
	const struct event_stream *stream = ctx;
	json_t *object = tide_json_object(), *body = tide_event_json(event);

	json_object_update(object, body);
	json_decref(body);
	tide_json_print(&stream->cli->out, object, true);
}

static void
on_progress(void *ctx, const struct tide_progress *progress)
{
	struct event_stream *stream = ctx;
	int64_t now = tide_now_us();
	json_t *object;

	/* Once a second, and the last one in any case. */
	if (stream->at != 0 && now - stream->at < TIDE_SECOND && progress->share < 1)
		return;
	object = tide_json_object();
	json_object_set_new(object, "event", json_string("sweep.progress"));
	json_object_set_new(object, "at", tide_json_now());
	json_object_set_new(object, "plan", tide_json_text(progress->plan));
	json_object_set_new(object, "run", run_json(progress->run));
	json_object_set_new(object, "progress", tide_json_progress(progress));
	tide_json_print(&stream->cli->out, object, true);
	stream->at = now;
}

static struct tide_observer
json_observer(struct tide_cli *cli)
{
	struct event_stream *stream = talloc_zero(cli, struct event_stream);

	stream->cli = cli;
	return (struct tide_observer){ .ctx = stream, .event = on_event, .progress = on_progress };
}

/* They are in the error. */
static void
json_refused(struct tide_cli *cli, const char *path, const struct tide_findings *findings)
{
	(void)cli;
	(void)path;
	(void)findings;
}

static void
json_lint(struct tide_cli *cli, const struct tide_checked_plan *plan, size_t count)
{
	json_t *object = tide_json_object(), *plans = json_array();
	size_t errors = 0, warnings = 0;

	for (size_t i = 0; i < count; i++) {
		errors += tide_lint_count(plan[i].findings, TIDE_ERROR);
		warnings += tide_lint_count(plan[i].findings, TIDE_WARNING);
		json_array_append_new(
		    plans, json_pack("{s:o, s:o, s:o}", "path", tide_json_text(plan[i].path), "name",
			       tide_json_text(plan[i].plan != NULL ? plan[i].plan->name : NULL), "findings",
			       tide_json_findings(plan[i].findings)));
	}
	json_object_set_new(object, "plans", plans);
	json_object_set_new(object, "errors", json_integer((json_int_t)errors));
	json_object_set_new(object, "warnings", json_integer((json_int_t)warnings));
	tide_json_print(&cli->out, object, false);
}

static void
json_review(struct tide_cli *cli, const struct tide_review_input *input, const char *as, bool back)
{
	(void)as;
	(void)back;
	tide_json_print(&cli->out, tide_review_json(input), false);
}

static void
json_status(struct tide_cli *cli, const struct tide_status_view *view)
{
	json_t *object = tide_json_object(), *body;

	body = view->status->found ? tide_json_status(view->status, view->next)
				   : json_pack("{s:o, s:s, s:o}", "plan", tide_json_text(view->name), "state",
					 "none", "next", tide_json_text(view->next));
	json_object_update(object, body);
	json_decref(body);
	if (view->is_file && view->status->found) {
		json_object_set_new(object, "plan_changed", json_boolean(view->changed));
		json_object_set_new(object, "plan_extended", json_boolean(view->longer));
	}
	tide_json_print(&cli->out, object, cli->options.watch);
}

static void
json_status_list(struct tide_cli *cli, const struct tide_status_list *list)
{
	json_t *object = tide_json_object(), *plans = json_array();

	for (size_t i = 0; i < list->count; i++) {
		const struct tide_run_status *run = &list->item[i];
		json_t *plan = tide_json_status(run, tide_cli_next(cli, run, run->plan));

		json_object_del(plan, "phases");
		json_array_append_new(plans, plan);
	}
	json_object_set_new(object, "plans", plans);
	tide_json_print(&cli->out, object, false);
}

static void
json_history(struct tide_cli *cli, const struct tide_run_status *status, const struct tide_journal_rows *rows)
{
	json_t *object = tide_json_object(), *list = json_array();

	for (size_t i = 0; i < rows->count; i++)
		json_array_append_new(list, row_json(&rows->item[i]));
	json_object_set_new(object, "plan", tide_json_text(status->plan));
	json_object_set_new(object, "history", list);
	json_object_set_new(object, "home", tide_json_text(status->home));
	json_object_set_new(object, "away", tide_json_text(status->away));
	tide_json_print(&cli->out, object, false);
}

static void
json_locks(struct tide_cli *cli, const struct tide_plan *plan, const struct tide_lock_rows *locks)
{
	json_t *object = tide_json_object();

	json_object_set_new(object, "plan", tide_json_text(plan->name));
	json_object_set_new(object, "table", tide_json_text(plan->table));
	json_object_set_new(object, "locks", locks_json(locks));
	tide_json_print(&cli->out, object, false);
}

static void
json_control(struct tide_cli *cli, const struct tide_control_view *view)
{
	json_t *object = tide_json_object();

	json_object_set_new(object, "wanted", json_string(tide_wanted_word(view->wanted)));
	json_object_set_new(object, "run", tide_json_status(view->status, view->next));
	tide_json_print(&cli->out, object, false);
}

static void
json_steering(struct tide_cli *cli, const struct tide_steering_view *view)
{
	json_t *object = tide_json_object(), *keys = json_array();

	for (const char *const *key = tide_steering_keys(); *key != NULL; key++)
		json_array_append_new(keys, json_string(*key));
	json_object_set_new(object, "changed", json_boolean(view->changed));
	json_object_set_new(object, "keys", keys);
	json_object_set_new(object, "run", tide_json_status(view->status, view->next));
	tide_json_print(&cli->out, object, false);
}

static void
json_answers(struct tide_cli *cli, int tries, int64_t took)
{
	json_t *object = tide_json_object();

	json_object_set_new(object, "answers", json_true());
	json_object_set_new(object, "tries", json_integer(tries));
	json_object_set_new(object, "seconds", tide_json_seconds(took));
	tide_json_print(&cli->out, object, false);
}

static void
json_settings(struct tide_cli *cli, const struct tide_shown_setting *setting, size_t count)
{
	json_t *object = tide_json_object(), *list = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(
		    list, json_pack("{s:o, s:o, s:o}", "name", tide_json_text(setting[i].name), "value",
			      tide_json_text(setting[i].value), "origin", tide_json_text(setting[i].origin)));
	json_object_set_new(object, "settings", list);
	tide_json_print(&cli->out, object, false);
}

static void
json_template(struct tide_cli *cli, const char *kind, const char *text)
{
	json_t *object = tide_json_object();

	json_object_set_new(object, "kind", tide_json_text(kind));
	json_object_set_new(object, "plan", tide_json_text(text));
	tide_json_print(&cli->out, object, false);
}

static void
json_version(struct tide_cli *cli)
{
	json_t *object = tide_json_object();

	json_object_set_new(object, "version", json_string(TIDEMARK_VERSION));
	tide_json_print(&cli->out, object, false);
}

const struct tide_render tide_render_json = {
	.name = "json",
	.machine = true,
	.error = json_error,
	.failure = json_failure,
	.outcome = json_outcome,
	.observer = json_observer,
	.refused = json_refused,
	.lint = json_lint,
	.review = json_review,
	.status = json_status,
	.status_list = json_status_list,
	.history = json_history,
	.locks = json_locks,
	.differences = json_differences,
	.control = json_control,
	.steering = json_steering,
	.adoption = json_adoption,
	.answers = json_answers,
	.settings = json_settings,
	.template = json_template,
	.version = json_version,
};
