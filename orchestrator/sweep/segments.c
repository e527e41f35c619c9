#include "sweep.h"

#include <string.h>
#include <talloc.h>

#include "state/crash_points.h"
#include "state/checkpoints.h"
#include "state/journal.h"
#include "keyset.h"
#include "sweep_sql.h"
#include "tidemark/base/units.h"

/* Long enough for whole groups of windows; a worker without work takes half of another's. */
#define SEGMENT_LEAST 64
#define SEGMENT_MOST 65536
#define SEGMENTS_A_WORKER 4
/* A backfill without a trigger repeats until a pass finds nothing, but not forever. */
#define PASSES_MOST 5

/* The triggers under which a relation is begun, where that counts. */
static const char *
mark_of(const struct tide_sweep *sweep, const struct tide_relation *r)
{
	return (sweep->task->action->flags & TIDE_UNTIL_CHANGED) != 0 ? r->mark : NULL;
}

static bool
read_relations(struct tide_sweep *sweep, struct tide_err *err)
{
	const struct tide_executor *exe = sweep->exe;
	const struct tide_relation *whole;

	if (!tide_relations_read(sweep, exe->control, exe->session->table_oid, err))
		return false;
	whole = tide_relations_find(sweep, exe->session->table_oid);
	if (whole == NULL || !whole->gone)
		return true;
	tide_fail(err, TIDE_PRECONDITION, "%s is gone", whole->name);
	return tide_hint(err, "it was dropped while the sweep was running: nothing of the run is left to do");
}

int64_t
tide_segment_length(const struct tide_relation *r, int64_t workers)
{
	int64_t length = r->pages / (workers * SEGMENTS_A_WORKER) + 1;

	/* The middle of a range of keys is not known. */
	if (r->keyset != NULL)
		return r->pages;
	return length < SEGMENT_LEAST ? SEGMENT_LEAST : length > SEGMENT_MOST ? SEGMENT_MOST : length;
}

static const char *
key_order(const struct tide_relation *r)
{
	return r->keyset != NULL ? r->keyset->order : NULL;
}

static const char *
boolean(bool value)
{
	return value ? "true" : "false";
}

/* The rows of one relation, and a journal row that says so. */
static bool
insert_segments(struct tide_sweep *sweep, const struct tide_relation *r, struct tide_err *err)
{
	void *mem = talloc_new(sweep);
	struct tide_executor *exe = sweep->exe;
	const struct tide_sweep_spec *spec = sweep->spec;
	bool ok = tide_session_write(exe->session, tide_sql_sweep_create,
	    TIDE_ARGS(tide_param_int(mem, exe->session->run), tide_param_int(mem, exe->session->fence),
		sweep->name, tide_param_int(mem, sweep->pass), tide_param_int(mem, r->oid),
		tide_param_int(mem, r->filenode), tide_param_int(mem, r->pages),
		tide_param_int(mem, tide_segment_length(r, tide_limits_workers(exe->in_force.limits))),
		tide_param_int(mem, sweep->task->phase), r->name, key_order(r),
		talloc_asprintf(mem, "%.17g", sweep->floor), sweep->task->step, spec->what,
		boolean(sweep->task->back), boolean(spec->repeats), boolean(spec->write), mark_of(sweep, r)),
	    NULL, mem, err);

	talloc_free(mem);
	tide_crash_point("sweep.created");
	return ok;
}

/* Whether this pass has begun with the relation, and *before: whether it had, but under other triggers. */
static bool
begun(struct tide_sweep *sweep, const struct tide_relation *r, bool *has, bool *before, struct tide_err *err)
{
	void *mem = talloc_new(sweep);
	struct tide_rows *rows;
	bool ok = tide_await_query(sweep->exe->control, mem, tide_sql_sweep_begun,
	    TIDE_ARGS(tide_param_int(mem, sweep->exe->session->run), sweep->name, tide_param_int(mem, r->oid),
		tide_param_int(mem, sweep->pass), mark_of(sweep, r)),
	    &rows, err);

	if (ok) {
		*has = tide_rows_bool(rows, 0, tide_rows_column(rows, "has"));
		*before = !*has && tide_rows_bool(rows, 0, tide_rows_column(rows, "before"));
	}
	talloc_free(mem);
	return ok;
}

