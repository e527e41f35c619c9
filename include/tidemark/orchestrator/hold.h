#ifndef TIDE_HOLD_H
#define TIDE_HOLD_H

/** What keeps work from continuing. Nothing is ever read out of a sentence for display: the cause says what it is. */
enum tide_cause {
	TIDE_CAUSE_NONE,
	/* of a sweep; their words are API, and labels of metrics */
	TIDE_CAUSE_FILE,
	TIDE_CAUSE_HORIZON,
	TIDE_CAUSE_LOCK_WAITERS,
	TIDE_CAUSE_PAUSE,
	TIDE_CAUSE_REPLICA_LAG,
	TIDE_CAUSE_REPLICA_MISSING,
	TIDE_CAUSE_REPLICA_UNREADABLE,
	TIDE_CAUSE_SLOT_WAL,
	TIDE_CAUSE_SQL,
	TIDE_CAUSE_SQL_UNREADABLE,
	TIDE_CAUSE_WINDOW, /* of a gate as well */
	TIDE_CAUSES_OF_SWEEPS,
	/* of a gate */
	TIDE_CAUSE_APPROVAL = TIDE_CAUSES_OF_SWEEPS,
	TIDE_CAUSE_SOAK,
	TIDE_CAUSE_CONDITION,
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
