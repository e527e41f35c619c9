#ifndef TIDE_STEP_H
#define TIDE_STEP_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tidemark/base/err.h"
#include "tidemark/plans/fields.h"
#include "tidemark/base/lockmode.h"

/** The four kinds the executor knows. */
enum tide_step_kind {
	TIDE_STEP_SQL,        /* one transaction, under the lock policy */
	TIDE_STEP_CONCURRENT, /* one statement, not in a transaction; own policy */
	TIDE_STEP_SWEEP,      /* batched write or batched read */
	TIDE_STEP_WAIT        /* a hold: wait_us since the action before it ended */
};

enum tide_touch {
	TIDE_TOUCH_NOTHING, /* catalog rows only */
	TIDE_TOUCH_READ,    /* one read of the table, writers continue */
	TIDE_TOUCH_BATCHES, /* batched writes */
	TIDE_TOUCH_BUILD,   /* index build, writers continue */
	TIDE_TOUCH_SAMPLE,  /* some of its rows, chosen at random */
	TIDE_TOUCH_VACUUM,  /* pages with dead rows, in table and indexes; throttled as a sweep is */
	TIDE_TOUCH_REWRITE, /* the table may be rewritten */
	TIDE_TOUCH_ROWS,    /* rows, in one transaction */
	TIDE_TOUCH_UNKNOWN
};

/** What estimates of time assume of an idle server, in rows a second; the review says so. */
#define TIDE_ASSUME_WRITE 60000  /* rows/s of one sweep worker */
#define TIDE_ASSUME_READ 400000  /* rows/s of one read of the table */
#define TIDE_ASSUME_BUILD 250000 /* rows/s of an index build */

/** A transaction that keeps writers out is ended after this many seconds, so that nobody waits longer. */
#define TIDE_HOLD_SECONDS 5

/** Least first. */
enum tide_loss { TIDE_LOSES_NOTHING, TIDE_LOSS_UNKNOWN, TIDE_LOSSY, TIDE_IRREVERSIBLE };

/** Their words in the journal: phases/build/steps_json.c. */
enum tide_action_flag {
	TIDE_RESTARTABLE = 1, /* may be cancelled at any moment and started again: nothing is left behind */
	/* makes an object: `done` without our journal means that another session made it → drift */
	TIDE_CREATES = 2,
	TIDE_PROVES = 4, /* failure with 23514 means rows differ: exit TIDE_DIFFERENCES */
	/* SQL of the plan's author: names are found as the role itself would find them */
	TIDE_ROLE_SEARCH_PATH = 8,
	TIDE_RESYNC = 16, /* of an undo: only for phases that stay; left out when everything is rolled back */
	/* CONCURRENT: asks for its lock as the lock policy says, and is cancelled when a session waits for
	 * its lock */
	TIDE_YIELDS = 32,
	/* the probe cannot always find what was done: the journal's word counts as well */
	TIDE_TRACELESS = 64,
	TIDE_LOCKS_UNKNOWN = 128, /* statements of the plan's author, of which not all can be read */
	/* of a sweep that only reads: what it has found counts for as long as our triggers are those under which it read; its
	 * probe says when nothing is left to compare */
	TIDE_UNTIL_CHANGED = 256,
};

/** Another table that the statements lock. */
struct tide_locked {
	char *relation; /* for display: "public.u" */
	enum tide_lock_mode lock;
};

/** A trigger of the application that a writing sweep meets, for the review. */
struct tide_other_trigger {
	char *name;
	char *table;     /* the partition it is on; NULL: the table itself */
	char *timing;    /* "AFTER UPDATE FOR EACH ROW" */
	char *function;  /* qualified */
	char *condition; /* of WHEN, or NULL */
	bool fires;      /* else it is skipped */
};

/** How a sweep may touch the heap; 0 lets the engine choose. */
struct tide_sweep_tuning {
	int64_t stripes;       /* a power of two */
	int64_t group_windows; /* windows of a group */
	int64_t window_blocks; /* most blocks of a batch */
	int64_t accept_bloat;  /* 1: only time counts */
	int64_t horizon;       /* enum tide_horizon_policy */
	int64_t horizon_wait;  /* us, all waits together */
};

enum tide_horizon_policy {
	TIDE_HORIZON_DEFAULT, /* wait when much is at stake */
	TIDE_HORIZON_WAIT,
	TIDE_HORIZON_GO,
};

