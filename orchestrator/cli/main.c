#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/context/cli.h"
#include "tidemark/base/array.h"

/* Signals that we handle in another way than the process was told to when it was started. */
static const int signals[] = { SIGPIPE, SIGINT, SIGTERM, SIGCHLD };

/* What a command that takes our place must find as we have found it. */
struct inherited {
	struct sigaction action[TIDE_COUNT(signals)];
	char **environment;
};

static const char *
environment(void *ctx, const char *name)
{
	(void)ctx;
	return getenv(name);
}

static void
set(void *ctx, const char *name, const char *value)
{
	(void)ctx;
	(void)setenv(name, value, 0);
}

/*
 * Before and after the part of a verb that must end cleanly (which has its own handlers) there is nothing to end. As
 * process 1 of a container the default action would not even stop the program.
 */
static void
leave(int signo)
{
	_exit(128 + signo);
}

/* Variables may be added while we run; those of the start are only pointed to. */
static char **
copy_environment(void)
{
	size_t count = 0;
	char **copy;

	while (environ != NULL && environ[count] != NULL)
		count++;
	copy = calloc(count + 1, sizeof(*copy));
	for (size_t i = 0; copy != NULL && i < count; i++)
		copy[i] = environ[i];
	return copy;
}

static int
become(void *ctx, char *const *command)
{
	const struct inherited *inherited = ctx;
	char **ours = environ;
	int failed;

	for (size_t i = 0; i < TIDE_COUNT(signals); i++)
		(void)sigaction(signals[i], &inherited->action[i], NULL);
	if (inherited->environment != NULL)
		environ = inherited->environment;
	(void)execvp(command[0], command);
	failed = errno;
	environ = ours;
	/* There is an error to print. */
	(void)signal(SIGPIPE, SIG_IGN);
	return failed;
}

int
main(int argc, char **argv)
{
	struct inherited inherited = { .environment = copy_environment() };
	const struct tide_process process = { &inherited, environment, set, become };
	int status;

	for (size_t i = 0; i < TIDE_COUNT(signals); i++)
		(void)sigaction(signals[i], NULL, &inherited.action[i]);
	/* A reader that goes away (`| head`) must not end a run: writes then fail, and that is all. */
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGINT, leave);
	(void)signal(SIGTERM, leave);
	status = tide_cli_main(argc, argv, &process);
	free(inherited.environment);
	return status;
}
