#include "tidemark/orchestrator/look.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <talloc.h>

#include "schema.h"
#include "state_sql.h"

/* A run as it comes, before its words are read. */
struct raw {
	char *state, *direction, *wanted;
};

static const struct tide_record_field raw_fields[] = {
	TIDE_FIELD(raw, state, TEXT),
	TIDE_FIELD(raw, direction, TEXT),
	TIDE_FIELD(raw, wanted, TEXT),
};
static const struct tide_record raw_record = TIDE_RECORD(raw_fields);

static const struct tide_record_field run_fields[] = {
	TIDE_FIELD(tide_look_run, plan, TEXT),
	TIDE_FIELD(tide_look_run, wanted_by, TEXT),
	TIDE_FIELD(tide_look_run, reason, TEXT),
	TIDE_FIELD(tide_look_run, code, INT32),
	TIDE_FIELD(tide_look_run, owner, TEXT),
	TIDE_FIELD(tide_look_run, live, BOOL),
	TIDE_FIELD(tide_look_run, plan_text, TEXT),
	TIDE_FIELD(tide_look_run, back_to, INT),
	TIDE_FIELD(tide_look_run, ahead, INT),
	TIDE_FIELD(tide_look_run, begun, BOOL),
	TIDE_FIELD(tide_look_run, approved, BOOL),
	TIDE_FIELD(tide_look_run, until, TEXT),
};
static const struct tide_record run_record = TIDE_RECORD(run_fields);

const char *
tide_look_sql(void *ctx, const struct tide_look_plan *plan, size_t count, const char *value[TIDE_LOOK_VALUES])
{
	json_t *object = json_object();
	char *text;

	for (size_t i = 0; i < count; i++)
		json_object_set_new(object, plan[i].name, json_string(plan[i].hash));
	text = json_dumps(object, JSON_COMPACT | JSON_ENSURE_ASCII);
	value[0] = talloc_strdup(ctx, text);
	value[1] = tide_sql_state_look_safely;
	value[2] = tide_sql_state_trusted;
	value[3] = tide_sql_state_look;
	free(text);
	json_decref(object);
	return tide_sql_state_look_once;
}

static bool
read_run(void *ctx, const json_t *object, struct tide_look_run *out, struct tide_err *err)
{
	struct raw raw = { 0 };

	if (!tide_record_read(ctx, object, &run_record, out, err) ||
	    !tide_record_read(ctx, object, &raw_record, &raw, err))
		return false;
	out->state = tide_run_state_of(raw.state);
	out->direction = tide_direction_of(raw.direction);
	out->wanted = tide_wanted_of(raw.wanted);
	return true;
}

static bool
read_look(void *ctx, const json_t *look, struct tide_look *out, struct tide_err *err)
{
	const json_t *runs = json_object_get(look, "runs");

	out->version = json_integer_value(json_object_get(look, "version"));
	/* 0: the schema came into being while it was looked at. */
	if (out->version > TIDE_STATE_VERSION)
		return tide_state_newer(out->version, err);
	out->count = json_array_size(runs);
	out->run = talloc_zero_array(ctx, struct tide_look_run, (unsigned)out->count);
	for (size_t i = 0; i < out->count; i++)
		if (!read_run(ctx, json_array_get(runs, i), &out->run[i], err))
			return false;
	return true;
}

bool
tide_look_read(void *ctx, const char *answer, struct tide_look *out, struct tide_err *err)
{
	json_t *object = answer != NULL ? json_loads(answer, 0, NULL) : NULL;
	const char *bad = json_string_value(json_object_get(object, "bad"));
	bool ok = true;

	*out = (struct tide_look){ 0 };
	if (!json_is_object(object))
		ok = tide_fail(err, TIDE_UNEXPECTED, "the state of the plans cannot be read");
	else if (bad != NULL)
		ok = tide_state_untrusted(bad, err);
	else if (json_is_object(json_object_get(object, "look")))
		ok = read_look(ctx, json_object_get(object, "look"), out, err);
	json_decref(object);
	return ok;
}

const struct tide_look_run *
tide_look_find(const struct tide_look *look, const char *plan)
{
	for (size_t i = 0; i < look->count; i++)
		if (strcmp(look->run[i].plan, plan) == 0)
			return &look->run[i];
	return NULL;
}
