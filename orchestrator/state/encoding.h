#ifndef TIDE_ENCODING_H
#define TIDE_ENCODING_H

#include <stddef.h>

#include "tidemark/base/err.h"
#include "tidemark/plans/plan.h"

struct tide_conn;

/** A text of the command line that a run stores; `text` may be NULL. */
struct tide_said {
	const char *option, *text;
};

/**
 * Whether the database has each character of the plan, comments included: a run stores the file. False with the place of the
 * first that it has not. Ask before anything else of the plan is sent.
 */
bool
tide_encoding_check(struct tide_conn *conn, const struct tide_plan *plan, struct tide_err *err) TIDE_CHECKED;
/** The same of what the command line says. */
bool tide_encoding_check_said(
    struct tide_conn *conn, const struct tide_said *said, size_t count, struct tide_err *err) TIDE_CHECKED;

#endif
