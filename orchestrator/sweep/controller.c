#include "controller.h"

#include <string.h>

#include "tidemark/base/units.h"

#define LEAST 0.05
/* Workers a second, while what is felt is no worse than without us. */
#define RISE 0.4
/* The same until it has hurt once. */
#define RISE_FIRST 0.6
/* The same when nobody is there. */
#define RISE_ALONE 6.0
/* A decrease keeps between these shares. */
#define KEEP_LEAST 0.5
#define KEEP_MOST 0.9
/* Near where it hurt, this share of the rise, for so long. */
#define CAREFUL 0.25
#define NEAR 0.85
/* With more room than this it would not hurt there any more. */
#define FAR 0.5
#define REMEMBERS (10 * TIDE_SECOND)
/* Exceeded by so many times, few measurements are enough. */
#define PLAIN 2
/* It stops rising at this share of what is allowed, so that it need not fall again and again. */
#define AIM 0.7
/* After a decrease, until its effect is measured, no other one. */
#define SETTLES (TIDE_SECOND / 2)
/* Longer than this between two steps says nothing about the time in between. */
#define LONGEST_STEP (TIDE_SECOND / 2)

void
tide_controller_begin(struct tide_controller *c, int64_t now, double workers, double most)
{
	memset(c, 0, sizeof(*c));
	c->least = LEAST;
	c->most = most;
	c->workers = workers < most ? workers : most;
	c->at = c->changed = now;
}

static double
within(double value, double least, double most)
{
	return value < least ? least : value > most ? most : value;
}

static void
fall(struct tide_controller *c, int64_t now, const struct tide_feeling *f)
{
	double keep = within((double)f->limit / (double)f->p95, KEEP_LEAST, KEEP_MOST);

	if (now - c->changed < SETTLES || (!f->sure && f->p95 < PLAIN * f->limit))
		return;
	c->hurt = c->workers;
	c->hurt_at = c->changed = now;
	c->workers *= keep;
}

/* Workers a second. */
static double
rise(const struct tide_controller *c, int64_t now, const struct tide_feeling *f)
{
	double room = 1;

	if (f->limit > f->baseline)
		room = within(
		    1 - (double)(f->p95 - f->baseline) / (AIM * (double)(f->limit - f->baseline)), 0, 1);
	if (room < FAR && c->hurt > 0 && c->workers > c->hurt * NEAR && now - c->hurt_at < REMEMBERS)
		room *= CAREFUL;
	return (c->hurt > 0 ? RISE : RISE_FIRST) * room;
}

void
tide_controller_step(struct tide_controller *c, int64_t now, const struct tide_feeling *f)
{
	int64_t took = now - c->at < LONGEST_STEP ? now - c->at : LONGEST_STEP;
	double seconds = (double)took / (double)TIDE_SECOND;

	c->at = now;
	if (f->alone)
		c->workers += RISE_ALONE * seconds;
	else if (f->known && f->p95 > f->limit)
		fall(c, now, f);
	else if (f->known)
		c->workers += rise(c, now, f) * seconds;
	if (f->ceiling > 0 && c->workers > f->ceiling)
		c->workers = f->ceiling;
	c->workers = within(c->workers, c->least, c->most);
}
