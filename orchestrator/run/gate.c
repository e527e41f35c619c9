#include "gate.h"
#include "gate_command.h"

#include <string.h>
#include <talloc.h>

#include "run_sql.h"
#include "signals_sql.h"
#include "state/move.h"
#include "state/role_search_path.h"
#include "state/setting.h"
#include "signals/watcher.h"
#include "tidemark/orchestrator/run.h"
#include "tidemark/orchestrator/store.h"

/* What the database says of the gate now. */
struct view {
	bool approved;
	double soak_left; /* seconds; ≤ 0 over or waived */
	char *soak_until;
	int64_t unmatched; /* rows without a match in the lookup */
	char *unmatched_key;
	char *note; /* what the person who opens the gate should know, or NULL */
};

static const struct tide_record_field view_fields[] = {
	TIDE_FIELD(view, approved, BOOL),
	TIDE_FIELD(view, soak_left, REAL),
	TIDE_FIELD(view, soak_until, TEXT),
	TIDE_FIELD(view, unmatched, INT),
	TIDE_FIELD(view, unmatched_key, TEXT),
};
static const struct tide_record view_record = TIDE_RECORD(view_fields);

static bool
read_view(struct tide_executor *exe, void *mem, long index, struct view *out, struct tide_err *err)
{
	struct tide_rows *rows;

	if (!tide_session_write(exe->session, tide_sql_run_gate,
		TIDE_ARGS(tide_param_int(mem, exe->session->run), tide_param_int(mem, exe->session->fence),
		    tide_param_int(mem, index), tide_param_interval(mem, exe->plan->phase[index].gate.after)),
		&rows, mem, err))
		return false;
	tide_rows_record(mem, rows, 0, &view_record, out);
	out->note = out->unmatched > 0 ? tide_unmatched_text(mem, out->unmatched, out->unmatched_key) : NULL;
	return true;
}

static bool
ask_sql(struct tide_conn *conn, const char *sql, bool *open, struct tide_err *err)
{
	void *mem = talloc_new(conn);
	struct tide_rows *rows;
	bool ok = tide_await_role_search_path(conn, mem, sql, 0, NULL, &rows, err);

	if (ok && (tide_rows_width(rows) != 1 || tide_rows_count(rows) > 1))
		ok = tide_fail(err, TIDE_PRECONDITION, "it must return one row of one boolean");
	else if (ok)
		*open = tide_rows_count(rows) == 1 && tide_rows_only_text(rows) != NULL &&
			strcmp(tide_rows_only_text(rows), "t") == 0;
	if (!ok && err->code == TIDE_UNEXPECTED)
		err->code = TIDE_PRECONDITION;
	if (!ok && (strcmp(err->sqlstate, "42P01") == 0 || strcmp(err->sqlstate, "42883") == 0))
		tide_hint(err,
		    "name it with its schema: a schema in which others may create objects is left out of "
		    "search_path");
	talloc_free(mem);
	return ok || tide_wrap(err, "the gate's SQL condition");
}

static bool
ask_window(struct tide_conn *conn, const char *text, bool *open, struct tide_err *err)
{
	struct tide_window window;
	void *mem = talloc_new(conn);
	struct tide_rows *rows;
	bool ok = true;

	*open = false;
	if (tide_window_parse(text, &window)) {
		ok = tide_await_query(conn, mem, tide_sql_signals_phase_window,
		    TIDE_ARGS(
			window.zone, tide_param_int(mem, window.days), tide_param_int(mem, window.begin)),
		    &rows, err);
		*open = ok &&
			tide_window_open(&window, (int)tide_rows_int(rows, 0, tide_rows_column(rows, "day")),
			    (int)tide_rows_int(rows, 0, tide_rows_column(rows, "minute")));
	}
	talloc_free(mem);
	return ok;
}

bool
tide_run_gate_open(
    struct tide_conn *conn, const char *plan, const struct tide_gate *gate, bool *open, struct tide_err *err)
{
	void *mem = talloc_new(conn);
	const char *window;
	bool ok = tide_settings_value(mem, conn, plan, "window", &window, err);

	*open = true;
	if (ok && window == NULL)
		window = gate->window;
	ok = ok && (window == NULL || ask_window(conn, window, open, err)) &&
	     (!*open || gate->sql == NULL || ask_sql(conn, gate->sql, open, err));
	talloc_free(mem);
	return ok;
}

/* The stand at one gate, from its first look to its last. */
struct stand {
	struct tide_executor *exe;
	long index;
	struct tide_gate_command *command; /* NULL: the gate has none */
	bool waited;                       /* it was found closed */
};

/* A command that answers at once is waited for: then the gate was never closed. */
static bool
judge_command(struct stand *s, void *mem, struct tide_hold *out, bool *answered, struct tide_err *err)
{
	enum tide_gate_answer answer;

	if (!tide_gate_command_ask(s->command, &answer, err))
		return false;
	if (answer == TIDE_GATE_ANSWER_RUNS) {
		tide_executor_sleep_until(s->exe, TIDE_SECOND, tide_gate_command_ended(s->command));
		if (!tide_gate_command_ask(s->command, &answer, err))
			return false;
	}
	*answered = answer != TIDE_GATE_ANSWER_RUNS;
	if (answer != TIDE_GATE_ANSWER_OPEN)
		*out = (struct tide_hold){ TIDE_CAUSE_COMMAND, tide_gate_command_text(mem, s->command) };
	return true;
}

