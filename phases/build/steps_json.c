/* Steps as they are written to the journal and read from it. */
#include "tidemark/phases/step.h"

#include <talloc.h>

#include "tidemark/base/record.h"

static const char *const kinds[] = {
	[TIDE_STEP_SQL] = "sql",
	[TIDE_STEP_CONCURRENT] = "concurrent",
	[TIDE_STEP_SWEEP] = "sweep",
	[TIDE_STEP_WAIT] = "wait",
};

static const char *const touches[] = {
	[TIDE_TOUCH_NOTHING] = "nothing",
	[TIDE_TOUCH_READ] = "read",
	[TIDE_TOUCH_BATCHES] = "batches",
	[TIDE_TOUCH_BUILD] = "build",
	[TIDE_TOUCH_SAMPLE] = "sample",
	[TIDE_TOUCH_VACUUM] = "vacuum",
	[TIDE_TOUCH_REWRITE] = "rewrite",
	[TIDE_TOUCH_ROWS] = "rows",
	[TIDE_TOUCH_UNKNOWN] = "unknown",
};

static const char *const losses[] = {
	[TIDE_LOSES_NOTHING] = "nothing",
	[TIDE_LOSS_UNKNOWN] = "unknown",
	[TIDE_LOSSY] = "lossy",
	[TIDE_IRREVERSIBLE] = "irreversible",
};

/* By bit of enum tide_action_flag. */
static const char *const flags[] = { "restartable", "creates", "proves", "role_search_path", "resync",
	"yields", "traceless", "locks_unknown", "until_changed" };

static const struct tide_record_field action_fields[] = {
	TIDE_FIELD_WORDS(tide_action, kind, WORD, kinds),
	TIDE_FIELD(tide_action, title, TEXT),
	TIDE_FIELD(tide_action, probe, TEXT),
	TIDE_FIELD(tide_action, repair, TEXT),
	TIDE_FIELD(tide_action, cleanup, TEXT),
	TIDE_FIELD(tide_action, differing, TEXT),
	TIDE_FIELD(tide_action, lock_table, TEXT),
	TIDE_FIELD(tide_action, guards, TEXT),
	TIDE_FIELD(tide_action, takes_over, TEXT),
	TIDE_FIELD(tide_action, rests_on, TEXT),
	TIDE_FIELD(tide_action, table, TEXT),
	TIDE_FIELD(tide_action, loss_note, TEXT),
	TIDE_FIELD(tide_action, lost, TEXT),
	TIDE_FIELD_WORDS(tide_action, lock, WORD, tide_lock_names),
	TIDE_FIELD_WORDS(tide_action, flags, FLAGS, flags),
	TIDE_FIELD_WORDS(tide_action, touch, WORD, touches),
	TIDE_FIELD(tide_action, rows, INT),
	TIDE_FIELD(tide_action, bytes, INT),
	TIDE_FIELD(tide_action, looked_at, INT),
	TIDE_FIELD(tide_action, wait_us, INT),
	TIDE_FIELD_WORDS(tide_action, loss, WORD, losses),
};

static const struct tide_record_field sweep_fields[] = {
	TIDE_FIELD(tide_sweep_spec, set, TEXT),
	TIDE_FIELD(tide_sweep_spec, columns, TEXT),
	TIDE_FIELD(tide_sweep_spec, residual, TEXT),
	TIDE_FIELD(tide_sweep_spec, again, TEXT),
	TIDE_FIELD(tide_sweep_spec, unmatched, TEXT),
	TIDE_FIELD(tide_sweep_spec, key, TEXT),
	TIDE_FIELD(tide_sweep_spec, order, TEXT),
	TIDE_FIELD(tide_sweep_spec, by, TEXT),
	TIDE_FIELD(tide_sweep_spec, trigger, TEXT),
	TIDE_FIELD(tide_sweep_spec, function, TEXT),
	TIDE_FIELD(tide_sweep_spec, what, TEXT),
	TIDE_FIELD(tide_sweep_spec, replication_role, TEXT),
	TIDE_FIELD(tide_sweep_spec, write, BOOL),
	TIDE_FIELD(tide_sweep_spec, deletes, BOOL),
	TIDE_FIELD(tide_sweep_spec, limit, INT),
	TIDE_FIELD(tide_sweep_spec, repeats, BOOL),
	TIDE_FIELD(tide_sweep_spec, role_search_path, BOOL),
	TIDE_FIELD(tide_sweep_spec, max_rows_per_second, INT),
	TIDE_FIELD_AS(tide_sweep_spec, tuning.stripes, "stripes", INT),
	TIDE_FIELD_AS(tide_sweep_spec, tuning.group_windows, "group_windows", INT),
	TIDE_FIELD_AS(tide_sweep_spec, tuning.window_blocks, "window_blocks", INT),
	TIDE_FIELD_AS(tide_sweep_spec, tuning.accept_bloat, "accept_bloat", INT),
	TIDE_FIELD_AS(tide_sweep_spec, tuning.horizon, "horizon", INT),
	TIDE_FIELD_AS(tide_sweep_spec, tuning.horizon_wait, "horizon_wait", INT),
};

