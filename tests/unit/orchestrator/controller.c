/* The controller on simulated servers: whatever they bear, it finds it, stays there, and gives way when the application needs more. */
#include "sweep/controller.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tidemark/base/units.h"

#define TICK (TIDE_SECOND / 10)
#define WINDOW 20
#define SECONDS(n) ((n)*10)

/* A queue: the nearer the server is to doing nothing else, the longer everything takes. */
struct server {
	double service; /* us of a commit on an idle server */
	double load;    /* share of the server that the application takes, 0 to 1 */
	double cost;    /* share that one worker takes */
	double noise;   /* of a single measurement */
	uint32_t seed;
};

struct play {
	struct server server;
	struct tide_controller controller;
	int64_t now, limit, baseline;
	struct {
		int64_t at, us;
	} felt[WINDOW];
	int at, count;
};

static double
chance(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return (double)(*seed >> 8) / (double)(1u << 24);
}

static double
latency(const struct server *s, double workers)
{
	double used = s->load + s->cost * workers;

	return s->service / (1 - (used < 0.97 ? used : 0.97));
}

static int
compare_us(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* As the canary does it: what is younger than two seconds and than the last decrease; the longest is left out. */
static int64_t
felt(const struct play *p, int *count)
{
	int64_t us[WINDOW];

	*count = 0;
	for (int i = 0; i < p->count; i++)
		if (p->felt[i].at >= p->controller.changed && p->felt[i].at >= p->now - 2 * TIDE_SECOND)
			us[(*count)++] = p->felt[i].us;
	if (*count < 2)
		return *count == 1 ? us[0] : 0;
	qsort(us, (size_t)*count, sizeof(us[0]), compare_us);
	return us[*count - 2];
}

static void
tick(struct play *p)
{
	struct server *s = &p->server;
	struct tide_feeling feeling = { .baseline = p->baseline, .limit = p->limit };
	int count;

	p->now += TICK;
	p->felt[p->at].at = p->now;
	p->felt[p->at].us =
	    (int64_t)(latency(s, p->controller.workers) * (1 + s->noise * (2 * chance(&s->seed) - 1)));
	p->at = (p->at + 1) % WINDOW;
	p->count += p->count < WINDOW ? 1 : 0;
	feeling.p95 = felt(p, &count);
	feeling.known = count >= 4;
	feeling.sure = count >= 16;
	tide_controller_step(&p->controller, p->now, &feeling);
}

static void
begin(struct play *p, const struct server *server, double most)
{
	memset(p, 0, sizeof(*p));
	p->server = *server;
	p->now = TIDE_SECOND;
	p->baseline = (int64_t)latency(server, 0);
	p->limit = 2 * p->baseline > p->baseline + 3 * TIDE_MS ? 2 * p->baseline : p->baseline + 3 * TIDE_MS;
	tide_controller_begin(&p->controller, p->now, 0.25, most);
}

static void
turn(struct play *p, int ticks)
{
	while (ticks-- > 0)
		tick(p);
}

/* The most workers that keep below the limit. */
static double
best(const struct play *p)
{
	double workers = p->controller.least;

	while (workers < p->controller.most && latency(&p->server, workers) < (double)p->limit)
		workers += 0.01;
	return workers;
}

static struct server
some_server(uint32_t *seed)
{
	struct server s = { .service = 200 + 5000 * chance(seed) };

	s.load = 0.6 * chance(seed);
	s.cost = 0.05 + chance(seed);
	s.noise = 0.15 * chance(seed);
	s.seed = (uint32_t)(chance(seed) * 1e9);
	return s;
}

/* After twenty seconds, for twenty more: near what the server bears, seldom above the limit, and without swings. */
static void
it_finds_what_a_server_bears_and_stays_there(void **state)
{
	uint32_t seed = 1;
	int lazy = 0, above = 0, swings = 0;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		struct server server = some_server(&seed);
		struct play p;
		double sum = 0, least = 1e9, most = 0, exceeded = 0;

		begin(&p, &server, 4);
		turn(&p, SECONDS(20));
		for (int t = 0; t < SECONDS(20); t++) {
			tick(&p);
			sum += p.controller.workers;
			least = p.controller.workers < least ? p.controller.workers : least;
			most = p.controller.workers > most ? p.controller.workers : most;
			exceeded += latency(&p.server, p.controller.workers) > (double)p.limit ? 1 : 0;
		}
		lazy += sum / SECONDS(20) < 0.6 * best(&p) ? 1 : 0;
		above += exceeded > SECONDS(20) * 0.1 ? 1 : 0;
		swings += most > 2.2 * least ? 1 : 0;
	}
	assert_in_range(lazy, 0, 20);
	assert_in_range(above, 0, 20);
	assert_in_range(swings, 0, 20);
}

