#include "keys.h"

#include <ev.h>
#include <signal.h>
#include <string.h>
#include <talloc.h>
#include <termios.h>
#include <unistd.h>

#include "tidemark/base/array.h"
#include "tidemark/postgres/rows.h"

#define KEYS 32

/* What ends the program, and what stops it: before either, the terminal is as it was. */
static const int leaving[] = { SIGHUP, SIGQUIT, SIGTSTP, SIGINT, SIGTERM };
/* The last two are somebody else's, where that was said. */
#define SHARED 2

struct tide_keys {
	struct ev_loop *loop;
	struct termios before;
	bool known; /* that */
	bool ours;  /* the terminal has our mode */
	bool ended; /* it has gone */
	bool woken; /* draw again */
	char pressed[KEYS];
	size_t count;
	struct ev_io input;
	struct ev_signal leave[TIDE_COUNT(leaving)], go_on;
	struct sigaction handler[TIDE_COUNT(leaving)]; /* before ours */
	size_t handled;                                /* how many of them are ours */
	struct ev_timer look;                          /* whether it has come to the front */
	void (*pressed_at)(void *ctx);                 /* NULL: somebody waits */
	void *ctx;
	struct tide_unreadable unreadable;
	const struct tide_unreadable *outer;
};

/* To change a terminal from its background would stop the process. */
static bool
in_front(void)
{
	return tcgetpgrp(STDIN_FILENO) == getpgrp();
}

static void
release_terminal(struct tide_keys *keys)
{
	ev_io_stop(keys->loop, &keys->input);
	if (keys->ours && in_front())
		(void)tcsetattr(STDIN_FILENO, TCSANOW, &keys->before);
	keys->ours = false;
}

/*
 * The mode is looked at once: later it may be one of ours, which a shell has kept for us. A change does not wait until everything is
 * shown, which Ctrl-S may hold up.
 */
static void
take_terminal(struct tide_keys *keys)
{
	struct termios mode;

	if (keys->ours || keys->ended || !in_front())
		return;
	keys->known = keys->known || tcgetattr(STDIN_FILENO, &keys->before) == 0;
	if (!keys->known)
		return;
	mode = keys->before;
	mode.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	mode.c_cc[VMIN] = 1;
	mode.c_cc[VTIME] = 0;
	keys->ours = tcsetattr(STDIN_FILENO, TCSANOW, &mode) == 0;
	if (keys->ours)
		ev_io_start(keys->loop, &keys->input);
}

static void
on_input(struct ev_loop *loop, struct ev_io *input, int events)
{
	struct tide_keys *keys = input->data;
	char typed[KEYS];
	ssize_t length = read(STDIN_FILENO, typed, sizeof(typed));

	(void)events;
	if (length <= 0) {
		keys->ended = true;
		ev_io_stop(loop, input);
		return;
	}
	for (ssize_t i = 0; i < length && keys->count < KEYS; i++)
		keys->pressed[keys->count++] = typed[i];
	if (keys->pressed_at != NULL)
		keys->pressed_at(keys->ctx);
}

static void
on_look(struct ev_loop *loop, struct ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	take_terminal(timer->data);
}

/*
 * Whoever handled it before handles it now: to end the program, or to stop it. Only after that was it SIGTSTP, and the program is
 * running again.
 */
static void
on_leave(struct ev_loop *loop, struct ev_signal *signal, int events)
{
	struct tide_keys *keys = signal->data;
	size_t i = (size_t)(signal - keys->leave);

	(void)events;
	release_terminal(keys);
	ev_signal_stop(loop, signal);
	(void)sigaction(leaving[i], &keys->handler[i], NULL);
	(void)raise(leaving[i]);
	ev_signal_start(loop, signal);
	keys->woken = true;
}

