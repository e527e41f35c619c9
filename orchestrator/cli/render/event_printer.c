#include "event_printer.h"

#include <string.h>
#include <talloc.h>

#include "cli/context/render.h"

#include "tidemark/base/units.h"

/** Events that only --verbose shows for display; the log and JSON have them all. */
static const char *const detail_events[] = { "step.start", "step.skip", "undo.start", "undo.skip",
	"sweep.start" };

/** What the error says that ends the command. */
static const char *const failure_events[] = { "run.failed", "rollback.failed", "verify.failed" };

static bool
is_failure(const char *name)
{
	for (size_t i = 0; i < TIDE_COUNT(failure_events); i++)
		if (strcmp(failure_events[i], name) == 0)
			return true;
	return false;
}

static bool
is_detail(const char *name)
{
	for (size_t i = 0; i < TIDE_COUNT(detail_events); i++)
		if (strcmp(detail_events[i], name) == 0)
			return true;
	return false;
}

/* What a line is about. A field with neither text nor number is left out. */
static size_t
add_subject(struct tide_log_field *fields, const char *plan, int64_t run, const char *phase, const char *step)
{
	size_t count = 0;

	if (plan != NULL)
		fields[count++] = (struct tide_log_field){ "plan", plan, 0, NULL };
	if (run > 0)
		fields[count++] = (struct tide_log_field){ "run", NULL, run, NULL };
	if (phase != NULL)
		fields[count++] = (struct tide_log_field){ "phase", phase, 0, NULL };
	if (step != NULL)
		fields[count++] = (struct tide_log_field){ "step", step, 0, NULL };
	return count;
}

static void
event_log(struct tide_event_printer *printer, const struct tide_event *event)
{
	const double seconds = (double)event->duration / 1e6, lock_wait = (double)event->lock_wait / 1e6;
	struct tide_log_field fields[7];
	size_t count = add_subject(fields, event->plan, event->run, event->phase, event->step);

	if (event->duration >= 0)
		fields[count++] = (struct tide_log_field){ "seconds", NULL, 0, &seconds };
	if (event->lock_wait >= 0)
		fields[count++] = (struct tide_log_field){ "lock_wait_seconds", NULL, 0, &lock_wait };
	fields[count] = (struct tide_log_field){ 0 };
	tide_log(&printer->log,
	    is_failure(event->name)  ? TIDE_LOG_ERROR
	    : event->warning         ? TIDE_LOG_WARNING
	    : is_detail(event->name) ? TIDE_LOG_DEBUG
				     : TIDE_LOG_INFO,
	    event->name, event->message != NULL ? event->message : "", fields);
}

/* Where nobody watches it come, a line says when and of which run it is. */
static void
put_head(struct tide_event_printer *printer, const char *plan, int64_t run)
{
	struct tide_stream *out = &printer->cli->err;
	char now[TIDE_LOG_TIME];

	if (out->terminal)
		return;
	tide_output_say(out, TIDE_DIM, "%s ", tide_log_time(now));
	if (plan != NULL)
		tide_output_say(out, TIDE_DIM, "%s ", plan);
	if (run > 0)
		tide_output_say(out, TIDE_DIM, "run %lld ", (long long)run);
}

static void
event_text(struct tide_event_printer *printer, const struct tide_event *event)
{
	struct tide_stream *out = &printer->cli->err;
	char text[64];

	/* An error is printed as one when all is over. */
	if (event->message == NULL || is_failure(event->name) ||
	    (is_detail(event->name) && !printer->cli->options.verbose && !event->warning))
		return;
	put_head(printer, event->plan, event->run);
	tide_output_say(out, TIDE_DIM, "%s%s", event->phase != NULL ? event->phase : "",
	    event->phase != NULL ? ": " : "");
	if (event->warning)
		tide_output_say(out, TIDE_YELLOW, "warning: ");
	tide_output_say(out, TIDE_PLAIN, "%s", event->message);
	if (event->duration >= 0)
		tide_output_say(
		    out, TIDE_DIM, "  (%s)", tide_duration_format(event->duration, text, sizeof(text)));
	tide_output_say(out, TIDE_PLAIN, "\n");
}

