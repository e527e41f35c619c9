/* What a rollback is about: the phases, whether they can be undone, and what that loses. */
#include "rollback_plan.h"

#include <string.h>
#include <talloc.h>

#include "run_sql.h"
#include "runner.h"
#include "state/journal.h"
#include "steps/step_runner.h"
#include "tidemark/orchestrator/store.h"
#include "tidemark/phases/phase.h"

static bool
collect(struct tide_executor *exe, struct tide_rollback_plan *rollback, struct tide_err *err)
{
	const enum tide_phase_state *states;

	if (!tide_runner_states(exe, exe, &states, err))
		return false;
	rollback->count = 0;
	rollback->entry = talloc_zero_array(exe, struct tide_rollback_entry, (unsigned)exe->plan->count);
	for (long i = (long)exe->plan->count - 1; i > rollback->target; i--) {
		struct tide_rollback_entry *c = &rollback->entry[rollback->count];

		if (states[i] == TIDE_PHASE_PENDING)
			continue;
		c->index = i;
		c->was = states[i];
		if (!tide_store_steps(rollback->entry, exe->control, exe->session->run, i, &c->steps, err))
			return false;
		rollback->count++;
	}
	return true;
}

/* Whether a step that would have to be undone has passed the point of no return. */
static bool
check_reversible(struct tide_executor *exe, const struct tide_rollback_plan *rollback, struct tide_err *err)
{
	for (size_t i = 0; i < rollback->count; i++) {
		const struct tide_rollback_entry *c = &rollback->entry[i];

		for (size_t s = 0; c->steps != NULL && s < c->steps->count; s++) {
			const struct tide_step *step = &c->steps->item[s];
			struct tide_task task = {
				.exe = exe, .phase = c->index, .step = step->name, .action = &step->forward
			};
			enum tide_probe answer = TIDE_TODO;

			if (!step->irreversible)
				continue;
			if (!tide_task_probe(&task, &answer, err))
				return false;
			if (answer != TIDE_DONE)
				continue;
			tide_fail(err, TIDE_PRECONDITION, "phase %s cannot be undone: %s%s%s",
			    exe->plan->phase[c->index].name, step->forward.title,
			    step->forward.loss_note != NULL ? "; " : "",
			    step->forward.loss_note != NULL ? step->forward.loss_note : "");
			return tide_hint(err,
			    "this was the point of no return: to change the table back, write a new plan");
		}
	}
	return true;
}

/* One drop_column of another plan. */
struct drop {
	char *plan, *plan_text, *state;
	int64_t ordinal; /* of the phase */
	bool done;
};
static const struct tide_record_field drop_fields[] = {
	TIDE_FIELD(drop, plan, TEXT),
	TIDE_FIELD(drop, plan_text, TEXT),
	TIDE_FIELD(drop, state, TEXT),
	TIDE_FIELD(drop, ordinal, INT),
	TIDE_FIELD(drop, done, BOOL),
};
static const struct tide_record drop_record = TIDE_RECORD(drop_fields);

/*
 * A column that is dropped permanently cannot be restored by any rollback. While it is only hidden, or its
 * drop has not begun, the other plan can still be rolled back first.
 */
static bool
check_drop(struct tide_executor *exe, void *mem, const struct drop *drop, struct tide_err *err)
{
	struct tide_err unread = { 0 };
	struct tide_plan *other;
	const char *column;

	if (!tide_plan_parse(mem, drop->plan, drop->plan_text, strlen(drop->plan_text), tide_phase_kinds(),
		tide_phase_count, &other, &unread) ||
	    (column = tide_phase_needs(exe->plan, other, (size_t)drop->ordinal)) == NULL)
		return true;
	if (drop->done) {
		tide_fail(err, TIDE_PRECONDITION,
		    "plan '%s' cannot be rolled back: plan '%s' has dropped \"%s\" permanently",
		    exe->plan->name, drop->plan, column);
		return tide_hint(
		    err, "this was the point of no return: to change the table back, write a new plan");
	}
	tide_fail(err, TIDE_PRECONDITION, "plan '%s' (%s) takes over what keeps \"%s\" in step, to drop it",
	    drop->plan, drop->state, column);
	return tide_hint(err, "roll that one back first: tidemark rollback %s", drop->plan);
}

/* Another plan may have taken the triggers of this one over, to drop the old column: then the rollback leads through that one. */
static bool
check_taken_over(struct tide_executor *exe, const struct tide_run_row *run, struct tide_err *err)
{
	void *mem;
	struct tide_rows *rows;
	struct drop *drops;
	size_t count;
	bool ok;

	if (run->state != TIDE_RUN_COMPLETE)
		return true;
	mem = talloc_new(exe);
	ok = tide_await_query(exe->control, mem, tide_sql_run_drops,
	    TIDE_ARGS(tide_param_int(mem, exe->session->table_oid), tide_param_int(mem, exe->session->run),
		exe->plan->name),
	    &rows, err);
	if (ok)
		drops = tide_rows_records(mem, rows, &drop_record, sizeof(*drops), &count);
	for (size_t i = 0; ok && i < count; i++)
		ok = check_drop(exe, mem, &drops[i], err);
	talloc_free(mem);
	return ok;
}

