#include "tidemark/phases/step.h"

#include <string.h>

#include <talloc.h>

#include "tidemark/base/sqltext.h"

static const char *const kind_names[] = {
	[TIDE_STEP_SQL] = "sql",
	[TIDE_STEP_CONCURRENT] = "concurrent",
	[TIDE_STEP_SWEEP] = "sweep",
	[TIDE_STEP_WAIT] = "wait",
};

static const char *const touch_names[] = {
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

static const char *const loss_names[] = {
	[TIDE_LOSES_NOTHING] = "nothing",
	[TIDE_LOSS_UNKNOWN] = "unknown",
	[TIDE_LOSSY] = "lossy",
	[TIDE_IRREVERSIBLE] = "irreversible",
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Text members of an action and of a sweep: one row each, so that writing and reading cannot disagree. */
struct text_member {
	const char *key;
	size_t offset;
};

static const struct text_member action_texts[] = {
	{ "title", offsetof(struct tide_action, title) },
	{ "probe", offsetof(struct tide_action, probe) },
	{ "repair", offsetof(struct tide_action, repair) },
	{ "cleanup", offsetof(struct tide_action, cleanup) },
	{ "differing", offsetof(struct tide_action, differing) },
	{ "lock_table", offsetof(struct tide_action, lock_table) },
	{ "guards", offsetof(struct tide_action, guards) },
	{ "table", offsetof(struct tide_action, table) },
	{ "loss_note", offsetof(struct tide_action, loss_note) },
	{ "lost", offsetof(struct tide_action, lost) },
};

static const struct text_member sweep_texts[] = {
	{ "set", offsetof(struct tide_sweep_spec, set) },
	{ "columns", offsetof(struct tide_sweep_spec, columns) },
	{ "residual", offsetof(struct tide_sweep_spec, residual) },
	{ "again", offsetof(struct tide_sweep_spec, again) },
	{ "unmatched", offsetof(struct tide_sweep_spec, unmatched) },
	{ "key", offsetof(struct tide_sweep_spec, key) },
	{ "order", offsetof(struct tide_sweep_spec, order) },
	{ "trigger", offsetof(struct tide_sweep_spec, trigger) },
	{ "function", offsetof(struct tide_sweep_spec, function) },
	{ "what", offsetof(struct tide_sweep_spec, what) },
	{ "replication_role", offsetof(struct tide_sweep_spec, replication_role) },
};

static const struct text_member other_texts[] = {
	{ "name", offsetof(struct tide_other_trigger, name) },
	{ "table", offsetof(struct tide_other_trigger, table) },
	{ "timing", offsetof(struct tide_other_trigger, timing) },
	{ "function", offsetof(struct tide_other_trigger, function) },
	{ "condition", offsetof(struct tide_other_trigger, condition) },
};

static const struct integer_member {
	const char *key;
	size_t offset;
} sweep_integers[] = {
	{ "max_rows_per_second", offsetof(struct tide_sweep_spec, max_rows_per_second) },
	{ "stripes", offsetof(struct tide_sweep_spec, tuning.stripes) },
	{ "group_windows", offsetof(struct tide_sweep_spec, tuning.group_windows) },
	{ "window_blocks", offsetof(struct tide_sweep_spec, tuning.window_blocks) },
	{ "accept_bloat", offsetof(struct tide_sweep_spec, tuning.accept_bloat) },
	{ "horizon", offsetof(struct tide_sweep_spec, tuning.horizon) },
	{ "horizon_wait", offsetof(struct tide_sweep_spec, tuning.horizon_wait) },
};

struct tide_step *
tide_steps_add(struct tide_steps *steps, const char *name)
{
	struct tide_step *step;

	steps->item = talloc_realloc(steps, steps->item, struct tide_step, (unsigned)(steps->count + 1));
	step = &steps->item[steps->count++];
	*step = (struct tide_step){ .name = talloc_strdup(steps, name) };
	return step;
}

struct tide_action *
tide_step_add_undo(struct tide_steps *steps, struct tide_step *step)
{
	struct tide_action *action;

	step->undo = talloc_realloc(steps, step->undo, struct tide_action, (unsigned)(step->undo_count + 1));
	action = &step->undo[step->undo_count++];
	*action = (struct tide_action){ 0 };
	return action;
}

void
tide_action_add(void *owner, struct tide_action *action, char *sql)
{
	action->act = talloc_realloc(owner, action->act, char *, (unsigned)(action->act_count + 1));
	action->act[action->act_count++] = sql;
}

enum tide_lock_mode
tide_action_strongest(const struct tide_action *action)
{
	enum tide_lock_mode lock = action->lock;

	for (size_t i = 0; i < action->also_count; i++)
		if (action->also[i].lock > lock)
			lock = action->also[i].lock;
	return lock;
}

const char *
tide_step_kind_name(enum tide_step_kind kind)
{
	return kind_names[kind];
}

static void
write_texts(json_t *out, const void *base, const struct text_member *member, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const char *text = *(char *const *)((const char *)base + member[i].offset);

		if (text != NULL)
			json_object_set_new(out, member[i].key, json_string(text));
	}
}

static json_t *
write_other(const struct tide_sweep_spec *sweep)
{
	json_t *out = json_array();

	for (size_t i = 0; i < sweep->other_count; i++) {
		json_t *row = json_object();

		write_texts(row, &sweep->other[i], other_texts, COUNT(other_texts));
		json_object_set_new(row, "fires", json_boolean(sweep->other[i].fires));
		json_array_append_new(out, row);
	}
	return out;
}

static json_t *
write_sweep(const struct tide_sweep_spec *sweep)
{
	json_t *out = json_object();

	if (sweep->other_count > 0)
		json_object_set_new(out, "other_triggers", write_other(sweep));
	write_texts(out, sweep, sweep_texts, COUNT(sweep_texts));
	json_object_set_new(out, "write", json_boolean(sweep->write));
	json_object_set_new(out, "repeats", json_boolean(sweep->repeats));
	json_object_set_new(out, "own_path", json_boolean(sweep->own_path));
	for (size_t i = 0; i < COUNT(sweep_integers); i++)
		json_object_set_new(out, sweep_integers[i].key,
		    json_integer(*(const int64_t *)((const char *)sweep + sweep_integers[i].offset)));
	return out;
}

static json_t *
write_also(const struct tide_action *action)
{
	json_t *out = json_array();

	for (size_t i = 0; i < action->also_count; i++)
		json_array_append_new(out, json_pack("{s:s, s:s}", "relation", action->also[i].relation,
					       "lock", tide_lock_name(action->also[i].lock)));
	return out;
}

static json_t *
write_action(const struct tide_action *action)
{
	json_t *out = json_object(), *act = json_array();

	json_object_set_new(out, "kind", json_string(kind_names[action->kind]));
	write_texts(out, action, action_texts, COUNT(action_texts));
	for (size_t i = 0; i < action->act_count; i++)
		json_array_append_new(act, json_string(action->act[i]));
	json_object_set_new(out, "act", act);
	json_object_set_new(out, "lock", json_string(tide_lock_name(action->lock)));
	json_object_set_new(out, "flags", json_integer((json_int_t)action->flags));
	json_object_set_new(out, "touch", json_string(touch_names[action->touch]));
	json_object_set_new(out, "rows", json_integer(action->rows));
	json_object_set_new(out, "bytes", json_integer(action->bytes));
	json_object_set_new(out, "wait_us", json_integer(action->wait_us));
	json_object_set_new(out, "loss", json_string(loss_names[action->loss]));
	if (action->also_count > 0)
		json_object_set_new(out, "also", write_also(action));
	if (action->sweep != NULL)
		json_object_set_new(out, "sweep", write_sweep(action->sweep));
	return out;
}

json_t *
tide_steps_to_json(const struct tide_steps *steps)
{
	json_t *out = json_array();

	for (size_t i = 0; i < steps->count; i++) {
		const struct tide_step *step = &steps->item[i];
		json_t *row = json_object(), *undo = json_array();

		json_object_set_new(row, "name", json_string(step->name));
		json_object_set_new(row, "forward", write_action(&step->forward));
		for (size_t k = 0; k < step->undo_count; k++)
			json_array_append_new(undo, write_action(&step->undo[k]));
		json_object_set_new(row, "undo", undo);
		json_object_set_new(row, "irreversible", json_boolean(step->irreversible));
		if (step->releases != NULL)
			json_object_set_new(row, "releases", json_string(step->releases));
		if (step->releases_note != NULL)
			json_object_set_new(row, "releases_note", json_string(step->releases_note));
		json_array_append_new(out, row);
	}
	return out;
}

static bool
malformed(struct tide_err *err, const char *what)
{
	tide_fail(err, TIDE_UNEXPECTED, "stored steps: '%s' is missing or of the wrong type", what);
	return tide_hint(err, "the row was written by another version of tidemark, or changed by hand");
}

static bool
read_text(void *ctx, const json_t *json, const char *key, char **out, struct tide_err *err)
{
	const json_t *value = json_object_get(json, key);

	*out = NULL;
	if (value == NULL || json_is_null(value))
		return true;
	if (!json_is_string(value))
		return malformed(err, key);
	*out = talloc_strndup(ctx, json_string_value(value), json_string_length(value));
	return true;
}

static bool
read_texts(void *ctx, const json_t *json, void *base, const struct text_member *member, size_t count,
    struct tide_err *err)
{
	for (size_t i = 0; i < count; i++)
		if (!read_text(ctx, json, member[i].key, (char **)((char *)base + member[i].offset), err))
			return false;
	return true;
}

static bool
read_integer(const json_t *json, const char *key, int64_t *out, struct tide_err *err)
{
	const json_t *value = json_object_get(json, key);

	if (!json_is_integer(value))
		return malformed(err, key);
	*out = json_integer_value(value);
	return true;
}

static bool
read_boolean(const json_t *json, const char *key, bool *out, struct tide_err *err)
{
	const json_t *value = json_object_get(json, key);

	if (!json_is_boolean(value))
		return malformed(err, key);
	*out = json_is_true(value);
	return true;
}

static bool
read_word(const json_t *json, const char *key, const char *const *words, size_t count, size_t *out,
    struct tide_err *err)
{
	const char *text = json_string_value(json_object_get(json, key));

	for (*out = 0; text != NULL && *out < count; (*out)++)
		if (strcmp(words[*out], text) == 0)
			return true;
	return malformed(err, key);
}

/* Absent when there was none. */
static bool
read_other(void *ctx, const json_t *json, struct tide_sweep_spec *out, struct tide_err *err)
{
	const json_t *list = json_object_get(json, "other_triggers"), *row;
	size_t i;

	if (list == NULL)
		return true;
	if (!json_is_array(list))
		return malformed(err, "other_triggers");
	out->other_count = json_array_size(list);
	out->other = talloc_zero_array(ctx, struct tide_other_trigger, (unsigned)out->other_count);
	json_array_foreach(
	    list, i, row) if (!read_texts(ctx, row, &out->other[i], other_texts, COUNT(other_texts), err) ||
			      !read_boolean(row, "fires", &out->other[i].fires, err)) return false;
	return true;
}

static bool
read_sweep(void *ctx, const json_t *json, struct tide_sweep_spec **out, struct tide_err *err)
{
	struct tide_sweep_spec *sweep;

	*out = NULL;
	if (json == NULL)
		return true;
	sweep = talloc_zero(ctx, struct tide_sweep_spec);
	if (!json_is_object(json))
		return malformed(err, "sweep");
	if (!read_texts(ctx, json, sweep, sweep_texts, COUNT(sweep_texts), err) ||
	    !read_boolean(json, "write", &sweep->write, err) ||
	    !read_boolean(json, "repeats", &sweep->repeats, err) ||
	    !read_boolean(json, "own_path", &sweep->own_path, err) || !read_other(ctx, json, sweep, err))
		return false;
	for (size_t i = 0; i < COUNT(sweep_integers); i++)
		if (!read_integer(json, sweep_integers[i].key,
			(int64_t *)((char *)sweep + sweep_integers[i].offset), err))
			return false;
	*out = sweep;
	return true;
}

static bool
read_act(void *ctx, const json_t *json, struct tide_action *out, struct tide_err *err)
{
	const json_t *act = json_object_get(json, "act"), *statement;
	size_t i;

	if (!json_is_array(act))
		return malformed(err, "act");
	json_array_foreach(act, i, statement)
	{
		if (!json_is_string(statement))
			return malformed(err, "act");
		tide_action_add(ctx, out, talloc_strdup(ctx, json_string_value(statement)));
	}
	return true;
}

/* Absent when there was none. */
static bool
read_also(void *ctx, const json_t *json, struct tide_action *out, struct tide_err *err)
{
	const json_t *list = json_object_get(json, "also");

	if (list == NULL)
		return true;
	if (!json_is_array(list))
		return malformed(err, "also");
	out->also_count = json_array_size(list);
	out->also = talloc_zero_array(ctx, struct tide_locked, (unsigned)out->also_count);
	for (size_t i = 0; i < out->also_count; i++) {
		const json_t *row = json_array_get(list, i);
		const char *lock = json_string_value(json_object_get(row, "lock"));

		if (lock == NULL || !tide_lock_find(lock, &out->also[i].lock) ||
		    !read_text(ctx, row, "relation", &out->also[i].relation, err) ||
		    out->also[i].relation == NULL)
			return malformed(err, "also");
	}
	return true;
}

static bool
read_action(void *ctx, const json_t *json, struct tide_action *out, struct tide_err *err)
{
	const char *lock = json_string_value(json_object_get(json, "lock"));
	size_t kind, touch, loss;
	int64_t flags;

	if (!json_is_object(json))
		return malformed(err, "action");
	if (lock == NULL || !tide_lock_find(lock, &out->lock))
		return malformed(err, "lock");
	if (!read_word(json, "kind", kind_names, COUNT(kind_names), &kind, err) ||
	    !read_word(json, "touch", touch_names, COUNT(touch_names), &touch, err) ||
	    !read_word(json, "loss", loss_names, COUNT(loss_names), &loss, err) ||
	    !read_integer(json, "flags", &flags, err) || !read_integer(json, "rows", &out->rows, err) ||
	    !read_integer(json, "bytes", &out->bytes, err) ||
	    !read_integer(json, "wait_us", &out->wait_us, err) ||
	    !read_texts(ctx, json, out, action_texts, COUNT(action_texts), err) ||
	    !read_act(ctx, json, out, err) || !read_also(ctx, json, out, err) ||
	    !read_sweep(ctx, json_object_get(json, "sweep"), &out->sweep, err))
		return false;
	out->kind = (enum tide_step_kind)kind;
	out->touch = (enum tide_touch)touch;
	out->loss = (enum tide_loss)loss;
	out->flags = (unsigned)flags;
	return true;
}

static bool
read_step(struct tide_steps *steps, const json_t *json, struct tide_err *err)
{
	const char *name = json_string_value(json_object_get(json, "name"));
	const json_t *undo = json_object_get(json, "undo"), *row;
	struct tide_step *step;
	size_t i;

	if (name == NULL)
		return malformed(err, "name");
	if (!json_is_array(undo))
		return malformed(err, "undo");
	step = tide_steps_add(steps, name);
	if (!read_action(steps, json_object_get(json, "forward"), &step->forward, err) ||
	    !read_boolean(json, "irreversible", &step->irreversible, err) ||
	    !read_text(steps, json, "releases", &step->releases, err) ||
	    !read_text(steps, json, "releases_note", &step->releases_note, err))
		return tide_wrap(err, "step '%s'", name);
	json_array_foreach(undo, i, row) if (!read_action(steps, row, tide_step_add_undo(steps, step),
						 err)) return tide_wrap(err, "way back of step '%s'", name);
	return true;
}

bool
tide_steps_from_json(void *ctx, const json_t *json, struct tide_steps **out, struct tide_err *err)
{
	struct tide_steps *steps;
	const json_t *row;
	size_t i;

	if (!json_is_array(json))
		return malformed(err, "steps");
	steps = talloc_zero(ctx, struct tide_steps);
	json_array_foreach(json, i, row) if (!read_step(steps, row, err))
	{
		talloc_free(steps);
		return false;
	}
	*out = steps;
	return true;
}
