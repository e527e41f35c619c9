#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/context/cli.h"

static const char *
environment(void *ctx, const char *name)
{
	(void)ctx;
	return getenv(name);
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

int
main(int argc, char **argv)
{
	/* A reader that goes away (`| head`) must not end a run: writes then fail, and that is all. */
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGINT, leave);
	(void)signal(SIGTERM, leave);
	return tide_cli_main(argc, argv, environment, NULL);
}
