#include "pace.h"

#include <stdlib.h>
#include <string.h>

void
tide_pace_begin(struct tide_pace *pace, int64_t target, int64_t first, int64_t most)
{
	memset(pace, 0, sizeof(*pace));
	pace->target = target;
	pace->amount = (double)first;
	pace->most = (double)most;
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
	if (pace->amount < 1)
		pace->amount = 1;
	if (pace->amount > pace->most)
		pace->amount = pace->most;
}

void
tide_pace_learn(struct tide_pace *pace, int64_t amount, int64_t us)
{
	double now = (double)us / (double)(amount > 0 ? amount : 1);
	double target = (double)pace->target, wanted;
	int64_t p90;

	pace->recent[pace->at] = us;
	pace->at = (pace->at + 1) % TIDE_PACE_MEMORY;
	if (pace->count < TIDE_PACE_MEMORY)
		pace->count++;
	pace->cost = pace->cost == 0 ? now : pace->cost * 0.8 + now * 0.2;
	p90 = tide_pace_p90(pace);
	wanted = target / (pace->cost > 0 ? pace->cost : 1);
	if (us > 2 * pace->target) {
		/* Never answer an overrun by waiting for the average: cut now. */
		pace->amount = (double)amount * target / (double)us;
	} else if (p90 < pace->target * 9 / 10 && amount >= (int64_t)(pace->amount * 3 / 4)) {
		double grown = pace->amount * 1.5;

		pace->amount = grown < wanted ? grown : pace->amount < wanted ? wanted : pace->amount;
	} else if (p90 > pace->target * 11 / 10) {
		pace->amount *= 0.9;
	}
	clamp(pace);
}

void
tide_pace_yield(struct tide_pace *pace)
{
	pace->amount /= 2;
	clamp(pace);
}

int64_t
tide_pace_amount(const struct tide_pace *pace)
{
	return (int64_t)pace->amount;
}
