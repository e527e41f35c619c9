#ifndef TIDE_REQUESTS_H
#define TIDE_REQUESTS_H

#include <stdbool.h>

#include "tidemark/orchestrator/words.h"

/** What the executor has been asked to do. Read anywhere; written by these functions only. */
struct tide_requests {
	int signo;   /* SIGINT or SIGTERM; 0 none */
	int signals; /* how many have come */
	bool pause;  /* wait at the next safe point */
	bool yield;  /* release the run at the next safe point */
	char *by;    /* who wants it; belongs to the executor. NULL: nobody, or unknown */
	bool broken; /* a connection broke: connect again */
};

/** SIGINT or SIGTERM has come. */
void tide_requests_signal(struct tide_requests *requests, int signo);
/** What the run's row wants. by may be NULL; it is copied to ctx. */
void tide_requests_want(struct tide_requests *requests, void *ctx, enum tide_wanted wanted, const char *by);
void tide_requests_set_broken(struct tide_requests *requests, bool broken);

#endif
