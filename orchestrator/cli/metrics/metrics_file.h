#ifndef TIDE_METRICS_FILE_H
#define TIDE_METRICS_FILE_H

#include "tidemark/base/err.h"
#include "tidemark/orchestrator/observer.h"
#include "tidemark/plans/plan.h"
#include "tidemark/orchestrator/words.h"

/**
 * Keeps the metrics of a run in a file: written beside it and renamed over it, so that no reader ever sees a part. At most
 * once a second, and at the end. As long as the run has no lease nothing is written: the file may be another executor's.
 */
struct tide_metrics_file;

/** TIDE_USAGE when `path` cannot be written; this is tried out. `plan` and `path` must outlive it. */
bool tide_metrics_file_open(void *ctx, const char *path, const struct tide_plan *plan,
    struct tide_metrics_file **out, struct tide_err *err) TIDE_CHECKED;
/** An observer that measures. That the file cannot be written is told to `all`, which is copied. The file must outlive it. */
struct tide_observer
tide_metrics_file_observer(struct tide_metrics_file *file, const struct tide_observer *all);
/** The last write. `state` is that of the run, NULL unknown. */
void tide_metrics_file_end(struct tide_metrics_file *file, enum tide_run_state state);

#endif
