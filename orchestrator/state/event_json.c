#include "tidemark/orchestrator/event_json.h"

#include <string.h>
#include <talloc.h>

#include "tidemark/base/log.h"

/* Bad UTF-8, such as a name of another encoding, must not lose the whole object. */
static json_t *
text(const char *value)
{
	json_t *json = value != NULL ? json_string(value) : json_null();
	char *ascii;

	if (json != NULL)
		return json;
	ascii = talloc_strdup(NULL, value);
	for (char *c = ascii; *c != '\0'; c++)
		if ((unsigned char)*c > 0x7f)
			*c = '?';
	json = json_string(ascii);
	talloc_free(ascii);
	return json;
}

static json_t *
seconds(int64_t us)
{
	return us < 0 ? json_null() : json_real((double)us / 1e6);
}

json_t *
tide_event_json(const struct tide_event *event)
{
	json_t *object = json_object();
	char now[TIDE_LOG_TIME];

	json_object_set_new(object, "event", text(event->name));
	json_object_set_new(object, "at", json_string(tide_log_time(now)));
	json_object_set_new(object, "plan", text(event->plan));
	json_object_set_new(
	    object, "run", event->run > 0 ? json_integer((json_int_t)event->run) : json_null());
	json_object_set_new(object, "phase", text(event->phase));
	json_object_set_new(object, "step", text(event->step));
	json_object_set_new(object, "message", text(event->message));
	json_object_set_new(object, "seconds", seconds(event->duration));
	json_object_set_new(object, "lock_wait_seconds", seconds(event->lock_wait));
	json_object_set_new(object, "warning", json_boolean(event->warning));
	return object;
}
