#ifndef TIDE_JSON_H
#define TIDE_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "output.h"
#include "tidemark/base/err.h"
#include "tidemark/plans/findings.h"
#include "tidemark/orchestrator/observer.h"
#include "tidemark/orchestrator/store.h"

/** Of every object that --json prints. Grows when a reader would have to change. */
#define TIDE_SCHEMA_VERSION 1

/** null for NULL; bad UTF-8 made visible instead of losing the whole object. */
json_t *tide_json_text(const char *text);
/** Seconds as a number; null below zero. */
json_t *tide_json_seconds(int64_t us);
/** Number, or null below zero. */
json_t *tide_json_real(double value);
/** Now, RFC 3339 UTC with milliseconds. */
json_t *tide_json_now(void);

/** A new object with schema_version. */
json_t *tide_json_object(void);
json_t *tide_json_error(const struct tide_err *err);
json_t *tide_json_findings(const struct tide_findings *findings);
json_t *tide_json_progress(const struct tide_progress *progress);
/** How many rows a lookup finds nothing for, and the key of one of them (JSON text, or NULL). */
json_t *tide_json_lookup(int64_t unmatched, const char *key);

/** Prints and frees it: readable, or one line. */
void tide_json_print(struct tide_stream *stream, json_t *json, bool one_line);

#endif