/** What one sweep does to each row. All texts are SQL; the row is TIDE_ROW; expressions canonical. */
struct tide_sweep_spec {
	bool write;     /* false: count rows for which `residual` is true (they differ) and collect keys */
	bool deletes;   /* write: rows for which `residual` is true are deleted; nothing is set */
	char *set;      /* write: `"balance" = CAST((…) AS integer)`; more than one by comma */
	char *columns;  /* write: the names that `set` sets, one a line */
	char *residual; /* boolean: the row still needs work (write) or differs (read) */
	/* write: true for a row that was filled means that filling it twice is not filling it once; NULL */
	char *again;
	/* read: true for a row whose lookup gives NULL for a value that is not; only counted, with one key;
	 * NULL: no lookup */
	char *unmatched;
	char *key;   /* jsonb expression that names a row in a report */
	char *order; /* "heap" or "keyset"; NULL: heap where the rows are in one */
	/* deletes: the column in whose order, that is that of an index, the rows are found; NULL: `order` counts */
	char *by;
	int64_t limit; /* deletes: rows of one run at most; 0: all of them */
	char *trigger; /* the trigger that must exist (ENABLE ALWAYS) for the sweep to be right; NULL: none */
	char *function; /* its function, quoted and qualified, as regprocedure text; with trigger */
	/* read: `residual` is the author's, and is evaluated under the role's own search_path; the
	 * expressions of a dual write are not, for the triggers' sake */
	bool role_search_path;
	/* no trigger fills rows that move: repeat beyond the end until a read pass finds nothing */
	bool repeats;
	int64_t max_rows_per_second; /* 0 = no limit */
	struct tide_sweep_tuning tuning;
	/* write: what the workers set session_replication_role to, such as "replica"; NULL: as it is */
	char *replication_role;
	struct tide_other_trigger *other; /* write: that fire, or that replication_role skips */
	size_t other_count;
	char *what; /* for display: "users.name → full_name" */
};

/** One direction of a step. Texts belong to the step list. */
struct tide_action {
	enum tide_step_kind kind;
	char *title; /* a sentence for the review */
	/* SELECT of one text: todo | done | broken. NULL: the journal knows (WAIT, SWEEP, VACUUM) */
	char *probe;
	char **act; /* statements; CONCURRENT has exactly one */
	size_t act_count;
	char *repair; /* CONCURRENT: one statement that makes broken into todo; NULL: none */
	/* run (as SQL step) when the act failed permanently, so that nothing hurts the application; NULL */
	char *cleanup;
	char *differing;          /* boolean over the row: used to list keys when a PROVES act fails; NULL */
	enum tide_lock_mode lock; /* strongest lock on the table */
	char *lock_table;         /* quoted, qualified; NULL when lock is NONE */
	struct tide_locked *also; /* other relations that its statements lock */
	size_t also_count;
	/* columns, one a line, that no trigger of another plan may keep in step; asked under the lock; NULL */
	char *guards;
	/* the complete plan whose triggers the action ends or replaces; NULL: only its own */
	char *takes_over;
	/* step of the same phase (TIDE_UNTIL_CHANGED) whose result must still count; asked under the lock; NULL */
	char *rests_on;
	unsigned flags;
	enum tide_touch touch;
	int64_t rows, bytes; /* estimate of what is touched; rows -1: unknown */
	int64_t looked_at;   /* rows that are read to find those, when they are others */
	char *table;         /* the plan's table as it was called when this was compiled: quoted, qualified */
	struct tide_sweep_spec *sweep;
	int64_t wait_us;
	enum tide_loss loss;
	char *loss_note; /* what is lost, or NULL */
	char *lost;      /* boolean over the row: it loses something; NULL: not of rows, or not to be told */
};

struct tide_step {
	char *name; /* unique in its phase: "add-column" */
	struct tide_action forward;
	struct tide_action *undo; /* in the order to run them */
	size_t undo_count;
	bool irreversible; /* once done, there is no rollback to before it */
	/* for the last step of a phase that changes it: "old only", "both", "new only", "unknown"; else NULL */
	char *releases;
	char *releases_note; /* why, in words, or NULL */
};

struct tide_steps {
	struct tide_step *item;
	size_t count;
};

/** Adds a zeroed step; the pointer is valid until the next one is added. `steps` must be talloc'd. */
struct tide_step *tide_steps_add(struct tide_steps *steps, const char *name);
struct tide_action *tide_step_add_undo(struct tide_steps *steps, struct tide_step *step);
/** Adds a statement to an action; owner is the talloc parent (the step list). */
void tide_action_add(void *owner, struct tide_action *action, char *sql);

/** Exact round trip for the journal. */
json_t *tide_steps_to_json(const struct tide_steps *steps);
bool tide_steps_from_json(
    void *ctx, const json_t *json, struct tide_steps **out, struct tide_err *err) TIDE_CHECKED;

/** The strongest lock on any table. */
enum tide_lock_mode tide_action_strongest(const struct tide_action *action);

/** A statement that asks for action->guards, and fails with SQLSTATE TM002; NULL without any. `plan`: whose action it is. */
char *tide_action_guard(void *ctx, const struct tide_action *action, const char *plan);

/** A name and what took its place: `"public"."t"`, quoted; and, where not NULL, as the server prints it: `public.t`. */
struct tide_renaming {
	const char *from, *to;
	const char *printed_from, *printed_to;
};
/**
 * The action for a table that is called differently now. Statements and probes of the plan's author stay as they are. Belongs
 * to ctx.
 */
struct tide_action *tide_action_renamed(
    void *ctx, const struct tide_action *action, const struct tide_renaming *names, size_t count);
/** Every quoted name that our own texts have in this schema: `"public"."t_b"`. Belong to ctx. */
struct tide_names tide_action_names_in(void *ctx, const struct tide_action *action, const char *schema);
/** Whether a statement of the action names it, as a word or quoted. */
bool tide_action_mentions(const struct tide_action *action, const char *name);

const char *tide_step_kind_name(enum tide_step_kind kind);

#endif