static void
it_gives_way_within_two_seconds_and_comes_back_within_five(void **state)
{
	const struct server quiet = { .service = 1000, .load = 0.2, .cost = 0.5, .noise = 0.05, .seed = 3 };
	struct play p;
	double before;

	(void)state;
	begin(&p, &quiet, 1);
	turn(&p, SECONDS(20));
	before = p.controller.workers;
	assert_true(before > 0.9);
	p.server.load = 0.6;
	turn(&p, SECONDS(2));
	assert_true(p.controller.workers < before * 0.6);
	turn(&p, SECONDS(10));
	assert_true(latency(&p.server, p.controller.workers) < (double)p.limit * 1.1);
	p.server.load = 0.2;
	turn(&p, SECONDS(5));
	assert_true(p.controller.workers > before * 0.8);
}

static void
nothing_changes_while_nothing_is_known(void **state)
{
	struct tide_controller c;
	const struct tide_feeling unknown = { .p95 = 1, .limit = TIDE_SECOND };

	(void)state;
	tide_controller_begin(&c, 0, 0.5, 4);
	for (int64_t now = 0; now < 60 * TIDE_SECOND; now += TICK)
		tide_controller_step(&c, now, &unknown);
	assert_true(c.workers > 0.49 && c.workers < 0.51);
}

static void
alone_it_is_at_full_speed_within_a_second(void **state)
{
	struct tide_controller c;
	const struct tide_feeling alone = { .alone = true, .known = true, .p95 = TIDE_SECOND, .limit = 1 };

	(void)state;
	tide_controller_begin(&c, 0, 0.25, 4);
	for (int64_t now = 0; now <= TIDE_SECOND; now += TICK)
		tide_controller_step(&c, now, &alone);
	assert_true(c.workers > 3.99);
}

static void
a_ceiling_of_another_kind_counts_at_once(void **state)
{
	struct tide_controller c;
	const struct tide_feeling low = { .alone = true, .ceiling = 0.2 };

	(void)state;
	tide_controller_begin(&c, 0, 1, 4);
	tide_controller_step(&c, TICK, &low);
	assert_true(c.workers <= 0.2);
}

static void
one_stall_is_no_reason_and_a_long_pause_no_credit(void **state)
{
	struct tide_controller c;
	const struct tide_feeling good = { .known = true, .p95 = 1000, .baseline = 1000, .limit = 4000 };
	const struct tide_feeling few = { .known = true, .p95 = 6000, .baseline = 1000, .limit = 4000 };

	(void)state;
	tide_controller_begin(&c, 0, 0.5, 4);
	tide_controller_step(&c, TIDE_SECOND, &few);
	assert_true(c.workers > 0.49);
	tide_controller_step(&c, 3600 * TIDE_SECOND, &good);
	assert_true(c.workers < 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_finds_what_a_server_bears_and_stays_there),
		cmocka_unit_test(it_gives_way_within_two_seconds_and_comes_back_within_five),
		cmocka_unit_test(nothing_changes_while_nothing_is_known),
		cmocka_unit_test(alone_it_is_at_full_speed_within_a_second),
		cmocka_unit_test(a_ceiling_of_another_kind_counts_at_once),
		cmocka_unit_test(one_stall_is_no_reason_and_a_long_pause_no_credit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
