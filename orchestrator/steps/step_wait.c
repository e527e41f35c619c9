#include "step_runner.h"

#include <string.h>
#include <talloc.h>

#include "state/crash_points.h"
#include "state/journal.h"
#include "state/move.h"
#include "steps_sql.h"
#include "tidemark/base/units.h"

struct hold {
	double seconds_left; /* none: over, or waived */
	char *until;
	bool waived;
};
static const struct tide_record_field hold_fields[] = {
	TIDE_FIELD(hold, seconds_left, REAL),
	TIDE_FIELD(hold, until, TEXT),
	TIDE_FIELD(hold, waived, BOOL),
};
static const struct tide_record hold_record = TIDE_RECORD(hold_fields);

/*
 * The server computes the end from the journal at every look (hold.sql), so a restart neither shortens nor
 * prolongs the hold, and `tidemark advance --now` can waive it meanwhile. A long hold ends the command:
 * nothing has to keep running for it.
 */
bool
tide_step_wait(const struct tide_task *task, struct tide_err *err)
{
	struct tide_executor *exe = task->exe;
	struct tide_move move = { .phase = task->phase };
	bool told = false, waived = false;

	for (;;) {
		void *mem = talloc_new(exe);
		struct tide_rows *rows;
		struct hold hold;
		double left;
		bool ok = tide_session_write(exe->session, tide_sql_steps_hold,
		    TIDE_ARGS(tide_param_int(mem, exe->session->run),
			tide_param_int(mem, exe->session->fence), tide_param_int(mem, task->phase),
			tide_param_interval(mem, task->action->wait_us)),
		    &rows, mem, err);

		if (!ok) {
			talloc_free(mem);
			return false;
		}
		tide_rows_record(mem, rows, 0, &hold_record, &hold);
		left = hold.seconds_left;
		waived = hold.waived;
		if (left > 0 && !told)
			tide_crash_point("wait.started");
		if (left > 0 &&
		    (exe->options->unattended || left > (double)TIDE_WAIT_IN_PROCESS / (double)TIDE_SECOND))
			ok = tide_fail(err, TIDE_GATE, "hold until %s", hold.until);
		else if (left > 0) {
			tide_executor_set_wait_reason(exe, "hold until %s", hold.until);
			if (!told) {
				tide_executor_rest(exe, true);
				tide_executor_event(exe, "wait.start", task->step, false, "%s, until %s",
				    task->action->title, hold.until);
				move.to = TIDE_RUN_WAITING;
				move.reason = exe->report.reason;
				ok = tide_run_move(exe->session, &move, err);
			}
			told = true;
		}
		talloc_free(mem);
		if (!ok)
			return false;
		if (left <= 0)
			break;
		tide_executor_sleep(
		    exe, left < 1 ? (int64_t)(left * (double)TIDE_SECOND) + TIDE_MS : TIDE_SECOND);
		if (!tide_executor_check(exe, err))
			return false;
	}
	tide_executor_set_wait_reason(exe, NULL);
	if (told)
		tide_executor_rest(exe, false);
	move.to = TIDE_RUN_RUNNING;
	move.reason = NULL;
	if (told && !tide_run_move(exe->session, &move, err))
		return false;
	return tide_journal_add(exe->session,
	    &(struct tide_entry){ .event = tide_task_event(task, "done"),
		.phase = task->phase,
		.step = task->step,
		.outcome = waived ? "waived" : "waited",
		.seconds = -1,
		.lock_wait = -1 },
	    NULL, err);
}
