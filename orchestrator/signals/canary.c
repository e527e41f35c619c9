#include "canary.h"

#include <ev.h>
#include <stdlib.h>
#include <string.h>
#include <talloc.h>

#include "signals_sql.h"
#include "tidemark/base/units.h"

/* A round trip and a commit that the server flushes as its settings say, of a transaction that only writes to the WAL. */
#define COMMIT "SELECT pg_catalog.pg_logical_emit_message(true, 'tidemark', '')"
#define USUAL_PERIOD (TIDE_SECOND / 10)
#define SPAN (2 * TIDE_SECOND)
#define LOOK_EVERY TIDE_SECOND
#define RETRY (5 * TIDE_SECOND)
#define NO_RIGHT "42501"
/* As many as the shortest period gives in the span. */
#define MEMORY 128

struct measured {
	int64_t at, us; /* when it ended */
};

struct tide_canary {
	struct tide_canary_place place;
	struct tide_conn *conn;
	struct ev_timer timer;
	int64_t period, sent; /* sent: 0, nothing is under way */
	int64_t retry;        /* tide_now_us before which it does not connect */
	bool ready;
	char *failure;
	struct measured ring[MEMORY];
	int at, count;
	int64_t others, looks, looked; /* looked: tide_now_us of the last look */
};

static void
fail(struct tide_canary *c, const struct tide_err *err)
{
	talloc_free(c->failure);
	c->failure = talloc_strdup(c, err->message);
	c->ready = false;
	c->sent = 0;
	/* What the role may not do it may not do later either: each try would be an error in the server's log. */
	c->retry = strcmp(err->sqlstate, NO_RIGHT) == 0 ? INT64_MAX : tide_now_us() + RETRY;
	tide_conn_close(c->conn);
}

/* A look that fails says nothing: others may be there, and the last ones count. */
static void
looked(void *ctx, const struct tide_rows *rows, const struct tide_err *err)
{
	struct tide_canary *c = ctx;

	if (err != NULL) {
		fail(c, err);
		return;
	}
	c->others = tide_rows_int(rows, 0, tide_rows_column(rows, "neighbours"));
	c->looks++;
}

static void
look(struct tide_canary *c, int64_t now)
{
	c->looked = now;
	tide_conn_query(c->conn, tide_sql_signals_neighbours, TIDE_ARGS(c->place.ours), looked, c);
}

static void
opened(void *ctx, const struct tide_rows *rows, const struct tide_err *err)
{
	struct tide_canary *c = ctx;

	(void)rows;
	if (err != NULL) {
		fail(c, err);
		return;
	}
	c->ready = true;
	TALLOC_FREE(c->failure);
	look(c, tide_now_us());
}

static void
open_again(struct tide_canary *c)
{
	c->retry = INT64_MAX;
	tide_conn_open(c->conn, c->place.dsn, c->place.name, opened, c);
}

static void
committed(void *ctx, const struct tide_rows *rows, const struct tide_err *err)
{
	struct tide_canary *c = ctx;
	int64_t now = tide_now_us();

	(void)rows;
	if (err != NULL) {
		fail(c, err);
		return;
	}
	c->ring[c->at] = (struct measured){ now, now - c->sent };
	c->at = (c->at + 1) % MEMORY;
	if (c->count < MEMORY)
		c->count++;
	c->sent = 0;
}

static void
on_timer(struct ev_loop *loop, struct ev_timer *timer, int events)
{
	struct tide_canary *c = timer->data;
	int64_t now = tide_now_us();

	(void)loop;
	(void)events;
	if (!c->ready && now >= c->retry)
		open_again(c);
	if (!c->ready || tide_conn_busy(c->conn))
		return;
	if (now - c->looked >= LOOK_EVERY) {
		look(c, now);
		return;
	}
	c->sent = now;
	tide_conn_query(c->conn, COMMIT, 0, NULL, committed, c);
}

static int
stop(struct tide_canary *c)
{
	ev_timer_stop(c->place.loop, &c->timer);
	return 0;
}

struct tide_canary *
tide_canary_start(void *ctx, const struct tide_canary_place *place)
{
	struct tide_canary *c = talloc_zero(ctx, struct tide_canary);

	c->place = *place;
	c->conn = tide_conn_new(c, place->loop);
	ev_timer_init(&c->timer, on_timer, 0, 1);
	c->timer.data = c;
	talloc_set_destructor(c, stop);
	open_again(c);
	tide_canary_every(c, USUAL_PERIOD);
	return c;
}

void
tide_canary_every(struct tide_canary *c, int64_t period)
{
	c->period = period > 0 ? period : USUAL_PERIOD;
	ev_timer_stop(c->place.loop, &c->timer);
	ev_timer_set(&c->timer, 0, (double)c->period / (double)TIDE_SECOND);
	ev_timer_start(c->place.loop, &c->timer);
}

static int
compare_us(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* Nearest rank; of fewer than forty the longest is left out. */
static int64_t
p95_of(int64_t *us, int count)
{
	int rank = (count * 95 + 99) / 100;

	if (count < 2)
		return count == 1 ? us[0] : 0;
	if (rank > count - 1)
		rank = count - 1;
	qsort(us, (size_t)count, sizeof(us[0]), compare_us);
	return us[rank - 1];
}

struct tide_felt
tide_canary_felt(const struct tide_canary *c, int64_t since, int64_t now)
{
	int64_t us[MEMORY + 1];
	struct tide_felt felt = { 0 };

	if (since < now - SPAN)
		since = now - SPAN;
	for (int i = 0; i < c->count; i++)
		if (c->ring[i].at - c->ring[i].us >= since)
			us[felt.count++] = c->ring[i].us;
	if (c->sent >= since && c->sent != 0 && now - c->sent > c->period)
		us[felt.count++] = now - c->sent;
	felt.p95 = p95_of(us, felt.count);
	felt.waiting = c->sent != 0 ? now - c->sent : 0;
	return felt;
}

bool
tide_canary_works(const struct tide_canary *c)
{
	return c->ready;
}

const char *
tide_canary_failure(const struct tide_canary *c)
{
	return c->failure;
}

int64_t
tide_canary_others(const struct tide_canary *c, int64_t *looks)
{
	*looks = c->looks;
	return c->others;
}
