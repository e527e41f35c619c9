#include "requests.h"

#include <talloc.h>

void
tide_requests_signal(struct tide_requests *requests, int signo)
{
	requests->signo = signo;
	requests->signals++;
}

void
tide_requests_want(struct tide_requests *requests, void *ctx, enum tide_wanted wanted, const char *by)
{
	requests->pause = wanted == TIDE_WANT_PAUSE;
	requests->yield = wanted == TIDE_WANT_YIELD;
	talloc_free(requests->by);
	requests->by = talloc_strdup(ctx, by);
}

void
tide_requests_set_broken(struct tide_requests *requests, bool broken)
{
	requests->broken = broken;
}
