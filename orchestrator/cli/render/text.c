/* The format for display. */
#include "cli/context/render.h"

#include <string.h>
#include <talloc.h>

#include "cli/context/cli.h"
#include "cli/output/lint_print.h"
#include "cli/review/review.h"
#include "event_printer.h"
#include "formats.h"
#include "status_print.h"
#include "tidemark/base/shell.h"
#include "tidemark/base/units.h"
#include "tidemark/plans/steering.h"

/* Whoever asked for log lines gets nothing else on standard error. */
static void
log_error(struct tide_cli *cli, const struct tide_err *err)
{
	struct tide_log log = tide_event_printer_log(cli);
	struct tide_log_field fields[5];
	size_t count = 0;

	fields[count++] = (struct tide_log_field){ "code", tide_code_name(err->code), 0, NULL };
	if (err->where[0] != '\0')
		fields[count++] = (struct tide_log_field){ "where", err->where, 0, NULL };
	if (err->hint[0] != '\0')
		fields[count++] = (struct tide_log_field){ "hint", err->hint, 0, NULL };
	if (cli->next != NULL)
		fields[count++] = (struct tide_log_field){ "next", cli->next, 0, NULL };
	fields[count] = (struct tide_log_field){ 0 };
	tide_log(&log, TIDE_LOG_ERROR, "error", err->message, fields);
}

static void
text_error(struct tide_cli *cli, const struct tide_err *err)
{
	if (cli->options.log_format != NULL) {
		log_error(cli, err);
		return;
	}
	tide_output_error(&cli->err, err);
	if (cli->next != NULL)
		tide_output_say(&cli->err, TIDE_PLAIN, "next: %s\n", cli->next);
}

static void
say_next(struct tide_cli *cli, const char *next)
{
	if (next != NULL)
		tide_output_say(&cli->out, TIDE_PLAIN, "next: %s\n", next);
}

/** What is in the summary line for each way to stop. */
static const char *
ending(const struct tide_outcome *outcome)
{
	static const struct {
		enum tide_code stop;
		const char *text;
	} endings[] = {
		{ TIDE_PENDING, "stopped as asked" },
		{ TIDE_GATE, "waiting" },
		{ TIDE_PAUSED, "paused" },
		{ TIDE_BUDGET, "time budget used up" },
		{ TIDE_INTERRUPTED, "interrupted after a clean checkpoint" },
		{ TIDE_TERMINATED, "terminated after a clean checkpoint" },
	};

	if (outcome->shut_out)
		return "stopped";
	for (size_t i = 0; i < TIDE_COUNT(endings); i++)
		if (endings[i].stop == outcome->stop)
			return endings[i].text;
	if (outcome->state == TIDE_RUN_NONE)
		return "done";
	return outcome->state == TIDE_RUN_ROLLED_BACK ? "rolled back" : tide_run_word(outcome->state)->word;
}

static void
text_outcome(
    struct tide_cli *cli, const struct tide_plan *plan, const struct tide_outcome *outcome, int64_t took)
{
	char text[64];

	tide_output_say(&cli->out, TIDE_BOLD, "%s", plan->name);
	tide_output_say(&cli->out, TIDE_PLAIN, ": %s", ending(outcome));
	if (outcome->phase != NULL)
		tide_output_say(&cli->out, TIDE_PLAIN, " at %s", outcome->phase);
	if (outcome->reason != NULL && outcome->reason[0] != '\0')
		tide_output_say(&cli->out, TIDE_PLAIN, ": %s", outcome->reason);
	tide_output_say(&cli->out, TIDE_PLAIN, "  (%s)\n", tide_duration_format(took, text, sizeof(text)));
	if (outcome->next != NULL)
		tide_output_say(&cli->out, TIDE_PLAIN, "next: %s\n", outcome->next);
}

static void
print_not_compared(struct tide_cli *cli, const struct tide_adoption *a)
{
	for (size_t i = 0; i < a->not_compared.count; i++)
		tide_output_say(&cli->out, TIDE_PLAIN, "not compared: %s\n", a->not_compared.item[i]);
}

