#ifndef TIDE_REVIEW_INPUT_H
#define TIDE_REVIEW_INPUT_H

#include "cli/context/cli.h"
#include "tidemark/catalog/catalog.h"
#include "tidemark/plans/findings.h"
#include "tidemark/phases/step.h"

/** A plan against the live database, for the review and for lint. */
struct tide_review_input {
	const struct tide_plan *plan;
	struct tide_catalog *cat;  /* as it is now */
	struct tide_steps **steps; /* of each phase; NULL from the first that cannot be compiled */
	struct tide_findings *findings;
	struct tide_run_status run;
	bool state; /* schema tidemark is there */
};

/** Reads the catalog as the plan needs it. Belongs to ctx. */
bool tide_review_catalog(void *ctx, struct tide_conn *conn, const struct tide_plan *plan,
    struct tide_catalog **out, struct tide_err *err) TIDE_CHECKED;
/**
 * Reads and compiles all of it. What the plan does wrong becomes a finding; false only when the database cannot be read.
 */
bool tide_review_load(void *ctx, struct tide_cli *cli, const struct tide_plan *plan,
    struct tide_review_input **out, struct tide_err *err) TIDE_CHECKED;
/** Privileges, old transactions, invalid indexes, wraparound, dropped columns, standby. */
bool tide_review_preflight(
    struct tide_cli *cli, struct tide_review_input *input, struct tide_err *err) TIDE_CHECKED;

/** How a plan file differs from the plan that a run has. */
enum tide_file_fit {
	TIDE_FILE_SAME,
	TIDE_FILE_LONGER, /* phases were added at its end: `tidemark run` takes them over */
	TIDE_FILE_OTHER
};
/** The run is complete, and the plan is recurring: what is run next is a run of its own. */
bool tide_review_comes_back(const struct tide_run_status *run, const struct tide_plan *plan);
enum tide_file_fit tide_review_fit(const struct tide_run_status *run, const struct tide_plan *plan);

#endif
