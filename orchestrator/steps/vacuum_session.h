#ifndef TIDE_VACUUM_SESSION_H
#define TIDE_VACUUM_SESSION_H

#include "step_runner.h"

/**
 * Session settings around a VACUUM or ANALYZE of ours: it pauses between pages, and waits for its lock only
 * briefly.
 */

/**
 * Statements that set limits.vacuum_cost_limit and limits.lock_timeout, without the last semicolon. A VACUUM that a session sends
 * knows no pause between its pages unless it is told to. Where the plan says nothing it goes as an autovacuum of this server
 * would, and never without pauses. Belongs to ctx.
 */
char *tide_vacuum_session_sql(void *ctx, const struct tide_limits *limits);
/** Statements that reset them. */
#define TIDE_VACUUM_SESSION_RESET "RESET vacuum_cost_limit; RESET vacuum_cost_delay; SET lock_timeout = 0"

/**
 * The same for the control connection. Refused where the role may not vacuum some of the table: the server would leave that out
 * with a warning, and the statement would end as if all were done.
 */
bool tide_vacuum_session_set(const struct tide_task *task, struct tide_err *err) TIDE_CHECKED;
/**
 * Resets the session, whatever the outcome of the statement. `ok` and err are that outcome: a reset that
 * fails replaces only a success.
 */
bool tide_vacuum_session_reset(const struct tide_executor *exe, bool ok, struct tide_err *err) TIDE_CHECKED;

#endif
