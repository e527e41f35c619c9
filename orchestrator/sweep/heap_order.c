/* By blocks: windows, stripe by stripe (cursor.h). A span counts blocks. */
#include "sweep.h"

#include <talloc.h>

#include "tidemark/base/sqltext.h"
#include "tidemark/base/units.h"

/* Blocks of a skipped range that are visited at once. */
#define HOLE_BLOCKS 8
/* A page rests for so many batches between two stripes: the snapshots of the other workers have ended by then. */
#define REST_BATCHES 4
/* The windows of a short group have at least so many blocks. */
#define WINDOW_LEAST 16
/* MaxHeapTuplesPerPage, with pages of 8 kB. */
#define MOST_BLOCK_ROWS 291
/* A holder of the horizon that is younger than this does no harm. */
#define PATIENCE (2 * TIDE_SECOND)

/* The rows of the first stripes find no room in their page, nor do those of a whole group. */
static struct tide_pace *
pace(struct tide_sweep *sweep, const struct tide_segment *s)
{
	return s->cursor.stripes == 1 || s->cursor.stripe < 2 ? &sweep->moving : &sweep->staying;
}

/* Blocks of one batch. When a snapshot keeps the pages from being pruned, rows that should stay move, and take several
 * times as long; that batch must not hold up the others in turn. */
static int64_t
blocks_of(const struct tide_sweep *sweep, const struct tide_pace *of, int stripes)
{
	int64_t most = 2 * tide_pace_amount(&sweep->moving), amount = tide_pace_amount(of), blocks;

	blocks = (amount < most ? amount : most) * stripes / TIDE_PARTS;
	return blocks > 0 ? blocks : 1;
}

/* The stripe after the first ones takes all rows that are left, which are many only where those found none. */
static double
rows_a_block(const struct tide_sweep *sweep, const struct tide_segment *s)
{
	const struct tide_cursor *c = &s->cursor;
	bool all = c->stripe >= c->stripes - 1 && !c->found;

	return sweep->block_rows / (all ? 1 : c->stripes);
}

static int64_t
rows_of(const struct tide_sweep *sweep, const struct tide_segment *s, const struct tide_span *span)
{
	return (int64_t)((double)(span->to - span->from) * rows_a_block(sweep, s)) + 1;
}

/* With a limit of rows, the share of one batch. */
static int64_t
fair_blocks(const struct tide_sweep *sweep, const struct tide_segment *s, int64_t blocks)
{
	double fair = (double)sweep->allowance.share / rows_a_block(sweep, s);

	if (sweep->allowance.limit == 0)
		return blocks;
	return fair < 1 ? 1 : fair < (double)blocks ? (int64_t)fair : blocks;
}

/* A page that has left memory before its next stripe would have to be read again. */
static int64_t
group_most(const struct tide_sweep *sweep)
{
	return sweep->shared_buffers / 4 / (int64_t)sweep->worker_count;
}

/* As few rows at once as a low limit of rows wants. */
static int
stripes_of(const struct tide_sweep *sweep, struct tide_relation *relation)
{
	double rows = (double)relation->rows / (double)(relation->pages > 0 ? relation->pages : 1);

	return tide_allowance_stripes(
	    &sweep->allowance, sweep->block_rows, rows, tide_stripes_next(&relation->stripes));
}

static void
begin_group(struct tide_sweep *sweep, struct tide_segment *s, int64_t blocks)
{
	int stripes = s->skipped_range ? 1 : stripes_of(sweep, s->relation);
	int64_t window = stripes > 1 ? blocks_of(sweep, &sweep->staying, stripes) : blocks;
	int64_t took = tide_pace_p90(&sweep->staying), pinned = sweep->spec->tuning.group_windows, length;

	/* Sessions that read for longer than a batch takes: the pages rest for longer, where possible. */
	length = tide_stripes_group(window, stripes > 1 ? took : 0,
	    tide_slower(REST_BATCHES * sweep->staying.target, sweep->horizon_age * 5 / 4));
	if (pinned > 0)
		length = pinned * window;
	tide_cursor_group(
	    &s->cursor, s->stop, length < group_most(sweep) ? length : group_most(sweep), stripes);
}

