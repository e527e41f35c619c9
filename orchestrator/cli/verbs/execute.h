#ifndef TIDE_EXECUTE_H
#define TIDE_EXECUTE_H

#include "cli/context/cli.h"
#include "tidemark/orchestrator/run.h"

/** tide_run_forward, tide_run_advance or tide_run_back. */
typedef bool tide_execute_fn(void *ctx, struct ev_loop *loop, const struct tide_dsn *dsn,
    const struct tide_plan *plan, const struct tide_run_options *options,
    const struct tide_observer *observer, struct tide_outcome *outcome, struct tide_err *err);

/** Exit status of an outcome: 10..13 only with --exit-code, an interrupt always. */
enum tide_code tide_execute_status(enum tide_code stop, bool exit_code);
/** Reads PLAN, which the user calls `as`, for an executor, and stops when lint finds errors in a file. */
bool tide_execute_plan(
    struct tide_cli *cli, const char *as, struct tide_plan **plan, struct tide_err *err) TIDE_CHECKED;
/** Does it under a progress line and prints how it ended. */
bool tide_execute(struct tide_cli *cli, const struct tide_plan *plan, tide_execute_fn *fn,
    struct tide_err *err) TIDE_CHECKED;

/** The same without saying how it ended. *took is left alone when it has not begun. */
bool tide_execute_quietly(struct tide_cli *cli, const struct tide_plan *plan, tide_execute_fn *fn,
    const struct tide_run_options *options, struct tide_outcome *outcome, int64_t *took,
    struct tide_err *err) TIDE_CHECKED;
/** Says one thing as an executor would: a sentence, a log line or a JSON object. */
void tide_execute_tell(struct tide_cli *cli, const struct tide_event *event);

#endif
