#ifndef TIDE_WATCH_KEYS_H
#define TIDE_WATCH_KEYS_H

#include "cli/context/cli.h"

/** The keys of `status --watch`: what they do is done through the database, as by the verbs. */
struct tide_watch_keys;

/** With wanted, and on a terminal, keys count; else it only waits. */
struct tide_watch_keys *tide_watch_keys_begin(struct tide_cli *cli, const char *plan, bool wanted);
void tide_watch_keys_end(struct tide_watch_keys *keys);

/** The lines below the status: which keys there are, and what came of the last one. Nothing without keys. */
void tide_watch_keys_print(const struct tide_watch_keys *keys);

/**
 * Waits for so long, or until a key was pressed, and does what it says. *quit: that was to stop watching. What a key cannot do is
 * shown with the next status; false only when the connection is lost.
 */
bool tide_watch_keys_wait(struct tide_watch_keys *keys, const struct tide_run_status *status, int64_t us,
    bool *quit, struct tide_err *err) TIDE_CHECKED;

#endif
