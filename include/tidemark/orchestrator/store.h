#ifndef TIDE_STORE_H
#define TIDE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tidemark/postgres/conn.h"
#include "tidemark/base/err.h"
#include "tidemark/orchestrator/observer.h"
#include "tidemark/phases/step.h"
#include "tidemark/orchestrator/words.h"

/**
 * The state schema as its readers see it: everything the verbs status, history, pause, resume and
 * `PLAN` by name need. Reading takes no lock beyond a SELECT's and works without the lease. All functions await; never call them
 * from a
 * callback. A database without the schema is not an error: found stays false, lists are empty.
 */

/** "12 rows have no match in the lookup and hold NULL, such as {…}". key may be NULL. Belongs to ctx. */
char *tide_unmatched_text(void *ctx, int64_t rows, const char *key);

struct tide_phase_status {
	const char *name, *kind;
	enum tide_phase_state state; /* as it is shown: see tide_phase_shown */
	const char *started, *ended; /* RFC 3339 UTC or NULL */
	const char *gate;            /* what it waits for, for display, or NULL */
	const char *approved_by;     /* who opened its gate, or NULL */
};

/** What `tidemark set` has put over a value of the plan. */
struct tide_live_setting {
	const char *key, *value;
	const char *set_by, *reason; /* reason may be NULL */
	const char *since, *until;   /* RFC 3339 UTC; until NULL: until it is unset */
};
struct tide_live_settings {
	struct tide_live_setting *item;
	size_t count;
};

struct tide_run_status {
	bool found;
	int64_t id;
	const char *plan, *title, *table, *hash, *reason;
	enum tide_wanted wanted;
	const char *wanted_by;     /* who said so, and why; or NULL */
	enum tide_run_state state; /* as it is shown: see tide_run_shown */
	int code;                  /* exit status of the attempt that failed last; 0 none */
	enum tide_direction direction;
	const char *phase;    /* the current one, or NULL */
	const char *holder;   /* who holds the lease ("user@host pid 123"), or NULL */
	double heartbeat_age; /* seconds; -1 none */
	bool live;            /* lease held and fresh */
	bool recurring;       /* its plan says so: complete, it may run again */
	bool needs_approval;  /* ahead is a gate that a person opens, and nobody has */
	bool in_hold;         /* the phase ahead has begun: what it waits for is the end of its hold */
	bool time_over;       /* the soak or hold is over, or waived */
	const char *created, *updated, *plan_text;
	const char *hold_until;        /* RFC 3339 UTC of a soak's or hold's end, or NULL */
	struct tide_progress progress; /* of the current sweep; blocks_total 0 when there is none */
	int64_t conflicts;
	/* rows without a match in the lookup, by the last comparison; -1: none has looked */
	int64_t unmatched;
	const char *unmatched_key; /* of one of them, or NULL */
	/* it belongs to another database, or its table is gone: which case, as a sentence; or NULL */
	const char *away;
	const char *home;                   /* the case as a word; "home" */
	const char *way_out;                /* away: what to do about it */
	bool adoptable;                     /* away: by `tidemark adopt` */
	struct tide_live_settings settings; /* that are in force; none once it is over */
	struct tide_phase_status *item;
	size_t count;
};

struct tide_journal_row {
	int64_t seq, run;
	const char *at, *event, *phase, *step, *actor, *host, *detail, *sql, *outcome; /* at: RFC 3339 UTC */
	double seconds, lock_wait;                                                     /* -1 none */
};
struct tide_journal_rows {
	struct tide_journal_row *item;
	size_t count;
};

struct tide_status_list {
	struct tide_run_status *item;
	size_t count;
};

/** Latest run of a plan by name. */
bool tide_store_status(void *ctx, struct tide_conn *conn, const char *plan, struct tide_run_status *out,
    struct tide_err *err) TIDE_CHECKED;
