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
compare_us(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static int
compare_each(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Its index in sorted order. */
static int
p90_of(int count)
{
	return (count * 9 - 1) / 10;
}

int64_t
tide_pace_p90(const struct tide_pace *pace)
{
	int64_t sorted[TIDE_PACE_MEMORY];

	if (pace->count == 0)
		return 0;
	memcpy(sorted, pace->recent, (size_t)pace->count * sizeof(sorted[0]));
	qsort(sorted, (size_t)pace->count, sizeof(sorted[0]), compare_us);
	return sorted[p90_of(pace->count)];
}

/* How many rows take as long as the target. The cost of one row is kept, not the duration of batches: their sizes differed. */
static double
fitting(const struct tide_pace *pace)
{
	double sorted[TIDE_PACE_MEMORY];

	memcpy(sorted, pace->each, (size_t)pace->count * sizeof(sorted[0]));
	qsort(sorted, (size_t)pace->count, sizeof(sorted[0]), compare_each);
	return (double)pace->target / sorted[p90_of(pace->count)];
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
	double used = (double)(amount > 0 ? amount : 1), took = (double)(us > 0 ? us : 1), fits, grown;

	pace->recent[pace->at] = us;
	pace->each[pace->at] = took / used;
	pace->at = (pace->at + 1) % TIDE_PACE_MEMORY;
	if (pace->count < TIDE_PACE_MEMORY)
		pace->count++;
	fits = fitting(pace);
	grown = pace->amount * 1.5;
	if (us > 2 * pace->target)
		/* After an overrun the size is cut at once, not when the older samples have left. */
		pace->amount = used * (double)pace->target / took;
	else if (fits < pace->amount)
		pace->amount = fits;
	else if (used * 2 > pace->amount)
		pace->amount = fits < grown ? fits : grown;
	clamp(pace);
}

/* A shorter one counts for the next batch; towards a longer one it grows as ever. */
void
tide_pace_aim(struct tide_pace *pace, int64_t target)
{
	pace->target = target;
	if (pace->count > 0 && fitting(pace) < pace->amount)
		pace->amount = fitting(pace);
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
