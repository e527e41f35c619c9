#include "tidemark/orchestrator/words.h"

#include <string.h>

#include "tidemark/base/units.h"

#define BIT(state) (1u << TIDE_RUN_##state)
/* From every state in which an executor finds or leaves a run that is not over, it may go forward or roll back. */
#define ON_ITS_WAY                                                                                           \
	(BIT(READY) | BIT(RUNNING) | BIT(WAITING) | BIT(PAUSED) | BIT(BLOCKED) | BIT(FAILED) |               \
	    BIT(COMPLETE) | BIT(ROLLING_BACK))

/* A failure's own status is known to who ran it; for everybody later it is a run that is not complete. */
static const struct tide_run_word runs[TIDE_RUN_STATES] = {
	[TIDE_RUN_NONE] = { "none", "not begun in this database", TIDE_PENDING, false, TIDE_MOOD_PLAIN,
	    TIDE_NEXT_PLAN, TIDE_NEXT_PLAN, BIT(READY) },
	[TIDE_RUN_READY] = { "ready", "stopped at a clean point, or not begun", TIDE_PENDING, false,
	    TIDE_MOOD_PLAIN, TIDE_NEXT_GATE, TIDE_NEXT_ROLLBACK, ON_ITS_WAY },
	[TIDE_RUN_RUNNING] = { "running", "an executor works on it, or was killed", TIDE_PENDING, false,
	    TIDE_MOOD_ACTIVE, TIDE_NEXT_GATE, TIDE_NEXT_ROLLBACK, ON_ITS_WAY },
	[TIDE_RUN_WAITING] = { "waiting", "at a gate, a soak or a hold", TIDE_GATE, false, TIDE_MOOD_WAITS,
	    TIDE_NEXT_GATE, TIDE_NEXT_ROLLBACK, ON_ITS_WAY },
	[TIDE_RUN_PAUSING] = { "pausing", "asked to pause; the batch under way ends first", TIDE_PAUSED,
	    false, TIDE_MOOD_WAITS, TIDE_NEXT_GATE, TIDE_NEXT_ROLLBACK, 0 },
	[TIDE_RUN_PAUSED] = { "paused", "by a person", TIDE_PAUSED, false, TIDE_MOOD_WAITS, TIDE_NEXT_GATE,
	    TIDE_NEXT_ROLLBACK, ON_ITS_WAY },
	[TIDE_RUN_BLOCKED] = { "blocked", "a lock was not granted in all the tries that the plan allows",
	    TIDE_LOCK, false, TIDE_MOOD_BAD, TIDE_NEXT_RUN, TIDE_NEXT_ROLLBACK, ON_ITS_WAY },
	[TIDE_RUN_FAILED] = { "failed", "stopped by an error: fix the cause and run again", TIDE_UNEXPECTED,
	    false, TIDE_MOOD_BAD, TIDE_NEXT_RUN, TIDE_NEXT_ROLLBACK, ON_ITS_WAY },
	/* Whatever stops a rollback, it stays one. */
	[TIDE_RUN_ROLLING_BACK] = { "rolling_back", "a rollback is under way, or was interrupted",
	    TIDE_PENDING, false, TIDE_MOOD_WAITS, TIDE_NEXT_ROLLBACK, TIDE_NEXT_ROLLBACK,
	    BIT(ROLLING_BACK) | BIT(PAUSED) | BIT(READY) | BIT(ROLLED_BACK) },
	/* Started again, it is a new run. */
	[TIDE_RUN_ROLLED_BACK] = { "rolled_back", "everything was undone", TIDE_PENDING, true, TIDE_MOOD_OVER,
	    TIDE_NEXT_RUN_AGAIN, TIDE_NEXT_RUN_AGAIN, 0 },
	/* Phases that were added at the plan's end make it ready again. Who has waited for the lease may find it so. */
	[TIDE_RUN_COMPLETE] = { "complete", "every phase is done", TIDE_OK, true, TIDE_MOOD_GOOD,
	    TIDE_NEXT_NONE, TIDE_NEXT_NONE, BIT(READY) | BIT(COMPLETE) | BIT(ROLLING_BACK) },
};

