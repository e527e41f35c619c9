#ifndef TIDE_PLAN_H
#define TIDE_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tidemark/base/err.h"
#include "tidemark/plans/fields.h"
#include "tidemark/plans/toml.h"

/** What the plan reader must know of a phase kind; what a phase does is in phases/. */
struct tide_kind {
	const char *name; /* value of `kind` */
	const char *summary;
	const struct tide_field *fields;
	size_t spec_size;
};

/** `[limits]`; one field table in plans/plan/limits.c. */
struct tide_limits {
	int64_t lock_timeout;      /* us; longest one lock request of ours may wait; default 200ms */
	int64_t lock_attempts;     /* tries for one step before the run pauses; default 100 */
	int64_t lock_queue;        /* cancel our DDL when more than this many wait behind it; default 50 */
	int64_t batch_duration;    /* us; default 15ms */
	int64_t workers;           /* most connections of a sweep; 0 = as many as make it faster (auto) */
	char *impact;              /* tide_impact_words; NULL = balanced */
	char *pace;                /* "adaptive" or "fixed"; NULL = adaptive */
	int64_t vacuum_cost_limit; /* of VACUUM and ANALYZE; default 0 = as autovacuum */
	int64_t replica_lag;       /* us; default 10s; 0 = do not look */
	int64_t replica_lag_bytes; /* bytes; default 0 = do not look */
	int64_t slot_wal;          /* bytes retained by a replication slot; default 0 = do not look */
	int64_t lock_waiters;      /* sessions waiting for locks on the table; default 20; 0 = do not look */
	char *throttle_sql;        /* pauses the sweep while it returns true; NULL = none */
	char *throttle_file;       /* pauses while this file exists on the executor's machine; NULL = none */
	int64_t lease;             /* us; a heartbeat older than this may be taken over; default 15s */
	/* application_names expected in pg_stat_replication; missing = throttled */
	struct tide_names replicas;
};

/** How much of a sweep the application may feel, in the order of tide_impact_words. */
enum tide_impact {
	TIDE_IMPACT_GENTLE,
	TIDE_IMPACT_BALANCED,
	TIDE_IMPACT_FAST /* only hard limits hold it back */
};
extern const char *const tide_impact_words[]; /* ends with NULL */
/** Most workers of workers = "auto". */
#define TIDE_WORKERS_AUTO 4

enum tide_impact tide_limits_impact(const struct tide_limits *limits);
/** All workers work all the time, whatever the application feels. */
bool tide_limits_fixed(const struct tide_limits *limits);
/** Connections that a sweep opens: workers, or what auto stands for. At least 1. */
int64_t tide_limits_workers(const struct tide_limits *limits);

/** The rows of `[limits]`, for docs and `config`. */
const struct tide_field *tide_limits_fields(void);

/** What must be true before a phase starts. All that are given must hold. */
struct tide_gate {
	bool manual;
	int64_t after; /* us since the last phase ended; 0 = none */
	char *sql;     /* one read-only SELECT that must return true, without a semicolon, or NULL */
	char *window;  /* "Mon-Fri 22:00-06:00 Europe/Berlin", or NULL */
	struct tide_names command; /* argv of a program whose exit status 0 opens the gate; none */
	int64_t interval;          /* us; between the end of one try of the command and the next one */
	int64_t timeout;           /* us; it is killed after this long */
	int64_t retries;           /* tries after the first one that may fail; -1: any number */
};

/** The rows of a gate's table, for docs. */
const struct tide_field *tide_gate_fields(void);

/**
 * Keys of a phase that `tidemark set` has as well: one row, so that both check the same. `spec`: the struct with the member of that
 * name.
 */
#define TIDE_KEY_MAX_ROWS_PER_SECOND(spec)                                                                   \
	TIDE_KEY(spec, max_rows_per_second, INTEGER, .min = 1, .max = 1000000000,                            \
	    .help = "upper limit of the speed; left out: as fast as the throttle lets it")
