#include "tidemark/orchestrator/words.h"

#include <string.h>

#include "tidemark/base/units.h"

/* A failure's own status is known to who ran it; for everybody later it is a run that is not complete. */
static const struct tide_run_word runs[TIDE_RUN_STATES] = {
	[TIDE_RUN_NONE] = { "none", "not begun in this database", TIDE_PENDING, false, TIDE_MOOD_PLAIN, "run",
	    "run" },
	[TIDE_RUN_READY] = { "ready", "stopped at a clean point, or not begun", TIDE_PENDING, false,
	    TIDE_MOOD_PLAIN, "run", "rollback" },
	[TIDE_RUN_RUNNING] = { "running", "an executor works on it, or was killed", TIDE_PENDING, false,
	    TIDE_MOOD_ACTIVE, "run", "rollback" },
	[TIDE_RUN_WAITING] = { "waiting", "at a gate, a soak or a hold", TIDE_GATE, false, TIDE_MOOD_WAITS,
	    "run", "rollback" },
	[TIDE_RUN_PAUSING] = { "pausing", "asked to pause; the batch under way ends first", TIDE_PAUSED,
	    false, TIDE_MOOD_WAITS, "resume", "resume" },
	[TIDE_RUN_PAUSED] = { "paused", "by a person", TIDE_PAUSED, false, TIDE_MOOD_WAITS, "resume",
	    "resume" },
	[TIDE_RUN_BLOCKED] = { "blocked", "a lock was not granted in all the tries that the plan allows",
	    TIDE_LOCK, false, TIDE_MOOD_BAD, "run", "rollback" },
	[TIDE_RUN_FAILED] = { "failed", "stopped by an error: fix the cause and run again", TIDE_UNEXPECTED,
	    false, TIDE_MOOD_BAD, "run", "rollback" },
	[TIDE_RUN_ROLLING_BACK] = { "rolling_back", "a rollback is under way, or was interrupted",
	    TIDE_PENDING, false, TIDE_MOOD_WAITS, "rollback", "rollback" },
	[TIDE_RUN_ROLLED_BACK] = { "rolled_back", "everything was undone", TIDE_PENDING, true, TIDE_MOOD_OVER,
	    "run --again", "run --again" },
	[TIDE_RUN_COMPLETE] = { "complete", "every phase is done", TIDE_OK, true, TIDE_MOOD_GOOD, NULL,
	    NULL },
};

static const struct tide_phase_word phases[TIDE_PHASE_STATES] = {
	[TIDE_PHASE_PENDING] = { "pending", "·", TIDE_MOOD_OVER },
	[TIDE_PHASE_WAITING] = { "waiting", "…", TIDE_MOOD_WAITS },
	[TIDE_PHASE_RUNNING] = { "running", "▶", TIDE_MOOD_ACTIVE },
	[TIDE_PHASE_DONE] = { "done", "✓", TIDE_MOOD_GOOD },
	[TIDE_PHASE_UNDOING] = { "undoing", "◀", TIDE_MOOD_WAITS },
};

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

enum tide_direction
tide_direction_of(const char *word)
{
	return word != NULL && strcmp(word, directions[TIDE_BACK]) == 0 ? TIDE_BACK : TIDE_FORWARD;
}
