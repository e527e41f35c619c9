#include "review.h"

#include <string.h>
#include <talloc.h>

#include "cli/output/progress.h"
#include "tidemark/base/sqltext.h"
#include "tidemark/base/units.h"

/* A page read and written costs 22; after vacuum_cost_limit of it (200 unless told) come 2 ms of rest, as autovacuum has it. */
static int64_t
vacuum_time(const struct tide_action *action, const struct tide_plan *plan)
{
	double pages = (double)action->bytes / 8192,
	       limit = plan->limits.vacuum_cost_limit > 0 ? (double)plan->limits.vacuum_cost_limit : 200;

	return (int64_t)(pages * 22 / limit * (double)(2 * TIDE_MS));
}

int64_t
tide_review_estimate(const struct tide_action *action, const struct tide_plan *plan)
{
	double workers = plan->limits.workers > 0 ? (double)plan->limits.workers : 1, rate;

	if (action->kind == TIDE_STEP_WAIT)
		return action->wait_us;
	if (action->touch == TIDE_TOUCH_NOTHING)
		return 0;
	if (action->touch == TIDE_TOUCH_VACUUM)
		return vacuum_time(action, plan);
	if (action->rows < 0 || action->touch == TIDE_TOUCH_UNKNOWN)
		return -1;
	rate = action->touch == TIDE_TOUCH_BATCHES ? TIDE_ASSUME_WRITE * workers
	       : action->touch == TIDE_TOUCH_READ  ? TIDE_ASSUME_READ
	       : action->touch == TIDE_TOUCH_ROWS || action->touch == TIDE_TOUCH_REWRITE ? TIDE_ASSUME_WRITE
											 : TIDE_ASSUME_BUILD;
	if (action->sweep != NULL && action->sweep->max_rows_per_second > 0 &&
	    rate > (double)action->sweep->max_rows_per_second)
		rate = (double)action->sweep->max_rows_per_second;
	return (
	    int64_t)(((double)action->rows / rate + (double)action->looked_at / TIDE_ASSUME_READ /
							(action->touch == TIDE_TOUCH_BATCHES ? workers : 1)) *
		     1e6);
}

const char *
tide_review_time(const struct tide_action *action, const struct tide_plan *plan, char *out, size_t size)
{
	int64_t us = tide_review_estimate(action, plan);
	char text[64];

	if (action->kind == TIDE_STEP_WAIT)
		(void)snprintf(out, size, "%s", tide_duration_format(us, text, sizeof(text)));
	else if (us == 0 && action->touch == TIDE_TOUCH_NOTHING)
		(void)snprintf(out, size, "an instant");
	else if (us < 0 && (action->flags & TIDE_ROLE_SEARCH_PATH) != 0)
		(void)snprintf(out, size, "unknown");
	else if (us < 0)
		(void)snprintf(out, size, "unknown: the table has no statistics");
	else if (us < TIDE_SECOND)
		(void)snprintf(out, size, "under a second (estimate)");
	else
		(void)snprintf(out, size, "about %s (estimate)", tide_progress_time(us, text, sizeof(text)));
	return out;
}

/* The lock on the plan's table, and for how long. */
static char *
own_lock(void *ctx, const struct tide_action *action, const struct tide_plan *plan)
{
	const char *table = action->lock_table != NULL ? action->lock_table : plan->table;
	char wait[64];

	tide_duration_format(plan->limits.lock_timeout, wait, sizeof(wait));
	if ((action->flags & TIDE_YIELDS) != 0)
		return talloc_asprintf(ctx,
		    "%s on %s; reads and writes continue; one request waits at most %s, and it is cancelled "
		    "when others wait for it",
		    tide_lock_name(action->lock), table, wait);
	if (action->kind == TIDE_STEP_CONCURRENT || action->lock <= TIDE_SHARE_UPDATE_EXCLUSIVE)
		return talloc_asprintf(
		    ctx, "%s on %s; reads and writes continue", tide_lock_name(action->lock), table);
	return talloc_asprintf(ctx, "%s on %s, %s; one request waits at most %s, up to %lld tries",
	    tide_lock_name(action->lock), table,
	    action->touch == TIDE_TOUCH_NOTHING
		? "for an instant"
		: talloc_asprintf(ctx, "for as long as it runs, at most %d seconds", TIDE_HOLD_SECONDS),
	    wait, (long long)plan->limits.lock_attempts);
}

