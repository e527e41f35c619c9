#include "zones.h"

#include <string.h>

#include <talloc.h>

#include "tidemark/postgres/conn.h"

/** invalid_parameter_value: what the server says of a time zone it has no file for. */
#define UNKNOWN_ZONE "22023"

/* False: it does not know it, or cannot be asked. The watcher's own expression: what it can evaluate is known, POSIX specifications too. */
static bool
ask(struct tide_conn *conn, const struct tide_window *window, struct tide_err *err)
{
	return tide_await_query(conn, NULL, "SELECT pg_catalog.clock_timestamp() AT TIME ZONE $1", 1,
	    (const char *const[]){ window->zone }, NULL, err);
}

bool
tide_zone_check(struct tide_conn *conn, const char *text, struct tide_err *err)
{
	struct tide_window window;
	struct tide_err failed = { 0 };

	if (!tide_window_parse(text, &window) || ask(conn, &window, &failed))
		return true;
	if (strcmp(failed.sqlstate, UNKNOWN_ZONE) != 0) {
		*err = failed;
		return false;
	}
	tide_fail(err, TIDE_USAGE,
	    "the server does not know the time zone \"%s\" of the window: it would never open", window.zone);
	return tide_hint(err, "SELECT name FROM pg_timezone_names lists those it knows");
}

bool
tide_zones_check(
    struct tide_conn *conn, const struct tide_plan *plan, struct tide_findings *out, struct tide_err *err)
{
	for (size_t i = 0; i < plan->count; i++) {
		const struct tide_phase *phase = &plan->phase[i];
		struct tide_window window = { 0 };
		struct tide_err failed = { 0 };

		if (phase->gate.window == NULL || !tide_window_parse(phase->gate.window, &window))
			continue;
		if (ask(conn, &window, &failed))
			continue;
		if (strcmp(failed.sqlstate, UNKNOWN_ZONE) != 0) {
			*err = failed;
			return false;
		}
		tide_findings_add(out, TIDE_ERROR, "gate-zone", phase->line, 1,
		    "SELECT name FROM pg_timezone_names lists those it knows",
		    "the server does not know the time zone \"%s\" of the gate's window: it would never open",
		    window.zone);
	}
	return true;
}
