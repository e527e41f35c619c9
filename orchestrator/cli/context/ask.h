#ifndef TIDE_CLI_ASK_H
#define TIDE_CLI_ASK_H

#include "cli.h"

/** A statement for a server that may not be up yet. */
struct tide_cli_question {
	const char *application_name;
	bool bare; /* over tide_conn_open_bare */
	const char *sql;
	size_t count;
	const char *const *value;
};

/**
 * Connects when `conn` is not open, and asks; *answer is the one value, a text that belongs to ctx. False without *expired: err says why.
 * *expired: there was no answer within `left` microseconds, and the connection is closed.
 */
bool tide_cli_ask(struct tide_cli *cli, struct tide_conn *conn, const struct tide_cli_question *question,
    int64_t left, void *ctx, char **answer, bool *expired, struct tide_err *err) TIDE_CHECKED;

/** How long a server is waited for, in microseconds: the pause between two tries doubles from `pause` to `most`. */
struct tide_cli_patience {
	int64_t timeout, pause, most;
	/** Told once, when the first try has failed. */
	void (*tell)(struct tide_cli *cli, const char *message);
};

/**
 * The same, but a server that does not answer is asked again: what it refuses, such as a wrong password, is an error at once. *tries, which may be
 * NULL: how many it took.
 */
bool tide_cli_ask_until(struct tide_cli *cli, struct tide_conn *conn,
    const struct tide_cli_question *question, const struct tide_cli_patience *patience, void *ctx,
    char **answer, int *tries, struct tide_err *err) TIDE_CHECKED;

#endif