static void
on_event(void *ctx, const struct tide_event *event)
{
	struct tide_event_printer *printer = ctx;

	if (printer->silent && !event->warning)
		return;
	tide_progress_clear(&printer->line);
	if (printer->pretty)
		event_text(printer, event);
	else
		event_log(printer, event);
	(void)fflush(printer->cli->err.file);
}

static void
progress_log(struct tide_event_printer *printer, const struct tide_progress *p)
{
	char text[1024];
	const double eta = (double)p->eta / 1e6;
	struct tide_log_field fields[12];
	size_t count = add_subject(fields, p->plan, p->run, p->phase, NULL);

	fields[count++] = (struct tide_log_field){ "blocks_done", NULL, p->blocks_done, NULL };
	fields[count++] = (struct tide_log_field){ "blocks_total", NULL, p->blocks_total, NULL };
	fields[count++] = (struct tide_log_field){ "ratio", NULL, 0, &p->share };
	fields[count++] = (struct tide_log_field){ "rows_seen", NULL, p->rows_seen, NULL };
	fields[count++] = (struct tide_log_field){ "rows_per_second", NULL, 0, &p->rows_per_second };
	if (p->hot_share >= 0)
		fields[count++] = (struct tide_log_field){ "hot_ratio", NULL, 0, &p->hot_share };
	if (p->eta >= 0)
		fields[count++] = (struct tide_log_field){ "eta_seconds", NULL, 0, &eta };
	fields[count] = (struct tide_log_field){ 0 };
	tide_log(&printer->log, TIDE_LOG_INFO, "sweep.progress", tide_progress_format(p, text, sizeof(text)),
	    fields);
}

/* Elsewhere than on a terminal, which redraws its line. */
static void
progress_line(struct tide_event_printer *printer, const struct tide_progress *p, int64_t now)
{
	char text[1024];

	if (!tide_progress_due(&printer->line, p, now))
		return;
	if (printer->pretty) {
		put_head(printer, p->plan, p->run);
		tide_output_say(
		    &printer->cli->err, TIDE_PLAIN, "%s\n", tide_progress_format(p, text, sizeof(text)));
		(void)fflush(printer->cli->err.file);
	} else {
		progress_log(printer, p);
	}
	printer->line.at = now;
	printer->line.said = true;
	printer->line.share = p->share;
	(void)snprintf(
	    printer->line.phase, sizeof(printer->line.phase), "%s", p->phase != NULL ? p->phase : "");
}

static void
on_progress(void *ctx, const struct tide_progress *progress)
{
	struct tide_event_printer *printer = ctx;
	int64_t now = tide_now_us();

	/* Once a second, and the last one in any case. */
	if (printer->silent)
		return;
	if (printer->pretty && printer->cli->err.terminal)
		tide_progress_show(&printer->line, progress, now);
	else
		progress_line(printer, progress, now);
}

struct tide_log
tide_event_printer_log(struct tide_cli *cli)
{
	const char *format = cli->options.log_format;

	return (struct tide_log){
		.out = cli->err.file,
		.format = format != NULL && strcmp(format, "json") == 0 ? TIDE_LOG_JSON : TIDE_LOG_TEXT,
		.least = cli->options.verbose ? TIDE_LOG_DEBUG : TIDE_LOG_INFO,
		.colour = cli->err.colour,
	};
}

struct tide_observer
tide_event_printer_init(struct tide_event_printer *printer, struct tide_cli *cli)
{
	const char *format = cli->options.log_format;

	*printer = (struct tide_event_printer){ .cli = cli, .line = { .stream = &cli->err } };
	printer->pretty = format == NULL;
	/* What programs read is on standard output: no progress line for the same terminal. */
	printer->silent = cli->options.quiet || (cli->render->machine && format == NULL &&
						    (!cli->err.terminal || cli->out.terminal));
	printer->log = tide_event_printer_log(cli);
	return (struct tide_observer){ .ctx = printer, .event = on_event, .progress = on_progress };
}

void
tide_event_printer_end(struct tide_event_printer *printer)
{
	tide_progress_clear(&printer->line);
	(void)fflush(printer->cli->err.file);
}
