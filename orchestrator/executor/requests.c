#include "requests.h"

#include <string.h>
#include <talloc.h>

void
tide_requests_signal(struct tide_requests *requests, int signo)
{
	requests->signo = signo;
	requests->signals++;
}

void
tide_requests_want(struct tide_requests *requests, void *ctx, const char *wanted, const char *by)
{
	requests->pause = strcmp(wanted, "pause") == 0;
	requests->yield = strcmp(wanted, "yield") == 0;
	talloc_free(requests->by);
	requests->by = talloc_strdup(ctx, by);
}

void
tide_requests_set_broken(struct tide_requests *requests, bool broken)
{
	requests->broken = broken;
}
