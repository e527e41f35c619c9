#include <string.h>
#include <talloc.h>

#include "cli/output/lint_print.h"
#include "review.h"
#include "review_wal.h"
#include "tidemark/base/units.h"
#include "tidemark/base/shell.h"
#include "tidemark/orchestrator/next.h"

static void
row(struct tide_stream *out, const char *indent, const char *key, const char *value)
{
	if (value == NULL || value[0] == '\0')
		return;
	tide_output_say(out, TIDE_DIM, "%s%-9s ", indent, key);
	tide_output_say(out, TIDE_PLAIN, "%s\n", value);
}

static void
print_header(struct tide_stream *out, void *mem, const struct tide_review_input *input)
{
	const struct tide_plan *plan = input->plan;
	const struct tide_catalog *cat = input->cat;
	const struct tide_table *table = &cat->table;
	char rows[64], bytes[64], index[64];

	tide_output_say(out, TIDE_BOLD, "%s\n", plan->title != NULL ? plan->title : plan->name);
	row(out, "", "plan",
	    talloc_asprintf(mem, "%s  (%s, hash %.12s)", plan->name, plan->path, plan->hash));
	row(out, "", "table",
	    talloc_asprintf(mem, "%s.%s: %s, %s, and %s of indexes", table->schema, table->name,
		table->rows < 0 ? "rows unknown (no ANALYZE yet)"
				: talloc_asprintf(mem, "about %s rows",
				      tide_count_format((int64_t)table->rows, rows, sizeof(rows))),
		tide_size_format(table->bytes, bytes, sizeof(bytes)),
		tide_size_format(table->index_bytes, index, sizeof(index))));
	row(out, "", "server",
	    talloc_asprintf(mem, "PostgreSQL %d.%d, database %s, role %s%s", cat->server_version / 10000,
		cat->server_version % 10000, cat->database, cat->role,
		cat->superuser    ? " (superuser)"
		: cat->owns_table ? " (owns the table)"
				  : ""));
	row(out, "", "reason", plan->reason);
	row(out, "", "owner", plan->owner);
	row(out, "", "ticket", plan->ticket);
	if (tide_review_comes_back(&input->run, plan))
		row(out, "", "run", "complete; the plan is recurring: this is the next one");
	else if (input->run.found)
		row(out, "", "run",
		    talloc_asprintf(mem,
			"%s%s%s; phases that have begun are shown as they were compiled then",
			tide_run_word(input->run.state)->word, input->run.phase != NULL ? " at " : "",
			input->run.phase != NULL ? input->run.phase : ""));
	if (input->findings->count > 0) {
		tide_output_say(out, TIDE_BOLD, "\nFindings\n");
		tide_lint_print_human(out, plan->path, input->findings);
	}
}

/* Which triggers of the application a sweep meets. */
static void
print_other(struct tide_stream *out, void *mem, const struct tide_action *action)
{
	const struct tide_sweep_spec *sweep = action->sweep;

	for (size_t i = 0; sweep != NULL && i < sweep->other_count; i++)
		row(out, "      ", i == 0 ? "triggers" : "",
		    tide_review_other(mem, &sweep->other[i], action));
}

static void
print_wal(
    struct tide_stream *out, void *mem, const struct tide_action *action, const struct tide_catalog *cat)
{
	char *(*const texts[])(void *, const struct tide_action *, const struct tide_catalog *) = {
		tide_review_wal_text, tide_review_wal_segments, tide_review_wal_grant
	};

	for (size_t i = 0; i < TIDE_COUNT(texts); i++) {
		char *text = texts[i](mem, action, cat);

		if (text != NULL)
			row(out, "      ", i == 0 ? "WAL" : "", text);
	}
}

static void
print_action(struct tide_stream *out, void *mem, const struct tide_action *action,
    const struct tide_review_input *input)
{
	char text[96];

	if (action->kind == TIDE_STEP_WAIT) {
		row(out, "      ", "waits", tide_review_time(action, input->plan, text, sizeof(text)));
		return;
	}
	tide_output_block(out, "        ", tide_review_act(mem, action, input));
	row(out, "      ", "lock", tide_review_lock(mem, action, input->plan));
	row(out, "      ", "touches", tide_review_touch(mem, action));
	print_wal(out, mem, action, input->cat);
	print_other(out, mem, action);
	row(out, "      ", "time", tide_review_time(action, input->plan, text, sizeof(text)));
}

static void
print_undo(
    struct tide_stream *out, void *mem, const struct tide_step *step, const struct tide_review_input *input)
{
	char text[96];

