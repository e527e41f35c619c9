#ifndef TIDE_RENDER_H
#define TIDE_RENDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tidemark/orchestrator/adopt.h"
#include "tidemark/orchestrator/compare.h"
#include "tidemark/orchestrator/observer.h"
#include "tidemark/orchestrator/run.h"
#include "tidemark/orchestrator/store.h"
#include "tidemark/plans/findings.h"
#include "tidemark/plans/plan.h"

struct tide_cli;
struct tide_review_input;

/** A plan file and its run, as `status` shows them. */
struct tide_status_view {
	const struct tide_run_status *status; /* found false: it has not been started */
	const char *name;                     /* of the plan */
	const char *next;                     /* what to type, or NULL */
	bool is_file;                         /* the plan was named by its file, which … */
	bool changed, longer; /* … is another one than the run's, or has more phases at its end */
};

/** A plan that was checked. plan NULL: it could not be read. */
struct tide_checked_plan {
	const char *path;
	const struct tide_plan *plan;
	const struct tide_findings *findings;
};

/** A setting, as `config` shows it. value may be NULL. */
struct tide_shown_setting {
	const char *name, *value, *origin;
};

/** What came of pause or resume. */
struct tide_control_view {
	const char *name, *next;
	enum tide_wanted wanted;
	const struct tide_run_status *status;
};

/** What is set for a run, and whether this command has changed it. */
struct tide_steering_view {
	const char *name, *next;
	bool changed;
	const struct tide_run_status *status;
};

/**
 * An output format: how everything that a verb has to say is printed to cli->out and cli->err. Adding one is one file in
 * cli/render and a row in render.c.
 */
struct tide_render {
	const char *name;
	bool machine; /* read by programs: nothing is drawn over, nothing is said twice on standard error */
	/** An error that ends the program. next: see struct tide_cli. */
	void (*error)(struct tide_cli *cli, const struct tide_err *err);
	/** True when it has printed the error of a run itself. Of the outcome counts the run, and what to type next. */
	bool (*failure)(struct tide_cli *cli, const struct tide_plan *plan, const struct tide_err *err,
	    const struct tide_outcome *outcome, int64_t took);
	void (*outcome)(struct tide_cli *cli, const struct tide_plan *plan,
	    const struct tide_outcome *outcome, int64_t took);
	/** Who is told what happens in a run, besides the log; NULL: nobody. Belongs to cli. */
	struct tide_observer (*observer)(struct tide_cli *cli);
	/** Findings that keep a run from beginning. */
	void (*refused)(struct tide_cli *cli, const char *path, const struct tide_findings *findings);

	void (*lint)(struct tide_cli *cli, const struct tide_checked_plan *plan, size_t count);
	void (*review)(
	    struct tide_cli *cli, const struct tide_review_input *input, const char *as, bool back);
	void (*status)(struct tide_cli *cli, const struct tide_status_view *view);
	void (*status_list)(struct tide_cli *cli, const struct tide_status_list *list);
	void (*history)(
	    struct tide_cli *cli, const struct tide_run_status *status, const struct tide_journal_rows *rows);
	void (*locks)(struct tide_cli *cli, const struct tide_plan *plan, const struct tide_lock_rows *locks);
	void (*differences)(
	    struct tide_cli *cli, const struct tide_plan *plan, const struct tide_differences *found);
	void (*control)(struct tide_cli *cli, const struct tide_control_view *view);
	void (*steering)(struct tide_cli *cli, const struct tide_steering_view *view);
	/** err NULL: it was no failure. True when it has printed err itself. */
	bool (*adoption)(struct tide_cli *cli, const char *plan, const struct tide_adoption *adoption,
	    const char *next, const struct tide_err *err);
	void (*answers)(struct tide_cli *cli, int tries, int64_t took);
	void (*settings)(struct tide_cli *cli, const struct tide_shown_setting *setting, size_t count);
	void (*template)(struct tide_cli *cli, const char *kind, const char *text);
	void (*version)(struct tide_cli *cli);
};

/** The one that the options ask for. */
const struct tide_render *tide_render_for(const struct tide_cli *cli);

#endif
