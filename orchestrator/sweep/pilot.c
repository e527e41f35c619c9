#include "pilot.h"

#include <talloc.h>

#include "controller.h"
#include "tidemark/base/units.h"

/* Shorter than this it is over before anything is measured: 16 MB with pages of 8 kB. */
#define SHORT_BLOCKS 2048
/* A planned rest, in which the canary measures what there is without us; the last batches end at its beginning. */
#define REST (TIDE_SECOND * 2 / 5)
#define REST_ENDS (TIDE_SECOND / 20)
#define REST_PERIOD (TIDE_SECOND / 50)
#define REST_EVERY (20 * TIDE_SECOND)
/* Sooner, when little may be done: perhaps it is not because of us. */
#define REST_SOON (5 * TIDE_SECOND)
#define LITTLE 0.3
/* After a batch: a shorter one is none; longer ones would look like a stop. */
#define SHORTEST_REST (TIDE_MS / 2)
#define LONGEST_REST TIDE_SECOND
/* Beside others it begins with so many workers. */
#define FIRST 0.25
/* Fewer measurements than this say nothing. */
#define ENOUGH 4
#define MANY 16
/* A commit that has lasted so long needs no second one. */
#define STUCK TIDE_SECOND
/* How long a number of workers is tried, and by how much it must be faster than one fewer. */
#define TRIAL (TIDE_SECOND * 7 / 10)
#define WORTH 1.12
#define TRY_AGAIN (60 * TIDE_SECOND)
/* With fewer WAL segments ready than this, it goes slowly. */
#define FEW_SEGMENTS 6
#define SEGMENT (16.0 * 1024 * 1024)

/* What each impact means; in the order of enum tide_impact. */
static const struct {
	double times;     /* the limit, of the baseline … */
	int64_t more;     /* … or the baseline and this, us, whichever is more */
	double most;      /* workers; 0 no bound */
	double new_every; /* seconds between two segments that have to be made; 0 no bound */
} impacts[] = {
	[TIDE_IMPACT_GENTLE] = { 1.3, 300, 1, 10 },
	[TIDE_IMPACT_BALANCED] = { 2, 3 * TIDE_MS, 0, 2 },
	[TIDE_IMPACT_FAST] = { 0, 0, 0, 0 },
};

/* Whether one more worker makes it faster. */
struct climb {
	int64_t since; /* all of the workers have worked since; 0 they do not */
	double done;   /* by then */
	double before; /* speed with one worker fewer; 0 unknown */
	int64_t again; /* when more are tried again */
};

struct tide_pilot {
	enum tide_impact impact;
	bool brief, write;
	bool fixed, automatic; /* automatic: how many workers are worth it is measured */
	double wanted;         /* connections */
	size_t connections;    /* that there are */
	double bound;          /* most workers, whatever is measured */
	struct tide_canary_place place;
	struct tide_controller controller;
	struct climb climb;
	struct tide_canary *canary; /* NULL: nothing is measured */
	int64_t rest_until, rest_began, next_rest;
	int64_t baseline;      /* us; 0 not known yet */
	int64_t felt;          /* us; -1 unknown */
	bool told;             /* that nothing is measured */
	int64_t looks, others; /* of the canary, and how many of them in a row have seen others */
	double ceiling;        /* workers, because of the WAL; 0 none */
	int64_t written, written_at;
};

static double
smaller(double a, double b)
{
	return a < b ? a : b;
}

/* Connections that the limits ask for: a short sweep with as many as the plan says, or with one. */
static double
wanted(const struct tide_pilot *p, const struct tide_limits *limits)
{
	double count = p->brief && limits->workers == 0 ? 1 : (double)tide_limits_workers(limits);

	return impacts[p->impact].most > 0 && !p->fixed ? smaller(count, impacts[p->impact].most) : count;
}

static void
read_limits(struct tide_pilot *p, const struct tide_limits *limits)
{
	p->impact = tide_limits_impact(limits);
	p->fixed = tide_limits_fixed(limits) || p->brief;
	p->automatic = limits->workers == 0 && !p->fixed;
	p->wanted = wanted(p, limits);
}

struct tide_pilot *
tide_pilot_start(void *ctx, const struct tide_limits *limits, int64_t blocks, bool write)
{
	struct tide_pilot *p = talloc_zero(ctx, struct tide_pilot);

	p->brief = blocks < SHORT_BLOCKS;
	p->write = write;
	p->felt = -1;
	read_limits(p, limits);
	return p;
}

size_t
tide_pilot_connections(const struct tide_pilot *p)
{
	return (size_t)p->wanted;
}