/** Latest run of every plan, newest first (without phases). */
bool tide_store_list(
    void *ctx, struct tide_conn *conn, struct tide_status_list *out, struct tide_err *err) TIDE_CHECKED;
bool tide_store_history(void *ctx, struct tide_conn *conn, const char *plan, struct tide_journal_rows *out,
    struct tide_err *err) TIDE_CHECKED;
/** Steps of a phase (by index) as they were written down when it began; *out NULL when it has not. Belong to ctx. */
bool tide_store_steps(void *ctx, struct tide_conn *conn, int64_t run, long phase, struct tide_steps **out,
    struct tide_err *err) TIDE_CHECKED;
/** Text of the stored plan, or NULL in *text when there is no such plan. */
bool tide_store_plan_text(
    void *ctx, struct tide_conn *conn, const char *plan, char **text, struct tide_err *err) TIDE_CHECKED;
/**
 * The OID of the table of the plan's run that is not rolled back, when that run belongs to this database and the table exists;
 * else 0.
 */
bool
tide_store_table(struct tide_conn *conn, const char *plan, int64_t *oid, struct tide_err *err) TIDE_CHECKED;
/** Writes it to the run's row, journals and NOTIFYs. No such run or nothing to pause: TIDE_PRECONDITION. */
bool tide_store_want(struct tide_conn *conn, const char *plan, enum tide_wanted wanted, const char *by,
    const char *reason, struct tide_err *err) TIDE_CHECKED;

/** The same from within the loop: sends it, and `done` gets a row, or none when there is no such run. An executor has checked the schema. */
void tide_store_want_start(struct tide_conn *conn, const char *plan, enum tide_wanted wanted, const char *by,
    tide_conn_done *done, void *ctx);

/** One key of `tidemark set`. value NULL: the plan's counts again. */
struct tide_live_change {
	const char *key, *value;
};
/**
 * Stores all of them or none, journals and NOTIFYs; expire: us, 0 until they are unset. The values were checked before
 * (plans/steering.h). No open run: TIDE_PRECONDITION.
 */
bool tide_store_set(struct tide_conn *conn, const char *plan, const struct tide_live_change *change,
    size_t count, const char *by, const char *reason, int64_t expire, struct tide_err *err) TIDE_CHECKED;

/** The same from within the loop, of one key, until it is unset: sends it, and `done` gets a row, or none when there is no open run. */
bool tide_store_set_start(struct tide_conn *conn, const char *plan, const struct tide_live_change *change,
    const char *by, tide_conn_done *done, void *ctx, struct tide_err *err) TIDE_CHECKED;
/** Adds to an error what the role would need to set anything, when that is what it lacks. Returns false. */
bool tide_store_set_refused(struct tide_conn *conn, const char *plan, struct tide_err *err);

/** Who blocks us and whom we block, now; what holds long transactions open on the table. */
enum tide_lock_role {
	TIDE_LOCK_BLOCKS = 1, /* as locks.sql numbers them */
	TIDE_LOCK_WAITS,
	TIDE_LOCK_OLD,
	TIDE_LOCK_AUTOVACUUM
};
struct tide_lock_row {
	enum tide_lock_role role;
	int pid; /* 0: a prepared transaction, and application is its identifier */
	const char *user, *application, *state, *lock, *query; /* query: masked and shortened */
	double age; /* seconds of its transaction, or of its wait */
};
struct tide_lock_rows {
	struct tide_lock_row *item;
	size_t count;
};
/** "blocks us", "waits for us", "old transaction", "autovacuum". */
const char *tide_lock_role_word(enum tide_lock_role role);
bool tide_store_locks(void *ctx, struct tide_conn *conn, const char *schema, const char *relation,
    struct tide_lock_rows *out, struct tide_err *err) TIDE_CHECKED;

/** The DDL of schema tidemark, one script that psql may run. Belongs to ctx. */
char *tide_state_sql(void *ctx);

#endif
