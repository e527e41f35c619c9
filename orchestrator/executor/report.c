#include "report.h"

#include <stdarg.h>
#include <stdio.h>
#include <talloc.h>

#include "executor.h"
#include "state/journal.h"

bool
tide_executor_move_phase(
    struct tide_executor *exe, long phase, enum tide_phase_state state, struct tide_err *err)
{
	if (!tide_phase_row_state(exe->session, phase, state, err))
		return false;
	exe->report.begun = state == TIDE_PHASE_RUNNING;
	tide_executor_sample(exe, TIDE_SAMPLE_PHASE, tide_phase_word(state)->word, phase);
	return true;
}

void
tide_executor_rest(struct tide_executor *exe, bool resting)
{
	struct tide_report *report = &exe->report;

	report->rests += resting ? 1 : -1;
	if (report->begun && report->rests == (resting ? 1 : 0))
		tide_executor_sample(exe, TIDE_SAMPLE_PHASE,
		    tide_phase_word(resting ? TIDE_PHASE_BEGUN : TIDE_PHASE_RUNNING)->word, report->ordinal);
}

void
tide_executor_tell(struct tide_executor *exe, const struct tide_event *event)
{
	struct tide_event told = *event;

	if (exe->report.observer == NULL || exe->report.observer->event == NULL)
		return;
	told.plan = exe->plan->name;
	told.run = exe->session->run;
	exe->report.observer->event(exe->report.observer->ctx, &told);
}

void
tide_executor_event(
    struct tide_executor *exe, const char *name, const char *step, bool warning, const char *fmt, ...)
{
	struct tide_event event = { .name = name,
		.phase = exe->report.phase,
		.step = step,
		.duration = -1,
		.lock_wait = -1,
		.warning = warning };
	char message[2048];
	va_list args;

	va_start(args, fmt);
	vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	event.message = message;
	tide_executor_tell(exe, &event);
}

void
tide_executor_sample(struct tide_executor *exe, enum tide_sample kind, const char *label, int64_t value)
{
	if (exe->report.observer != NULL && exe->report.observer->sample != NULL)
		exe->report.observer->sample(exe->report.observer->ctx, kind, label, value);
}

void
tide_executor_set_wait_reason(struct tide_executor *exe, const char *fmt, ...)
{
	va_list args;

	talloc_free(exe->report.reason);
	if (fmt == NULL) {
		exe->report.reason = talloc_strdup(exe, "");
		return;
	}
	va_start(args, fmt);
	exe->report.reason = talloc_vasprintf(exe, fmt, args);
	va_end(args);
}
