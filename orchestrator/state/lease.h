#ifndef TIDE_LEASE_H
#define TIDE_LEASE_H

#include "session.h"

/** The lease: who may write the state of a run, and change its table. */

struct tide_lease_attempt {
	bool taken;
	int64_t timeline_before; /* of the server when the lease was taken last; 0 never */
	int64_t timeline;        /* now: another one means that a standby was promoted since */
};

/** One attempt. Taken, session->fence is the new one. */
bool tide_lease_try(
    struct tide_session *session, struct tide_lease_attempt *out, struct tide_err *err) TIDE_CHECKED;

/** The sessions of `conn` act for the run as well from now on: another executor that takes the lease over ends them. */
bool tide_lease_join(struct tide_session *session, const struct tide_conn *const *conn, size_t count,
    struct tide_err *err) TIDE_CHECKED;

/** Who has it. Texts belong to ctx, and are NULL where nothing is known. */
struct tide_lease_holder {
	const char *owner;
	const char
	    *heartbeat;  /* as the server prints it: another one than before means that the holder is alive */
	const char *age; /* of the heartbeat, seconds */
};
bool tide_lease_holder(struct tide_session *session, void *ctx, struct tide_lease_holder *out,
    struct tide_err *err) TIDE_CHECKED;

/** Asks the holder to release the run. To be repeated: taking the lease clears the request. */
bool tide_lease_ask_for_room(struct tide_session *session, struct tide_err *err) TIDE_CHECKED;

/** Whether another executor has taken the lease since `last_fence` (0: we had none) was ours. */
bool tide_lease_taken_since(
    struct tide_session *session, int64_t last_fence, bool *taken, struct tide_err *err) TIDE_CHECKED;

/** Asks whether it is still ours. A server that does not answer counts as true: nothing is known against it. */
bool tide_lease_held(struct tide_session *session);

/**
 * Releases it, with the run's final state (TIDE_RUN_NONE: as it is), the reason (NULL: as it is) and, for a run that failed, the exit
 * status. Quiet when it is no longer ours.
 */
void tide_lease_release(
    struct tide_session *session, enum tide_run_state state, const char *reason, enum tide_code failure);

#endif
