#ifndef TIDE_OBSERVERS_H
#define TIDE_OBSERVERS_H

#include <stddef.h>

#include "tidemark/orchestrator/observer.h"

#define TIDE_OBSERVERS 8

/** Those who are told what happens, in the order in which they were added. */
struct tide_observers {
	struct tide_observer item[TIDE_OBSERVERS];
	size_t count;
};

/** At most TIDE_OBSERVERS; what `observer` points to must live as long as the list is used. */
void tide_observers_add(struct tide_observers *list, struct tide_observer observer);
/** One observer that tells them all. The list must outlive it, and may grow meanwhile. */
struct tide_observer tide_observers_all(struct tide_observers *list);

#endif
