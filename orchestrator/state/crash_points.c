#include "crash_points.h"

#ifdef TIDEMARK_CRASH_POINTS

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
log_point(const char *name)
{
	const char *path = getenv("TIDEMARK_CRASH_LOG");
	FILE *out;

	if (path == NULL)
		return;
	out = fopen(path, "a");
	if (out == NULL)
		return;
	fprintf(out, "%s\n", name);
	fclose(out);
}

void
tide_crash_point(const char *name)
{
	static unsigned long hits; /* test builds only: the one process-wide count */
	const char *wanted = getenv("TIDEMARK_CRASH_AT");
	const char *action = getenv("TIDEMARK_CRASH_ACTION");
	const char *hash;
	size_t length;
	unsigned long nth = 1;

	log_point(name);
	if (wanted == NULL)
		return;
	hash = strchr(wanted, '#');
	length = hash != NULL ? (size_t)(hash - wanted) : strlen(wanted);
	if (hash != NULL)
		nth = strtoul(hash + 1, NULL, 10);
	if (!(length == 1 && wanted[0] == '*') &&
	    (strlen(name) != length || strncmp(wanted, name, length) != 0))
		return;
	if (++hits != nth)
		return;
	raise(action != NULL && strcmp(action, "stop") == 0 ? SIGSTOP : SIGKILL);
}

#else
/* ISO C wants a translation unit to declare something. */
typedef int tide_crash_points_are_compiled_out;
#endif
