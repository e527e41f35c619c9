#ifndef TIDE_ADOPT_H
#define TIDE_ADOPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tidemark/postgres/conn.h"
#include "tidemark/base/err.h"
#include "tidemark/plans/fields.h"

/** Who adopts and why. Only `by` is never NULL. */
struct tide_adopter {
	const char *by, *reason, *ticket, *note;
};

/** Something of the run that is not on this table as the run has made it. */
struct tide_difference {
	const char *kind, *name; /* kind: column, function, trigger, constraint, index */
	const char *table;       /* the table, or the partition */
	const char *problem;     /* missing, different, unexpected, disabled, invalid … */
	const char *text;        /* all of it as a sentence */
	const char *fix;         /* what to do */
};

/** What came of it. Texts belong to the caller's context. */
struct tide_adoption {
	bool adopted;              /* false: there was nothing to adopt, or it was refused */
	const char *place;         /* tide_home_name: which case it was */
	const char *reason;        /* why there was nothing to adopt, or which case it was; a sentence */
	const char *table;         /* quoted, qualified; or NULL */
	const char *before, *here; /* identities: "cluster/database" */
	int64_t fence;             /* the new one */
	int64_t sweeps;            /* how many start over */
	struct tide_difference *item;
	size_t count;
	struct tide_names not_compared; /* what nobody has looked at, each as a sentence without its point */
};

/**
 * Makes the latest run of `plan` this database's own, when it was copied here or its table was restored, and everything that it has
 * made is there as it made it. TIDE_PRECONDITION with out->item when something differs, or when there is nothing that could be adopted;
 * TIDE_LEASE when an executor works on it. Nothing is changed then. Awaits.
 */
bool tide_adopt(void *ctx, struct tide_conn *conn, const char *plan, const struct tide_adopter *who,
    struct tide_adoption *out, struct tide_err *err) TIDE_CHECKED;

#endif
