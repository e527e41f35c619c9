#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <talloc.h>
#include <unistd.h>

#include "tidemark/base/redact.h"
#include "tidemark/base/units.h"

/** Between SIGTERM and SIGKILL. */
#define GRACE 1.0
/** How much of what it wrote is shown. */
#define WORDS 400

static void
close_end(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static size_t
name_length(const char *variable)
{
	return strcspn(variable, "=");
}

static bool
is_replaced(const char *variable, const char *const *by)
{
	size_t length = name_length(variable);

	for (; by != NULL && *by != NULL; by++)
		if (name_length(*by) == length && strncmp(*by, variable, length) == 0)
			return true;
	return false;
}

/* The variables of this process, with others in place of those of the same name. */
static char **
environment(void *ctx, const char *const *added)
{
	size_t count = 0, room = 1;
	char **out;

	for (size_t i = 0; environ != NULL && environ[i] != NULL; i++)
		room++;
	for (size_t i = 0; added != NULL && added[i] != NULL; i++)
		room++;
	out = talloc_array(ctx, char *, (unsigned)room);
	for (size_t i = 0; environ != NULL && environ[i] != NULL; i++)
		if (!is_replaced(environ[i], added))
			out[count++] = environ[i];
	for (size_t i = 0; added != NULL && added[i] != NULL; i++)
		out[count++] = talloc_strdup(out, added[i]);
	out[count] = NULL;
	return out;
}

/* In the new process. Everything of ours is closed, and each signal is as a program expects it. */
static _Noreturn void
become(const struct tide_child_spec *spec, char **variables, int in, int out)
{
	sigset_t none;
	int failed;

	(void)setpgid(0, 0);
	for (int signo = 1; signo < NSIG; signo++)
		(void)signal(signo, SIG_DFL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (dup2(in, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0 && dup2(out, STDERR_FILENO) >= 0) {
		closefrom(STDERR_FILENO + 1);
		environ = variables;
		(void)execvp(spec->argv[0], (char *const *)spec->argv);
	}
	failed = errno;
	(void)dprintf(STDERR_FILENO, "cannot be started: %s\n", strerror(failed));
	_exit(failed == ENOENT ? 127 : 126);
}

/* Keeps the end of what has come. */
static void
keep(struct tide_child *child, const char *text, size_t length)
{
	size_t excess;

	if (length > TIDE_CHILD_TAIL) {
		text += length - TIDE_CHILD_TAIL;
		length = TIDE_CHILD_TAIL;
	}
	excess = child->used + length > TIDE_CHILD_TAIL ? child->used + length - TIDE_CHILD_TAIL : 0;
	memmove(child->tail, child->tail + excess, child->used - excess);
	memcpy(child->tail + child->used - excess, text, length);
	child->used += length - excess;
	child->tail[child->used] = '\0';
}

/* At most some of it at once: a program that never stops to write must not keep the loop from everything else. */
static void
read_some(struct tide_child *child)
{
	char text[4096];

	for (int i = 0; i < 16; i++) {
		ssize_t length = read(child->out, text, sizeof(text));

		if (length > 0)
			keep(child, text, (size_t)length);
		else if (length == 0 || (errno != EAGAIN && errno != EINTR))
			ev_io_stop(child->loop, &child->reader);
		if (length <= 0)
			break;
	}
}

static void
on_output(struct ev_loop *loop, struct ev_io *reader, int events)
{
	(void)loop;
	(void)events;
	read_some(reader->data);
}

static void
on_time(struct ev_loop *loop, struct ev_timer *timer, int events)
{
	struct tide_child *child = timer->data;

	(void)events;
	(void)kill(-child->pid, child->timed_out ? SIGKILL : SIGTERM);
	child->timed_out = true;
	timer->repeat = GRACE;
	ev_timer_again(loop, timer);
}

/* What it has started may still write to the same pipe: nobody waits for that. */
static void
on_end(struct ev_loop *loop, struct ev_child *watcher, int events)
{
	struct tide_child *child = watcher->data;

	(void)events;
	ev_child_stop(loop, watcher);
	ev_timer_stop(loop, &child->timer);
	read_some(child);
	ev_io_stop(loop, &child->reader);
	close_end(&child->out);
	if (child->timed_out)
		(void)kill(-child->pid, SIGKILL);
	child->status = watcher->rstatus;
	child->ended = true;
	if (child->done != NULL)
		child->done(child->ctx);
}

static int
stop(struct tide_child *child)
{
	ev_child_stop(child->loop, &child->watcher);
	ev_io_stop(child->loop, &child->reader);
	ev_timer_stop(child->loop, &child->timer);
	close_end(&child->out);
	if (!child->ended && child->pid > 0) {
		(void)kill(-child->pid, SIGKILL);
		(void)waitpid(child->pid, NULL, 0);
	}
	return 0;
}

static void
watch(struct tide_child *child)
{
	ev_now_update(child->loop);
	ev_child_init(&child->watcher, on_end, child->pid, 0);
	ev_io_init(&child->reader, on_output, child->out, EV_READ);
	ev_timer_init(&child->timer, on_time, (double)child->timeout / (double)TIDE_SECOND, 0);
	child->watcher.data = child->reader.data = child->timer.data = child;
	ev_child_start(child->loop, &child->watcher);
	ev_io_start(child->loop, &child->reader);
	ev_timer_start(child->loop, &child->timer);
}

/* All of the input is in the pipe before the program starts: it never has to be waited for. */
static bool
open_pipes(const char *input, int in[2], int out[2])
{
	size_t length = input != NULL ? strlen(input) : 0;

	if (pipe2(out, O_CLOEXEC) != 0)
		return false;
	(void)fcntl(out[0], F_SETFL, O_NONBLOCK);
	if (input == NULL) {
		in[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
		return in[0] >= 0;
	}
	if (pipe2(in, O_CLOEXEC) != 0)
		return false;
	(void)fcntl(in[1], F_SETFL, O_NONBLOCK);
	return write(in[1], input, length) == (ssize_t)length;
}

struct tide_child *
tide_child_start(void *ctx, struct ev_loop *loop, const struct tide_child_spec *spec, struct tide_err *err)
{
	struct tide_child *child = talloc_zero(ctx, struct tide_child);
	char **variables = environment(child, spec->environment);
	int in[2] = { -1, -1 }, out[2] = { -1, -1 };

	child->loop = loop;
	child->timeout = spec->timeout;
	child->done = spec->done;
	child->ctx = spec->ctx;
	child->out = -1;
	child->pid = open_pipes(spec->input, in, out) ? fork() : -1;
	if (child->pid == 0)
		become(spec, variables, in[0], out[1]);
	if (child->pid < 0)
		tide_fail(err, TIDE_HOOK, "no process could be started for '%s': %s", spec->argv[0],
		    strerror(errno));
	close_end(&in[0]);
	close_end(&in[1]);
	close_end(&out[1]);
	if (child->pid < 0) {
		close_end(&out[0]);
		talloc_free(child);
		return NULL;
	}
	/* Here as well: whoever is faster, the group is there when it is to be killed. */
	(void)setpgid(child->pid, child->pid);
	child->out = out[0];
	talloc_free(variables);
	watch(child);
	talloc_set_destructor(child, stop);
	return child;
}

bool
tide_child_succeeded(const struct tide_child *child)
{
	return child->ended && !child->timed_out && WIFEXITED(child->status) &&
	       WEXITSTATUS(child->status) == 0;
}

/*
 * Part of a sentence, on one line. It is stored as the reason why a run waits, and nobody knows the encoding that the program wrote
 * in, or whether the database has its characters: only ASCII is kept.
 */
static char *
last_words(void *ctx, const struct tide_child *child)
{
	char *text = tide_redact(ctx, child->tail);
	size_t length = strlen(text);

	while (length > 0 && strchr(" \t\r\n", text[length - 1]) != NULL)
		text[--length] = '\0';
	if (length > WORDS)
		text = talloc_asprintf(ctx, "...%s", text + length - WORDS);
	for (char *c = text; *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = ' ';
		else if ((unsigned char)*c > 0x7f)
			*c = '?';
	return text;
}

char *
tide_child_result(void *ctx, const struct tide_child *child)
{
	char *words = last_words(ctx, child), *how, limit[64];

	if (!child->ended)
		how = talloc_strdup(ctx, "it is running");
	else if (child->timed_out)
		how = talloc_asprintf(
		    ctx, "killed after %s", tide_duration_format(child->timeout, limit, sizeof(limit)));
	else if (WIFSIGNALED(child->status))
		how = talloc_asprintf(ctx, "ended by signal %d", WTERMSIG(child->status));
	else
		how = talloc_asprintf(ctx, "exit status %d", WEXITSTATUS(child->status));
	return words[0] != '\0' ? talloc_asprintf_append(how, ": %s", words) : how;
}
