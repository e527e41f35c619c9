#ifndef TIDE_STATUS_PRINT_H
#define TIDE_STATUS_PRINT_H

#include "cli/review/review_input.h"
#include "cli/output/output.h"
#include "tidemark/orchestrator/store.h"

/** One plan: its phases, what it waits for, who executes it, what to type next. fit: of the plan file that was asked about. */
void tide_status_print(struct tide_stream *stream, const struct tide_run_status *status,
    enum tide_file_fit fit, const char *next);
/** The progress of the sweep as it is for a reader who is not the executor: what is known only while it runs is left out. */
struct tide_progress tide_status_progress(const struct tide_run_status *status);
/** What is set, one line each. */
void tide_status_print_settings(struct tide_stream *stream, const struct tide_live_settings *settings);
/** All plans of a database, one line each. */
void tide_status_print_list(struct tide_stream *stream, const struct tide_status_list *list);
/** One line, for pipelines: `name: state at phase: reason`. Belongs to ctx. */
char *tide_status_line(void *ctx, const struct tide_run_status *status);

#endif
