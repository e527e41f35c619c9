#ifndef TIDE_METRICS_H
#define TIDE_METRICS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "tidemark/orchestrator/observer.h"
#include "tidemark/plans/plan.h"
#include "tidemark/orchestrator/words.h"

/**
 * What one run has told, counted, and printed for Prometheus. Does no I/O but that print, and reads no clock: `now` is tide_now_us.
 *
 * Every series has the label `plan`: a collector refuses two files that have the same series.
 */
struct tide_metrics;

/** `plan` must outlive it. */
struct tide_metrics *tide_metrics_new(void *ctx, const struct tide_plan *plan);

/** For the observer. `wall` is the time of day, us since 1970. */
void tide_metrics_progress(struct tide_metrics *metrics, const struct tide_progress *progress, int64_t now);
void tide_metrics_sample(
    struct tide_metrics *metrics, enum tide_sample kind, const char *label, int64_t value, int64_t wall);
/** The run is over; nothing of what was under way continues. `state` is that of the run, NULL unknown. */
void tide_metrics_end(struct tide_metrics *metrics, enum tide_run_state state);

/** Whether anything is known of the run that another executor, which may keep the same file, does not know better. */
bool tide_metrics_known(const struct tide_metrics *metrics);
/** Text format 0.0.4. */
void tide_metrics_print(FILE *out, const struct tide_metrics *metrics, int64_t now);

#endif