	if (step->irreversible)
		row(out, "      ", "undo", "none: from here on nothing can be rolled back");
	else if (step->undo_count == 0)
		row(out, "      ", "undo", "nothing to undo");
	for (size_t i = 0; i < step->undo_count; i++) {
		const struct tide_action *undo = &step->undo[i];

		row(out, "      ", i == 0 ? "undo" : "",
		    talloc_asprintf(mem, "%s: %s, %s", undo->title,
			tide_review_time(undo, input->plan, text, sizeof(text)),
			tide_review_loses(mem, undo)));
	}
}

static void
print_phase(struct tide_stream *out, void *mem, const struct tide_review_input *input, size_t index)
{
	const struct tide_phase *phase = &input->plan->phase[index];
	const struct tide_steps *steps = input->steps[index];
	const char *releases = NULL, *note = NULL, *gate = tide_review_gate(mem, &phase->gate);
	enum tide_loss loss = tide_review_loss(steps);

	tide_output_say(out, TIDE_BOLD, "\nPhase %zu of %zu: %s", index + 1, input->plan->count, phase->name);
	tide_output_say(out, TIDE_PLAIN, "%s%s%s%s\n",
	    strcmp(phase->name, phase->kind->name) == 0 ? "" : "  ",
	    strcmp(phase->name, phase->kind->name) == 0 ? "" : phase->kind->name,
	    phase->title != NULL ? "  " : "", phase->title != NULL ? phase->title : "");
	if (input->run.found && !tide_review_comes_back(&input->run, input->plan) &&
	    index < input->run.count && input->run.item[index].state != TIDE_PHASE_PENDING &&
	    input->run.state != TIDE_RUN_ROLLED_BACK)
		row(out, "  ", "state", tide_phase_word(input->run.item[index].state)->word);
	row(out, "  ", "does", phase->kind->summary);
	row(out, "  ", "gate", gate != NULL ? gate : "none: starts when the phase before has ended");
	if (steps->count == 0)
		row(out, "  ", "steps", "none: nothing is left to do");
	for (size_t i = 0; i < steps->count; i++) {
		const struct tide_step *step = &steps->item[i];
		long earlier;

		tide_output_say(out, TIDE_CYAN, "    %zu.%zu %s", index + 1, i + 1, step->name);
		tide_output_say(
		    out, TIDE_PLAIN, "  %s\n", step->forward.title != NULL ? step->forward.title : "");
		earlier = tide_review_repeats(input, index, &step->forward);
		if (earlier >= 0)
			row(out, "      ", "runs",
			    talloc_asprintf(
				mem, "only if it was lost since phase %s", input->plan->phase[earlier].name));
		else
			print_action(out, mem, &step->forward, input);
		print_undo(out, mem, step, input);
		if (step->releases != NULL) {
			releases = step->releases;
			note = step->releases_note;
		}
	}
	if (releases != NULL)
		row(out, "  ", "after it",
		    talloc_asprintf(mem, "compatible application versions: %s%s%s", releases,
			note != NULL ? "; " : "", note != NULL ? note : ""));
	tide_output_say(out, TIDE_DIM, "  %-9s ", "rollback");
	tide_output_say(out,
	    loss == TIDE_LOSES_NOTHING ? TIDE_GREEN
	    : loss == TIDE_LOSSY       ? TIDE_YELLOW
				       : TIDE_RED,
	    "%s\n", tide_review_loss_name(loss));
}

/** How long going back before this phase would take, all later phases included; *unknown: what cannot be said is left out. */
static int64_t
back_time(const struct tide_review_input *input, size_t from, size_t to, bool *unknown)
{
	int64_t total = 0;

	for (size_t p = from; p <= to; p++)
		for (size_t i = 0; i < input->steps[p]->count; i++)
			for (size_t j = 0; j < input->steps[p]->item[i].undo_count; j++) {
				int64_t us =
				    tide_review_estimate(&input->steps[p]->item[i].undo[j], input->plan);

				total += us > 0 ? us : 0;
				*unknown = *unknown || us < 0;
			}
	return total;
}

/* What has been read is to be run; a run that there is already continues from where it is. */
static void
print_next(struct tide_stream *out, void *mem, const struct tide_review_input *input, const char *as)
{
	struct tide_standing standing = tide_standing_of(&input->run);
	const char *next = talloc_asprintf(mem, "tidemark run %s", tide_shell_word(mem, as));

	if (input->run.found && input->run.away != NULL) {
		tide_output_say(out, TIDE_YELLOW, "%s; %s\n", input->run.away, input->run.way_out);
		return;
	}
	standing.longer = input->run.found && tide_review_fit(&input->run, input->plan) == TIDE_FILE_LONGER;
	if (input->run.found && !tide_review_comes_back(&input->run, input->plan))
		next = tide_next_command(mem, &standing, as);
	if (next != NULL)
		tide_output_say(out, TIDE_PLAIN, "next: %s\n", next);
}

