#include "cursor.h"

#include <string.h>

/* Fewest blocks that are worth a worker of their own. */
#define SPLIT_LEAST 128

static bool
last_stripe(const struct tide_cursor *c)
{
	return c->stripe >= c->stripes - 1;
}

/* `whole` in equal parts of at most `most`: the length of the first. */
static int64_t
even_part(int64_t whole, int64_t most)
{
	int64_t parts;

	if (most < 1)
		most = 1;
	parts = (whole + most - 1) / most;
	return parts > 1 ? (whole + parts - 1) / parts : whole;
}

void
tide_cursor_begin(struct tide_cursor *c, int64_t first)
{
	memset(c, 0, sizeof(*c));
	c->next = c->at = first;
	c->stripes = 1;
}

void
tide_cursor_group(struct tide_cursor *c, int64_t stop, int64_t length, int stripes)
{
	c->group = c->next + even_part(stop - c->next, length);
	c->at = c->next;
	c->stripe = 0;
	c->stripes = stripes;
	c->found = false;
}

void
tide_cursor_span(const struct tide_cursor *c, int64_t blocks, struct tide_span *out)
{
	out->from = c->at;
	out->to = c->at + even_part(c->group - c->at, blocks);
	out->mask = last_stripe(c) ? 0 : c->stripes - 1;
	out->stripe = last_stripe(c) ? 0 : c->stripe;
}

void
tide_cursor_advance(struct tide_cursor *c, int64_t to, bool found)
{
	c->at = to;
	c->found = c->found || found;
	if (last_stripe(c))
		c->next = to;
	if (to < c->group)
		return;
	if (last_stripe(c))
		c->group = 0;
	else
		c->stripe = c->found ? c->stripe + 1 : c->stripes - 1;
	c->at = c->next;
}

bool
tide_cursor_split(struct tide_cursor *c, int64_t *stop, int64_t busy, struct tide_cursor *other)
{
	int64_t begun = c->group != 0 ? c->group : c->next, middle;

	if (*stop - begun >= 2 * SPLIT_LEAST) {
		/* Groups that nobody has begun. */
		middle = begun + (*stop - begun) / 2;
		tide_cursor_begin(other, middle);
		*stop = middle;
		return true;
	}
	middle = (c->next + c->group) / 2;
	if (middle < busy)
		middle = busy;
	if (c->group == 0 || c->group - middle < SPLIT_LEAST)
		return false;
	*other = *c;
	other->next = other->at = middle;
	c->group = *stop = middle;
	return true;
}

double
tide_cursor_part(const struct tide_cursor *c)
{
	double share = (double)c->stripe / c->stripes;

	if (c->group == 0)
		return 0;
	/* In its last stripe `next` itself moves on: what lies before it is no part of the group any more. */
	return (double)(c->group - c->next) * share + (double)(c->at - c->next) / c->stripes;
}