/* Before anything is begun again: the share that has been reached must not be lost with it. */
static bool
keep_share(struct tide_sweep *sweep, struct tide_err *err)
{
	void *mem = talloc_new(sweep);
	struct tide_checkpoints now;
	bool ok = tide_checkpoints_read(mem, sweep->exe->control, sweep->exe->session->run, &now, err);

	if (ok)
		sweep->floor = now.extent.total > 0 ? tide_extent_share(&now.extent) : 0;
	talloc_free(mem);
	return ok;
}

/* What the journal keeps of segments that are gone. */
static bool
load_earlier(struct tide_sweep *sweep, struct tide_err *err)
{
	void *mem = talloc_new(sweep);
	struct tide_checkpoints now;
	bool ok = tide_checkpoints_read(mem, sweep->exe->control, sweep->exe->session->run, &now, err);

	if (ok) {
		sweep->floor = now.extent.floor;
		sweep->earlier_seen = now.earlier_seen;
		sweep->earlier_changed = now.earlier_changed;
		sweep->earlier_stayed = now.earlier_stayed;
	}
	talloc_free(mem);
	return ok;
}

void
tide_segments_add(struct tide_sweep *sweep, struct tide_segment *segment)
{
	sweep->segment = talloc_realloc(
	    sweep, sweep->segment, struct tide_segment *, (unsigned)(sweep->segment_count + 1));
	sweep->segment[sweep->segment_count++] = segment;
}

/* A segment as its row has it. */
struct saved {
	int64_t id, relation, first, stop, next;
	bool skipped_range, done;
	char *key;
	int64_t changed, stayed, rows_seen, differing, unmatched;
	char *keys, *unmatched_key;
};

static const struct tide_record_field saved_fields[] = {
	TIDE_FIELD(saved, id, INT),
	TIDE_FIELD(saved, relation, INT),
	TIDE_FIELD(saved, first, INT),
	TIDE_FIELD(saved, stop, INT),
	TIDE_FIELD(saved, next, INT),
	TIDE_FIELD(saved, skipped_range, BOOL),
	TIDE_FIELD(saved, done, BOOL),
	TIDE_FIELD(saved, key, TEXT),
	TIDE_FIELD(saved, changed, INT),
	TIDE_FIELD(saved, stayed, INT),
	TIDE_FIELD(saved, rows_seen, INT),
	TIDE_FIELD(saved, differing, INT),
	TIDE_FIELD(saved, unmatched, INT),
	TIDE_FIELD(saved, keys, TEXT),
	TIDE_FIELD(saved, unmatched_key, TEXT),
};
static const struct tide_record saved_record = TIDE_RECORD(saved_fields);

static void
take_saved(struct tide_sweep *sweep, const struct saved *saved)
{
	struct tide_segment *s = talloc_zero(sweep, struct tide_segment);

	s->id = saved->id;
	s->relation = tide_relations_find(sweep, saved->relation);
	s->first = saved->first;
	s->stop = saved->stop;
	tide_cursor_begin(&s->cursor, saved->next);
	s->skipped_range = saved->skipped_range;
	/* A partition that was dropped or detached since took its rows with it. */
	s->done = saved->done || s->relation == NULL || s->relation->gone;
	if (!s->skipped_range) {
		sweep->blocks_total += s->stop - s->first;
		sweep->blocks_done += (double)((s->done ? s->stop : s->cursor.next) - s->first);
	}
	s->key = talloc_strdup(s, saved->key);
	sweep->changed += saved->changed;
	if (sweep->spec->deletes || (s->relation != NULL && !s->relation->heap))
		sweep->placeless += saved->changed;
	sweep->stayed += saved->stayed;
	sweep->seen += saved->rows_seen;
	sweep->differing += saved->differing;
	tide_batch_keys(sweep->key, &sweep->key_count, saved->keys);
	tide_sweep_unmatched(sweep, saved->unmatched, saved->unmatched_key);
	tide_segments_add(sweep, s);
}

/*
 * All figures start again from what is committed: batches whose answer was lost count, and those that failed
 * do not.
 */
