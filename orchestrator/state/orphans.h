#ifndef TIDE_STATE_ORPHANS_H
#define TIDE_STATE_ORPHANS_H

#include "session.h"

/**
 * Sessions of an earlier executor of this run. A statement may run on without its client, a concurrent build for hours. To be
 * asked once
 * the lease is ours.
 */
bool tide_orphans_count(struct tide_session *session, int64_t *count, struct tide_err *err) TIDE_CHECKED;
/** Has the server end them. *count: how many were ended. */
bool tide_orphans_end(struct tide_session *session, int64_t *count, struct tide_err *err) TIDE_CHECKED;

#endif
