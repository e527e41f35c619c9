#include "status_print.h"

#include <string.h>
#include <talloc.h>

#include "cli/output/progress.h"
#include "tidemark/postgres/conn.h"
#include "tidemark/base/units.h"

static enum tide_style
style_of(enum tide_mood mood)
{
	static const enum tide_style styles[] = {
		[TIDE_MOOD_PLAIN] = TIDE_PLAIN,
		[TIDE_MOOD_GOOD] = TIDE_GREEN,
		[TIDE_MOOD_ACTIVE] = TIDE_CYAN,
		[TIDE_MOOD_WAITS] = TIDE_YELLOW,
		[TIDE_MOOD_BAD] = TIDE_RED,
		[TIDE_MOOD_OVER] = TIDE_DIM,
	};

	return styles[mood];
}

char *
tide_status_line(void *ctx, const struct tide_run_status *s)
{
	char *line = talloc_asprintf(ctx, "%s: %s", s->plan, tide_run_word(s->state)->word);

	if (s->phase != NULL)
		line = talloc_asprintf_append(line, " at %s", s->phase);
	if (s->reason != NULL && s->reason[0] != '\0')
		line = talloc_asprintf_append(line, ": %s", s->reason);
	return line;
}

static void
row(struct tide_stream *out, const char *key, const char *value)
{
	if (value == NULL || value[0] == '\0')
		return;
	tide_output_say(out, TIDE_DIM, "%-10s ", key);
	tide_output_say(out, TIDE_PLAIN, "%s\n", value);
}

static void
print_phase(struct tide_stream *out, void *mem, size_t number, const struct tide_phase_status *p)
{
	const struct tide_phase_word *state = tide_phase_word(p->state);
	const char *kind = strcmp(p->name, p->kind) == 0 ? "" : p->kind;

	tide_output_say(out, style_of(state->mood), "  %s", state->sign);
	tide_output_say(out, TIDE_PLAIN, " %2zu  %s %s %s", number, tide_output_pad(mem, p->name, 20),
	    tide_output_pad(mem, kind, 14), tide_output_pad(mem, state->word, 8));
	if (p->ended != NULL)
		tide_output_say(out, TIDE_DIM, "  %s", p->ended);
	else if (p->started != NULL)
		tide_output_say(out, TIDE_DIM, "  since %s", p->started);
	if (p->gate != NULL && p->gate[0] != '\0' && p->state != TIDE_PHASE_DONE)
		tide_output_say(
		    out, p->state == TIDE_PHASE_WAITING ? TIDE_YELLOW : TIDE_DIM, "  gate: %s", p->gate);
	if (p->approved_by != NULL && p->state != TIDE_PHASE_DONE)
		tide_output_say(out, TIDE_GREEN, "  (approved by %s)", p->approved_by);
	tide_output_say(out, TIDE_PLAIN, "\n");
}

static void
print_holder(struct tide_stream *out, void *mem, const struct tide_run_status *s)
{
	char age[64];

	if (s->holder == NULL)
		return;
	if (s->heartbeat_age < 0) {
		row(out, "executor", s->holder);
		return;
	}
	tide_duration_format((int64_t)(s->heartbeat_age * 10) * 100 * TIDE_MS, age, sizeof(age));
	row(out, "executor",
	    talloc_asprintf(mem, "%s, heartbeat %s ago%s", s->holder, age,
		s->live ? "" : " (gone: the next run takes over)"));
}

void
tide_status_print_settings(struct tide_stream *out, const struct tide_live_settings *settings)
{
	for (size_t i = 0; i < settings->count; i++) {
		const struct tide_live_setting *s = &settings->item[i];

		tide_output_say(out, TIDE_DIM, "%-10s ", "set");
		tide_output_say(out, TIDE_CYAN, "%s = %s", s->key, s->value);
		tide_output_say(out, TIDE_PLAIN, "  by %s since %s", s->set_by, s->since);
		if (s->until != NULL)
			tide_output_say(out, TIDE_PLAIN, " until %s", s->until);
		tide_output_say(out, TIDE_PLAIN, "%s%s\n", s->reason != NULL ? ": " : "",
		    s->reason != NULL ? s->reason : "");
	}
}

