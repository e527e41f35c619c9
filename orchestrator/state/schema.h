#ifndef TIDE_STATE_SCHEMA_H
#define TIDE_STATE_SCHEMA_H

#include <stdbool.h>
#include <stdint.h>

#include "tidemark/postgres/conn.h"

/** The version of the state schema that this program reads and writes. */
#define TIDE_STATE_VERSION 1

/** The errors of a schema that is not to be used: `what` is wrong with it; it is newer than this program. Return false. */
bool tide_state_untrusted(const char *what, struct tide_err *err);
bool tide_state_newer(int64_t version, struct tide_err *err);
/** Refuses a schema tidemark that another role made or may add to. True where there is none. Awaits. */
bool tide_state_trusted(struct tide_conn *conn, struct tide_err *err) TIDE_CHECKED;
/**
 * Makes schema tidemark when it is absent; refuses one that is newer than this program. *present false (and nothing made) when it is
 * absent and create is false. Awaits.
 */
bool tide_state_ensure(struct tide_conn *conn, bool create, bool *present, struct tide_err *err) TIDE_CHECKED;

#endif
