#include "zones.h"

#include <string.h>

#include <talloc.h>

#include "tidemark/postgres/conn.h"

/** invalid_parameter_value: what the server says of a time zone it has no file for. */
#define UNKNOWN_ZONE "22023"

bool
tide_zones_check(
    struct tide_conn *conn, const struct tide_plan *plan, struct tide_findings *out, struct tide_err *err)
{
	for (size_t i = 0; i < plan->count; i++) {
		const struct tide_phase *phase = &plan->phase[i];
		struct tide_window window = { 0 };
		struct tide_err failed = { 0 };
		struct tide_rows *rows = NULL;

		if (phase->gate.window == NULL || !tide_window_parse(phase->gate.window, &window))
			continue;
		/* The watcher's own expression: what it can evaluate is known, POSIX specifications too. */
		if (tide_await_query(conn, out, "SELECT pg_catalog.clock_timestamp() AT TIME ZONE $1", 1,
			(const char *const[]){ window.zone }, &rows, &failed)) {
			talloc_free(rows);
			continue;
		}
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