static const struct tide_record_field other_fields[] = {
	TIDE_FIELD(tide_other_trigger, name, TEXT),
	TIDE_FIELD(tide_other_trigger, table, TEXT),
	TIDE_FIELD(tide_other_trigger, timing, TEXT),
	TIDE_FIELD(tide_other_trigger, function, TEXT),
	TIDE_FIELD(tide_other_trigger, condition, TEXT),
	TIDE_FIELD(tide_other_trigger, fires, BOOL),
};

static const struct tide_record_field also_fields[] = {
	TIDE_FIELD(tide_locked, relation, TEXT),
	TIDE_FIELD_WORDS(tide_locked, lock, WORD, tide_lock_names),
};

static const struct tide_record_field step_fields[] = {
	TIDE_FIELD(tide_step, name, TEXT),
	TIDE_FIELD(tide_step, irreversible, BOOL),
	TIDE_FIELD(tide_step, releases, TEXT),
	TIDE_FIELD(tide_step, releases_note, TEXT),
};

static const struct tide_record action_record = TIDE_RECORD(action_fields);
static const struct tide_record sweep_record = TIDE_RECORD(sweep_fields);
static const struct tide_record other_record = TIDE_RECORD(other_fields);
static const struct tide_record also_record = TIDE_RECORD(also_fields);
static const struct tide_record step_record = TIDE_RECORD(step_fields);

static json_t *
write_item(const struct tide_record *record, const void *item)
{
	json_t *out = json_object();

	tide_record_write(out, record, item, TIDE_NULLS_LEFT_OUT);
	return out;
}

static json_t *
write_list(const struct tide_record *record, const void *items, size_t count, size_t size)
{
	json_t *out = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(out, write_item(record, (const char *)items + i * size));
	return out;
}

static json_t *
write_action(const struct tide_action *action)
{
	json_t *out = write_item(&action_record, action), *act = json_array(), *sweep;

	for (size_t i = 0; i < action->act_count; i++)
		json_array_append_new(act, json_string(action->act[i]));
	json_object_set_new(out, "act", act);
	if (action->also_count > 0)
		json_object_set_new(out, "also",
		    write_list(&also_record, action->also, action->also_count, sizeof(action->also[0])));
	if (action->sweep != NULL) {
		sweep = write_item(&sweep_record, action->sweep);
		if (action->sweep->other_count > 0)
			json_object_set_new(sweep, "other_triggers",
			    write_list(&other_record, action->sweep->other, action->sweep->other_count,
				sizeof(action->sweep->other[0])));
		json_object_set_new(out, "sweep", sweep);
	}
	return out;
}

json_t *
tide_steps_to_json(const struct tide_steps *steps)
{
	json_t *out = json_array();

	for (size_t i = 0; i < steps->count; i++) {
		const struct tide_step *step = &steps->item[i];
		json_t *row = write_item(&step_record, step), *undo = json_array();

		for (size_t k = 0; k < step->undo_count; k++)
			json_array_append_new(undo, write_action(&step->undo[k]));
		json_object_set_new(row, "forward", write_action(&step->forward));
		json_object_set_new(row, "undo", undo);
		json_array_append_new(out, row);
	}
	return out;
}

