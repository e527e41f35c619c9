#include "status_print.h"

#include <string.h>
#include <talloc.h>

#include "progress.h"
#include "tidemark/conn.h"
#include "tidemark/units.h"

struct mark {
	const char *state, *sign;
	enum tide_style style;
};

static const struct mark phase_marks[] = {
	{ "done", "✓", TIDE_GREEN },
	{ "running", "▶", TIDE_CYAN },
	{ "waiting", "…", TIDE_YELLOW },
	{ "undoing", "◀", TIDE_YELLOW },
	{ "pending", "·", TIDE_DIM },
};

static const struct mark run_marks[] = {
	{ "complete", "", TIDE_GREEN },
	{ "running", "", TIDE_CYAN },
	{ "failed", "", TIDE_RED },
	{ "waiting", "", TIDE_YELLOW },
	{ "paused", "", TIDE_YELLOW },
	{ "pausing", "", TIDE_YELLOW },
	{ "rolling_back", "", TIDE_YELLOW },
};

static const struct mark *
find(const struct mark *marks, size_t count, const char *state)
{
	static const struct mark none = { "", " ", TIDE_PLAIN };

	for (size_t i = 0; i < count; i++)
		if (strcmp(marks[i].state, state) == 0)
			return &marks[i];
	return &none;
}

char *
tide_status_line(void *ctx, const struct tide_run_status *s)
{
	char *line = talloc_asprintf(ctx, "%s: %s", s->plan, s->state);

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
	const struct mark *mark = find(phase_marks, TIDE_COUNT(phase_marks), p->state);
	const char *kind = strcmp(p->name, p->kind) == 0 ? "" : p->kind;

	tide_output_say(out, mark->style, "  %s", mark->sign);
	tide_output_say(out, TIDE_PLAIN, " %2zu  %s %s %s", number, tide_output_pad(mem, p->name, 20),
	    tide_output_pad(mem, kind, 14), tide_output_pad(mem, p->state, 8));
	if (p->ended != NULL)
		tide_output_say(out, TIDE_DIM, "  %s", p->ended);
	else if (p->started != NULL)
		tide_output_say(out, TIDE_DIM, "  since %s", p->started);
	if (p->gate != NULL && p->gate[0] != '\0' && strcmp(p->state, "done") != 0)
		tide_output_say(
		    out, strcmp(p->state, "waiting") == 0 ? TIDE_YELLOW : TIDE_DIM, "  gate: %s", p->gate);
	if (p->approved_by != NULL && strcmp(p->state, "done") != 0)
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

struct tide_progress
tide_status_progress(const struct tide_run_status *s)
{
	struct tide_progress p = s->progress;

	/* The executor's last word may be older than the pause. */
	if (strcmp(s->state, "paused") == 0 || strcmp(s->state, "pausing") == 0) {
		p.state = "PAUSED";
		p.reason = NULL;
		p.cause = "pause";
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
	const struct mark *mark = find(run_marks, TIDE_COUNT(run_marks), s->state);
	void *mem = talloc_new(NULL);
	struct tide_progress progress = tide_status_progress(s);
	char text[1024];

	tide_output_say(out, TIDE_BOLD, "%s", s->plan);
	tide_output_say(
	    out, TIDE_PLAIN, "%s%s\n", s->title != NULL ? "  " : "", s->title != NULL ? s->title : "");
	row(out, "table", s->table);
	tide_output_say(out, TIDE_DIM, "%-10s ", "state");
	tide_output_say(out, mark->style, "%s", s->state);
	tide_output_say(out, TIDE_PLAIN, "%s%s%s\n", s->phase != NULL ? " at " : "",
	    s->phase != NULL ? s->phase : "",
	    strcmp(s->direction, "back") == 0 && strcmp(s->state, "rolled_back") != 0 ? ", on the way back"
										      : "");
	if (fit == TIDE_FILE_OTHER)
		tide_output_say(out, TIDE_YELLOW, "%s",
		    "warning: the file differs from the plan that is running (tidemark run refuses it)\n");
	else if (fit == TIDE_FILE_LONGER)
		tide_output_say(out, TIDE_YELLOW, "%s",
		    "note: the file has more phases at its end than the run: tidemark run takes them over\n");
	if (s->away != NULL)
		tide_output_say(out, TIDE_YELLOW, "warning: %s; %s\n", s->away, s->way_out);
	row(out, "because", s->reason);
	row(out, "until", s->hold_until);
	if (strcmp(s->wanted, "pause") == 0)
		row(out, "wanted", "pause");
	print_holder(out, mem, s);
	if (s->progress.blocks_total > 0)
		row(out, "progress", tide_progress_format(&progress, text, sizeof(text)));
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
		const struct mark *mark = find(run_marks, TIDE_COUNT(run_marks), s->state);

		tide_output_say(out, TIDE_BOLD, "%s", tide_output_pad(mem, s->plan, width));
		tide_output_say(out, mark->style, "  %s", tide_output_pad(mem, s->state, 12));
		tide_output_say(
		    out, TIDE_PLAIN, "  %s", tide_output_pad(mem, s->phase != NULL ? s->phase : "", 16));
		tide_output_say(out, TIDE_PLAIN, "  %s", s->table != NULL ? s->table : "");
		if (s->away != NULL)
			tide_output_say(out, TIDE_YELLOW, "  %s", s->away);
		else if (s->reason != NULL && s->reason[0] != '\0')
			tide_output_say(out, TIDE_DIM, "  %s", s->reason);
		tide_output_say(out, TIDE_PLAIN, "\n");
	}
	talloc_free(mem);
}
