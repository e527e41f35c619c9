#include "tidemark/orchestrator/next.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <talloc.h>

#define SOON "2026-01-02T03:04:05Z"

/* What a verb needs to be accepted and to change something: said here once more, from the side of the verbs. */
static bool
leads_on(enum tide_next verb, const struct tide_standing *s)
{
	bool over = s->state == TIDE_RUN_COMPLETE || s->state == TIDE_RUN_ROLLED_BACK;
	bool open = !s->away && s->state != TIDE_RUN_NONE && !over;
	bool free_to_go = open && !s->live && s->wanted != TIDE_WANT_PAUSE;
	bool retry = s->state == TIDE_RUN_FAILED || s->state == TIDE_RUN_BLOCKED;

	switch (verb) {
	case TIDE_NEXT_NONE:
		return s->away ? !s->adoptable : s->state == TIDE_RUN_COMPLETE && !s->longer && !s->recurring;
	case TIDE_NEXT_PLAN:
		return !s->away && s->state == TIDE_RUN_NONE;
	case TIDE_NEXT_RUN:
		/* At a gate that a person opens it would only stop again; after an error it is the thing to try. */
		return (!s->away && s->state == TIDE_RUN_COMPLETE && (s->longer || s->recurring)) ||
		       (free_to_go && s->direction == TIDE_FORWARD && (!s->needs_approval || retry));
	case TIDE_NEXT_RUN_AGAIN:
		return !s->away && s->state == TIDE_RUN_ROLLED_BACK;
	case TIDE_NEXT_ADVANCE:
		return open && s->direction == TIDE_FORWARD && s->wanted != TIDE_WANT_PAUSE &&
		       s->needs_approval && !s->in_hold && (!s->live || s->state == TIDE_RUN_WAITING);
	case TIDE_NEXT_RESUME:
		return open && s->wanted == TIDE_WANT_PAUSE;
	case TIDE_NEXT_ROLLBACK:
		return free_to_go && s->direction == TIDE_BACK;
	case TIDE_NEXT_WATCH:
		return open && s->live && s->wanted != TIDE_WANT_PAUSE;
	case TIDE_NEXT_ADOPT:
		return s->away && s->adoptable;
	default:
		return false;
	}
}

static void
check(const struct tide_standing *s)
{
	enum tide_next next = tide_next_of(s);
	char *text = tide_next_command(NULL, s, "p");

	assert_true((text == NULL) == (next == TIDE_NEXT_NONE));
	if (!leads_on(next, s))
		fail_msg(
		    "%s%s, wanted %d, live %d, approval %d, hold %d, until %s, away %d/%d, longer %d: %s",
		    tide_run_word(s->state)->word, s->direction == TIDE_BACK ? " back" : "", (int)s->wanted,
		    s->live, s->needs_approval, s->in_hold, s->until != NULL ? s->until : "-", s->away,
		    s->adoptable, s->longer, text != NULL ? text : "nothing");
	/* The command itself comes first and is whole without the comment. */
	if (text != NULL && strchr(text, '#') != NULL)
		assert_non_null(strstr(text, "   # "));
	talloc_free(text);
}

/* Each bit of `i` that is left for a flag. */
static bool
bit(unsigned *i)
{
	bool is = (*i & 1) != 0;

	*i >>= 1;
	return is;
}

static void
the_next_command_leads_on_in_every_combination(void **state)
{
	size_t combinations = 0;

	(void)state;
	for (size_t stored = 0; stored < TIDE_RUN_STATES; stored++)
		for (int want = 0; want < TIDE_WANTS; want++)
			for (unsigned flags = 0; flags < 1u << 9; flags++) {
				unsigned rest = flags;
				struct tide_standing s = { .wanted = (enum tide_wanted)want };

				s.direction = bit(&rest) ? TIDE_BACK : TIDE_FORWARD;
				s.live = bit(&rest);
				s.needs_approval = bit(&rest);
				s.in_hold = bit(&rest);
				s.until = bit(&rest) ? SOON : NULL;
				s.away = bit(&rest);
				s.adoptable = bit(&rest);
				s.longer = bit(&rest);
				s.recurring = bit(&rest);
				/* A phase that has begun has no gate ahead, and this one is never in the row. */
				if ((s.in_hold && s.needs_approval) || stored == TIDE_RUN_PAUSING)
					continue;
				s.state = tide_run_shown(
				    (enum tide_run_state)stored, s.direction, s.wanted, s.live);
				/* A run that goes back says so; one that is over goes nowhere. */
				if ((stored == TIDE_RUN_ROLLING_BACK && s.direction == TIDE_FORWARD) ||
				    ((tide_run_word(s.state)->over || stored == TIDE_RUN_NONE) && s.live))
					continue;
				check(&s);
				combinations++;
			}
	/* Most of them: nothing above leaves out more than it says. */
	assert_true(combinations > 4000);
}

