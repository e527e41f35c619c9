#ifndef TIDE_WORDS_H
#define TIDE_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "tidemark/base/err.h"

/** The states of runs and phases: one row each, from which everything that depends on a state is read. */

enum tide_run_state {
	TIDE_RUN_NONE, /* not said, or there is no run */
	TIDE_RUN_READY,
	TIDE_RUN_RUNNING,
	TIDE_RUN_WAITING,
	TIDE_RUN_PAUSING, /* shown only: never in the row */
	TIDE_RUN_PAUSED,
	TIDE_RUN_BLOCKED,
	TIDE_RUN_FAILED,
	TIDE_RUN_ROLLING_BACK,
	TIDE_RUN_ROLLED_BACK,
	TIDE_RUN_COMPLETE,
	TIDE_RUN_STATES
};

enum tide_phase_state {
	TIDE_PHASE_PENDING,
	TIDE_PHASE_WAITING,
	TIDE_PHASE_RUNNING,
	TIDE_PHASE_BEGUN, /* never stored: a running one on which nobody works now */
	TIDE_PHASE_DONE,
	TIDE_PHASE_UNDOING,
	TIDE_PHASE_STATES
};

enum tide_direction { TIDE_FORWARD, TIDE_BACK };

/** What is requested of a run, whether an executor works on it or not. */
enum tide_wanted {
	TIDE_WANT_RUN,
	TIDE_WANT_PAUSE, /* until the next run or resume */
	TIDE_WANT_YIELD, /* the executor is to release it */
	TIDE_WANTS
};

/** What to do next with a run: see next.h. */
enum tide_next {
	TIDE_NEXT_NONE,
	TIDE_NEXT_PLAN,
	TIDE_NEXT_RUN,
	TIDE_NEXT_RUN_AGAIN, /* as a new run */
	TIDE_NEXT_ADVANCE,
	TIDE_NEXT_RESUME,
	TIDE_NEXT_ROLLBACK,
	TIDE_NEXT_WATCH, /* an executor works on it: look */
	TIDE_NEXT_ADOPT,
	TIDE_NEXTS,
	TIDE_NEXT_GATE =
	    TIDE_NEXTS /* only in the table of states: RUN, or ADVANCE where the gate ahead needs it */
};

/** How a word is shown: which of the terminal's styles, by meaning. */
enum tide_mood {
	TIDE_MOOD_PLAIN,
	TIDE_MOOD_GOOD,
	TIDE_MOOD_ACTIVE,
	TIDE_MOOD_WAITS,
	TIDE_MOOD_BAD,
	TIDE_MOOD_OVER
};

struct tide_run_word {
	const char *word;    /* as it is stored and shown */
	const char *meaning; /* for docs/operations.md */
	enum tide_code exit; /* of `status --exit-code`: the one that `run` ended with */
	bool over;           /* nothing is left to do for `run` */
	enum tide_mood mood;
	enum tide_next next, next_back; /* when no executor works on it, by direction */
	unsigned to;                    /* bits of the states that it may become: see tide_run_may */
};

struct tide_phase_word {
	const char *word, *meaning; /* meaning: for docs/operations.md */
	const char *sign;           /* one character before the line */
	enum tide_mood mood;
};

const struct tide_run_word *tide_run_word(enum tide_run_state state);
const struct tide_phase_word *tide_phase_word(enum tide_phase_state state);
const char *tide_direction_word(enum tide_direction direction);
const char *tide_wanted_word(enum tide_wanted wanted);

/** Whether a run may go from one state to the other. */
bool tide_run_may(enum tide_run_state from, enum tide_run_state to);
/**
 * The state that people are shown: a pause is only wanted until the executor stops for it, and a run whose executor has stopped for a pause
 * that was withdrawn, only lacks an executor. live: an executor works on it.
 */
enum tide_run_state
tide_run_shown(enum tide_run_state stored, enum tide_direction direction, enum tide_wanted wanted, bool live);

/** A stored word as a state. One that this program does not know counts as failed: it needs a person. */
enum tide_run_state tide_run_state_of(const char *word);
/** The same of a phase; unknown counts as pending. */
enum tide_phase_state tide_phase_state_of(const char *word);
/** The state of a phase that people are shown: it runs while an executor works on it, one that neither is paused nor waits. */
enum tide_phase_state tide_phase_shown(enum tide_phase_state stored, enum tide_run_state run, bool live);
enum tide_direction tide_direction_of(const char *word);
/** Unknown and NULL count as TIDE_WANT_RUN. */
enum tide_wanted tide_wanted_of(const char *word);

#endif
