#include "progress.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <talloc.h>
#include <unistd.h>

#include "tidemark/base/err.h"
#include "tidemark/base/units.h"

const char *
tide_progress_time(int64_t us, char *out, size_t size)
{
	long long seconds = (us + TIDE_SECOND / 2) / TIDE_SECOND;

	if (seconds < 60)
		(void)snprintf(out, size, "%lld s", seconds);
	else if (seconds < 3600)
		(void)snprintf(out, size, "%lld min %lld s", seconds / 60, seconds % 60);
	else if (seconds < 86400)
		(void)snprintf(out, size, "%lld h %lld min", seconds / 3600, seconds % 3600 / 60);
	else
		(void)snprintf(out, size, "%lld d %lld h", seconds / 86400, seconds % 86400 / 3600);
	return out;
}

static void __attribute__((format(printf, 3, 4))) add(char *out, size_t size, const char *fmt, ...)
{
	size_t used = strlen(out);
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(out + used, size - used, fmt, args);
	va_end(args);
}

const char *
tide_progress_format(const struct tide_progress *p, char *out, size_t size)
{
	char text[64];
	/* Cut, not rounded: 100.0 % is only said when nothing is left. */
	double tenths = (double)(int)(p->share * 1000) / 10;

	out[0] = '\0';
	add(out, size, "%s%s%s  %.1f %%", p->phase != NULL ? p->phase : "", p->what != NULL ? " " : "",
	    p->what != NULL ? p->what : "", tenths);
	add(out, size, "  %s rows", tide_count_format(p->rows_seen, text, sizeof(text)));
	if (p->rows_per_second > 0)
		add(out, size, "  %s rows/s", tide_rate_format(p->rows_per_second, text, sizeof(text)));
	if (p->batch_p90 > 0)
		add(out, size, p->batch_p90 < 10 * TIDE_MS ? "  batch %.1f ms" : "  batch %.0f ms",
		    (double)p->batch_p90 / 1e3);
	if (p->working > 0)
		add(out, size, "  workers %.1f", p->working);
	if (p->commit_p95 > 0)
		add(out, size, "  commit %.1f ms", (double)p->commit_p95 / 1e3);
	if (p->hot_share >= 0)
		add(out, size, "  HOT %.0f %%", p->hot_share * 100);
	if (p->lag >= 0)
		add(out, size, p->lag < 10 * TIDE_SECOND ? "  lag %.1f s" : "  lag %.0f s",
		    (double)p->lag / 1e6);
	if (p->mismatches > 0)
		add(out, size, "  %s differ", tide_count_format(p->mismatches, text, sizeof(text)));
	if (p->at_work)
		add(out, size, "  %s", tide_hold_word(&p->hold));
	if (p->hold.text != NULL && p->hold.text[0] != '\0')
		add(out, size, " (%s)", p->hold.text);
	if (p->eta >= 0)
		add(out, size, "  ETA %s", tide_progress_time(p->eta, text, sizeof(text)));
	return out;
}

bool
tide_progress_due(const struct tide_progress_line *line, const struct tide_progress *p, int64_t now)
{
	if (line->stream->terminal)
		return !line->shown || now - line->at >= 100 * TIDE_MS;
	return !line->said || now - line->at >= 30 * TIDE_SECOND || p->share - line->share >= 0.05 ||
	       strncmp(line->phase, p->phase != NULL ? p->phase : "", sizeof(line->phase) - 1) != 0;
}

static size_t
terminal_width(const struct tide_stream *stream)
{
	struct winsize size;

	if (ioctl(fileno(stream->file), TIOCGWINSZ, &size) == 0 && size.ws_col > 1)
		return size.ws_col;
	return 80;
}

/** Cuts to columns: a line that wraps could not be redrawn. */
static void
cut(char *text, size_t columns)
{
	while (*text != '\0') {
		if (((unsigned char)*text & 0xc0) != 0x80 && columns-- == 0) {
			*text = '\0';
			return;
		}
		text++;
	}
}

void
tide_progress_show(struct tide_progress_line *line, const struct tide_progress *p, int64_t now)
{
	char text[1024], *shown;

	if (!tide_progress_due(line, p, now))
		return;
	shown = tide_output_printable(NULL, tide_progress_format(p, text, sizeof(text)));
	if (line->stream->terminal) {
		cut(shown, terminal_width(line->stream) - 1);
		(void)fprintf(line->stream->file, "\r%s\033[K", shown);
		line->shown = true;
	} else {
		(void)fprintf(line->stream->file, "%s\n", shown);
		line->said = true;
	}
	(void)fflush(line->stream->file);
	talloc_free(shown);
	line->at = now;
	line->share = p->share;
	(void)snprintf(line->phase, sizeof(line->phase), "%s", p->phase != NULL ? p->phase : "");
}

void
tide_progress_clear(struct tide_progress_line *line)
{
	if (line->stream->terminal && line->shown)
		(void)fputs("\r\033[K", line->stream->file);
	line->shown = false;
}