static void
text_adopted(struct tide_cli *cli, const char *plan, const struct tide_adoption *a, const char *next)
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
text_not_adopted(struct tide_cli *cli, const struct tide_adoption *a)
{
	for (size_t i = 0; i < a->count; i++) {
		tide_output_say(&cli->out, TIDE_YELLOW, "%s\n", a->item[i].text);
		tide_output_say(&cli->out, TIDE_DIM, "    %s\n", a->item[i].fix);
	}
	print_not_compared(cli, a);
	(void)fflush(cli->out.file);
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
text_row(struct tide_cli *cli, void *mem, const struct tide_journal_row *row)
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
		tide_output_say(&cli->out, strcmp(row->outcome, "done") == 0 ? TIDE_GREEN : TIDE_YELLOW,
		    "  %s", row->outcome);
	tide_output_say(&cli->out, TIDE_DIM, "  %s%s%s", or_empty(row->actor), row->host != NULL ? "@" : "",
	    or_empty(row->host));
	tide_output_say(
	    &cli->out, TIDE_PLAIN, "%s%s\n", row->detail != NULL ? "  " : "", or_empty(row->detail));
	if (row->sql != NULL && !cli->options.quiet)
		tide_output_block(&cli->out, "        ", row->sql);
}

static void
text_lock_rows(struct tide_cli *cli, const struct tide_lock_rows *locks)
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

static void
text_differences(struct tide_cli *cli, const struct tide_plan *plan, const struct tide_differences *found)
{
	char rows[64], differing[64];

	tide_count_format(found->rows_seen, rows, sizeof(rows));
	tide_count_format(found->differing, differing, sizeof(differing));
	tide_output_say(&cli->out, TIDE_BOLD, "%s", plan->name);
	tide_output_say(&cli->out, found->differing > 0 ? TIDE_RED : TIDE_GREEN,
	    ": %s rows compared%s, %s differ\n", rows,
	    found->stopped != TIDE_OK ? " before it was interrupted" : "", differing);
	for (size_t i = 0; i < found->count; i++)
		tide_output_say(&cli->out, TIDE_PLAIN, "  %s\n", found->key[i]);
	if ((int64_t)found->count < found->differing)
		tide_output_say(&cli->out, TIDE_DIM, "  … and %s more\n",
		    tide_count_format(found->differing - (int64_t)found->count, rows, sizeof(rows)));
	if (found->unmatched > 0)
		tide_output_say(&cli->out, TIDE_YELLOW, "  %s\n",
		    tide_unmatched_text(cli, found->unmatched, found->unmatched_key));
}

/* The error itself is printed as any other. */
static bool
text_adoption(struct tide_cli *cli, const char *plan, const struct tide_adoption *adoption, const char *next,
    const struct tide_err *err)
{
	if (err == NULL)
		text_adopted(cli, plan, adoption, next);
	else
		text_not_adopted(cli, adoption);
	return false;
}

static bool
text_failure(struct tide_cli *cli, const struct tide_plan *plan, const struct tide_err *err,
    const struct tide_outcome *outcome, int64_t took)
{
	const char *next = outcome->next;

	(void)plan;
	(void)took;
	/* Not twice: the hint may be the command. */
	if (next != NULL && strstr(err->hint, next) == NULL)
		cli->next = next;
	return false;
}

static void
text_history(struct tide_cli *cli, const struct tide_run_status *status, const struct tide_journal_rows *rows)
{
	if (status->away != NULL) {
		tide_output_say(&cli->err, TIDE_YELLOW, "warning: ");
		tide_output_say(&cli->err, TIDE_PLAIN, "%s; %s\n", status->away, status->way_out);
	}
	for (size_t i = 0; i < rows->count; i++) {
		void *mem = talloc_new(cli);

		/* A plan that was rolled back, or is recurring, has several. */
		if (rows->item[0].run != rows->item[rows->count - 1].run &&
		    (i == 0 || rows->item[i].run != rows->item[i - 1].run))
			tide_output_say(&cli->out, TIDE_BOLD, "%srun %lld\n", i > 0 ? "\n" : "",
			    (long long)rows->item[i].run);
		text_row(cli, mem, &rows->item[i]);
		talloc_free(mem);
	}
}

