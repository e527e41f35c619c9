#ifndef TIDE_LIFECYCLE_H
#define TIDE_LIFECYCLE_H

#include "executor/executor.h"
#include "state/run.h"

/** An executor that is not connected yet, with its signal watchers. Belongs to ctx. observer may be NULL. */
struct tide_executor *
tide_executor_new(void *ctx, struct ev_loop *loop, const struct tide_dsn *dsn, const struct tide_plan *plan,
    const struct tide_run_options *options, const struct tide_observer *observer);
/** After a lost connection: as new, but for the owner, the budget, the fence that was held and the signals that have come. */
void tide_executor_reset(struct tide_executor *exe);
/** Connects and looks: *run is what the database knows of the plan (found false: nothing yet). accept: see state/run.h. Changes nothing. */
bool tide_executor_connect(
    struct tide_executor *exe, unsigned accept, struct tide_run_row *run, struct tide_err *err) TIDE_CHECKED;
/** Takes the lease of exe->session->run and starts the watcher. */
bool tide_executor_start(struct tide_executor *exe, struct tide_err *err) TIDE_CHECKED;
/** Stops the watcher and releases the lease: see tide_lease_release. */
void tide_executor_close(
    struct tide_executor *exe, enum tide_run_state state, const char *reason, enum tide_code failure);

#endif
