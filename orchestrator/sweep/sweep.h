#ifndef TIDE_SWEEP_H
#define TIDE_SWEEP_H

/**
 * The sweep engine, shared inside orchestrator/sweep. A sweep passes over the rows of each relation once; a segment is a
 * range of blocks, or of keys, with its own checkpoint row; a worker goes through one segment at a time, batch by batch, one
 * statement each (batch.c, key_order.c). Everything here is called from the loop's callbacks, except where a comment says that
 * it awaits.
 */

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include "executor/executor.h"
#include "executor/task.h"
#include "allowance.h"
#include "cursor.h"
#include "horizon.h"
#include "order.h"
#include "pace.h"
#include "state/measure.h"
#include "stripes.h"

struct tide_keyset;
struct tide_pilot;

struct tide_relation {
	int64_t oid, filenode, pages, index_bytes;
	int64_t rows;   /* an estimate, at least 1 */
	bool gone;      /* no part of the table any more … */
	bool told;      /* … and that was said */
	bool reindexed; /* the index of its key is another one than before, or … */
	bool renamed;   /* … it has another name: the statements are made again */
	char *name;     /* quoted, qualified */
	char *mark;     /* our triggers on it: see leaves.sql; "" none */
	bool heap;      /* a tid is a place */
	const struct tide_order *order;
	struct tide_keyset *keyset; /* in the order of an index, else NULL */
	const char *condition;      /* the spec's, for display */
	struct tide_stripes stripes;
};

struct tide_segment {
	int64_t id;
	struct tide_relation *relation;
	int64_t first, stop; /* blocks; in key order a measure only */
	int64_t busy;        /* where the batch under way ends */
	int64_t skipped;     /* a skipped range: rows that were locked at the last visit */
	bool parted;         /* a part was taken and the database does not know yet: nobody takes another */
	struct tide_cursor cursor;
	char *key; /* in key order: the last key that is done, as text of a text[]; NULL at the beginning */
	int64_t passed; /* in key order, without a checkpoint: rows that were read */
	int64_t group_us, group_changed, group_stayed; /* of the current group */
	/* rows here were locked when the sweep came by: visited again until none is left */
	bool skipped_range;
	bool again; /* tide_index_deletes: the end was reached, and rows before it were locked */
	bool claimed, done;
	int64_t not_before; /* tide_now_us; a skipped range rests between visits */
	int visits;
};

struct tide_sweep {
	struct tide_executor *exe;
	const struct tide_task *task;
	const struct tide_sweep_spec *spec;
	char *name; /* key of its segment rows: phase, step, compilation and how often it failed */
	int pass;

	struct tide_relation **relation;
	size_t relation_count;
	struct tide_segment **segment;
	size_t segment_count;
	size_t first_open; /* all segments before it are claimed or done */

	struct tide_pilot *pilot;      /* how much they work */
	struct tide_lock_waits *waits; /* NULL before the workers are open */
	struct tide_worker **worker;
	size_t worker_count, busy; /* connected; with a statement under way */
	int64_t steered;           /* in_force.changes that this sweep follows */
	int64_t refused;           /* in_force.changes + 1 when the server refused a connection; 0 never */
	int64_t shared_buffers;    /* blocks */
	int64_t horizon_age;       /* us, of the oldest holder of the xmin horizon; -1 none */

