#ifndef TIDE_NOTICES_H
#define TIDE_NOTICES_H

#include "tidemark/postgres/conn.h"

struct pg_result;

/**
 * Messages of the server, kept until it is safe to call back: libpq hands them over in the middle of its own
 * work, when the connection must not be touched.
 */
struct tide_notice {
	struct tide_notice *next;
	char severity[16], sqlstate[6];
	char *message;
};

struct tide_notices {
	struct tide_notice *first, **last;
	size_t count;
};

/** Adds a WARNING or worse (redacted); anything less, or too much at once, is left out. Belongs to ctx. */
void tide_notices_add(void *ctx, struct tide_notices *notices, const struct pg_result *result);
/** The oldest, which the caller frees; NULL when there is none. */
struct tide_notice *tide_notices_shift(struct tide_notices *notices);

#endif