/* Of auto one is sure. */
static const char *
workers_text(void *mem, const struct tide_plan *plan)
{
	return plan->limits.workers > 0 ? talloc_asprintf(mem, "%lld", (long long)plan->limits.workers)
					: "auto, counted as one";
}

static void
print_end(struct tide_stream *out, void *mem, const struct tide_review_input *input, const char *as)
{
	const struct tide_step *step = NULL;
	long point = tide_review_point(input, &step);
	size_t last = input->plan->count - 1;
	bool unknown = false;
	int64_t back = back_time(input, 0, point >= 0 ? (size_t)point : last, &unknown);
	char text[64];

	tide_output_say(out, TIDE_BOLD, "\nRollback\n");
	if (point < 0)
		tide_output_say(
		    out, TIDE_PLAIN, "  There is no point of no return: every phase can be rolled back.\n");
	else
		tide_output_say(out, TIDE_PLAIN,
		    "  Point of no return: step %s of phase %ld, %s. Until it runs, everything can be rolled "
		    "back.\n",
		    step->name, point + 1, input->plan->phase[point].name);
	tide_output_say(out, TIDE_PLAIN,
	    "  `tidemark rollback` undoes the finished phases, last first, all or back to the end of --to "
	    "PHASE; %s.\n",
	    unknown ? "how long some of it takes is unknown"
	    : back < TIDE_SECOND
		? "each undo is an instant"
		: talloc_asprintf(mem, "about %s from the last point that can be undone (estimate)",
		      tide_duration_format(back / TIDE_SECOND * TIDE_SECOND, text, sizeof(text))));
	for (size_t i = 0; i <= last; i++)
		for (size_t j = 0; j < input->steps[i]->count; j++)
			for (size_t k = 0; k < input->steps[i]->item[j].undo_count; k++)
				if (input->steps[i]->item[j].undo[k].loss_note != NULL)
					tide_output_say(out, TIDE_YELLOW, "  Rolling back %s: %s\n",
					    input->plan->phase[i].name,
					    input->steps[i]->item[j].undo[k].loss_note);
	tide_output_say(out, TIDE_DIM,
	    "\nEstimates of time assume %dk rows/s for each sweep worker (workers: %s), %dk rows/s for "
	    "reading the table,\n"
	    "%dk rows/s for an index build; a busy server is slower, and the sweep yields to it.\n",
	    TIDE_ASSUME_WRITE / 1000, workers_text(mem, input->plan), TIDE_ASSUME_READ / 1000,
	    TIDE_ASSUME_BUILD / 1000);
	print_next(out, mem, input, as);
}

static bool
compiled(const struct tide_review_input *input)
{
	return input->plan->count > 0 && input->steps[input->plan->count - 1] != NULL;
}

void
tide_review_print(struct tide_stream *out, const struct tide_review_input *input, const char *as)
{
	void *mem = talloc_new(NULL);

	print_header(out, mem, input);
	for (size_t i = 0; i < input->plan->count && input->steps[i] != NULL; i++)
		print_phase(out, mem, input, i);
	if (compiled(input))
		print_end(out, mem, input, as);
	talloc_free(mem);
}

void
tide_review_print_back(struct tide_stream *out, const struct tide_review_input *input, const char *as)
{
	void *mem = talloc_new(NULL);

	print_header(out, mem, input);
	for (size_t p = input->plan->count; p-- > 0;) {
		const struct tide_steps *steps = input->steps[p];

		if (steps == NULL)
			continue;
		tide_output_say(
		    out, TIDE_BOLD, "\nUndo of phase %zu, %s: ", p + 1, input->plan->phase[p].name);
		tide_output_say(out, TIDE_PLAIN, "%s\n", tide_review_loss_name(tide_review_loss(steps)));
		for (size_t i = steps->count; i-- > 0;) {
			const struct tide_step *step = &steps->item[i];

			if (step->irreversible)
				tide_output_say(out, TIDE_RED,
				    "    %s: once it has run, it cannot be rolled back\n", step->name);
			for (size_t j = 0; j < step->undo_count; j++) {
				tide_output_say(out, TIDE_CYAN, "    undo of %s", step->name);
				tide_output_say(out, TIDE_PLAIN, "  %s\n",
				    step->undo[j].title != NULL ? step->undo[j].title : "");
				print_action(out, mem, &step->undo[j], input);
				row(out, "      ", "loses", tide_review_lost(mem, &step->undo[j]));
			}
		}
	}
	tide_output_say(out, TIDE_PLAIN, "\nnext: tidemark rollback %s\n", tide_shell_word(mem, as));
	talloc_free(mem);
}