static void
text_locks(struct tide_cli *cli, const struct tide_plan *plan, const struct tide_lock_rows *locks)
{
	if (locks->count == 0)
		tide_output_say(&cli->out, TIDE_PLAIN,
		    "on %s no session blocks the run, and the run blocks no session\n", plan->table);
	text_lock_rows(cli, locks);
}

static void
text_refused(struct tide_cli *cli, const char *path, const struct tide_findings *findings)
{
	tide_lint_print_human(&cli->err, path, findings);
}

static void
text_review(struct tide_cli *cli, const struct tide_review_input *input, const char *as, bool back)
{
	if (back)
		tide_review_print_back(&cli->out, input, as);
	else
		tide_review_print(&cli->out, input, as);
}

static void
text_status(struct tide_cli *cli, const struct tide_status_view *view)
{
	if (view->status->found) {
		tide_status_print(&cli->out, view->status,
		    view->changed  ? TIDE_FILE_OTHER
		    : view->longer ? TIDE_FILE_LONGER
				   : TIDE_FILE_SAME,
		    view->next);
		return;
	}
	tide_output_say(&cli->out, TIDE_BOLD, "%s", view->name);
	tide_output_say(&cli->out, TIDE_PLAIN, ": not started in this database\n");
	say_next(cli, view->next);
}

static void
text_status_list(struct tide_cli *cli, const struct tide_status_list *list)
{
	if (list->count == 0)
		tide_output_say(&cli->out, TIDE_PLAIN,
		    "no plan has been run in %s\nnext: tidemark plan PLAN\n", tide_cli_target(cli));
	tide_status_print_list(&cli->out, list);
}

static void
text_control(struct tide_cli *cli, const struct tide_control_view *view)
{
	const struct tide_run_status *status = view->status;
	bool pause = view->wanted == TIDE_WANT_PAUSE;

	tide_output_say(&cli->out, TIDE_BOLD, "%s", view->name);
	if (status->live)
		tide_output_say(&cli->out, TIDE_PLAIN, ": asked %s to %s\n",
		    status->holder != NULL ? status->holder : "the executor",
		    pause ? "pause; it stops after the batch under way" : "continue");
	else
		tide_output_say(&cli->out, TIDE_PLAIN, ": no executor is running; %s\n",
		    pause ? "the next one will wait" : "the next one will not wait");
	say_next(cli, view->next);
}

static void
say_keys(struct tide_cli *cli)
{
	const char *before = "keys: ";

	for (const char *const *key = tide_steering_keys(); *key != NULL; key++, before = ", ")
		tide_output_say(&cli->out, TIDE_DIM, "%s%s", before, *key);
	tide_output_say(&cli->out, TIDE_PLAIN, "\n");
}

static void
text_steering(struct tide_cli *cli, const struct tide_steering_view *view)
{
	const struct tide_run_status *status = view->status;
	bool none = status->settings.count == 0;

	tide_output_say(&cli->out, TIDE_BOLD, "%s", view->name);
	if (!view->changed)
		tide_output_say(&cli->out, TIDE_PLAIN, none ? ": nothing is set\n" : ": set\n");
	else if (status->live)
		tide_output_say(&cli->out, TIDE_PLAIN, ": %s; %s takes it up within a second\n",
		    none ? "nothing is set any more" : "set",
		    status->holder != NULL ? status->holder : "the executor");
	else
		tide_output_say(&cli->out, TIDE_PLAIN,
		    ": %s; no executor is running: the next one takes it up\n",
		    none ? "nothing is set any more" : "set");
	tide_status_print_settings(&cli->out, &status->settings);
	if (!view->changed)
		say_keys(cli);
}

