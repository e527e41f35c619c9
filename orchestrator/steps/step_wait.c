#include "step_runner.h"

#include <string.h>
#include <talloc.h>

#include "state/crash_points.h"
#include "state/journal.h"
#include "state/move.h"
#include "tidemark/base/units.h"

/* The hold counts from the last step of this phase that was done before it. */
static const char remaining[] =
    "WITH begun AS (SELECT max(j.at) AS at FROM tidemark.journal j JOIN tidemark.phase p ON p.run = j.run "
    "AND p.ordinal = j.phase WHERE j.run = $1::bigint AND j.phase = $3::integer "
    "AND j.event = 'step.done' AND j.seq > p.compiled), "
    "mark AS (UPDATE tidemark.run SET hold_until = begun.at + $4::interval FROM begun "
    "WHERE id = $1::bigint AND fence = $2::bigint RETURNING hold_until) "
    "SELECT CASE WHEN p.waive_hold THEN 0 ELSE extract(epoch FROM mark.hold_until - clock_timestamp()) END, "
    "to_char(mark.hold_until, 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), p.waive_hold "
    "FROM mark, tidemark.phase p WHERE p.run = $1::bigint AND p.ordinal = $3::integer";

bool
tide_step_wait(const struct tide_task *task, struct tide_err *err)
{
	struct tide_executor *exe = task->exe;
	struct tide_move move = { .phase = task->phase };
	bool told = false, waived = false;

	for (;;) {
		void *mem = talloc_new(exe);
		struct tide_rows *rows;
		double left;
		bool ok = tide_session_write(exe->session, remaining,
		    TIDE_ARGS(tide_param_int(mem, exe->session->run),
			tide_param_int(mem, exe->session->fence), tide_param_int(mem, task->phase),
			tide_param_interval(mem, task->action->wait_us)),
		    &rows, mem, err);

		if (!ok) {
			talloc_free(mem);
			return false;
		}
		left = tide_rows_real(rows, 0, 0);
		waived = tide_rows_bool(rows, 0, 2);
		if (left > 0 && !told)
			tide_crash_point("wait.started");
		if (left > 0 && left > (double)TIDE_WAIT_IN_PROCESS / (double)TIDE_SECOND)
			ok = tide_fail(err, TIDE_GATE, "hold until %s", tide_rows_text(rows, 0, 1));
		else if (left > 0) {
			tide_executor_set_wait_reason(exe, "hold until %s", tide_rows_text(rows, 0, 1));
			if (!told) {
				tide_executor_rest(exe, true);
				tide_executor_event(exe, "wait.start", task->step, false, "%s, until %s",
				    task->action->title, tide_rows_text(rows, 0, 1));
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
