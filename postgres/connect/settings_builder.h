#ifndef TIDE_SETTINGS_H
#define TIDE_SETTINGS_H

#include <stdbool.h>

#include <libpq-fe.h>

#include "tidemark/postgres/url.h"

/** The list while it is made: which keywords libpq has, and what is set so far. All belongs to ctx. */
struct tide_making {
	void *ctx;
	const PQconninfoOption *known; /* ends with keyword NULL */
	struct tide_settings out;
};

const PQconninfoOption *tide_making_keyword(const struct tide_making *making, const char *keyword);
/** NULL when not set. */
const struct tide_setting *tide_making_find(const struct tide_making *making, const char *keyword);
/** Sets, or replaces what is set. An empty value is as none. */
void tide_making_put(struct tide_making *making, const char *keyword, const char *value, const char *origin);
void tide_making_remove(struct tide_making *making, const char *keyword);
void tide_making_warn(struct tide_making *making, const char *fmt, ...) TIDE_PRINTF(2, 3);

#endif
