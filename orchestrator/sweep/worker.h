#ifndef TIDE_WORKER_H
#define TIDE_WORKER_H

#include "sweep.h"

/** One worker, with a connection that is not open yet. Belongs to sweep->worker. */
struct tide_worker *tide_worker_new(struct tide_sweep *sweep);
struct tide_conn *tide_worker_conn(const struct tide_worker *worker);
/** What the worker sends next, when nothing of its is under way. */
void tide_worker_kick(struct tide_worker *worker);
/** Forgets segment and relation: the sweep begins anew. */
void tide_worker_release(struct tide_worker *worker);

#endif