static const struct tide_phase_word phases[TIDE_PHASE_STATES] = {
	[TIDE_PHASE_PENDING] = { "pending", "not begun, or rolled back", "·", TIDE_MOOD_OVER },
	[TIDE_PHASE_WAITING] = { "waiting", "at its gate", "…", TIDE_MOOD_WAITS },
	[TIDE_PHASE_RUNNING] = { "running", "an executor works on it", "▶", TIDE_MOOD_ACTIVE },
	[TIDE_PHASE_BEGUN] = { "begun",
	    "nobody works on it now: paused, stopped, failed, interrupted, or in a hold", "▷",
	    TIDE_MOOD_WAITS },
	[TIDE_PHASE_DONE] = { "done", "all its steps are done", "✓", TIDE_MOOD_GOOD },
	[TIDE_PHASE_UNDOING] = { "undoing", "a rollback of it is under way, or was interrupted", "◀",
	    TIDE_MOOD_WAITS },
};

static const char *const wants[TIDE_WANTS] = { "run", "pause", "yield" };

static const char *const directions[] = { [TIDE_FORWARD] = "forward", [TIDE_BACK] = "back" };

const struct tide_run_word *
tide_run_word(enum tide_run_state state)
{
	return &runs[state];
}

const struct tide_phase_word *
tide_phase_word(enum tide_phase_state state)
{
	return &phases[state];
}

const char *
tide_direction_word(enum tide_direction direction)
{
	return directions[direction];
}

const char *
tide_wanted_word(enum tide_wanted wanted)
{
	return wants[wanted];
}

bool
tide_run_may(enum tide_run_state from, enum tide_run_state to)
{
	return (runs[from].to & (1u << to)) != 0;
}

enum tide_run_state
tide_run_shown(enum tide_run_state stored, enum tide_direction direction, enum tide_wanted wanted, bool live)
{
	if (runs[stored].over)
		return stored;
	if (wanted == TIDE_WANT_PAUSE)
		return live && stored != TIDE_RUN_PAUSED ? TIDE_RUN_PAUSING : TIDE_RUN_PAUSED;
	if (stored == TIDE_RUN_PAUSED && !live)
		return direction == TIDE_BACK ? TIDE_RUN_ROLLING_BACK : TIDE_RUN_READY;
	return stored;
}

enum tide_run_state
tide_run_state_of(const char *word)
{
	for (size_t i = TIDE_RUN_READY; word != NULL && i < TIDE_RUN_STATES; i++)
		if (strcmp(runs[i].word, word) == 0)
			return (enum tide_run_state)i;
	return TIDE_RUN_FAILED;
}

enum tide_phase_state
tide_phase_state_of(const char *word)
{
	for (size_t i = 0; word != NULL && i < TIDE_PHASE_STATES; i++)
		if (strcmp(phases[i].word, word) == 0)
			return (enum tide_phase_state)i;
	return TIDE_PHASE_PENDING;
}

enum tide_phase_state
tide_phase_shown(enum tide_phase_state stored, enum tide_run_state run, bool live)
{
	bool works = live && (run == TIDE_RUN_RUNNING || run == TIDE_RUN_PAUSING);

	return stored == TIDE_PHASE_RUNNING && !works ? TIDE_PHASE_BEGUN : stored;
}

enum tide_direction
tide_direction_of(const char *word)
{
	return word != NULL && strcmp(word, directions[TIDE_BACK]) == 0 ? TIDE_BACK : TIDE_FORWARD;
}

enum tide_wanted
tide_wanted_of(const char *word)
{
	for (size_t i = 0; word != NULL && i < TIDE_WANTS; i++)
		if (strcmp(wants[i], word) == 0)
			return (enum tide_wanted)i;
	return TIDE_WANT_RUN;
}