/* A shell sets its own mode while the program is stopped, also by SIGSTOP. */
static void
on_continue(struct ev_loop *loop, struct ev_signal *signal, int events)
{
	struct tide_keys *keys = signal->data;

	(void)loop;
	(void)events;
	release_terminal(keys);
	keys->woken = true;
}

static void
report_last(void *ctx, const struct tide_err *err)
{
	struct tide_keys *keys = ctx;

	release_terminal(keys);
	if (keys->outer != NULL)
		keys->outer->report(keys->outer->ctx, err);
}

static int
end(struct tide_keys *keys)
{
	release_terminal(keys);
	ev_timer_stop(keys->loop, &keys->look);
	for (size_t i = 0; i < keys->handled; i++) {
		ev_signal_stop(keys->loop, &keys->leave[i]);
		(void)sigaction(leaving[i], &keys->handler[i], NULL);
	}
	ev_signal_stop(keys->loop, &keys->go_on);
	tide_rows_on_unreadable(keys->loop, keys->outer);
	return 0;
}

struct tide_keys *
tide_keys_begin(void *ctx, struct ev_loop *loop, enum tide_keys_end at_end)
{
	struct tide_keys *keys;

	if (isatty(STDIN_FILENO) != 1)
		return NULL;
	keys = talloc_zero(ctx, struct tide_keys);
	keys->loop = loop;
	keys->handled = TIDE_COUNT(leaving) - (at_end == TIDE_KEYS_END_BY_ANOTHER ? SHARED : 0);
	ev_init(&keys->look, on_look);
	keys->look.data = keys;
	ev_io_init(&keys->input, on_input, STDIN_FILENO, EV_READ);
	keys->input.data = keys;
	for (size_t i = 0; i < keys->handled; i++) {
		(void)sigaction(leaving[i], NULL, &keys->handler[i]);
		ev_signal_init(&keys->leave[i], on_leave, leaving[i]);
		keys->leave[i].data = keys;
		/* What is ignored (nohup) stays so. */
		if (keys->handler[i].sa_handler != SIG_IGN)
			ev_signal_start(loop, &keys->leave[i]);
	}
	ev_signal_init(&keys->go_on, on_continue, SIGCONT);
	keys->go_on.data = keys;
	ev_signal_start(loop, &keys->go_on);
	keys->outer = ev_userdata(loop);
	keys->unreadable = (struct tide_unreadable){ .report = report_last, .ctx = keys };
	tide_rows_on_unreadable(loop, &keys->unreadable);
	talloc_set_destructor(keys, end);
	take_terminal(keys);
	return keys;
}

void
tide_keys_end(struct tide_keys *keys)
{
	talloc_free(keys);
}

static void
over(struct ev_loop *loop, struct ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	*(bool *)timer->data = true;
}

void
tide_keys_wait(struct tide_keys *keys, int64_t us)
{
	struct ev_timer timer;
	bool is_over = false;

	/* Also after it has come to the front. */
	take_terminal(keys);
	keys->woken = false;
	ev_timer_init(&timer, over, (double)us / 1e6, 0.0);
	timer.data = &is_over;
	ev_now_update(keys->loop);
	ev_timer_start(keys->loop, &timer);
	while (!is_over && !keys->woken && keys->count == 0)
		ev_run(keys->loop, EVRUN_ONCE);
	ev_timer_stop(keys->loop, &timer);
}

void
tide_keys_on_press(struct tide_keys *keys, void (*pressed)(void *ctx), void *ctx)
{
	keys->pressed_at = pressed;
	keys->ctx = ctx;
	ev_timer_set(&keys->look, 0.2, 0.2);
	ev_timer_start(keys->loop, &keys->look);
}

char
tide_keys_peek(const struct tide_keys *keys)
{
	return keys->count > 0 ? keys->pressed[0] : '\0';
}

char
tide_keys_take(struct tide_keys *keys)
{
	char key = tide_keys_peek(keys);

	if (keys->count > 0)
		memmove(keys->pressed, keys->pressed + 1, --keys->count);
	return key;
}
