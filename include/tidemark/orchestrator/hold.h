#ifndef TIDE_HOLD_H
#define TIDE_HOLD_H

/** Of a sweep, with their words, which are API and labels of metrics. A window is a gate's cause as well. */
/* clang-format off */
#define TIDE_CAUSES_OF_A_SWEEP(cause) \
	cause(FILE, "file") \
	cause(HORIZON, "horizon") \
	cause(LOCK_WAITERS, "lock_waiters") \
	cause(PAUSE, "pause") \
	cause(REPLICA_LAG, "replica_lag") \
	cause(REPLICA_MISSING, "replica_missing") \
	cause(REPLICA_UNREADABLE, "replica_unreadable") \
	cause(SLOT_WAL, "slot_wal") \
	cause(SQL, "sql") \
	cause(SQL_UNREADABLE, "sql_unreadable") \
	cause(WINDOW, "window")
/* clang-format on */

/** What keeps work from continuing. Nothing is ever read out of a sentence for display: the cause says what it is. */
enum tide_cause {
	TIDE_CAUSE_NONE,
#define TIDE_CAUSE_VALUE(cause_, word_) TIDE_CAUSE_##cause_,
	TIDE_CAUSES_OF_A_SWEEP(TIDE_CAUSE_VALUE)
#undef TIDE_CAUSE_VALUE
	    TIDE_CAUSES_OF_SWEEPS,
	/* of a gate */
	TIDE_CAUSE_APPROVAL = TIDE_CAUSES_OF_SWEEPS,
	TIDE_CAUSE_SOAK,
	TIDE_CAUSE_CONDITION,
	TIDE_CAUSE_COMMAND,
	TIDE_CAUSES
};

struct tide_hold {
	enum tide_cause cause;
	const char *text; /* for display; may be there without a cause: worth saying, and nothing waits */
};

/** Never NULL but for TIDE_CAUSE_NONE. */
const char *tide_cause_word(enum tide_cause cause);
/** Unknown and NULL: TIDE_CAUSE_NONE. */
enum tide_cause tide_cause_of(const char *word);
/** What work that is running waits for: RUNNING, THROTTLED or PAUSED. */
const char *tide_hold_word(const struct tide_hold *hold);

#endif
