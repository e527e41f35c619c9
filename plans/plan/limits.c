#include "tidemark/plans/plan.h"

#include <string.h>

#define LIMIT(key, type, ...) TIDE_KEY(tide_limits, key, type, __VA_ARGS__)

#define HOUR (INT64_C(3600) * 1000000)
#define TEBIBYTE (INT64_C(1) << 40)

const char *const tide_impact_words[] = { "gentle", "balanced", "fast", NULL };
static const char *const tide_pace_words[] = { "adaptive", "fixed", NULL };

enum tide_impact
tide_limits_impact(const struct tide_limits *limits)
{
	size_t i = 0;

	if (limits->impact == NULL)
		return TIDE_IMPACT_BALANCED;
	while (strcmp(limits->impact, tide_impact_words[i]) != 0)
		i++;
	return (enum tide_impact)i;
}

bool
tide_limits_fixed(const struct tide_limits *limits)
{
	return limits->pace != NULL && strcmp(limits->pace, "fixed") == 0;
}

int64_t
tide_limits_workers(const struct tide_limits *limits)
{
	if (limits->workers > 0)
		return limits->workers;
	return tide_limits_fixed(limits) ? 1 : TIDE_WORKERS_AUTO;
}

const struct tide_field *
tide_limits_fields(void)
{
	static const struct tide_field fields[] = {
		LIMIT(lock_timeout, DURATION, .fallback = "200ms", .min = 1000, .max = 60000000,
		    .help = "longest time that one transaction waits for its locks"),
		LIMIT(lock_attempts, INTEGER, .fallback = "100", .min = 1, .max = 1000000,
		    .help = "tries for one step's lock before the run stops"),
		LIMIT(lock_queue, INTEGER, .fallback = "50", .min = 0, .max = 100000,
		    .help = "a lock request is cancelled when more sessions than this wait behind it"),
		LIMIT(batch_duration, DURATION, .fallback = "15ms", .min = 1000, .max = 10000000,
		    .help = "the sweep sizes its batches to take this long"),
		LIMIT(workers, INTEGER, .fallback = "auto", .word = "auto", .min = 1, .max = 64,
		    .help =
			"connections that sweep at the same time, at most; auto: up to 4, as many as make "
			"it faster"),
		LIMIT(impact, CHOICE, .fallback = "balanced", .choices = tide_impact_words,
		    .help = "how much of a sweep the application may feel"),
		LIMIT(pace, CHOICE, .fallback = "adaptive", .choices = tide_pace_words,
		    .help = "adaptive: as fast as `impact` allows; fixed: all workers all the time"),
		LIMIT(vacuum_cost_limit, INTEGER, .fallback = "0", .min = 0, .max = 10000,
		    .help = "cost of the pages after which VACUUM and ANALYZE pause; 0: as this server's "
			    "autovacuum"),
		LIMIT(replica_lag, DURATION, .fallback = "10s", .min = 0, .max = 24 * HOUR,
		    .help = "the sweep pauses while a replica lags further; 0: not checked"),
		LIMIT(replica_lag_bytes, SIZE, .fallback = "0", .min = 0, .max = 1024 * TEBIBYTE,
		    .help = "the sweep pauses while a replica has this much left to replay; 0: not checked"),
		LIMIT(slot_wal, SIZE, .fallback = "0", .min = 0, .max = 1024 * TEBIBYTE,
		    .help = "the sweep pauses while a replication slot retains more WAL; 0: not checked"),
		LIMIT(lock_waiters, INTEGER, .fallback = "20", .min = 0, .max = 100000,
		    .help =
			"the sweep pauses while more sessions wait for locks on the table; 0: not checked"),
		LIMIT(throttle_sql, QUERY, .help = "the sweep pauses while this SELECT returns true"),
		LIMIT(throttle_file, TEXT,
		    .help = "the sweep pauses while this file exists on the executor's machine"),
		LIMIT(lease, DURATION, .fallback = "15s", .min = 1000000, .max = HOUR,
		    .help = "an executor silent for longer may be replaced by another one"),
		LIMIT(replicas, TEXTS,
		    .help = "application_name of each replica that must be connected, else the sweep pauses"),
		{ 0 },
	};

	return fields;
}