/* What still keeps the gate closed. The command comes last: it is only run while all else holds. Texts belong to mem. */
static bool
judge(struct stand *s, void *mem, struct tide_hold *out, bool *stop, struct tide_err *err)
{
	struct tide_executor *exe = s->exe;
	long index = s->index;
	bool answered = true;
	const struct tide_gate *gate = &exe->plan->phase[index].gate;
	struct view view;
	bool open = true;

	*out = (struct tide_hold){ 0 };
	*stop = false;
	if (!read_view(exe, mem, index, &view, err))
		return false;
	if (gate->manual && !view.approved) {
		*out = (struct tide_hold){ TIDE_CAUSE_APPROVAL, "waiting for manual approval" };
		*stop = true;
	} else if (gate->after > 0 && view.soak_left > 0) {
		*out = (struct tide_hold){ TIDE_CAUSE_SOAK,
			talloc_asprintf(mem, "soaking until %s", view.soak_until) };
		*stop = view.soak_left * (double)TIDE_SECOND > (double)TIDE_WAIT_IN_PROCESS;
	} else if (tide_executor_window(exe) != NULL && !exe->signals.window_open) {
		*out = (struct tide_hold){ TIDE_CAUSE_WINDOW,
			talloc_asprintf(mem, "outside the time window %s%s%s", tide_executor_window(exe),
			    exe->signals.window_opens != NULL ? "; it opens at " : "",
			    exe->signals.window_opens != NULL ? exe->signals.window_opens : "") };
		*stop = !exe->options->wait;
	} else if (gate->sql != NULL && !ask_sql(exe->control, gate->sql, &open, err)) {
		return false;
	} else if (!open) {
		*out = (struct tide_hold){ TIDE_CAUSE_CONDITION,
			talloc_asprintf(mem, "the SQL condition does not hold yet: %s", gate->sql) };
	} else if (s->command != NULL && !judge_command(s, mem, out, &answered, err)) {
		return false;
	}
	if (s->command != NULL && out->cause != TIDE_CAUSE_NONE && out->cause != TIDE_CAUSE_COMMAND)
		tide_gate_command_stop(s->command);
	*stop = *stop || (out->cause != TIDE_CAUSE_NONE && exe->options->unattended && answered);
	/* The person who opens the gate should know it. */
	if (view.note != NULL && (out->cause == TIDE_CAUSE_APPROVAL || out->cause == TIDE_CAUSE_SOAK))
		out->text = talloc_asprintf(mem, "%s; %s", out->text, view.note);
	return true;
}

/* The first time that the gate is found closed. */
static bool
begin_waiting(struct stand *s, const char *why, struct tide_err *err)
{
	bool ok = tide_run_move(s->exe->session,
		      &(struct tide_move){ .to = TIDE_RUN_WAITING, .phase = s->index, .reason = why }, err) &&
		  tide_executor_move_phase(s->exe, s->index, TIDE_PHASE_WAITING, err);

	tide_executor_event(s->exe, "wait.start", NULL, false, "%s", why);
	s->waited = true;
	return ok;
}

static bool
look(struct stand *s, bool *open, struct tide_err *err)
{
	void *mem = talloc_new(s->exe);
	struct tide_hold hold = { 0 };
	bool stop = false, ok = judge(s, mem, &hold, &stop, err);

	if (ok && hold.cause != TIDE_CAUSE_NONE && !s->waited)
		ok = begin_waiting(s, hold.text, err);
	if (ok && stop)
		ok =
		    tide_fail(err, tide_executor_shut_out(s->exe) ? TIDE_BUDGET : TIDE_GATE, "%s", hold.text);
	if (ok && hold.cause != TIDE_CAUSE_NONE)
		tide_executor_set_wait_reason(s->exe, "%s", hold.text);
	*open = ok && hold.cause == TIDE_CAUSE_NONE;
	talloc_free(mem);
	return ok;
}

/* Asked again every second, with requests served in between. What a command says before a pause is not what counts after it. */
static bool
stand(struct stand *s, struct tide_err *err)
{
	const bool never = false;
	bool open;

	for (;;) {
		if (!look(s, &open, err))
			return false;
		if (open)
			return true;
		tide_executor_sleep_until(
		    s->exe, TIDE_SECOND, s->command != NULL ? tide_gate_command_ended(s->command) : &never);
		if (s->command != NULL && s->exe->requests.pause)
			tide_gate_command_stop(s->command);
		if (!tide_executor_check(s->exe, err))
			return false;
	}
}

/*
 * Only a gate that is found closed moves the run to "waiting". A closed manual gate or a long soak ends the
 * command: what opens it is a person or a time far away; so does a closed window, unless it was asked to wait. The rest is
 * waited for.
 */
bool
tide_gate_pass(struct tide_executor *exe, long index, struct tide_err *err)
{
	const struct tide_gate *gate = &exe->plan->phase[index].gate;
	struct stand s = { .exe = exe, .index = index };
	bool ok;

	if (!gate->manual && gate->after == 0 && gate->sql == NULL && gate->command.count == 0 &&
	    tide_executor_window(exe) == NULL)
		return true;
	/* For this phase's window. */
	if (tide_executor_window(exe) != NULL && !tide_watcher_refresh(exe, err))
		return false;
	if (gate->command.count > 0)
		s.command = tide_gate_command_new(
		    exe, exe->loop, exe->plan, &exe->plan->phase[index], exe->session->run);
	ok = stand(&s, err);
	talloc_free(s.command);
	if (ok) {
		tide_executor_set_wait_reason(exe, NULL);
		tide_executor_event(exe, "gate.open", NULL, false, "the gate is open");
	}
	return ok;
}
