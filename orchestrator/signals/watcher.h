#ifndef TIDE_WATCHER_H
#define TIDE_WATCHER_H

#include <stdbool.h>

#include "run/executor.h"

/**
 * The watcher: one connection, one tick a second. Each tick keeps the lease, brings back what somebody wants of
 * the run, and reads what the throttle needs. Results are in exe->wishes, exe->signals and exe->throttle_reason.
 */
bool tide_watcher_start(struct tide_executor *exe, struct tide_err *err) TIDE_CHECKED;
/** A tick now, or right after the one under way: after NOTIFY, or when progress should be seen at once. */
void tide_watcher_poke(struct tide_executor *exe);

/** Sets exe->throttle_reason from what the last tick saw: when other work begins, another reason may count. */
void tide_watcher_judge(struct tide_executor *exe);

/** Whether a tick waits for the connection: who else uses it lets the heartbeat go first. */
bool tide_watcher_due(const struct tide_executor *exe);
/** At the end of somebody else's statement on the watch connection: sends the tick that waited for it. */
void tide_watcher_yield(struct tide_executor *exe);

/** Somebody in our way. Texts belong to the list; query is masked. */
struct tide_blocker {
	int pid;
	const char *user, *application, *state, *query, *gid;
	double age; /* seconds of its transaction; -1 unknown */
	bool vacuum;
};
struct tide_blockers {
	struct tide_blocker *item;
	size_t count;
	int64_t behind; /* sessions that wait behind us */
};

/** From the rows of state/blockers.sql or state/holders.sql. */
void tide_blockers_read(void *ctx, const struct tide_rows *rows, struct tide_blockers *out);
/** "pid 4711 (app 'web', user 'shop', idle in transaction for 3.2 s): UPDATE …"; several by "; ". "" when none. Belongs to ctx. */
char *tide_blockers_text(void *ctx, const struct tide_blockers *blockers);

#endif
