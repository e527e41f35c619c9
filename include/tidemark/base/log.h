#ifndef TIDE_LOG_H
#define TIDE_LOG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum tide_log_format { TIDE_LOG_TEXT, TIDE_LOG_JSON };
enum tide_log_level { TIDE_LOG_DEBUG, TIDE_LOG_INFO, TIDE_LOG_WARNING, TIDE_LOG_ERROR };

/** Where log events go. Only the CLI owns one; library code reports through struct tide_observer. */
struct tide_log {
	FILE *out;
	enum tide_log_format format;
	enum tide_log_level least;
	bool colour;
};

/** A key with text, or a number (text NULL): a real one (real not NULL) or a whole one. */
struct tide_log_field {
	const char *key;
	const char *text;
	int64_t number;
	const double *real;
};

#define TIDE_LOG_TIME sizeof("9999-12-31T23:59:59.999Z")
/** Now, RFC 3339 in UTC with milliseconds. Returns `out`. */
const char *tide_log_time(char out[TIDE_LOG_TIME]);

/** One line, one event. `event` is a stable name ("step.done"); fields end with key NULL; may be NULL. */
void tide_log(struct tide_log *log, enum tide_log_level level, const char *event, const char *message,
    const struct tide_log_field *fields);

#endif
