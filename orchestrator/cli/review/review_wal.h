#ifndef TIDE_REVIEW_WAL_H
#define TIDE_REVIEW_WAL_H

#include "tidemark/catalog/catalog.h"
#include "tidemark/phases/step.h"

/**
 * An estimate of the bytes that an action writes into the WAL; -1: it is no sweep that writes, or nothing is known. Measured on
 * pgbench's table: within a tenth, with and without compressed page images.
 */
int64_t tide_review_wal(const struct tide_action *action, const struct tide_catalog *cat);

/** Rows of the review. Belong to ctx; NULL: there is nothing to say. */
char *tide_review_wal_text(void *ctx, const struct tide_action *action, const struct tide_catalog *cat);
char *tide_review_wal_segments(void *ctx, const struct tide_action *action, const struct tide_catalog *cat);
char *tide_review_wal_grant(void *ctx, const struct tide_action *action, const struct tide_catalog *cat);

#endif
