#ifndef TIDE_CLI_H
#define TIDE_CLI_H

#include <stdbool.h>

#include "cli/options/options.h"
#include "cli/output/output.h"
#include "tidemark/postgres/conn.h"
#include "tidemark/base/err.h"
#include "tidemark/plans/plan.h"
#include "tidemark/orchestrator/store.h"
#include "tidemark/postgres/url.h"

struct ev_loop;
struct tide_render;

/** What only main() may touch of the process. */
struct tide_process {
	void *ctx;
	tide_getenv *getenv_fn;
	/** Sets a variable that is not set, for libraries; a command does not get it. */
	void (*setenv_fn)(void *ctx, const char *name, const char *value);
	/** Becomes `command`, as the process was started: its environment, its signals. Returns errno when that is not possible. */
	int (*become)(void *ctx, char *const *command);
};

/** One invocation. A talloc context of its own: everything a verb makes may be allocated on it. */
struct tide_cli {
	struct tide_options options;
	struct tide_stream out, err;
	const struct tide_render *render; /* how what there is to say is printed */
	tide_getenv *getenv_fn;
	void *getenv_ctx;
	struct ev_loop *loop;
	struct tide_settings settings; /* after tide_cli_resolve */
	struct tide_dsn dsn;
	bool resolved;
	struct tide_conn *conn; /* after tide_cli_connect */
	const char *input;      /* standard input, once a plan was read from it */
	size_t input_size;
	bool said_error;       /* the verb has printed the error itself */
	const char *next;      /* what to type after the error; or NULL */
	enum tide_code status; /* exit status when the verb ends well */
	char *const *command;  /* what the process is to become then, or NULL */
};

/** The whole program: parses, does the verb, prints what went wrong; returns the exit status. */
int tide_cli_main(int argc, char *const *argv, const struct tide_process *process);

/** Where to connect; warns about what was dropped. Once. */
bool tide_cli_resolve(struct tide_cli *cli, struct tide_err *err) TIDE_CHECKED;
/** Connects to read, saying so meanwhile on a terminal. Once. */
bool tide_cli_connect(struct tide_cli *cli, struct tide_err *err) TIDE_CHECKED;
/** Closes the connection before an executor opens its own. */
void tide_cli_disconnect(struct tide_cli *cli);
/** "host:port/dbname" for display. Belongs to cli. */
char *tide_cli_target(struct tide_cli *cli);
/** --timeout of what waits for the database; 60 s by default. */
int64_t tide_cli_timeout(const struct tide_cli *cli);
/** Runs the loop for a while. */
void tide_cli_sleep(struct tide_cli *cli, int64_t us);

/** PLAN that is read from standard input. */
#define TIDE_STDIN "-"
/** How a plan is named in a command to type when it has a run: as the user did, but not by an input that is gone. */
const char *tide_cli_as(const char *as, const char *name);
/** Whether PLAN is a file: is standard input, has a '/', ends in .toml, or exists. Else it is the name of a stored plan. */
bool tide_cli_is_file(const char *plan);
/** Reads PLAN, from its file or from the database, and puts the limits of flags and environment over its own. */
bool tide_cli_plan(
    struct tide_cli *cli, const char *plan, struct tide_plan **out, struct tide_err *err) TIDE_CHECKED;
/** The plan that a run was begun with, from its text; limits as above. */
bool tide_cli_stored_plan(struct tide_cli *cli, const char *name, const char *text, struct tide_plan **out,
    struct tide_err *err) TIDE_CHECKED;
/** Only its name, for verbs that read the state. */
bool tide_cli_plan_name(
    struct tide_cli *cli, const char *plan, const char **name, struct tide_err *err) TIDE_CHECKED;
/** TIDE_PRECONDITION, with the nearest of the plans that the database knows. */
bool tide_cli_no_run(struct tide_cli *cli, const char *plan, struct tide_err *err);

/** --by, or user@host. Belongs to cli. */
const char *tide_cli_by(struct tide_cli *cli);

/** The next command of a run that was read: see next.h. `as` is how the user named the plan. Belongs to ctx. */
char *tide_cli_next(void *ctx, const struct tide_run_status *status, const char *as);

#endif
