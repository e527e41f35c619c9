#include "pace.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_BLOCKS 4
#define MOST_BLOCKS 2048

void
tide_pace_begin(struct tide_pace *pace, int64_t target)
{
	memset(pace, 0, sizeof(*pace));
	pace->target = target;
	pace->blocks = FIRST_BLOCKS;
}

static int
compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

int64_t
tide_pace_p90(const struct tide_pace *pace)
{
	int64_t sorted[TIDE_PACE_MEMORY];

	if (pace->count == 0)
		return 0;
	memcpy(sorted, pace->recent, (size_t)pace->count * sizeof(sorted[0]));
	qsort(sorted, (size_t)pace->count, sizeof(sorted[0]), compare);
	return sorted[(pace->count * 9 - 1) / 10];
}

static void
clamp(struct tide_pace *pace)
{
	if (pace->blocks < 1)
		pace->blocks = 1;
	if (pace->blocks > MOST_BLOCKS)
		pace->blocks = MOST_BLOCKS;
}

void
tide_pace_learn(struct tide_pace *pace, int64_t blocks, int64_t us)
{
	double cost = (double)us / (double)(blocks > 0 ? blocks : 1);
	double target = (double)pace->target, wanted;
	int64_t p90;

	pace->recent[pace->at] = us;
	pace->at = (pace->at + 1) % TIDE_PACE_MEMORY;
	if (pace->count < TIDE_PACE_MEMORY)
		pace->count++;
	pace->block_cost = pace->block_cost == 0 ? cost : pace->block_cost * 0.8 + cost * 0.2;
	p90 = tide_pace_p90(pace);
	wanted = target / (pace->block_cost > 0 ? pace->block_cost : 1);
	if (us > 2 * pace->target) {
		/* Never answer an overrun by waiting for the average: cut now. */
		pace->blocks = (double)blocks * target / (double)us;
	} else if (p90 < pace->target * 9 / 10 && blocks >= (int64_t)(pace->blocks * 3 / 4)) {
		double grown = pace->blocks * 1.5;

		pace->blocks = grown < wanted ? grown : pace->blocks < wanted ? wanted : pace->blocks;
	} else if (p90 > pace->target * 11 / 10) {
		pace->blocks *= 0.9;
	}
	clamp(pace);
}

void
tide_pace_yield(struct tide_pace *pace)
{
	pace->blocks /= 2;
	clamp(pace);
}

int64_t
tide_pace_blocks(const struct tide_pace *pace)
{
	return (int64_t)pace->blocks;
}
