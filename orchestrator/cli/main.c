#include <signal.h>
#include <stdlib.h>

#include "cli.h"

static const char *
environment(void *ctx, const char *name)
{
	(void)ctx;
	return getenv(name);
}

int
main(int argc, char **argv)
{
	/* A reader that goes away (`| head`) must not end a run: writes then fail, and that is all. */
	(void)signal(SIGPIPE, SIG_IGN);
	return tide_cli_main(argc, argv, environment, NULL);
}