/* Within what there is now: all of it at once where nothing is measured, else as far as it is felt to be good. */
static void
bound(struct tide_pilot *p)
{
	struct tide_controller *c = &p->controller;

	p->bound = smaller(p->wanted, (double)p->connections);
	c->most = p->automatic ? smaller(c->most > 0 ? c->most : 1, p->bound) : p->bound;
	c->workers = p->fixed ? p->bound : smaller(c->workers, c->most);
}

/* The canary, where it is needed and not there. */
static void
measure(struct tide_pilot *p)
{
	if (p->canary == NULL && !p->fixed && p->impact != TIDE_IMPACT_FAST)
		p->canary = tide_canary_start(p, &p->place);
}

void
tide_pilot_begin(struct tide_pilot *p, size_t connections, const struct tide_canary_place *place)
{
	p->connections = connections;
	p->place = *place;
	tide_controller_begin(&p->controller, tide_now_us(), FIRST, 1);
	bound(p);
	measure(p);
}

void
tide_pilot_join(struct tide_pilot *p, size_t connections)
{
	p->connections = connections;
	bound(p);
}

void
tide_pilot_follow(struct tide_pilot *p, const struct tide_limits *limits)
{
	read_limits(p, limits);
	bound(p);
	measure(p);
}

/* Others count from the second look on that sees them: whoever only looks in is no reason to slow down. */
static void
count_others(struct tide_pilot *p)
{
	int64_t looks, others = tide_canary_others(p->canary, &looks);

	if (looks == p->looks)
		return;
	/* At the beginning one look must do. */
	p->others = others == 0 ? 0 : p->looks == 0 ? 2 : p->others + 1;
	p->looks = looks;
}

/* The canary has no connection: nobody knows who is there and what they feel, and nothing becomes faster. */
static bool
blind(const struct tide_pilot *p)
{
	return p->canary != NULL && tide_canary_failure(p->canary) != NULL;
}

static bool
alone(const struct tide_pilot *p)
{
	if (blind(p))
		return p->impact == TIDE_IMPACT_FAST;
	return p->canary == NULL || p->impact == TIDE_IMPACT_FAST || (p->looks > 0 && p->others < 2);
}

/* Before its first look nobody knows who is there: not for long. */
static bool
unknown(const struct tide_pilot *p)
{
	return p->canary != NULL && p->looks == 0 && !blind(p);
}

static bool
resting(const struct tide_pilot *p)
{
	return p->rest_until != 0;
}

static void
begin_rest(struct tide_pilot *p, int64_t now)
{
	p->rest_began = now;
	p->rest_until = now + REST;
	tide_canary_every(p->canary, REST_PERIOD);
}

static void
end_rest(struct tide_pilot *p, int64_t now)
{
	struct tide_felt felt = tide_canary_felt(p->canary, p->rest_began + REST_ENDS, now);

	p->rest_until = 0;
	p->next_rest = now + REST_EVERY;
	/* What was measured before is about nothing that there is now. */
	p->controller.changed = now;
	tide_canary_every(p->canary, 0);
	if (felt.count < ENOUGH)
		return;
	/* Two rests are better than one, unless the application has changed in between. */
	if (felt.p95 > p->baseline * 3 / 2 || felt.p95 < p->baseline * 2 / 3)
		p->baseline = felt.p95;
	else
		p->baseline = (p->baseline + felt.p95) / 2;
}

/* The first one as soon as there are others; then now and then. */
static void
look_at_rest(struct tide_pilot *p, int64_t now)
{
	bool due = p->baseline == 0 || now >= p->next_rest ||
		   (p->controller.workers < LITTLE && now >= p->next_rest - REST_EVERY + REST_SOON);

	if (resting(p) && now >= p->rest_until)
		end_rest(p, now);
	else if (!resting(p) && due && now >= p->next_rest - REST_EVERY && !alone(p) &&
		 tide_canary_works(p->canary))
		begin_rest(p, now);
}

/* Of what is written while hardly any segment is ready, at most one new segment now and then. */
static void
look_at_wal(struct tide_pilot *p, const struct tide_signals *signals)
{
	double every = impacts[p->impact].new_every, rate, wanted;

	if (every == 0 || alone(p) || signals->wal_ready < 0 || signals->wal_ready >= FEW_SEGMENTS) {
		p->ceiling = 0;
		p->written_at = 0;
		return;
	}
	if (signals->wal_at == p->written_at)
		return;
	if (p->ceiling == 0)
		p->ceiling = smaller(p->controller.workers, 1);
	if (p->written_at != 0) {
		rate = (double)(signals->wal_written - p->written) * (double)TIDE_SECOND /
		       (double)(signals->wal_at - p->written_at);
		wanted = SEGMENT / every / (rate > 1 ? rate : 1);
		p->ceiling *= wanted < 0.3 ? 0.3 : wanted > 1.3 ? 1.3 : wanted;
		if (p->ceiling < p->controller.least)
			p->ceiling = p->controller.least;
	}
	p->written = signals->wal_written;
	p->written_at = signals->wal_at;
}

