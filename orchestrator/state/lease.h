#ifndef TIDE_LEASE_H
#define TIDE_LEASE_H

#include <stdbool.h>

#include "run/executor.h"

/** The version of the state schema that this program reads and writes. */
#define TIDE_STATE_VERSION 1

/** Refuses a schema tidemark that another role made or may add to. True where there is none. */
bool tide_state_trusted(struct tide_conn *conn, struct tide_err *err) TIDE_CHECKED;
/** Makes schema tidemark when it is absent; refuses one that is newer than this program. *present false (and
 * nothing made) when it is absent and create is false. */
bool tide_state_ensure(struct tide_conn *conn, bool create, bool *present, struct tide_err *err) TIDE_CHECKED;

/** Finds the latest run of exe->plan; fills exe->run and checks plan hash and database identity. out->found false: there is none. */
bool tide_run_find(struct tide_executor *exe, struct tide_run_row *out, struct tide_err *err) TIDE_CHECKED;
/** Makes the state schema when absent, and a new run of exe->plan; then finds it. */
bool tide_run_create(struct tide_executor *exe, struct tide_run_row *out, struct tide_err *err) TIDE_CHECKED;

/** Takes the lease (waiting or failing as options->if_locked says) and ends what an earlier executor of this run left running. */
bool tide_lease_take(struct tide_executor *exe, struct tide_err *err) TIDE_CHECKED;

/** Asks whether it is still ours. A server that does not answer counts as true: nothing is known against it. */
bool tide_lease_held(struct tide_executor *exe);

/** Lets go of it, with the run's final state and reason. Quiet when it is no longer ours. */
void tide_lease_release(struct tide_executor *exe, enum tide_run_state state, const char *reason);

#endif