static bool
load(struct tide_sweep *sweep, struct tide_err *err)
{
	void *mem = talloc_new(sweep);
	struct tide_rows *rows;
	struct saved *saved;
	size_t count;
	bool ok = tide_await_query(sweep->exe->control, mem, tide_sql_sweep_segments,
	    TIDE_ARGS(
		tide_param_int(mem, sweep->exe->session->run), sweep->name, tide_param_int(mem, sweep->pass)),
	    &rows, err);

	for (size_t i = 0; i < sweep->segment_count; i++)
		talloc_free(sweep->segment[i]);
	sweep->segment_count = sweep->first_open = 0;
	sweep->blocks_done = 0;
	sweep->key_count = 0;
	sweep->placeless = sweep->skipped = 0;
	sweep->blocks_total = sweep->changed = sweep->stayed = sweep->seen = sweep->differing = 0;
	sweep->unmatched = 0;
	TALLOC_FREE(sweep->unmatched_key);
	if (ok)
		saved = tide_rows_records(mem, rows, &saved_record, sizeof(*saved), &count);
	for (size_t i = 0; ok && i < count; i++)
		take_saved(sweep, &saved[i]);
	talloc_free(mem);
	return ok && load_earlier(sweep, err);
}

/* Adds rows for every relation that this pass has not begun; *added says whether there was one. */
static bool
begin_missing(struct tide_sweep *sweep, bool *added, struct tide_err *err)
{
	*added = false;
	for (size_t i = 0; i < sweep->relation_count; i++) {
		const struct tide_relation *r = sweep->relation[i];
		bool has, before;

		if (r->gone)
			continue;
		if (!begun(sweep, r, &has, &before, err))
			return false;
		if (has)
			continue;
		if (before)
			tide_executor_event(sweep->exe, "sweep.restart", sweep->task->step, true,
			    "the triggers on %s were changed since its rows were read: the rows are read again",
			    r->name);
		if (!insert_segments(sweep, r, err))
			return false;
		*added = true;
	}
	return true;
}

/* Whether the pass over a relation was begun in other storage, or in another order. */
static bool
stale(struct tide_sweep *sweep, const struct tide_relation *r, bool *rewritten, bool *reordered,
    struct tide_err *err)
{
	void *mem = talloc_new(sweep);
	struct tide_rows *rows;
	bool ok = tide_await_query(sweep->exe->control, mem, tide_sql_sweep_stale,
	    TIDE_ARGS(tide_param_int(mem, sweep->exe->session->run), sweep->name, tide_param_int(mem, r->oid),
		tide_param_int(mem, r->filenode), key_order(r)),
	    &rows, err);

	if (ok) {
		*rewritten = tide_rows_bool(rows, 0, tide_rows_column(rows, "rewritten"));
		*reordered = tide_rows_bool(rows, 0, tide_rows_column(rows, "reordered"));
	}
	talloc_free(mem);
	return ok;
}

/* *changed: how many relations begin again. */
static bool
restart_stale(struct tide_sweep *sweep, size_t *changed, struct tide_err *err)
{
	*changed = 0;
	for (size_t i = 0; i < sweep->relation_count; i++) {
		struct tide_relation *r = sweep->relation[i];
		bool rewritten, reordered;

		if (r->gone)
			continue;
		if (!stale(sweep, r, &rewritten, &reordered, err))
			return false;
		if (!rewritten && !reordered)
			continue;
		(*changed)++;
		tide_executor_event(sweep->exe, "sweep.restart", sweep->task->step, true,
		    "%s %s: its pass starts again; rows that agree are only read", r->name,
		    rewritten
			? "has been rewritten (VACUUM FULL, CLUSTER, TRUNCATE or the like)"
			: "is read in another order now (another index, or a new version of a collation)");
		if (!insert_segments(sweep, r, err))
			return false;
	}
	return true;
}

bool
tide_segments_open(struct tide_sweep *sweep, struct tide_err *err)
{
	void *mem = talloc_new(sweep);
	struct tide_rows *rows;
	size_t changed;
	bool added;
	bool ok = tide_await_query(sweep->exe->control, mem, tide_sql_sweep_pass,
	    TIDE_ARGS(tide_param_int(mem, sweep->exe->session->run), sweep->name), &rows, err);

	if (ok)
		sweep->pass = (int)tide_rows_only_int(rows);
	talloc_free(mem);
	return ok && keep_share(sweep, err) && read_relations(sweep, err) &&
	       restart_stale(sweep, &changed, err) && begin_missing(sweep, &added, err) && load(sweep, err);
}

