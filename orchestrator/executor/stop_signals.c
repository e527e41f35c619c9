#include "stop_signals.h"

#include <stddef.h>

static void
on_signal(struct ev_loop *loop, struct ev_signal *watcher, int events)
{
	struct tide_stop_signals *signals = watcher->data;

	(void)loop;
	(void)events;
	signals->arrived(signals->ctx, watcher->signum);
}

void
tide_stop_signals_start(
    struct tide_stop_signals *signals, struct ev_loop *loop, void (*arrived)(void *ctx, int signo), void *ctx)
{
	signals->loop = loop;
	signals->arrived = arrived;
	signals->ctx = ctx;
	(void)sigaction(SIGINT, NULL, &signals->before[0]);
	(void)sigaction(SIGTERM, NULL, &signals->before[1]);
	ev_signal_init(&signals->interrupt, on_signal, SIGINT);
	ev_signal_init(&signals->terminate, on_signal, SIGTERM);
	signals->interrupt.data = signals->terminate.data = signals;
	ev_signal_start(loop, &signals->interrupt);
	ev_signal_start(loop, &signals->terminate);
}

void
tide_stop_signals_end(struct tide_stop_signals *signals)
{
	ev_signal_stop(signals->loop, &signals->interrupt);
	ev_signal_stop(signals->loop, &signals->terminate);
	(void)sigaction(SIGINT, &signals->before[0], NULL);
	(void)sigaction(SIGTERM, &signals->before[1], NULL);
}