char *
tide_review_lock(void *ctx, const struct tide_action *action, const struct tide_plan *plan)
{
	bool unknown = (action->flags & TIDE_LOCKS_UNKNOWN) != 0;
	char *text;

	if (action->kind == TIDE_STEP_WAIT)
		return talloc_strdup(ctx, "none");
	if (action->kind == TIDE_STEP_SWEEP)
		return talloc_asprintf(ctx, "%s; nothing that blocks readers or writers of the table",
		    action->sweep != NULL && action->sweep->write ? "the rows of one batch at a time"
								  : "those of a SELECT");
	if (action->lock != TIDE_LOCK_NONE)
		text = own_lock(ctx, action, plan);
	else
		text = talloc_strdup(ctx, unknown ? "" : "none on the table");
	for (size_t i = 0; i < action->also_count; i++)
		text = talloc_asprintf_append(text, "%s%s on %s", *text == '\0' ? "" : "; ",
		    tide_lock_name(action->also[i].lock), action->also[i].relation);
	if (unknown)
		text = talloc_asprintf_append(
		    text, "%s", *text == '\0' ? "unknown" : "; what else is locked is unknown");
	return text;
}

char *
tide_review_touch(void *ctx, const struct tide_action *action)
{
	static const char *const what[] = {
		[TIDE_TOUCH_NOTHING] = "catalog rows only",
		[TIDE_TOUCH_READ] = "reads the table once",
		[TIDE_TOUCH_BATCHES] = "writes in batches",
		[TIDE_TOUCH_BUILD] = "builds an index",
		[TIDE_TOUCH_SAMPLE] = "reads a sample",
		[TIDE_TOUCH_VACUUM] = "reads and cleans up table and indexes",
		[TIDE_TOUCH_REWRITE] = "may rewrite the table",
		[TIDE_TOUCH_ROWS] = "rows, in one transaction",
		[TIDE_TOUCH_UNKNOWN] = "unknown",
	};
	char rows[64], bytes[64], *text;

	if (action->kind == TIDE_STEP_WAIT)
		return talloc_strdup(ctx, "nothing");
	if (action->touch == TIDE_TOUCH_NOTHING || action->touch == TIDE_TOUCH_UNKNOWN)
		return talloc_strdup(ctx, what[action->touch]);
	text = talloc_strdup(ctx,
	    action->sweep != NULL && action->sweep->deletes ? "deletes in batches" : what[action->touch]);
	if (action->rows >= 0)
		text = talloc_asprintf_append(
		    text, ": about %s rows", tide_count_format(action->rows, rows, sizeof(rows)));
	else
		text = talloc_strdup_append(text, ": rows unknown");
	if (action->bytes > 0)
		text = talloc_asprintf_append(
		    text, ", %s", tide_size_format(action->bytes, bytes, sizeof(bytes)));
	if (action->looked_at > action->rows)
		text = talloc_asprintf_append(
		    text, "; reads about %s", tide_count_format(action->looked_at, rows, sizeof(rows)));
	return text;
}

char *
tide_review_other(void *ctx, const struct tide_other_trigger *other, const struct tide_action *action)
{
	char rows[64], *often;

	if (!other->fires)
		often = talloc_strdup(ctx, "skipped");
	else if (strstr(other->timing, "STATEMENT") != NULL)
		often = talloc_strdup(ctx, "fires once for each batch");
	else if (action->rows > 0)
		often = talloc_asprintf(ctx, "fires for each row, up to about %s times",
		    tide_count_format(action->rows, rows, sizeof(rows)));
	else
		often = talloc_strdup(ctx, "fires for each row");
	return talloc_asprintf(ctx, "%s%s%s: %s%s%s, calls %s: %s", other->name,
	    other->table != NULL ? " on " : "", other->table != NULL ? other->table : "", other->timing,
	    other->condition != NULL ? " WHEN " : "", other->condition != NULL ? other->condition : "",
	    other->function, often);
}

char *
tide_review_gate(void *ctx, const struct tide_gate *gate)
{
	char *text = talloc_strdup(ctx, ""), after[64];

	if (gate->manual)
		text = talloc_strdup_append(text, "manual approval (`tidemark advance`)");
	if (gate->after > 0)
		text = talloc_asprintf_append(text, "%s%s since the phase before ended",
		    text[0] != '\0' ? ", and " : "", tide_duration_format(gate->after, after, sizeof(after)));
	if (gate->sql != NULL)
		text = talloc_asprintf_append(
		    text, "%suntil this returns true: %s", text[0] != '\0' ? ", and " : "", gate->sql);
	if (gate->window != NULL)
		text = talloc_asprintf_append(
		    text, "%sthe window %s", text[0] != '\0' ? ", and " : "", gate->window);
	if (gate->command.count > 0)
		text = talloc_asprintf_append(text,
		    "%suntil this command succeeds on the executor's machine: %s",
		    text[0] != '\0' ? ", and " : "", tide_gate_command_line(ctx, gate));
	return text[0] != '\0' ? text : NULL;
}

