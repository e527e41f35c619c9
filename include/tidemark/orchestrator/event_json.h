#ifndef TIDE_EVENT_JSON_H
#define TIDE_EVENT_JSON_H

#include <jansson.h>

#include "tidemark/orchestrator/observer.h"

/**
 * An event as programs read it, on standard output and on the standard input of a hook: event, at, plan, run, phase, step, message,
 * seconds, lock_wait_seconds, warning. What is not known is null. Times are RFC 3339 in UTC.
 */
json_t *tide_event_json(const struct tide_event *event);

#endif
