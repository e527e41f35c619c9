#ifndef TIDE_KEYS_H
#define TIDE_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ev_loop;

/**
 * Keys that are pressed on the terminal of standard input while something is watched, one by one and without an echo. The terminal is
 * as before after tide_keys_end() (or when the context is freed), before the program is stopped or ended by a signal, and before it
 * ends because an answer cannot be read. Ctrl-C and Ctrl-Z do what they always do.
 */
struct tide_keys;

/** Who ends the program at SIGINT and SIGTERM: whoever did before, at once; or somebody else on the loop, who ends the keys in time. */
enum tide_keys_end { TIDE_KEYS_END_AT_ONCE, TIDE_KEYS_END_BY_ANOTHER };

/** NULL: standard input is no terminal. In the background of its terminal nothing is read until it is in front. */
struct tide_keys *tide_keys_begin(void *ctx, struct ev_loop *loop, enum tide_keys_end at_end);
/** NULL is allowed. */
void tide_keys_end(struct tide_keys *keys);

/** Runs the loop for so long, or until a key was pressed, or the screen has to be drawn again. */
void tide_keys_wait(struct tide_keys *keys, int64_t us);
/** The next key that was pressed; 0: none. */
char tide_keys_peek(const struct tide_keys *keys);
char tide_keys_take(struct tide_keys *keys);

/** Instead of waiting: called from the loop when keys were pressed, to take them. */
void tide_keys_on_press(struct tide_keys *keys, void (*pressed)(void *ctx), void *ctx);

#endif