/* One more worker, as long as each makes the sweep faster. Only while all of them work all the time. */
static void
look_at_climb(struct tide_pilot *p, int64_t now, double done)
{
	struct tide_controller *c = &p->controller;
	struct climb *climb = &p->climb;
	double speed;

	if (c->workers < c->most || resting(p) || (blind(p) && !alone(p)) || c->most > p->bound ||
	    now < climb->again) {
		climb->since = 0;
		return;
	}
	if (climb->since == 0 || done < climb->done) {
		climb->since = now;
		climb->done = done;
		return;
	}
	if (now - climb->since < TRIAL)
		return;
	speed = (done - climb->done) / (double)(now - climb->since);
	climb->since = 0;
	if (climb->before > 0 && speed < climb->before * WORTH) {
		c->most -= 1;
		climb->before = 0;
		climb->again = now + TRY_AGAIN;
	} else if (c->most < p->bound) {
		climb->before = speed;
		c->most += 1;
	} else {
		climb->again = now + TRY_AGAIN;
		climb->before = 0;
	}
}

static void
steer(struct tide_pilot *p, int64_t now)
{
	int64_t since = p->controller.changed;
	struct tide_feeling feeling = { .alone = alone(p), .baseline = p->baseline, .ceiling = p->ceiling };
	struct tide_felt felt = { 0 };

	if (p->canary != NULL)
		felt = tide_canary_felt(p->canary, since, now);
	if (felt.count >= ENOUGH)
		p->felt = felt.p95;
	feeling.p95 = felt.p95;
	feeling.known = felt.count >= ENOUGH && p->baseline > 0;
	feeling.sure = felt.count >= MANY;
	feeling.limit = (int64_t)((double)p->baseline * impacts[p->impact].times);
	if (feeling.limit < p->baseline + impacts[p->impact].more)
		feeling.limit = p->baseline + impacts[p->impact].more;
	if (p->baseline > 0 && felt.waiting > STUCK && felt.waiting > feeling.limit) {
		feeling.known = feeling.sure = true;
		feeling.p95 = felt.waiting;
	}
	tide_controller_step(&p->controller, now, &feeling);
}

/*
 * Nothing can be measured, and never could: one worker, as much as a sweep that does not measure may do by itself. A canary that has
 * worked leaves the speed where it is.
 */
static void
go_blind(struct tide_pilot *p)
{
	if (blind(p) && p->looks == 0 && !alone(p))
		p->controller.workers = smaller(1, p->controller.most);
}

/* While no batch may be sent, what is measured is about another speed. */
static void
wait(struct tide_pilot *p, int64_t now)
{
	p->controller.changed = p->controller.at = now;
	p->climb.since = 0;
}

void
tide_pilot_look(struct tide_pilot *p, int64_t now, double done, bool held, const struct tide_signals *signals)
{
	if (p->fixed)
		return;
	if (p->canary != NULL) {
		count_others(p);
		go_blind(p);
	}
	if ((held || unknown(p)) && !resting(p)) {
		wait(p, now);
		return;
	}
	if (p->canary != NULL)
		look_at_rest(p, now);
	if (p->write)
		look_at_wal(p, signals);
	if (!resting(p))
		steer(p, now);
	look_at_climb(p, now, done);
}

const char *
tide_pilot_failure(struct tide_pilot *p)
{
	const char *failure = p->canary != NULL ? tide_canary_failure(p->canary) : NULL;
	bool told = p->told;

	p->told = p->told || failure != NULL;
	return told ? NULL : failure;
}

double
tide_pilot_share(const struct tide_pilot *p, size_t worker)
{
	double share = p->controller.workers - (double)worker;

	if (resting(p) || unknown(p))
		return 0;
	return share > 1 ? 1 : share < 0 ? 0 : share;
}

struct tide_pilot_report
tide_pilot_report(const struct tide_pilot *p)
{
	return (struct tide_pilot_report){ .workers = resting(p) ? 0 : p->controller.workers,
		.felt = p->canary != NULL ? p->felt : -1,
		.baseline = p->baseline > 0 ? p->baseline : -1 };
}

int64_t
tide_pilot_rest(const struct tide_pilot *p, size_t worker, int64_t took)
{
	double share = tide_pilot_share(p, worker);
	int64_t us = share > 0 && share < 1 ? (int64_t)((double)took * (1 - share) / share) : 0;

	return us < SHORTEST_REST ? 0 : us < LONGEST_REST ? us : LONGEST_REST;
}
