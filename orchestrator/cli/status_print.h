#ifndef TIDE_STATUS_PRINT_H
#define TIDE_STATUS_PRINT_H

#include "output.h"
#include "tidemark/store.h"

/** One plan: its phases, what it waits for, who is at work, what to type next. */
void tide_status_print(struct tide_stream *stream, const struct tide_run_status *status, const char *next);
/** All plans of a database, one line each. */
void tide_status_print_list(struct tide_stream *stream, const struct tide_status_list *list);
/** One line, for pipelines: `name: state at phase: reason`. Belongs to ctx. */
char *tide_status_line(void *ctx, const struct tide_run_status *status);

#endif
