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
	TIDE_RUN_PAUSING,
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
	TIDE_PHASE_DONE,
	TIDE_PHASE_UNDOING,
	TIDE_PHASE_STATES
};

enum tide_direction { TIDE_FORWARD, TIDE_BACK };

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
	const char *next,
	    *next_back; /* the verb to type when no executor works on it, by direction; NULL: none */
};

struct tide_phase_word {
	const char *word, *sign; /* sign: one character before the line */
	enum tide_mood mood;
};

const struct tide_run_word *tide_run_word(enum tide_run_state state);
const struct tide_phase_word *tide_phase_word(enum tide_phase_state state);
const char *tide_direction_word(enum tide_direction direction);

/** A stored word as a state. One that this program does not know counts as failed: it needs a person. */
enum tide_run_state tide_run_state_of(const char *word);
/** The same of a phase; unknown counts as pending. */
enum tide_phase_state tide_phase_state_of(const char *word);
enum tide_direction tide_direction_of(const char *word);

#endif
