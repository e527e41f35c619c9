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
