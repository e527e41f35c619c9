#include "progress_json.h"

#include <jansson.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <talloc.h>

#include "tidemark/base/array.h"

/* One row a member. */
enum kind { TEXT, WHOLE, REAL };
struct member {
	const char *name;
	enum kind kind;
	size_t offset;
};

#define ROW(member, kind)                                                                                    \
	{                                                                                                    \
#member, kind, offsetof(struct tide_progress, member)                                        \
	}

static const struct member members[] = {
	ROW(phase, TEXT),
	ROW(what, TEXT),
	ROW(share, REAL),
	ROW(blocks_total, WHOLE),
	ROW(blocks_done, WHOLE),
	ROW(rows_seen, WHOLE),
	ROW(rows_changed, WHOLE),
	ROW(rows_stayed, WHOLE),
	ROW(rows_skipped, WHOLE),
	ROW(mismatches, WHOLE),
	ROW(rows_per_second, REAL),
	ROW(batch_p90, WHOLE),
	ROW(hot_share, REAL),
	ROW(lag, WHOLE),
	ROW(eta, WHOLE),
	ROW(working, REAL),
	ROW(commit_p95, WHOLE),
	ROW(commit_baseline, WHOLE),
};

static void
set_text(json_t *object, const char *name, const char *text)
{
	if (text != NULL)
		json_object_set_new(object, name, json_string(text));
}

/* Without "state" no sweep is running: tide_progress_read() relies on it. */
char *
tide_progress_json(void *ctx, const struct tide_progress *progress)
{
	json_t *object = json_object();
	char *text, *out;

	for (size_t i = 0; i < TIDE_COUNT(members); i++) {
		const char *at = (const char *)progress + members[i].offset;
		json_t *value = NULL;

		if (members[i].kind == TEXT && *(const char *const *)at != NULL)
			value = json_string(*(const char *const *)at);
		else if (members[i].kind == WHOLE)
			value = json_integer(*(const int64_t *)at);
		else if (members[i].kind == REAL)
			value = json_real(*(const double *)at);
		if (value != NULL)
			json_object_set_new(object, members[i].name, value);
	}
	json_object_set_new(object, "workers", json_integer(progress->workers));
	set_text(object, "state", progress->at_work ? tide_hold_word(&progress->hold) : NULL);
	set_text(object, "reason", progress->hold.text);
	set_text(object, "cause", tide_cause_word(progress->hold.cause));
	text = json_dumps(object, JSON_COMPACT);
	out = talloc_strdup(ctx, text);
	free(text);
	json_decref(object);
	return out;
}

/* Never fails, for it is only shown: what is missing or of another type keeps its default (-1 is unknown). */
void
tide_progress_read(void *ctx, const char *text, struct tide_progress *out)
{
	json_t *object = text != NULL ? json_loads(text, 0, NULL) : NULL;

	*out = (struct tide_progress){
		.hot_share = -1, .lag = -1, .eta = -1, .commit_p95 = -1, .commit_baseline = -1
	};
	if (!json_is_object(object)) {
		json_decref(object);
		return;
	}
	for (size_t i = 0; i < TIDE_COUNT(members); i++) {
		char *at = (char *)out + members[i].offset;
		const json_t *value = json_object_get(object, members[i].name);

		if (members[i].kind == TEXT && json_is_string(value))
			*(const char **)at = talloc_strdup(ctx, json_string_value(value));
		else if (members[i].kind == WHOLE && json_is_integer(value))
			*(int64_t *)at = json_integer_value(value);
		else if (members[i].kind == REAL && json_is_number(value))
			*(double *)at = json_number_value(value);
	}
	out->at_work = json_object_get(object, "state") != NULL;
	out->hold.cause = tide_cause_of(json_string_value(json_object_get(object, "cause")));
	out->hold.text = talloc_strdup(ctx, json_string_value(json_object_get(object, "reason")));
	out->workers = (int)json_integer_value(json_object_get(object, "workers"));
	json_decref(object);
}
