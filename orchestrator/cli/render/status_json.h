#ifndef TIDE_STATUS_JSON_H
#define TIDE_STATUS_JSON_H

#include "cli/output/json.h"
#include "tidemark/orchestrator/store.h"

/** A run as `status --json` and `wait --json` print it. next: what to type, or NULL. */
json_t *tide_json_status(const struct tide_run_status *status, const char *next);

#endif
