#ifndef TIDE_STOP_SIGNALS_H
#define TIDE_STOP_SIGNALS_H

#include <ev.h>
#include <signal.h>

/**
 * SIGINT and SIGTERM through the loop, for as long as something is under way that must end cleanly. Whoever handled
 * them before handles them again afterwards (libev alone would leave the default action).
 */
struct tide_stop_signals {
	struct ev_loop *loop;
	struct ev_signal interrupt, terminate;
	struct sigaction before[2];
	void (*arrived)(void *ctx, int signo);
	void *ctx;
};

void tide_stop_signals_start(struct tide_stop_signals *signals, struct ev_loop *loop,
    void (*arrived)(void *ctx, int signo), void *ctx);
void tide_stop_signals_end(struct tide_stop_signals *signals);

#endif
