#ifndef SWEEP_FIXTURE_H
#define SWEEP_FIXTURE_H

/* A sweep of one relation, and its segments. */

#include "executor_fixture.h"
#include "sweep/sweep.h"

struct sweep_fixture {
	struct tide_sweep *sweep;
	struct tide_relation relation;
	struct tide_sweep_spec spec;
	struct tide_action action;
	struct tide_task task;
};

/* A sweep that knows its executor, its relation and what it is called. */
static inline struct tide_sweep *
new_sweep(struct fixture *f, struct sweep_fixture *s)
{
	struct tide_sweep *sweep = talloc_zero(f->exe, struct tide_sweep);

	*s = (struct sweep_fixture){ .sweep = sweep };
	s->spec = (struct tide_sweep_spec){ .write = true, .columns = "b", .what = "t.a to b" };
	s->relation = (struct tide_relation){ .oid = 16384, .name = "public.t", .heap = true };
	s->task = (struct tide_task){ .exe = f->exe, .step = "backfill", .action = &s->action };
	sweep->exe = f->exe;
	sweep->task = &s->task;
	sweep->spec = &s->spec;
	sweep->name = "0/backfill/1/0";
	sweep->pass = 1;
	sweep->key = talloc_zero_array(sweep, char *, TIDE_SWEEP_KEYS);
	return sweep;
}

static inline struct tide_segment *
add_segment(struct sweep_fixture *f, int64_t id, int64_t first, int64_t stop)
{
	struct tide_segment *s = talloc_zero(f->sweep, struct tide_segment);

	s->id = id;
	s->relation = &f->relation;
	s->first = first;
	s->stop = stop;
	tide_cursor_begin(&s->cursor, first);
	tide_segments_add(f->sweep, s);
	return s;
}

#endif
