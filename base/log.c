#include "tidemark/base/array.h"
#include "tidemark/base/log.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include <talloc.h>

#include "tidemark/base/redact.h"
#include "utf8.h"

static const struct {
	const char *name, *padded, *colour;
} levels[] = {
	[TIDE_LOG_DEBUG] = { "debug", "debug  ", "\033[2m" },
	[TIDE_LOG_INFO] = { "info", "info   ", "" },
	[TIDE_LOG_WARNING] = { "warning", "warning", "\033[33m" },
	[TIDE_LOG_ERROR] = { "error", "error  ", "\033[31m" },
};

/* The line is built whole and written once, so that lines of several writers never mix. */
struct line {
	char *text; /* NULL when memory ran out */
};

static void
put(struct line *line, const char *text, size_t length)
{
	if (line->text != NULL)
		line->text = talloc_strndup_append_buffer(line->text, text, length);
}

static void
put_text(struct line *line, const char *text)
{
	put(line, text, strlen(text));
}

static const char *
short_escape(char c)
{
	static const struct {
		char c;
		const char *escape;
	} rows[] = { { '\n', "\\n" }, { '\r', "\\r" }, { '\t', "\\t" }, { '"', "\\\"" }, { '\\', "\\\\" } };

	for (size_t i = 0; i < TIDE_COUNT(rows); i++)
		if (rows[i].c == c)
			return rows[i].escape;
	return NULL;
}

/*
 * Escapes as JSON does. In plain text (not `quoted`) only what would break the line or drive the
 * terminal is escaped; quotes and backslashes stay readable.
 */
static void
put_escaped(struct line *line, const char *s, bool quoted)
{
	while (*s != '\0') {
		size_t length = tide_utf8_sequence(s);
		bool control = (unsigned char)*s < 0x20 || *s == 0x7f ||
			       ((unsigned char)s[0] == 0xc2 && (unsigned char)s[1] < 0xa0 && length == 2);
		const char *escape = control || quoted ? short_escape(*s) : NULL;
		char code[8];

		if (length == 0) {
			put_text(line, "\xef\xbf\xbd");
			length = 1;
		} else if (escape != NULL) {
			put_text(line, escape);
		} else if (control) {
			snprintf(code, sizeof(code), "\\u%04x",
			    (unsigned)(unsigned char)(length == 2 ? s[1] : s[0]));
			put_text(line, code);
		} else {
			put(line, s, length);
		}
		s += length;
	}
}

static void
put_json_text(struct line *line, const char *key, const char *value)
{
	put_text(line, "\"");
	put_escaped(line, key, true);
	put_text(line, "\":\"");
	put_escaped(line, value, true);
	put_text(line, "\"");
}

static void
put_value(struct line *line, const char *text)
{
	bool quoted = *text == '\0' || strpbrk(text, " \t\r\n\"=") != NULL;

	put_text(line, quoted ? "\"" : "");
	put_escaped(line, text, quoted);
	put_text(line, quoted ? "\"" : "");
}

static void
put_fields(struct line *line, const struct tide_log_field *fields, bool json)
{
	for (; fields != NULL && fields->key != NULL; fields++) {
		char *text = fields->text == NULL ? NULL : tide_redact(line->text, fields->text);
		char number[32];

		if (fields->real != NULL)
			snprintf(number, sizeof(number), "%.6f", *fields->real);
		else
			snprintf(number, sizeof(number), "%" PRId64, fields->number);
		put_text(line, json ? "," : " ");
		if (json && text != NULL) {
			put_json_text(line, fields->key, text);
		} else if (json) {
			put_text(line, "\"");
			put_escaped(line, fields->key, true);
			put_text(line, "\":");
			put_text(line, number);
		} else {
			put_escaped(line, fields->key, false);
			put_text(line, "=");
			put_value(line, text != NULL ? text : number);
		}
		talloc_free(text);
	}
}

const char *
tide_log_time(char out[TIDE_LOG_TIME])
{
	struct timespec now;
	struct tm utc;
	size_t used;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	used = strftime(out, TIDE_LOG_TIME, "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(out + used, TIDE_LOG_TIME - used, ".%03dZ", (int)(now.tv_nsec / 1000000 % 1000));
	return out;
}

static void
put_time(struct line *line)
{
	char now[TIDE_LOG_TIME];

	put_text(line, tide_log_time(now));
}

static void
put_json(struct line *line, enum tide_log_level level, const char *event, const char *message,
    const struct tide_log_field *fields)
{
	put_text(line, "{\"at\":\"");
	put_time(line);
	put_text(line, "\",");
	put_json_text(line, "level", levels[level].name);
	put_text(line, ",");
	put_json_text(line, "event", event);
	put_text(line, ",");
	put_json_text(line, "message", message);
	put_fields(line, fields, true);
	put_text(line, "}\n");
}

static void
put_plain(struct line *line, const struct tide_log *log, enum tide_log_level level, const char *event,
    const char *message, const struct tide_log_field *fields)
{
	bool colour = log->colour && levels[level].colour[0] != '\0';

	put_time(line);
	put_text(line, " ");
	put_text(line, colour ? levels[level].colour : "");
	put_text(line, levels[level].padded);
	put_text(line, colour ? "\033[0m" : "");
	put_text(line, " ");
	put_escaped(line, event, false);
	put_text(line, *message != '\0' ? ": " : "");
	put_escaped(line, message, false);
	put_fields(line, fields, false);
	put_text(line, "\n");
}

void
tide_log(struct tide_log *log, enum tide_log_level level, const char *event, const char *message,
    const struct tide_log_field *fields)
{
	struct line line = { NULL };
	const char *clean;

	if (level < log->least)
		return;
	line.text = talloc_strdup(NULL, "");
	clean = tide_redact(line.text, message == NULL ? "" : message);
	if (clean == NULL)
		clean = ""; /* out of memory: the event alone, never an unmasked message */
	if (log->format == TIDE_LOG_JSON)
		put_json(&line, level, event, clean, fields);
	else
		put_plain(&line, log, level, event, clean, fields);
	if (line.text != NULL) {
		fwrite(line.text, 1, strlen(line.text), log->out);
		fflush(log->out);
	}
	talloc_free(line.text);
}
