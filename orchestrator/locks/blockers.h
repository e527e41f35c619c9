#ifndef TIDE_BLOCKERS_H
#define TIDE_BLOCKERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tidemark/postgres/rows.h"

/** A session that holds a conflicting lock. Texts belong to the list; query is masked. */
struct tide_blocker {
	int pid;
	const char *user, *application, *state, *query, *gid;
	double age; /* seconds of its transaction; -1 unknown */
	bool vacuum;
};
struct tide_blockers {
	struct tide_blocker *item;
	size_t count;
	int64_t behind; /* sessions that wait for our backend */
};

/** From the rows of blockers.sql or holders.sql. */
void tide_blockers_read(void *ctx, const struct tide_rows *rows, struct tide_blockers *out);
/** "pid 4711 (app 'web', user 'shop', idle in transaction for 3.2 s): UPDATE …"; several by "; ". "" when none. Belongs to ctx. */
char *tide_blockers_text(void *ctx, const struct tide_blockers *blockers);

#endif
