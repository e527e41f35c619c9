#ifndef TIDE_RUN_KEYS_H
#define TIDE_RUN_KEYS_H

#include "cli/render/event_printer.h"

/**
 * The keys of a run under its progress line, those of `status --watch`: what they do is done through the database, over a connection
 * of their own that is opened with the first one. All of it happens in the loop; the executor hears of it as of anybody's request.
 */
struct tide_run_keys;

/** Belongs to cli, and to one run. */
struct tide_run_keys *
tide_run_keys_new(struct tide_cli *cli, const struct tide_plan *plan, struct tide_event_printer *printer);
/** Knows how many workers there are. */
struct tide_observer tide_run_keys_observer(struct tide_run_keys *keys);
/** While an executor works: with a progress line on a terminal, and a terminal to read from. NULL is allowed. */
void tide_run_keys_begin(struct tide_run_keys *keys);
void tide_run_keys_end(struct tide_run_keys *keys);

#endif
