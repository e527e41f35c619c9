#ifndef TIDE_ADOPT_CHECK_H
#define TIDE_ADOPT_CHECK_H

#include "tidemark/orchestrator/adopt.h"
#include "tidemark/plans/plan.h"

/**
 * Compares a table with what a run has made, by definition: the statements that the run has executed are run again on an empty copy of the
 * table, in a transaction that is rolled back, and the server prints both. Fills out->item and out->count. `table`: its OID and
 * quoted, qualified name. Awaits.
 */
bool tide_adopt_check(void *ctx, struct tide_conn *conn, const struct tide_plan *plan, int64_t run,
    int64_t table, const char *name, struct tide_adoption *out, struct tide_err *err) TIDE_CHECKED;

#endif