#define TIDE_KEY_HORIZON_WAIT(spec)                                                                          \
	TIDE_KEY(spec, horizon_wait, DURATION, .fallback = "10m", .min = 0, .max = INT64_C(604800000000),    \
	    .help = "how long to wait for the xmin horizon, in total, before it proceeds")
#define TIDE_KEY_WINDOW(spec)                                                                                \
	TIDE_KEY(spec, window, TEXT,                                                                         \
	    .help = "times of day at which the phase may work, such as \"22:00-06:00 Europe/Berlin\"")

struct tide_phase {
	const struct tide_kind *kind;
	void *spec; /* struct of the kind, spec_size bytes */
	char
	    *name; /* unique in the plan: the `id` key when given, else the kind, "kind-2" for the second … */
	char *title; /* free text or NULL */
	struct tide_gate gate;
	const struct tide_toml *node;
	int line, column;
};

struct tide_plan {
	char *path; /* for messages; "name (stored)" when it came from the database */
	char *text;
	char *name, *title, *table, *reason, *owner, *ticket;
	char *schema, *relation; /* `table`, split; schema NULL when not qualified */
	struct tide_names requires;
	bool recurring; /* complete, it may run again: a run of its own each time */
	struct tide_limits limits;
	struct tide_phase *phase;
	size_t count;
	char hash[65]; /* semantic: over the canonical form, see tide_plan_canonical */
	struct tide_toml *root;
};

/** Longest `name` of a plan or `id` of a phase. */
#define TIDE_PLAN_NAME_MAX 100
/** Most phases of one plan. */
#define TIDE_PLAN_PHASES_MAX 1000

/** Whether a plan may be called so: letters, digits, . _ and -, the first a letter or a digit, at most TIDE_PLAN_NAME_MAX. */
bool tide_plan_name_valid(const char *name);

/** Reads a file. The plan belongs to ctx. */
bool tide_plan_load(void *ctx, const char *path, const struct tide_kind *const *kinds, size_t kind_count,
    struct tide_plan **out, struct tide_err *err) TIDE_CHECKED;
bool tide_plan_parse(void *ctx, const char *path, const char *text, size_t length,
    const struct tide_kind *const *kinds, size_t kind_count, struct tide_plan **out,
    struct tide_err *err) TIDE_CHECKED;

/** Whether `after` is `before` with more phases at its end, and nothing else. */
bool tide_plan_extends(const struct tide_plan *before, const struct tide_plan *after);
/** Canonical text: keys sorted, values normalised, phases in order. The hash is over it. Belongs to ctx. */
char *tide_plan_canonical(void *ctx, const struct tide_toml *root);

/**
 * What differs between two plans, one line each: `phase[6].hold: "7d" → "1d"  (plan.toml:38:8)`. Belongs to ctx;
 * "" when nothing differs.
 */
char *tide_plan_diff(void *ctx, const struct tide_plan *before, const struct tide_plan *after);

/** Index of the phase called `name`, or of the 1-based number in `name`; -1 when there is none. */
long tide_plan_find(const struct tide_plan *plan, const char *name);

/** err->where = path:line:col of the phase (or of its key when given and present). Returns false. */
bool tide_plan_fail(const struct tide_plan *plan, const struct tide_phase *phase, const char *key,
    struct tide_err *err, const char *fmt, ...) TIDE_PRINTF(5, 6);

/** A gate's window, parsed. days: bit 0 = Sunday … bit 6 = Saturday. Minutes since midnight; begin > end crosses midnight. */
struct tide_window {
	unsigned days;
	int begin, end;
	char zone[64];
};
bool tide_window_parse(const char *text, struct tide_window *out);
/** Local day of week (0 = Sunday) and minute in the window's zone. A window that crosses midnight belongs to the day it began. */
bool tide_window_open(const struct tide_window *window, int weekday, int minute);

/** The command of a gate as it would be typed; NULL when there is none. Belongs to ctx. */
char *tide_gate_command_line(void *ctx, const struct tide_gate *gate);
/** The gate in words: "manual approval, 24h after the phase before, …"; NULL when there is none. Belongs to ctx. */
char *tide_gate_text(void *ctx, const struct tide_gate *gate);

#endif