/* Counting ends after this time, or at this number. */
#define COUNT_FOR "30s"
#define COUNT_MOST 1000000

/* How many rows lose something, in brackets, or why that is not known. */
static bool
count_lost(struct tide_executor *exe, void *mem, const char *lost, char **text, struct tide_err *err)
{
	char *sql = talloc_asprintf(mem,
	    "SELECT count(*) FROM (SELECT FROM %s AS tidemark_row WHERE %s LIMIT %d) AS few",
	    exe->session->relation, lost, COUNT_MOST + 1);
	struct tide_err failed = { 0 };
	struct tide_rows *rows = NULL;
	int64_t count;
	bool ok;

	*text = talloc_strdup(mem, "");
	if (!tide_await_exec(exe->control, NULL, "SET statement_timeout = '" COUNT_FOR "'", NULL, err))
		return false;
	ok = tide_await_query(exe->control, mem, sql, 0, NULL, &rows, &failed);
	if (!tide_await_exec(exe->control, NULL, "RESET statement_timeout", NULL, err))
		return false;
	if (!ok) {
		*text = strcmp(failed.sqlstate, "57014") == 0
			    ? talloc_strdup(mem, " (the rows could not be counted within " COUNT_FOR ")")
			    : talloc_asprintf(mem, " (the number of rows is unknown: %s)", failed.message);
		return true;
	}
	count = tide_rows_only_int(rows);
	*text = count > COUNT_MOST
		    ? talloc_asprintf(mem, " (in more than %d rows)", COUNT_MOST)
		    : talloc_asprintf(mem, " (in %lld row%s)", (long long)count, count == 1 ? "" : "s");
	return true;
}

/* Adds what the rollback of one step loses; counted: also in how many rows. */
static bool
add_losses(struct tide_executor *exe, const struct tide_rollback_entry *c, const struct tide_step *step,
    bool counted, char **text, struct tide_err *err)
{
	void *mem;
	bool untouched = false, lossy = false;

	for (size_t u = 0; u < step->undo_count; u++)
		lossy = lossy || step->undo[u].loss != TIDE_LOSES_NOTHING;
	if (lossy && !tide_journal_untouched(exe->session, c->index, step->name, &untouched, err))
		return false;
	mem = talloc_new(exe);
	for (size_t u = 0; !untouched && u < step->undo_count; u++) {
		const struct tide_action *undo = &step->undo[u];
		char *rows = talloc_strdup(mem, "");

		if (undo->loss == TIDE_LOSES_NOTHING)
			continue;
		if (counted && undo->lost != NULL && !count_lost(exe, mem, undo->lost, &rows, err)) {
			talloc_free(mem);
			return false;
		}
		*text = talloc_asprintf_append(*text, "%s%s: %s%s", (*text)[0] != '\0' ? "; " : "",
		    exe->plan->phase[c->index].name, undo->loss_note != NULL ? undo->loss_note : undo->title,
		    rows);
	}
	talloc_free(mem);
	return true;
}

/*
 * first: before the lease is taken, when the losses are counted and reported. A rollback that is under way
 * was accepted when it began.
 */
static bool
check_losses(
    struct tide_executor *exe, const struct tide_rollback_plan *rollback, bool first, struct tide_err *err)
{
	char *text = talloc_strdup(exe, "");
	bool ok = true;

	for (size_t i = 0; i < rollback->count; i++)
		for (size_t s = 0; rollback->entry[i].steps != NULL && s < rollback->entry[i].steps->count;
		     s++)
			if (!add_losses(exe, &rollback->entry[i], &rollback->entry[i].steps->item[s], first,
				&text, err))
				return false;
	if (*text != '\0') {
		if (first)
			tide_executor_event(exe, "rollback.loss", NULL, true, "the rollback loses: %s", text);
		if (!exe->options->yes && !rollback->accepted) {
			ok = tide_fail(err, TIDE_PRECONDITION, "the rollback loses: %s", text);
			tide_hint(err, "--yes accepts it");
		}
	}
	talloc_free(text);
	return ok;
}

/* Once the switch is undone, the new column only follows: said before anything is done. */
static void
tell_release(struct tide_executor *exe, const struct tide_rollback_plan *rollback)
{
	for (size_t i = 0; i < rollback->count; i++) {
		const struct tide_phase *phase = &exe->plan->phase[rollback->entry[i].index];

		if (tide_phase_switches(phase) && rollback->entry[i].was == TIDE_PHASE_DONE)
			tide_executor_event(exe, "rollback.release", NULL, true,
			    "before phase %s is rolled back, the new release must be stopped: what it writes "
			    "to the new column is ignored from then on",
			    phase->name);
	}
}

bool
tide_rollback_plan_look(struct tide_executor *exe, const struct tide_run_row *run, bool first,
    struct tide_rollback_plan *rollback, struct tide_err *err)
{
	if (!check_taken_over(exe, run, err) || !collect(exe, rollback, err) ||
	    !check_reversible(exe, rollback, err) || !check_losses(exe, rollback, first, err))
		return false;
	if (first)
		tell_release(exe, rollback);
	return true;
}
