#ifndef TIDE_ZONES_H
#define TIDE_ZONES_H

#include "tidemark/base/err.h"
#include "tidemark/plans/findings.h"
#include "tidemark/plans/plan.h"

struct tide_conn;

/** Time zones of the gates' windows that the server does not know become findings; false when it cannot be asked. */
bool tide_zones_check(struct tide_conn *conn, const struct tide_plan *plan, struct tide_findings *out,
    struct tide_err *err) TIDE_CHECKED;

/** The same of one window, outside a plan: TIDE_USAGE when the server does not know its zone. */
bool tide_zone_check(struct tide_conn *conn, const char *window, struct tide_err *err) TIDE_CHECKED;

#endif
