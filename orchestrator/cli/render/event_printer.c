#include "event_printer.h"

#include <string.h>
#include <talloc.h>

#include "cli/context/render.h"

#include "tidemark/base/units.h"

/** Events that only --verbose shows for display; the log and JSON have them all. */
static const char *const detail_events[] = { "step.start", "step.skip", "undo.start", "undo.skip",
	"sweep.start" };

static bool
is_detail(const char *name)
{
	for (size_t i = 0; i < TIDE_COUNT(detail_events); i++)
		if (strcmp(detail_events[i], name) == 0)
			return true;
	return false;
}

static void
event_log(struct tide_event_printer *printer, const struct tide_event *event)
{
	struct tide_log_field fields[5];
	size_t count = 0;

	if (event->phase != NULL)
		fields[count++] = (struct tide_log_field){ "phase", event->phase, 0 };
	if (event->step != NULL)
		fields[count++] = (struct tide_log_field){ "step", event->step, 0 };
	if (event->duration >= 0)
		fields[count++] = (struct tide_log_field){ "duration_us", NULL, event->duration };
	if (event->lock_wait >= 0)
		fields[count++] = (struct tide_log_field){ "lock_wait_us", NULL, event->lock_wait };
	fields[count] = (struct tide_log_field){ 0 };
	tide_log(&printer->log,
	    event->warning           ? TIDE_LOG_WARNING
	    : is_detail(event->name) ? TIDE_LOG_DEBUG
				     : TIDE_LOG_INFO,
	    event->name, event->message != NULL ? event->message : "", fields);
}

static void
event_text(struct tide_event_printer *printer, const struct tide_event *event)
{
	struct tide_stream *out = &printer->cli->err;
	char text[64];

	if (event->message == NULL ||
	    (is_detail(event->name) && !printer->cli->options.verbose && !event->warning))
		return;
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
progress_log(struct tide_event_printer *printer, const struct tide_progress *p, int64_t now)
{
	char text[1024];
	const struct tide_log_field fields[] = {
		{ "phase", p->phase, 0 },
		{ "blocks_done", NULL, p->blocks_done },
		{ "blocks_total", NULL, p->blocks_total },
		{ "rows", NULL, p->rows_seen },
		{ "rows_per_second", NULL, (int64_t)p->rows_per_second },
		{ p->hot_share >= 0 ? "hot_percent" : NULL, NULL, (int64_t)(p->hot_share * 100 + 0.5) },
		{ 0 },
	};

	if (!tide_progress_due(&printer->line, p, now))
		return;
	tide_log(&printer->log, TIDE_LOG_INFO, "sweep.progress", tide_progress_format(p, text, sizeof(text)),
	    fields);
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
	if (printer->pretty)
		tide_progress_show(&printer->line, progress, now);
	else
		progress_log(printer, progress, now);
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
	printer->log = (struct tide_log){
		.out = cli->err.file,
		.format = format != NULL && strcmp(format, "json") == 0 ? TIDE_LOG_JSON : TIDE_LOG_TEXT,
		.least = cli->options.verbose ? TIDE_LOG_DEBUG : TIDE_LOG_INFO,
		.colour = cli->err.colour,
	};
	return (struct tide_observer){ .ctx = printer, .event = on_event, .progress = on_progress };
}

void
tide_event_printer_end(struct tide_event_printer *printer)
{
	tide_progress_clear(&printer->line);
	(void)fflush(printer->cli->err.file);
}
