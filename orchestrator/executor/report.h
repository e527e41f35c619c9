#ifndef TIDE_REPORT_H
#define TIDE_REPORT_H

#include "tidemark/orchestrator/observer.h"

/** What is told about the current work: to the observer, and to `status` with each heartbeat. */
struct tide_report {
	const struct tide_observer *observer; /* NULL: nobody */
	const char *phase;                    /* name of the current phase; NULL none */
	long ordinal;                         /* its index; -1 none */
	bool begun;                           /* the current phase is past its gate */
	int rests;                            /* how many reasons there are why nobody works on it now */
	char *reason; /* why the run waits; "" it does not; NULL not yet said. Belongs to the executor */
	struct tide_progress progress; /* of the sweep under way; blocks_total 0 when none */
};

#endif
