#ifndef TIDE_STATE_ORPHANS_H
#define TIDE_STATE_ORPHANS_H

#include "session.h"

/**
 * Sessions of an executor that did not release its lease: it was killed, or lost the lease to us. A statement may run on without its
 * client, a concurrent build for hours. They are those that tidemark.session names under an earlier fence, by pid and start time: an
 * executor that has released its lease and is about to exit has none there. To be asked once the lease is ours.
 */
bool tide_orphans_count(struct tide_session *session, int64_t *count, struct tide_err *err) TIDE_CHECKED;
/** Has the server end them. *count: how many were ended. */
bool tide_orphans_end(struct tide_session *session, int64_t *count, struct tide_err *err) TIDE_CHECKED;

#endif