static bool
malformed(struct tide_err *err, const char *what)
{
	return tide_fail(err, TIDE_UNEXPECTED, "'%s' is missing or of the wrong type", what);
}

/* Absent when there was none. *items: `size` bytes each. */
static bool
read_list(void *ctx, const json_t *json, const char *key, const struct tide_record *record, size_t size,
    void **items, size_t *count, struct tide_err *err)
{
	const json_t *list = json_object_get(json, key);

	if (list == NULL)
		return true;
	if (!json_is_array(list))
		return malformed(err, key);
	*count = json_array_size(list);
	*items = talloc_zero_size(ctx, *count * size);
	for (size_t i = 0; i < *count; i++)
		if (!tide_record_read(ctx, json_array_get(list, i), record, (char *)*items + i * size, err))
			return false;
	return true;
}

/* Absent when there was none. */
static bool
read_sweep(void *ctx, const json_t *json, struct tide_sweep_spec **out, struct tide_err *err)
{
	struct tide_sweep_spec *sweep;
	void *other = NULL;

	*out = NULL;
	if (json == NULL)
		return true;
	if (!json_is_object(json))
		return malformed(err, "sweep");
	sweep = talloc_zero(ctx, struct tide_sweep_spec);
	if (!tide_record_read(ctx, json, &sweep_record, sweep, err) ||
	    !read_list(ctx, json, "other_triggers", &other_record, sizeof(*sweep->other), &other,
		&sweep->other_count, err))
		return false;
	sweep->other = other;
	*out = sweep;
	return true;
}

static bool
read_act(void *ctx, const json_t *json, struct tide_action *out, struct tide_err *err)
{
	const json_t *act = json_object_get(json, "act");

	if (!json_is_array(act))
		return malformed(err, "act");
	for (size_t i = 0; i < json_array_size(act); i++) {
		const char *statement = json_string_value(json_array_get(act, i));

		if (statement == NULL)
			return malformed(err, "act");
		tide_action_add(ctx, out, talloc_strdup(ctx, statement));
	}
	return true;
}

static bool
read_action(void *ctx, const json_t *json, struct tide_action *out, struct tide_err *err)
{
	void *also = NULL;

	if (!json_is_object(json))
		return malformed(err, "action");
	if (!tide_record_read(ctx, json, &action_record, out, err) || !read_act(ctx, json, out, err) ||
	    !read_list(ctx, json, "also", &also_record, sizeof(*out->also), &also, &out->also_count, err) ||
	    !read_sweep(ctx, json_object_get(json, "sweep"), &out->sweep, err))
		return false;
	out->also = also;
	return true;
}

static bool
read_step(struct tide_steps *steps, const json_t *json, struct tide_err *err)
{
	const char *name = json_string_value(json_object_get(json, "name"));
	const json_t *undo = json_object_get(json, "undo");
	struct tide_step *step;

	if (name == NULL)
		return malformed(err, "name");
	if (!json_is_array(undo))
		return malformed(err, "undo");
	step = tide_steps_add(steps, name);
	if (!tide_record_read(steps, json, &step_record, step, err) ||
	    !read_action(steps, json_object_get(json, "forward"), &step->forward, err))
		return tide_wrap(err, "step '%s'", name);
	for (size_t i = 0; i < json_array_size(undo); i++)
		if (!read_action(steps, json_array_get(undo, i), tide_step_add_undo(steps, step), err))
			return tide_wrap(err, "undo of step '%s'", name);
	return true;
}

bool
tide_steps_from_json(void *ctx, const json_t *json, struct tide_steps **out, struct tide_err *err)
{
	struct tide_steps *steps = talloc_zero(ctx, struct tide_steps);
	bool ok = json_is_array(json) || malformed(err, "steps");

	for (size_t i = 0; ok && i < json_array_size(json); i++)
		ok = read_step(steps, json_array_get(json, i), err);
	if (!ok) {
		talloc_free(steps);
		tide_wrap(err, "stored steps");
		return tide_hint(
		    err, "the row was written by another version of tidemark, or changed by hand");
	}
	*out = steps;
	return true;
}