static void
text_answers(struct tide_cli *cli, int tries, int64_t took)
{
	char text[64];

	(void)tries;
	if (!cli->options.quiet)
		tide_output_say(&cli->out, TIDE_PLAIN, "%s answers  (%s)\n", tide_cli_target(cli),
		    tide_duration_format(took / TIDE_MS * TIDE_MS, text, sizeof(text)));
}

static void
text_settings(struct tide_cli *cli, const struct tide_shown_setting *setting, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		void *mem = talloc_new(cli);

		tide_output_say(&cli->out, TIDE_PLAIN, "%s  %s  ", tide_output_pad(mem, setting[i].name, 24),
		    tide_output_pad(mem, setting[i].value != NULL ? setting[i].value : "", 32));
		tide_output_say(&cli->out, TIDE_DIM, "%s\n", setting[i].origin);
		talloc_free(mem);
	}
}

static void
text_template(struct tide_cli *cli, const char *kind, const char *text)
{
	(void)kind;
	tide_output_put(&cli->out, text);
}

static void
text_version(struct tide_cli *cli)
{
	tide_output_say(&cli->out, TIDE_PLAIN, "tidemark %s\n", TIDEMARK_VERSION);
}

static void
summary(struct tide_cli *cli, const struct tide_checked_plan *plan, size_t count)
{
	size_t errors = 0, warnings = 0;

	for (size_t i = 0; i < count; i++) {
		errors += tide_lint_count(plan[i].findings, TIDE_ERROR);
		warnings += tide_lint_count(plan[i].findings, TIDE_WARNING);
	}
	tide_output_say(
	    &cli->out, errors > 0 ? TIDE_RED : TIDE_GREEN, "%zu plan%s: ", count, count == 1 ? "" : "s");
	tide_output_say(&cli->out, TIDE_PLAIN, "%zu error%s, %zu warning%s\n", errors, errors == 1 ? "" : "s",
	    warnings, warnings == 1 ? "" : "s");
	if (errors == 0 && count == 1)
		tide_output_say(&cli->out, TIDE_PLAIN, "next: tidemark plan %s\n",
		    tide_shell_word(cli, cli->options.operand[0]));
}

static void
text_lint(struct tide_cli *cli, const struct tide_checked_plan *plan, size_t count)
{
	for (size_t i = 0; i < count; i++)
		tide_lint_print_human(&cli->out, plan[i].path, plan[i].findings);
	if (!cli->options.quiet)
		summary(cli, plan, count);
}

static void
gcc_lint(struct tide_cli *cli, const struct tide_checked_plan *plan, size_t count)
{
	for (size_t i = 0; i < count; i++)
		tide_lint_print_gcc(&cli->out, plan[i].path, plan[i].findings);
}

static void
github_lint(struct tide_cli *cli, const struct tide_checked_plan *plan, size_t count)
{
	for (size_t i = 0; i < count; i++)
		tide_lint_print_github(&cli->out, plan[i].path, plan[i].findings);
}

/* Formats for editors and pull requests differ in the findings alone. */
#define TEXT_BUT(name_, lint_)                                                                               \
	{                                                                                                    \
		.name = name_, .error = text_error, .failure = text_failure, .outcome = text_outcome,        \
		.refused = text_refused, .lint = lint_, .review = text_review, .status = text_status,        \
		.status_list = text_status_list, .history = text_history, .locks = text_locks,               \
		.differences = text_differences, .control = text_control, .steering = text_steering,         \
		.adoption = text_adoption, .answers = text_answers, .settings = text_settings,               \
		.template = text_template, .version = text_version                                           \
	}

const struct tide_render tide_render_text = TEXT_BUT("human", text_lint);
const struct tide_render tide_render_gcc = TEXT_BUT("gcc", gcc_lint);
const struct tide_render tide_render_github = TEXT_BUT("github", github_lint);