	/* In parts of a block (TIDE_PARTS), so that the number of stripes does not matter: of batches whose rows move, and of
	 * those whose rows mostly stay, which cost a fraction. */
	struct tide_pace moving, staying;
	struct tide_pace keys; /* rows, in key order */
	struct tide_horizon horizon;
	char *horizon_reason; /* NULL: nobody is waited for */
	struct tide_allowance allowance;
	double block_rows; /* rows to change of a whole block: about the most that was seen lately … */
	bool knows_rows;   /* … or, before the first batch, that a block can have */
	/* of windows of which a part of the stripes is done, that part: for the rate only */
	double blocks_done;
	int64_t begun, blocks_total, changed, stayed, seen, differing, skipped;
	int64_t placeless; /* rows changed of which nobody can say whether they stayed */
	int64_t reserved;  /* with a limit of rows: what batches under way may delete at most */
	int64_t earlier_seen, earlier_changed,
	    earlier_stayed; /* in what was begun again since: see state/checkpoints.h */
	double floor;       /* the share that had been reached then */
	bool finished;
	int64_t before; /* rows that an earlier attempt had done: rates are about this one */
	char **key;     /* of differing rows */
	size_t key_count;
	int64_t unmatched; /* rows whose lookup gives NULL, or that were to be deleted and have stayed … */
	char *unmatched_key; /* … and one of them; NULL */

	bool holding;   /* no new batches: a request has arrived */
	bool rewritten; /* a relation has new storage, or is none any more: look again */
	/* what made us look again, if it is more than new storage; code TIDE_OK: it is not */
	struct tide_err wrong;
	bool failed;
	struct tide_err err; /* first failure of a worker */
};

