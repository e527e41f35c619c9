#include "executor.h"

#include <jansson.h>
#include <string.h>
#include <talloc.h>

/* One element of a list of settings. */
struct entry {
	const char *key, *value, *by;
};

static bool
read_entry(const json_t *list, size_t i, struct entry *out)
{
	const json_t *item = json_array_get(list, i);

	*out = (struct entry){ .key = json_string_value(json_object_get(item, "key")),
		.value = json_string_value(json_object_get(item, "value")),
		.by = json_string_value(json_object_get(item, "by")) };
	return out->key != NULL && out->value != NULL && out->by != NULL;
}

static const char *
value_of(const json_t *list, const char *key)
{
	struct entry e;

	for (size_t i = 0; i < json_array_size(list); i++)
		if (read_entry(list, i, &e) && strcmp(e.key, key) == 0)
			return e.value;
	return NULL;
}

static bool
is_new(const json_t *before, const struct entry *e)
{
	const char *was = value_of(before, e->key);

	return was == NULL || strcmp(was, e->value) != 0;
}

/* A row that was written by hand, or by a newer program, must not keep the others from counting. Each is told when it is new. */
static struct tide_steering *
put_over(struct tide_executor *exe, const json_t *before, const json_t *now)
{
	struct tide_steering *steering = tide_steering_new(exe, &exe->plan->limits);
	struct entry e;

	for (size_t i = 0; i < json_array_size(now); i++) {
		struct tide_err err = { 0 };

		if (!read_entry(now, i, &e))
			continue;
		if (!tide_steering_set(steering, e.key, e.value, &err) && is_new(before, &e))
			tide_executor_event(exe, "setting.unreadable", NULL, true,
			    "%s = %s, set by %s, is left out: %s", e.key, e.value, e.by, err.message);
		else if (err.code == TIDE_OK && is_new(before, &e))
			tide_executor_event(
			    exe, "setting.set", NULL, false, "%s = %s, set by %s", e.key, e.value, e.by);
	}
	return steering;
}

static void
tell_ends(struct tide_executor *exe, const json_t *before, const json_t *now)
{
	struct entry e;

	for (size_t i = 0; i < json_array_size(before); i++)
		if (read_entry(before, i, &e) && value_of(now, e.key) == NULL)
			tide_executor_event(exe, "setting.end", NULL, false,
			    "%s = %s is no longer set: the plan's value counts again", e.key, e.value);
}

static bool
same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

void
tide_executor_steer(struct tide_executor *exe, const char *settings)
{
	struct tide_in_force *f = &exe->in_force;
	struct tide_steering *former = f->steering;
	json_t *before, *now;

	if (same(f->settings, settings))
		return;
	before = f->settings != NULL ? json_loads(f->settings, 0, NULL) : NULL;
	now = settings != NULL ? json_loads(settings, 0, NULL) : NULL;
	tell_ends(exe, before, now);
	f->steering = now != NULL ? put_over(exe, before, now) : NULL;
	f->limits = f->steering != NULL ? &f->steering->limits : &exe->plan->limits;
	talloc_free(f->settings);
	f->settings = talloc_strdup(exe, settings);
	f->changes++;
	talloc_free(former);
	json_decref(before);
	json_decref(now);
}

static bool
sets_window(const struct tide_executor *exe)
{
	return exe->in_force.steering != NULL && exe->in_force.steering->window != NULL;
}

const char *
tide_executor_closed_window(const struct tide_executor *exe)
{
	if (exe->signals.window_text != NULL)
		return exe->signals.window_text;
	return sets_window(exe) ? "outside the time window that was set"
				: "outside the time window of this phase";
}

const char *
tide_executor_window(const struct tide_executor *exe)
{
	if (exe->report.ordinal < 0)
		return NULL;
	return sets_window(exe) ? exe->in_force.steering->window
				: exe->plan->phase[exe->report.ordinal].gate.window;
}