int64_t
tide_heap_patience(const struct tide_sweep *sweep)
{
	int64_t window = tide_pace_amount(&sweep->staying), took = tide_pace_p90(&sweep->staying);
	int64_t rest = window > 0 && took > 0 ? group_most(sweep) * TIDE_PARTS / 16 / window * took : 0;

	return tide_slower(rest, PATIENCE);
}

/* At the end of a segment, and in a small table, a group is short: in one large window its pages would have no rest. */
static int64_t
quarter_of_group(const struct tide_cursor *c, int64_t blocks)
{
	int64_t quarter = (c->group - c->next + 3) / 4;

	if (c->group == 0 || c->stripe >= c->stripes - 1)
		return blocks;
	if (quarter < WINDOW_LEAST)
		quarter = WINDOW_LEAST;
	return blocks < quarter ? blocks : quarter;
}

static int64_t
window_blocks(struct tide_sweep *sweep, const struct tide_segment *s, int64_t most)
{
	int64_t blocks = fair_blocks(sweep, s, blocks_of(sweep, pace(sweep, s), s->cursor.stripes));
	int64_t pinned = sweep->spec->tuning.window_blocks;

	if (s->skipped_range && blocks > HOLE_BLOCKS)
		blocks = HOLE_BLOCKS;
	if (pinned > 0 && blocks > pinned)
		blocks = pinned;
	if (pinned == 0)
		blocks = quarter_of_group(&s->cursor, blocks);
	return most > 0 && blocks > most ? most : blocks;
}

static void
aim(struct tide_sweep *sweep, struct tide_segment *s, int64_t most, struct tide_span *out)
{
	if (s->cursor.group == 0)
		begin_group(sweep, s, window_blocks(sweep, s, most));
	tide_cursor_span(&s->cursor, window_blocks(sweep, s, most), out);
	s->busy = out->to;
}

/* The segment's checkpoint once the span is done. */
static const char *
next_after(void *ctx, const struct tide_segment *s, const struct tide_span *span)
{
	struct tide_cursor after = s->cursor;

	tide_cursor_advance(&after, span->to, true);
	return tide_param_int(ctx, after.next);
}

static size_t
batch_parameters(void *ctx, const struct tide_segment *s, const struct tide_span *span, const char **out)
{
	out[0] = talloc_asprintf(ctx, "(%lld,0)", (long long)span->from);
	out[1] = talloc_asprintf(ctx, "(%lld,0)", (long long)span->to);
	out[2] = next_after(ctx, s, span);
	out[3] = tide_param_int(ctx, span->mask);
	out[4] = tide_param_int(ctx, span->stripe);
	return 5;
}

static size_t
delete_parameters(void *ctx, const struct tide_segment *s, const struct tide_span *span, const char **out)
{
	size_t count = batch_parameters(ctx, s, span, out);

	out[count] = span->rows > 0 ? tide_param_int(ctx, span->rows) : NULL;
	return count + 1;
}

static char *
read_sql(void *ctx, const struct tide_sweep_spec *spec, const struct tide_relation *relation)
{
	return tide_sqlf(ctx, "SELECT %s WHERE tidemark_row.ctid >= $1::tid AND tidemark_row.ctid < $2::tid",
	    tide_batch_found(ctx, spec, relation->name));
}

static size_t
read_parameters(void *ctx, const struct tide_segment *s, const struct tide_span *span, const char **out)
{
	(void)s;
	out[0] = talloc_asprintf(ctx, "(%lld,0)", (long long)span->from);
	out[1] = talloc_asprintf(ctx, "(%lld,0)", (long long)span->to);
	return 2;
}

static size_t
skip_parameters(void *ctx, const struct tide_segment *s, const struct tide_span *span, const char **out)
{
	out[0] = tide_param_int(ctx, span->from);
	out[1] = tide_param_int(ctx, span->to);
	out[2] = next_after(ctx, s, span);
	return 3;
}

static void
learn_rows(
    struct tide_sweep *sweep, const struct tide_segment *s, const struct tide_batch *batch, int64_t blocks)
{
	double seen = (double)batch->changed * s->cursor.stripes / (double)blocks;

