#include "throttle.h"

#include <talloc.h>

#define TIDE_ADDRESS_OF_SIGNAL(name) &tide_signal_##name,
const struct tide_signal *const tide_signal_table[TIDE_SIGNAL_COUNT] = { TIDE_SIGNALS(
    TIDE_ADDRESS_OF_SIGNAL) };

struct tide_signal_states *
tide_signal_states_new(void *ctx)
{
	struct tide_signal_states *states = talloc_zero(ctx, struct tide_signal_states);

	for (size_t i = 0; i < TIDE_SIGNAL_COUNT; i++)
		states->of[i] = talloc_zero_size(states, tide_signal_table[i]->size);
	return states;
}

struct tide_hold
tide_throttle_judge(void *ctx, const struct tide_executor *exe, struct tide_signal_states *states)
{
	static const struct tide_limits none;
	struct tide_hold first = { 0 };

	/* All of them, and only then the first: whether a limit is exceeded does not depend on what else holds the work back. */
	for (size_t i = 0; i < TIDE_SIGNAL_COUNT; i++) {
		const struct tide_signal *signal = tide_signal_table[i];
		bool exempt = signal->of_writers && exe->throttle.only_reads;
		struct tide_hold hold = { 0 };

		if (signal->judge != NULL)
			hold = signal->judge(ctx, exe, states->of[i], exempt ? &none : exe->in_force.limits);
		if (first.cause == TIDE_CAUSE_NONE)
			first = hold;
		else
			talloc_free((void *)hold.text);
	}
	return first;
}