enum tide_loss
tide_review_loss(const struct tide_steps *steps)
{
	enum tide_loss worst = TIDE_LOSES_NOTHING;

	for (size_t i = 0; i < steps->count; i++) {
		const struct tide_step *step = &steps->item[i];

		if (step->irreversible)
			return TIDE_IRREVERSIBLE;
		for (size_t j = 0; j < step->undo_count; j++)
			if (step->undo[j].loss > worst)
				worst = step->undo[j].loss;
	}
	return worst;
}

const char *
tide_review_loss_name(enum tide_loss loss)
{
	static const char *const names[] = {
		[TIDE_LOSES_NOTHING] = "reversible",
		[TIDE_LOSS_UNKNOWN] = "reversible, what it loses is unknown",
		[TIDE_LOSSY] = "reversible, lossy",
		[TIDE_IRREVERSIBLE] = "irreversible",
	};

	return names[loss];
}

char *
tide_review_lost(void *ctx, const struct tide_action *undo)
{
	if (undo->loss == TIDE_LOSES_NOTHING)
		return talloc_strdup(ctx, "nothing");
	return talloc_asprintf(ctx, "%s%s", undo->loss == TIDE_LOSS_UNKNOWN ? "unknown: " : "",
	    undo->loss_note != NULL ? undo->loss_note : "what was written since");
}

char *
tide_review_loses(void *ctx, const struct tide_action *undo)
{
	if (undo->loss == TIDE_LOSS_UNKNOWN)
		return talloc_asprintf(ctx, "what it loses is %s", tide_review_lost(ctx, undo));
	return talloc_asprintf(ctx, "loses %s", tide_review_lost(ctx, undo));
}

static bool
same_act(const struct tide_action *a, const struct tide_action *b)
{
	if (a->kind != b->kind || a->act_count == 0 || a->act_count != b->act_count)
		return false;
	for (size_t i = 0; i < a->act_count; i++)
		if (strcmp(a->act[i], b->act[i]) != 0)
			return false;
	return true;
}

long
tide_review_repeats(const struct tide_review_input *input, size_t phase, const struct tide_action *action)
{
	for (size_t p = 0; p < phase && input->steps[p] != NULL; p++)
		for (size_t i = 0; i < input->steps[p]->count; i++)
			if (action->probe != NULL && same_act(&input->steps[p]->item[i].forward, action))
				return (long)p;
	return -1;
}

long
tide_review_point(const struct tide_review_input *input, const struct tide_step **step)
{
	for (size_t i = 0; i < input->plan->count && input->steps[i] != NULL; i++)
		for (size_t j = 0; j < input->steps[i]->count; j++)
			if (input->steps[i]->item[j].irreversible) {
				*step = &input->steps[i]->item[j];
				return (long)i;
			}
	return -1;
}

char *
tide_review_act(void *ctx, const struct tide_action *action, const struct tide_review_input *input)
{
	const struct tide_table *table = &input->cat->table;
	char *text = talloc_strdup(ctx, "");

	if (action->kind == TIDE_STEP_SWEEP && action->sweep != NULL) {
		char *name = tide_sqlf(text, "%I.%I", table->schema, table->name);
		const struct tide_sweep_spec *spec = action->sweep;

		bool keys =
		    spec->order != NULL ? strcmp(spec->order, "keyset") == 0 : table->not_heap != NULL;
		const char *part = keys ? "the next … in the order of an index"
				   : spec->write
				       ? "ctid >= … AND ctid < … AND (get_byte(tidsend(ctid), 5) & …) = …"
				       : "ctid >= … AND ctid < …";

		if (spec->deletes)
			return talloc_asprintf(ctx, "DELETE FROM %s AS tidemark_row\n WHERE %s\n   AND (%s);",
			    name,
			    spec->by != NULL ? tide_sqlf(text, "the next … in the order of %I", spec->by)
			    : keys           ? part
					     : "ctid >= … AND ctid < …",
			    spec->residual);
		return spec->write ? talloc_asprintf(ctx,
					 "UPDATE %s AS tidemark_row\n   SET %s\n WHERE %s\n   AND (%s);",
					 name, spec->set, part, spec->residual)
				   : talloc_asprintf(ctx,
					 "SELECT count(*) FROM %s AS tidemark_row\n WHERE %s\n   AND (%s);",
					 name, part, spec->residual);
	}
	for (size_t i = 0; i < action->act_count; i++) {
		size_t length = strlen(action->act[i]);

		text = talloc_asprintf_append(text, "%s%s%s", i > 0 ? "\n" : "", action->act[i],
		    length > 0 && action->act[i][length - 1] == ';' ? "" : ";");
	}
	return text;
}
