#include "allowance.h"

#include <string.h>

#include "tidemark/base/units.h"

#define SLOT (50 * TIDE_MS)
/* A second's worth is sent in so many batches, all workers together. */
#define BATCHES 20
/* What idle time pays for at most. */
#define CREDIT (TIDE_SECOND / 10)
/* A stripe is chosen by the low byte of the line pointer. */
#define MOST_STRIPES 256

static int64_t
price(const struct tide_allowance *a, int64_t rows)
{
	if (a->limit == 0)
		return 0;
	return (int64_t)((double)rows * (double)TIDE_SECOND / (double)a->limit);
}

static void
set_limit(struct tide_allowance *a, int64_t limit, int64_t workers)
{
	a->limit = limit;
	a->share = limit / BATCHES / (workers > 0 ? workers : 1);
	if (a->share < 1)
		a->share = 1;
}

void
tide_allowance_begin(struct tide_allowance *a, int64_t limit, int64_t workers, int64_t now)
{
	memset(a, 0, sizeof(*a));
	set_limit(a, limit, workers);
	/* Another executor may have worked at the full rate until a moment ago. */
	a->due = now + 2 * CREDIT;
	a->newest = now / SLOT;
}

void
tide_allowance_change(struct tide_allowance *a, int64_t limit, int64_t workers, int64_t now)
{
	bool same = limit == a->limit;

	set_limit(a, limit, workers);
	if (same)
		return;
	memset(a->slot, 0, sizeof(a->slot));
	a->spent = 0;
	a->newest = now / SLOT;
	a->due = now;
}

/* Forgets what is ten seconds old. */
static void
expire(struct tide_allowance *a, int64_t now)
{
	int64_t number = now / SLOT;

	if (number - a->newest > TIDE_ALLOWANCE_SLOTS)
		a->newest = number - TIDE_ALLOWANCE_SLOTS;
	while (a->newest < number) {
		int64_t *oldest = &a->slot[++a->newest % TIDE_ALLOWANCE_SLOTS];

		a->spent -= *oldest;
		*oldest = 0;
	}
}

bool
tide_allowance_allows(struct tide_allowance *a, int64_t now, int64_t rows)
{
	int64_t counted;

	if (a->limit == 0)
		return true;
	if (now < a->due)
		return false;
	expire(a, now);
	counted = a->spent + a->under_way;
	/* A batch may turn out to have some more rows than was thought: a twentieth of a second's worth is kept for that.
	 * One that would be too much for any ten seconds is sent when nothing else is counted. */
	return counted == 0 || counted + rows <= a->limit * TIDE_ALLOWANCE_SPAN - a->limit / BATCHES;
}

int64_t
tide_allowance_wait(const struct tide_allowance *a, int64_t now)
{
	/* When it is due and refused, the last ten seconds are full: the next slot ends. */
	return a->due > now ? a->due - now : SLOT;
}

/* Counted without a limit as well: one may come while a batch is under way. */
void
tide_allowance_take(struct tide_allowance *a, int64_t now, int64_t rows)
{
	if (a->due < now - CREDIT)
		a->due = now - CREDIT;
	a->due += price(a, rows);
	a->under_way += rows;
}

void
tide_allowance_settle(struct tide_allowance *a, int64_t now, int64_t taken, int64_t changed)
{
	expire(a, now);
	a->due += price(a, changed) - price(a, taken);
	a->under_way -= taken;
	a->slot[a->newest % TIDE_ALLOWANCE_SLOTS] += changed;
	a->spent += changed;
}

int
tide_allowance_stripes(const struct tide_allowance *a, double fill, double rows, int stripes)
{
	double most = (double)a->limit / 2;

	if (a->limit == 0)
		return stripes;
	while (stripes < MOST_STRIPES && fill / stripes > most && stripes * 4 <= rows)
		stripes *= 2;
	return stripes;
}