struct tide_progress
tide_status_progress(const struct tide_run_status *s)
{
	struct tide_progress p = s->progress;

	/* The executor's last word may be older than the pause. */
	if (s->state == TIDE_RUN_PAUSED || s->state == TIDE_RUN_PAUSING) {
		p.at_work = true;
		p.hold = (struct tide_hold){ .cause = TIDE_CAUSE_PAUSE };
		p.eta = -1;
		p.rows_per_second = 0;
	}
	if (!s->live)
		p.lag = -1;
	if (p.phase == NULL || p.phase[0] == '\0')
		p.phase = s->phase;
	return p;
}

void
tide_status_print(
    struct tide_stream *out, const struct tide_run_status *s, enum tide_file_fit fit, const char *next)
{
	const struct tide_run_word *state = tide_run_word(s->state);
	void *mem = talloc_new(NULL);
	struct tide_progress progress = tide_status_progress(s);
	char text[1024];

	tide_output_say(out, TIDE_BOLD, "%s", s->plan);
	tide_output_say(
	    out, TIDE_PLAIN, "%s%s\n", s->title != NULL ? "  " : "", s->title != NULL ? s->title : "");
	row(out, "table", s->table);
	tide_output_say(out, TIDE_DIM, "%-10s ", "state");
	tide_output_say(out, style_of(state->mood), "%s", state->word);
	tide_output_say(out, TIDE_PLAIN, "%s%s%s\n", s->phase != NULL ? " at " : "",
	    s->phase != NULL ? s->phase : "",
	    s->direction == TIDE_BACK && s->state != TIDE_RUN_ROLLED_BACK ? ", rolling back" : "");
	if (fit == TIDE_FILE_OTHER)
		tide_output_say(out, TIDE_YELLOW, "%s",
		    "warning: the file differs from the plan that is running (tidemark run refuses it)\n");
	else if (fit == TIDE_FILE_LONGER)
		tide_output_say(out, TIDE_YELLOW, "%s",
		    "note: the file has more phases at its end than the run: tidemark run adds them to it\n");
	if (s->away != NULL)
		tide_output_say(out, TIDE_YELLOW, "warning: %s; %s\n", s->away, s->way_out);
	row(out, "because", s->reason);
	row(out, "until", s->hold_until);
	print_holder(out, mem, s);
	if (s->progress.blocks_total > 0)
		row(out, "progress", tide_progress_format(&progress, text, sizeof(text)));
	tide_status_print_settings(out, &s->settings);
	if (s->conflicts > 0)
		row(out, "conflicts",
		    talloc_asprintf(mem,
			"%s rows in which old and new were both written and disagreed; see tidemark.conflict",
			tide_count_format(s->conflicts, text, sizeof(text))));
	if (s->unmatched > 0)
		row(out, "lookup", tide_unmatched_text(mem, s->unmatched, s->unmatched_key));
	for (size_t i = 0; i < s->count; i++)
		print_phase(out, mem, i + 1, &s->item[i]);
	if (next != NULL)
		tide_output_say(out, TIDE_PLAIN, "next: %s\n", next);
	talloc_free(mem);
}

void
tide_status_print_list(struct tide_stream *out, const struct tide_status_list *list)
{
	void *mem = talloc_new(NULL);
	size_t width = 4;

	for (size_t i = 0; i < list->count; i++)
		if (tide_output_columns(list->item[i].plan) > width)
			width = tide_output_columns(list->item[i].plan);
	for (size_t i = 0; i < list->count; i++) {
		const struct tide_run_status *s = &list->item[i];
		const struct tide_run_word *state = tide_run_word(s->state);
		const char *next = tide_cli_next(mem, s, s->plan);

		tide_output_say(out, TIDE_BOLD, "%s", tide_output_pad(mem, s->plan, width));
		tide_output_say(out, style_of(state->mood), "  %s", tide_output_pad(mem, state->word, 12));
		tide_output_say(
		    out, TIDE_PLAIN, "  %s", tide_output_pad(mem, s->phase != NULL ? s->phase : "", 16));
		tide_output_say(out, TIDE_PLAIN, "  %s", s->table != NULL ? s->table : "");
		if (s->away != NULL)
			tide_output_say(out, TIDE_YELLOW, "  %s", s->away);
		else if (s->reason != NULL && s->reason[0] != '\0')
			tide_output_say(out, TIDE_DIM, "  %s", s->reason);
		tide_output_say(out, TIDE_PLAIN, "\n");
		if (next != NULL && !state->over)
			tide_output_say(out, TIDE_PLAIN, "    next: %s\n", next);
	}
	talloc_free(mem);
}
