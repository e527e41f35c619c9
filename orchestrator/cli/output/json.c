#include "json.h"

#include <stdlib.h>
#include <string.h>
#include <talloc.h>
#include <time.h>

json_t *
tide_json_text(const char *text)
{
	json_t *json;
	char *shown;

	if (text == NULL)
		return json_null();
	json = json_string(text);
	if (json != NULL)
		return json;
	shown = tide_output_printable(NULL, text);
	json = json_string(shown);
	talloc_free(shown);
	return json;
}

json_t *
tide_json_seconds(int64_t us)
{
	return us < 0 ? json_null() : json_real((double)us / 1e6);
}

json_t *
tide_json_real(double value)
{
	return value < 0 ? json_null() : json_real(value);
}

json_t *
tide_json_now(void)
{
	struct timespec now;
	struct tm utc;
	char text[64];
	size_t used;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	(void)gmtime_r(&now.tv_sec, &utc);
	used = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc);
	(void)snprintf(text + used, sizeof(text) - used, ".%03ldZ", now.tv_nsec / 1000000);
	return json_string(text);
}

json_t *
tide_json_object(void)
{
	return json_pack("{s:i}", "schema_version", TIDE_SCHEMA_VERSION);
}

json_t *
tide_json_error(const struct tide_err *err)
{
	json_t *hints = json_array();

	for (const char *hint = err->hint; *hint != '\0';) {
		size_t length = strcspn(hint, "\n");
		char *line = talloc_strndup(NULL, hint, length);

		json_array_append_new(hints, tide_json_text(line));
		talloc_free(line);
		hint += length;
		if (*hint == '\n')
			hint++;
	}
	return json_pack("{s:s, s:i, s:o, s:o, s:o, s:o}", "code", tide_code_name(err->code), "exit_code",
	    (int)err->code, "sqlstate", tide_json_text(err->sqlstate[0] != '\0' ? err->sqlstate : NULL),
	    "where", tide_json_text(err->where[0] != '\0' ? err->where : NULL), "message",
	    tide_json_text(err->message), "hints", hints);
}

json_t *
tide_json_findings(const struct tide_findings *findings)
{
	static const char *const severities[] = { "note", "warning", "error" };
	json_t *list = json_array();

	for (size_t i = 0; findings != NULL && i < findings->count; i++) {
		const struct tide_finding *f = &findings->item[i];

		json_array_append_new(
		    list, json_pack("{s:s, s:s, s:i, s:i, s:o, s:o}", "severity", severities[f->severity],
			      "rule", f->rule, "line", f->line, "column", f->column, "message",
			      tide_json_text(f->message), "hint", tide_json_text(f->hint)));
	}
	return list;
}

json_t *
tide_json_progress(const struct tide_progress *p)
{
	return json_pack(
	    "{s:o, s:o, s:I, s:I, s:f, s:I, s:I, s:I, s:I, s:I, s:f, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:i, s:f, s:o, "
	    "s:o}",
	    "phase", tide_json_text(p->phase), "what", tide_json_text(p->what), "blocks_total",
	    (json_int_t)p->blocks_total, "blocks_done", (json_int_t)p->blocks_done, "ratio", p->share,
	    "rows_seen", (json_int_t)p->rows_seen, "rows_changed", (json_int_t)p->rows_changed, "rows_stayed",
	    (json_int_t)p->rows_stayed, "rows_skipped", (json_int_t)p->rows_skipped, "mismatches",
	    (json_int_t)p->mismatches, "rows_per_second", p->rows_per_second, "batch_p90_seconds",
	    tide_json_seconds(p->batch_p90), "hot_ratio", tide_json_real(p->hot_share), "lag_seconds",
	    tide_json_seconds(p->lag), "eta_seconds", tide_json_seconds(p->eta), "state",
	    tide_json_text(p->at_work ? tide_hold_word(&p->hold) : NULL), "reason",
	    tide_json_text(p->hold.text), "cause", tide_json_text(tide_cause_word(p->hold.cause)), "workers",
	    p->workers, "workers_busy", p->working, "commit_p95_seconds", tide_json_seconds(p->commit_p95),
	    "commit_baseline_seconds", tide_json_seconds(p->commit_baseline));
}

json_t *
tide_json_lookup(int64_t unmatched, const char *key)
{
	json_t *example = key != NULL ? json_loads(key, JSON_DECODE_ANY, NULL) : NULL;

	return json_pack("{s:I, s:o}", "unmatched", (json_int_t)unmatched, "example",
	    example != NULL ? example : tide_json_text(key));
}

void
tide_json_print(struct tide_stream *stream, json_t *json, bool one_line)
{
	char *text = json_dumps(json, (one_line ? JSON_COMPACT : JSON_INDENT(2)) | JSON_REAL_PRECISION(12));

	if (text != NULL) {
		(void)fprintf(stream->file, "%s\n", text);
		(void)fflush(stream->file);
	}
	free(text);
	json_decref(json);
}
