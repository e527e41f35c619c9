#include "tidemark/plans/steering.h"

#include <string.h>
#include <talloc.h>

#include "gate_field.h"
#include "growing_text.h"
#include "tidemark/base/array.h"
#include "tidemark/base/names.h"

/* One line each: of [limits], or of the fields below. Here and in docs/plans.md is all there is to a new one. */
static const char *const keys[] = {
	"workers",
	"impact",
	"pace",
	"batch_duration",
	"max_rows_per_second",
	"replica_lag",
	"replica_lag_bytes",
	"replicas",
	"slot_wal",
	"lock_waiters",
	"throttle_sql",
	"throttle_file",
	"horizon_wait",
	"window",
	NULL,
};

/* What is not in [limits]: the rows of the phases that have it. */
static const struct tide_field phase_fields[] = {
	TIDE_KEY_MAX_ROWS_PER_SECOND(tide_steering),
	TIDE_KEY_HORIZON_WAIT(tide_steering),
	TIDE_KEY_WINDOW(tide_steering),
	{ 0 },
};

/* The rows of [limits] have offsets into struct tide_limits, and what they read belongs to the whole. */
_Static_assert(
    offsetof(struct tide_steering, limits) == 0, "a field of the limits is found from the beginning");

const char *const *
tide_steering_keys(void)
{
	return keys;
}

struct tide_steering *
tide_steering_new(void *ctx, const struct tide_limits *limits)
{
	struct tide_steering *steering = talloc_zero(ctx, struct tide_steering);

	steering->limits = *limits;
	steering->horizon_wait = -1;
	return steering;
}

static const struct tide_field *
find_in(const struct tide_field *fields, const char *key)
{
	while (fields->key != NULL && strcmp(fields->key, key) != 0)
		fields++;
	return fields->key != NULL ? fields : NULL;
}

static const struct tide_field *
find_field(const char *key)
{
	const struct tide_field *found;

	for (size_t i = 0; keys[i] != NULL; i++) {
		if (strcmp(keys[i], key) != 0)
			continue;
		found = find_in(phase_fields, key);
		return found != NULL ? found : find_in(tide_limits_fields(), key);
	}
	return NULL;
}

static bool
unknown_key(const char *key, struct tide_err *err)
{
	void *mem = talloc_new(NULL);
	const char *near = tide_nearest(key, keys, TIDE_COUNT(keys) - 1);
	struct tide_text list;

	tide_text_init(&list, mem);
	for (size_t i = 0; keys[i] != NULL; i++)
		tide_text_printf(&list, "%s%s", i > 0 ? ", " : "", keys[i]);
	tide_fail(err, TIDE_USAGE, "\"%s\" is no key that can be set%s%s%s", key,
	    near != NULL ? "; did you mean \"" : "", near != NULL ? near : "", near != NULL ? "\"?" : "");
	tide_hint(err, "keys: %s", list.data);
	talloc_free(mem);
	return false;
}

bool
tide_steering_known(const char *key, struct tide_err *err)
{
	return find_field(key) != NULL || unknown_key(key, err);
}

bool
tide_steering_set(struct tide_steering *steering, const char *key, const char *value, struct tide_err *err)
{
	const struct tide_field *field = find_field(key);
	const struct tide_steering before = *steering;
	bool ok;

	if (field == NULL)
		return unknown_key(key, err);
	ok = tide_field_read_text(field, value, steering, err);
	if (ok && strcmp(key, "window") == 0)
		ok = tide_gate_check_window(steering->window, "", 0, 0, err);
	if (!ok) {
		*steering = before;
		err->code = TIDE_USAGE;
		err->where[0] = '\0';
		err->line = err->column = 0;
	}
	return ok;
}