/** The longer of two durations. */
static inline int64_t
tide_slower(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/** Rows of the whole sweep, those of earlier attempts with them. */
static inline int64_t
tide_sweep_worked(const struct tide_sweep *sweep)
{
	return sweep->spec->write ? sweep->earlier_changed + sweep->changed
				  : sweep->earlier_seen + sweep->seen;
}

/** As many rows as the plan allows for one run have been deleted. */
static inline bool
tide_sweep_limit_reached(const struct tide_sweep *sweep)
{
	return sweep->spec->limit > 0 && tide_sweep_worked(sweep) >= sweep->spec->limit;
}

#define TIDE_SWEEP_KEYS 10
/** Of every session that sends batches: ranges of tids are scanned, and nothing is planned or compiled again. */
#define TIDE_BATCH_SETTINGS                                                                                  \
	"SET enable_seqscan = off; SET jit = off; SET plan_cache_mode = force_generic_plan"
/** A batch of so many parts does the work of one block: one block of all stripes, or two blocks of two. */
#define TIDE_PARTS 32

/** Awaits. Reads what `table` (an oid) consists of now. Relations known already keep their place; their storage is updated. */
bool tide_relations_read(
    struct tide_sweep *sweep, struct tide_conn *conn, int64_t table, struct tide_err *err) TIDE_CHECKED;
/** NULL: not one of them. */
struct tide_relation *tide_relations_find(const struct tide_sweep *sweep, int64_t oid);

/** How much the first batches take, and what batches aim at, us. */
void tide_sweep_pace(struct tide_sweep *sweep, int64_t target);
/** What is in force when it begins: how fast it may be, how long its batches are, how long it waits. */
void tide_sweep_begin(struct tide_sweep *sweep);
/** Takes over what has been set since. */
void tide_sweep_steer(struct tide_sweep *sweep);
/** Blocks of one segment, so that there is work for so many workers. */
int64_t tide_segment_length(const struct tide_relation *relation, int64_t workers);
/** The segment belongs to the sweep. */
void tide_segments_add(struct tide_sweep *sweep, struct tide_segment *segment);
/** Await. Loads the open segments, making them (and the pass) first when there are none. */
bool tide_segments_open(struct tide_sweep *sweep, struct tide_err *err) TIDE_CHECKED;
/** Awaits. Begins the pass over every relation whose storage changed again. */
bool tide_segments_restart(struct tide_sweep *sweep, struct tide_err *err) TIDE_CHECKED;
/**
 * Awaits. Adds relations that appeared since (a partition attached while we swept), or another pass; *more says whether there
 * is work again.
 */
bool tide_segments_more(struct tide_sweep *sweep, bool *more, struct tide_err *err) TIDE_CHECKED;
/** Awaits. Forgets the segments and journals the failure, so that the next run begins the sweep again. */
bool tide_segments_forget(struct tide_sweep *sweep, struct tide_err *err) TIDE_CHECKED;
/** The next one to work on, claimed; NULL when there is none now. */
struct tide_segment *tide_segments_claim(struct tide_sweep *sweep);
bool tide_segments_finished(const struct tide_sweep *sweep);
/** What the database would say of the sweep now (state/checkpoints.h). */
struct tide_extent tide_segments_extent(const struct tide_sweep *sweep);
/** Bytes of dead rows if all rows that are not done had to move. */
int64_t tide_segments_at_stake(const struct tide_sweep *sweep);
/**
 * Half of what another worker has before it, claimed, for one that has nothing to do. NULL: nobody has enough. The victim
 * stops short of it from now on; *victim is its segment, `parted` until the database knows. The segment has no id before
 * split.sql has given it one.
 */
struct tide_segment *tide_segments_steal(struct tide_sweep *sweep, struct tide_segment **victim);
/** A skipped range that a worker has just recorded. */
void tide_segments_add_skipped_range(
    struct tide_sweep *sweep, const struct tide_segment *from, int64_t id, int64_t first, int64_t stop);

/** Counts rows whose lookup gives NULL; key: of one of them, or NULL. */
void tide_sweep_unmatched(struct tide_sweep *sweep, int64_t rows, const char *key);

/** Await. Opens the workers' connections. */
bool tide_workers_open(struct tide_sweep *sweep, struct tide_err *err) TIDE_CHECKED;
/** Awaits. Opens one more when more are in force than there are; a refusal is said, and the sweep continues with those it has. */
void tide_workers_more(struct tide_sweep *sweep);
/** Connected workers that may send batches. The others rest, connected, and have no segment. */
size_t tide_workers_active(const struct tide_sweep *sweep);
/** Awaits. Makes the session of a worker one in which the triggers that the sweep skips do not fire. */
bool
tide_sweep_role(const struct tide_sweep *sweep, struct tide_conn *conn, struct tide_err *err) TIDE_CHECKED;
/** Gives every idle worker something to do, as far as allowed. */
void tide_workers_kick(struct tide_sweep *sweep);
/** How long a group of windows can let its pages rest, us: a holder of the horizon that is older than that does harm. */
int64_t tide_heap_patience(const struct tide_sweep *sweep);
/** Makes idle workers forget their segments: before the list of segments is loaded again. */
void tide_workers_release(struct tide_sweep *sweep);

/** Our own SQLSTATE for a batch whose rows would be filled again: see tidemark.filled_again() in state/schema.sql. */
#define TIDE_BATCH_AGAIN "TM004"

/** SQL of one batch over the blocks of `relation`: see batch.c for the parameters and columns. */
char *tide_batch_sql(void *ctx, const struct tide_sweep_spec *spec, const struct tide_relation *relation);
/** The same for a skipped range: takes what is not locked and says how much was. */
char *tide_batch_skipped_range_sql(
    void *ctx, const struct tide_sweep_spec *spec, const struct tide_relation *relation);
/** What a read finds in `relation` (quoted): "… AS seen, … AS differing, … AS keys FROM …", open to a WHERE. */
char *tide_batch_found(void *ctx, const struct tide_sweep_spec *spec, const char *relation);
/** Adds what the column `keys` holds, up to TIDE_SWEEP_KEYS in all. `key` is a talloc array of that length. */
void tide_batch_keys(char **key, size_t *count, const char *text);
/**
 * Moves a segment past blocks [$3, $4) whose rows are locked, to $5, and records them as a skipped range. One row; NULL: an
 * open skipped range covers them.
 */
char *
tide_batch_skip_sql(void *ctx, const struct tide_sweep_spec *spec, const struct tide_relation *relation);

/** The same for rows that are deleted; $8 rows at most, NULL: no limit. */
char *
tide_batch_delete_sql(void *ctx, const struct tide_sweep_spec *spec, const struct tide_relation *relation);
char *tide_batch_delete_skipped_range_sql(
    void *ctx, const struct tide_sweep_spec *spec, const struct tide_relation *relation);

#endif