static void
each_command_as_it_is_typed(void **state)
{
	static const struct {
		struct tide_standing standing;
		const char *command;
	} rows[] = {
		{ { .state = TIDE_RUN_NONE }, "tidemark plan 'my plan'" },
		{ { .state = TIDE_RUN_READY }, "tidemark run 'my plan'" },
		{ { .state = TIDE_RUN_READY, .needs_approval = true }, "tidemark advance 'my plan'" },
		{ { .state = TIDE_RUN_RUNNING }, "tidemark run 'my plan'" },
		{ { .state = TIDE_RUN_RUNNING, .live = true }, "tidemark status 'my plan' --watch" },
		{ { .state = TIDE_RUN_WAITING, .needs_approval = true }, "tidemark advance 'my plan'" },
		{ { .state = TIDE_RUN_WAITING, .needs_approval = true, .live = true },
		    "tidemark advance 'my plan'" },
		{ { .state = TIDE_RUN_WAITING, .needs_approval = true, .until = SOON },
		    "tidemark advance 'my plan'   # the soak lasts until " SOON
		    "; to waive it as well: --now --reason WHY" },
		{ { .state = TIDE_RUN_WAITING, .live = true, .until = SOON },
		    "tidemark status 'my plan' --watch" },
		{ { .state = TIDE_RUN_WAITING }, "tidemark run 'my plan'" },
		{ { .state = TIDE_RUN_WAITING, .until = SOON },
		    "tidemark run 'my plan'   # after " SOON
		    "; to continue now: tidemark advance 'my plan' --now --reason WHY" },
		{ { .state = TIDE_RUN_WAITING, .until = SOON, .in_hold = true },
		    "tidemark run 'my plan'   # after " SOON
		    "; to continue now: tidemark advance 'my plan' --now --reason WHY; to roll back at once: "
		    "tidemark rollback 'my plan'" },
		{ { .state = TIDE_RUN_PAUSED, .wanted = TIDE_WANT_PAUSE, .until = SOON },
		    "tidemark resume 'my plan'" },
		{ { .state = TIDE_RUN_PAUSING, .wanted = TIDE_WANT_PAUSE, .live = true },
		    "tidemark resume 'my plan'" },
		{ { .state = TIDE_RUN_PAUSED, .live = true }, "tidemark status 'my plan' --watch" },
		{ { .state = TIDE_RUN_FAILED }, "tidemark run 'my plan'" },
		{ { .state = TIDE_RUN_FAILED, .needs_approval = true }, "tidemark run 'my plan'" },
		{ { .state = TIDE_RUN_BLOCKED }, "tidemark run 'my plan'" },
		{ { .state = TIDE_RUN_ROLLING_BACK, .direction = TIDE_BACK }, "tidemark rollback 'my plan'" },
		{ { .state = TIDE_RUN_ROLLING_BACK, .direction = TIDE_BACK, .live = true },
		    "tidemark status 'my plan' --watch" },
		{ { .state = TIDE_RUN_PAUSED, .direction = TIDE_BACK, .wanted = TIDE_WANT_PAUSE },
		    "tidemark resume 'my plan'" },
		{ { .state = TIDE_RUN_ROLLED_BACK }, "tidemark run 'my plan' --again" },
		{ { .state = TIDE_RUN_COMPLETE }, NULL },
		{ { .state = TIDE_RUN_COMPLETE, .longer = true }, "tidemark run 'my plan'" },
		{ { .state = TIDE_RUN_WAITING, .away = true, .adoptable = true },
		    "tidemark adopt 'my plan'" },
		{ { .state = TIDE_RUN_WAITING, .away = true }, NULL },
	};
	void *ctx = talloc_new(NULL);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *next = tide_next_command(ctx, &rows[i].standing, "my plan");

		if (rows[i].command == NULL)
			assert_null(next);
		else
			assert_string_equal(next, rows[i].command);
	}
	talloc_free(ctx);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_next_command_leads_on_in_every_combination),
		cmocka_unit_test(each_command_as_it_is_typed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