	if (s->skipped_range || !batch->found)
		return;
	if (!sweep->knows_rows)
		sweep->block_rows = 0;
	sweep->knows_rows = true;
	sweep->block_rows = seen > sweep->block_rows ? seen : sweep->block_rows * 0.95 + seen * 0.05;
}

static void
learn(struct tide_sweep *sweep, struct tide_segment *s, const struct tide_batch *batch)
{
	int64_t blocks = batch->span.to - batch->span.from;

	if (!s->skipped_range && !batch->waited)
		tide_pace_learn(pace(sweep, s), blocks * TIDE_PARTS / s->cursor.stripes, batch->took);
	if (pace(sweep, s) == &sweep->staying)
		tide_horizon_learn(&sweep->horizon, batch->changed, batch->stayed);
	learn_rows(sweep, s, batch, blocks);
}

static bool
more(const struct tide_segment *s, const struct tide_span *span, const struct tide_rows *rows)
{
	(void)rows;
	return span->to < s->stop;
}

/* The cost of a group teaches how many stripes the next one should have. */
static void
account_group(const struct tide_sweep *sweep, struct tide_segment *s, const struct tide_batch *batch)
{
	/* Of one that waited, what it should have lasted. */
	s->group_us += batch->waited ? sweep->staying.target : batch->took;
	s->group_changed += batch->changed;
	s->group_stayed += batch->stayed;
	if (s->cursor.group != 0)
		return;
	/* More than are ever tried: the limit of rows wanted them. */
	if (!s->skipped_range && s->cursor.stripes < 1 << TIDE_STRIPES_COUNT)
		tide_stripes_learn(&s->relation->stripes, s->cursor.stripes, s->group_us, s->group_changed,
		    s->group_changed - s->group_stayed);
	s->group_us = s->group_changed = s->group_stayed = 0;
}

static void
advance(struct tide_sweep *sweep, struct tide_segment *s, const struct tide_batch *batch,
    const struct tide_rows *rows)
{
	double before = (double)s->cursor.next + tide_cursor_part(&s->cursor);

	(void)rows;
	tide_cursor_advance(&s->cursor, batch->span.to, batch->found);
	if (!s->skipped_range)
		sweep->blocks_done += (double)s->cursor.next + tide_cursor_part(&s->cursor) - before;
	s->done = s->cursor.next >= s->stop;
	account_group(sweep, s, batch);
}

static char *
place(void *ctx, const struct tide_segment *s, const struct tide_span *span)
{
	if (span->to - span->from == 1)
		return talloc_asprintf(ctx, "block %lld of %s", (long long)span->from, s->relation->name);
	return talloc_asprintf(ctx, "blocks %lld to %lld of %s", (long long)span->from,
	    (long long)span->to - 1, s->relation->name);
}

static char *
look(void *ctx, const struct tide_segment *s, const struct tide_span *span, const struct tide_rows *rows)
{
	(void)rows;
	return talloc_asprintf(ctx, "SELECT * FROM %s WHERE ctid >= '(%lld,0)' AND ctid < '(%lld,0)'",
	    s->relation->name, (long long)span->from, (long long)span->from + 1);
}

#define BY_BLOCKS                                                                                            \
	.settings =                                                                                          \
	    "RESET enable_sort; RESET enable_bitmapscan; RESET enable_hashjoin; RESET enable_mergejoin",     \
	.rows_each = MOST_BLOCK_ROWS, .skip_sql = tide_batch_skip_sql, .read_sql = read_sql,                 \
	.read_parameters = read_parameters, .aim = aim, .rows = rows_of, .skip_parameters = skip_parameters, \
	.pace = pace, .learn = learn, .more = more, .advance = advance, .place = place, .look = look

const struct tide_order tide_heap_order = {
	BY_BLOCKS,
	.batch_sql = tide_batch_sql,
	.skipped_range_sql = tide_batch_skipped_range_sql,
	.batch_parameters = batch_parameters,
};

const struct tide_order tide_heap_deletes = {
	BY_BLOCKS,
	.batch_sql = tide_batch_delete_sql,
	.skipped_range_sql = tide_batch_delete_skipped_range_sql,
	.batch_parameters = delete_parameters,
};
