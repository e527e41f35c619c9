#include "tidemark/orchestrator/hold.h"

#include <stddef.h>
#include <string.h>

static const char *const words[TIDE_CAUSES] = { [TIDE_CAUSE_APPROVAL] = "approval",
	[TIDE_CAUSE_SOAK] = "soak",
	[TIDE_CAUSE_CONDITION] = "condition",
	[TIDE_CAUSE_COMMAND] = "command",
#define TIDE_CAUSE_WORD(cause_, word_) [TIDE_CAUSE_##cause_] = word_,
	TIDE_CAUSES_OF_A_SWEEP(TIDE_CAUSE_WORD)
#undef TIDE_CAUSE_WORD
};

const char *
tide_cause_word(enum tide_cause cause)
{
	return words[cause];
}

enum tide_cause
tide_cause_of(const char *word)
{
	for (size_t i = TIDE_CAUSE_NONE + 1; word != NULL && i < TIDE_CAUSES; i++)
		if (strcmp(words[i], word) == 0)
			return (enum tide_cause)i;
	return TIDE_CAUSE_NONE;
}

const char *
tide_hold_word(const struct tide_hold *hold)
{
	if (hold->cause == TIDE_CAUSE_NONE)
		return "RUNNING";
	return hold->cause == TIDE_CAUSE_PAUSE ? "PAUSED" : "THROTTLED";
}
