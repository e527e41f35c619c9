/* The one place that says what to type next. */
#include "tidemark/orchestrator/next.h"

#include <talloc.h>

#include "tidemark/base/shell.h"
#include "tidemark/orchestrator/store.h"

static const char *const verbs[TIDE_NEXTS] = {
	[TIDE_NEXT_PLAN] = "plan",
	[TIDE_NEXT_RUN] = "run",
	[TIDE_NEXT_RUN_AGAIN] = "run",
	[TIDE_NEXT_ADVANCE] = "advance",
	[TIDE_NEXT_RESUME] = "resume",
	[TIDE_NEXT_ROLLBACK] = "rollback",
	[TIDE_NEXT_WATCH] = "status",
	[TIDE_NEXT_ADOPT] = "adopt",
};

static const char *const options[TIDE_NEXTS] = {
	[TIDE_NEXT_RUN_AGAIN] = " --again",
	[TIDE_NEXT_WATCH] = " --watch",
};

enum tide_next
tide_next_of(const struct tide_standing *s)
{
	const struct tide_run_word *state = tide_run_word(s->state);
	enum tide_next next = s->direction == TIDE_BACK ? state->next_back : state->next;

	/* Away from home nothing else works; without its table nothing does. */
	if (s->away)
		return s->adoptable ? TIDE_NEXT_ADOPT : TIDE_NEXT_NONE;
	if (state->over || s->state == TIDE_RUN_NONE)
		return s->state == TIDE_RUN_COMPLETE && (s->longer || s->recurring) ? TIDE_NEXT_RUN : next;
	if (s->wanted == TIDE_WANT_PAUSE)
		return TIDE_NEXT_RESUME;
	/* A live executor waits for everything but a person by itself. */
	if (s->live)
		return s->state == TIDE_RUN_WAITING && s->needs_approval && s->direction == TIDE_FORWARD
			   ? TIDE_NEXT_ADVANCE
			   : TIDE_NEXT_WATCH;
	if (next == TIDE_NEXT_GATE)
		return s->needs_approval ? TIDE_NEXT_ADVANCE : TIDE_NEXT_RUN;
	return next;
}

/* What is worth knowing of the time that it waits for. */
static char *
comment(void *ctx, const struct tide_standing *s, enum tide_next next, const char *word)
{
	if (s->until == NULL || s->state != TIDE_RUN_WAITING)
		return talloc_strdup(ctx, "");
	if (next == TIDE_NEXT_ADVANCE)
		return talloc_asprintf(
		    ctx, "   # the soak lasts until %s; to waive it as well: --now --reason WHY", s->until);
	if (next == TIDE_NEXT_RUN && s->in_hold)
		return talloc_asprintf(ctx,
		    "   # after %s; to continue now: tidemark advance %s --now --reason WHY; to roll back at "
		    "once: tidemark rollback %s",
		    s->until, word, word);
	if (next == TIDE_NEXT_RUN)
		return talloc_asprintf(ctx,
		    "   # after %s; to continue now: tidemark advance %s --now --reason WHY", s->until, word);
	return talloc_strdup(ctx, "");
}

char *
tide_next_command(void *ctx, const struct tide_standing *s, const char *as)
{
	enum tide_next next = tide_next_of(s);
	char *word, *text;

	if (next == TIDE_NEXT_NONE)
		return NULL;
	word = tide_shell_word(NULL, as);
	text = talloc_asprintf(
	    ctx, "tidemark %s %s%s", verbs[next], word, options[next] != NULL ? options[next] : "");
	text = talloc_strdup_append(text, comment(word, s, next, word));
	talloc_free(word);
	return text;
}

struct tide_standing
tide_standing_of(const struct tide_run_status *s)
{
	if (!s->found)
		return (struct tide_standing){ .state = TIDE_RUN_NONE };
	return (struct tide_standing){
		.state = s->state,
		.direction = s->direction,
		.wanted = s->wanted,
		.live = s->live,
		.needs_approval = s->needs_approval,
		.in_hold = s->in_hold,
		.until = s->time_over ? NULL : s->hold_until,
		.away = s->away != NULL,
		.adoptable = s->adoptable,
		.recurring = s->recurring,
	};
}
