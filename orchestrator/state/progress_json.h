#ifndef TIDE_PROGRESS_JSON_H
#define TIDE_PROGRESS_JSON_H

#include "tidemark/orchestrator/observer.h"

/** As the run row keeps it, so that any client can read it. Belongs to ctx. */
char *tide_progress_json(void *ctx, const struct tide_progress *progress);
/** The inverse; texts belong to ctx. What is missing is zero or unknown: everything when the text is NULL or no such JSON. */
void tide_progress_read(void *ctx, const char *text, struct tide_progress *out);

#endif
