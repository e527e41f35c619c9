#include "stripes.h"

#include <string.h>

#include "tidemark/base/units.h"

/* What a byte of dead rows costs, us: it has to be vacuumed, is written again, and occupies memory. */
#define BYTE_PRICE 0.02
/* When this share of a group's rows leaves its window although it was striped, stripes do not help. */
#define USELESS 0.9
/* What is not cheaper by so much is noise. */
#define CHEAPER 0.97
/* Every so many groups one tries a neighbour. */
#define TRIAL 12
/* A group with fewer rows says nothing about cost. */
#define FEWEST_ROWS 200
#define LEAST_PAGES 8
#define TYPICAL_ROW 200.0

#define WINDOWS_LEAST 4
#define GROUP_LEAST 128

static int
exponent(int count)
{
	int e = 0;

	while (e < TIDE_STRIPES_COUNT - 1 && 1 << e < count)
		e++;
	return e;
}

/* Before anything is measured. The rows of one stripe should fit into the room that a page has from the start. */
static int
guess(const struct tide_stripe_facts *f, int most)
{
	int count = f->indexes > 1 ? 16 : 8;

	if (f->indexed || f->pages < LEAST_PAGES)
		return 1;
	while (count > 1 << most)
		count /= 2;
	while (f->fillfactor < 90 && count > 2 && (100 - f->fillfactor) * count / 2 >= f->fillfactor)
		count /= 2;
	return count;
}

void
tide_stripes_begin(struct tide_stripes *s, const struct tide_stripe_facts *f, int pinned)
{
	memset(s, 0, sizeof(*s));
	s->fixed = pinned > 0 || f->indexed || f->pages < LEAST_PAGES;
	s->most = TIDE_STRIPES_COUNT - 1;
	while (f->rows > 0 && s->most > 1 && (f->pages << s->most) > f->rows)
		s->most--;
	s->best = exponent(pinned > 0 ? pinned : guess(f, s->most));
	s->row_bytes = f->rows > 0 ? (double)f->pages * 8192 / (double)f->rows : TYPICAL_ROW;
	s->byte_price = f->accept_bloat ? 0 : BYTE_PRICE;
}

int
tide_stripes_next(struct tide_stripes *s)
{
	int e = s->best;

	if (s->fixed)
		return 1 << e;
	if (++s->groups < TRIAL)
		return s->stuck ? 1 : 1 << e;
	s->groups = 0;
	if (s->stuck)
		return 1 << e;
	s->upward = !s->upward;
	e += s->upward ? 1 : -1;
	if (e < 0)
		e = 1;
	if (e > s->most)
		e = s->most - 1;
	return 1 << e;
}

void
tide_stripes_learn(struct tide_stripes *s, int count, int64_t us, int64_t changed, int64_t moved)
{
	int e = exponent(count);
	double cost;

	if (changed < FEWEST_ROWS)
		return;
	if (count > 1)
		s->stuck = !s->fixed && (double)moved > (double)changed * USELESS;
	if (s->stuck)
		return;
	cost = ((double)us + (double)moved * s->row_bytes * s->byte_price) / (double)changed;
	s->cost[e] = s->cost[e] == 0 ? cost : s->cost[e] * 0.7 + cost * 0.3;
	if (s->fixed)
		return;
	for (int i = 0; i < TIDE_STRIPES_COUNT; i++)
		if (s->cost[i] > 0 && (s->cost[s->best] == 0 || s->cost[i] < s->cost[s->best] * CHEAPER))
			s->best = i;
}

int64_t
tide_stripes_group(int64_t window, int64_t window_us, int64_t rest)
{
	int64_t windows = window_us > 0 ? rest / window_us + 1 : WINDOWS_LEAST, length;

	if (windows < WINDOWS_LEAST)
		windows = WINDOWS_LEAST;
	length = windows * window;
	return length < GROUP_LEAST ? GROUP_LEAST : length;
}
