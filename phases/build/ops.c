#include "ops.h"

#include <string.h>

const struct tide_phase_ops *
tide_phase_find(const char *kind)
{
	for (size_t i = 0; i < tide_phase_count; i++)
		if (strcmp(tide_phase_table[i]->kind.name, kind) == 0)
			return tide_phase_table[i];
	return NULL;
}

const struct tide_phase_ops *
tide_ops(const struct tide_phase *phase)
{
	return tide_phase_find(phase->kind->name);
}

const struct dual_write_spec *
tide_opens(const struct tide_phase *phase)
{
	const struct tide_phase_ops *ops = tide_ops(phase);

	return ops->opens == NULL ? NULL : ops->opens(phase);
}

struct tide_added
tide_adds(const struct tide_phase *phase)
{
	const struct tide_phase_ops *ops = tide_ops(phase);

	return ops->adds == NULL ? (struct tide_added){ 0 } : ops->adds(phase);
}

struct tide_dropped
tide_drops(const struct tide_phase *phase)
{
	const struct tide_phase_ops *ops = tide_ops(phase);

	return ops->drops == NULL ? (struct tide_dropped){ 0 } : ops->drops(phase);
}

const struct tide_names *
tide_authored(const struct tide_phase *phase)
{
	const struct tide_phase_ops *ops = tide_ops(phase);

	return ops->authored == NULL ? NULL : ops->authored(phase);
}

bool
tide_phase_switches(const struct tide_phase *phase)
{
	return tide_ops(phase)->switches;
}

bool
tide_phase_recurs(const struct tide_phase *phase)
{
	return tide_ops(phase)->recurs;
}

bool
tide_phase_opens(const struct tide_phase *phase)
{
	return tide_opens(phase) != NULL;
}

bool
tide_phase_counts_differences(const struct tide_phase *phase)
{
	return tide_ops(phase)->counts_differences;
}