static size_t
count_gone(const struct tide_sweep *sweep)
{
	size_t count = 0;

	for (size_t i = 0; i < sweep->relation_count; i++)
		count += sweep->relation[i]->gone ? 1 : 0;
	return count;
}

static void
tell_gone(struct tide_sweep *sweep)
{
	for (size_t i = 0; i < sweep->relation_count; i++) {
		struct tide_relation *r = sweep->relation[i];

		if (r->gone && !r->told)
			tide_executor_event(sweep->exe, "sweep.restart", sweep->task->step, true,
			    "%s is no longer part of the table: it is left as it is", r->name);
		r->told = r->gone;
	}
}

bool
tide_segments_restart(struct tide_sweep *sweep, struct tide_err *err)
{
	size_t before = count_gone(sweep), changed;

	if (!keep_share(sweep, err) || !read_relations(sweep, err) || !restart_stale(sweep, &changed, err))
		return false;
	for (size_t i = 0; i < sweep->relation_count; i++) {
		struct tide_relation *r = sweep->relation[i];

		if (r->renamed)
			tide_executor_event(sweep->exe, "sweep.renamed", sweep->task->step, true,
			    "the table is called %s now: the sweep follows it", r->name);
		changed += r->reindexed || r->renamed ? 1 : 0;
		r->reindexed = r->renamed = false;
	}
	/* Nothing is different: what was found wrong is wrong, and to try again would find it again. */
	if (changed == 0 && count_gone(sweep) == before) {
		if (sweep->wrong.code != TIDE_OK) {
			*err = sweep->wrong;
			return false;
		}
		tide_fail(err, TIDE_PRECONDITION, "the storage of %s is not the one of its catalog entry",
		    sweep->exe->session->relation);
		tide_hint(err,
		    "something is rewriting it now (VACUUM FULL, CLUSTER, pg_repack): run again when that "
		    "has ended");
		return false;
	}
	tell_gone(sweep);
	sweep->wrong.code = TIDE_OK;
	sweep->rewritten = false;
	return load(sweep, err);
}

bool
tide_segments_more(struct tide_sweep *sweep, bool *more, struct tide_err *err)
{
	*more = false;
	if (!keep_share(sweep, err) || !read_relations(sweep, err) || !begin_missing(sweep, more, err))
		return false;
	/* A partition that was detached and attached again continues where it was. */
	if (!load(sweep, err))
		return false;
	*more = *more || !tide_segments_finished(sweep);
	if (*more)
		return true;
	if (!sweep->spec->repeats || sweep->changed == 0)
		return true;
	if (sweep->pass >= PASSES_MOST) {
		tide_executor_event(sweep->exe, "sweep.unsettled", sweep->task->step, true,
		    "pass %d still %s %lld rows: %s", sweep->pass,
		    sweep->spec->deletes ? "deleted" : "changed", (long long)sweep->changed,
		    sweep->spec->deletes ? "rows keep coming for which the condition holds"
					 : "the application keeps writing rows that match");
		return true;
	}
	tide_executor_event(sweep->exe, "sweep.pass", sweep->task->step, false,
	    "pass %d %s %lld rows; another one looks for rows that moved meanwhile", sweep->pass,
	    sweep->spec->deletes ? "deleted" : "changed", (long long)sweep->changed);
	sweep->pass++;
	*more = true;
	return begin_missing(sweep, &(bool){ false }, err) && load(sweep, err);
}

bool
tide_segments_forget(struct tide_sweep *sweep, struct tide_err *err)
{
	void *mem = talloc_new(sweep);
	struct tide_executor *exe = sweep->exe;
	bool ok = tide_session_write(exe->session, tide_sql_sweep_forget,
	    TIDE_ARGS(tide_param_int(mem, exe->session->run), tide_param_int(mem, exe->session->fence),
		sweep->name, tide_param_int(mem, sweep->task->phase), sweep->task->step),
	    NULL, mem, err);

	talloc_free(mem);
	return ok;
}

struct tide_segment *
tide_segments_claim(struct tide_sweep *sweep)
{
	int64_t now = tide_now_us();

	while (sweep->first_open < sweep->segment_count &&
	       (sweep->segment[sweep->first_open]->done || sweep->segment[sweep->first_open]->claimed) &&
	       !sweep->segment[sweep->first_open]->skipped_range)
		sweep->first_open++;
	/* What was never visited first, so that locked rows get time; then skipped ranges that have rested. */
	for (int again = 0; again < 2; again++)
		for (size_t i = again != 0 ? 0 : sweep->first_open; i < sweep->segment_count; i++) {
			struct tide_segment *s = sweep->segment[i];

			if (s->done || s->claimed || s->skipped_range != (again != 0) || s->not_before > now)
				continue;
			s->claimed = true;
			return s;
		}
	return NULL;
}

/* The segment with the most work left, of those that are worked on. */
static struct tide_segment *
longest(struct tide_sweep *sweep)
{
	struct tide_segment *best = NULL;

	for (size_t i = 0; i < sweep->segment_count; i++) {
		struct tide_segment *s = sweep->segment[i];

		if (s->claimed && !s->done && !s->skipped_range && !s->parted && s->id != 0 &&
		    s->relation->keyset == NULL &&
		    (best == NULL || s->stop - s->cursor.next > best->stop - best->cursor.next))
			best = s;
	}
	return best;
}

struct tide_segment *
tide_segments_steal(struct tide_sweep *sweep, struct tide_segment **victim)
{
	struct tide_segment *from = longest(sweep), *s;
	struct tide_cursor cursor;
	int64_t stop;

	if (from == NULL)
		return NULL;
	stop = from->stop;
	if (!tide_cursor_split(&from->cursor, &from->stop, from->busy, &cursor))
		return NULL;
	/* Two splits of one segment could reach the database in the other order, and leave blocks that no row holds. */
	from->parted = true;
	*victim = from;
	s = talloc_zero(sweep, struct tide_segment);
	s->relation = from->relation;
	s->first = from->stop;
	s->stop = stop;
	s->cursor = cursor;
	s->claimed = true;
	tide_segments_add(sweep, s);
	return s;
}

bool
tide_segments_finished(const struct tide_sweep *sweep)
{
	if (tide_sweep_limit_reached(sweep))
		return true;
	for (size_t i = 0; i < sweep->segment_count; i++)
		if (!sweep->segment[i]->done)
			return false;
	return true;
}

struct tide_extent
tide_segments_extent(const struct tide_sweep *sweep)
{
	struct tide_extent extent = { .total = sweep->blocks_total,
		.pass = sweep->pass,
		.repeats = sweep->spec->repeats,
		.floor = sweep->floor,
		.finished = sweep->finished };

	for (size_t i = 0; i < sweep->segment_count; i++) {
		const struct tide_segment *s = sweep->segment[i];

		if (!s->skipped_range)
			extent.done += (s->done ? s->stop : s->cursor.next) - s->first;
	}
	return extent;
}

int64_t
tide_segments_at_stake(const struct tide_sweep *sweep)
{
	double bytes = 0;

	for (size_t i = 0; i < sweep->segment_count; i++) {
		const struct tide_segment *s = sweep->segment[i];

		if (!s->done && !s->skipped_range && s->relation->pages > 0)
			bytes += (double)(s->stop - s->cursor.next) *
				 (8192 + (double)s->relation->index_bytes / (double)s->relation->pages);
	}
	return (int64_t)bytes;
}

void
tide_segments_add_skipped_range(
    struct tide_sweep *sweep, const struct tide_segment *from, int64_t id, int64_t first, int64_t stop)
{
	struct tide_segment *s = talloc_zero(sweep, struct tide_segment);

	s->id = id;
	s->relation = from->relation;
	s->first = first;
	s->stop = stop;
	tide_cursor_begin(&s->cursor, first);
	s->skipped_range = true;
	if (from->key != NULL)
		s->key = talloc_strdup(s, from->key);
	s->not_before = tide_now_us() + 50 * TIDE_MS;
	tide_segments_add(sweep, s);
}
