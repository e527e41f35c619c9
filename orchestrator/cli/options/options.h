#ifndef TIDE_OPTIONS_H
#define TIDE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "environment.h"
#include "tidemark/base/err.h"
#include "tidemark/postgres/url.h"

/** In the order of help; each has a row in tide_verb_table. */
enum tide_verb_id {
	TIDE_VERB_NEW,
	TIDE_VERB_LINT,
	TIDE_VERB_PLAN,
	TIDE_VERB_RUN,
	TIDE_VERB_ADVANCE,
	TIDE_VERB_ROLLBACK,
	TIDE_VERB_ADOPT,
	TIDE_VERB_PAUSE,
	TIDE_VERB_RESUME,
	TIDE_VERB_SET,
	TIDE_VERB_STATUS,
	TIDE_VERB_HISTORY,
	TIDE_VERB_VERIFY,
	TIDE_VERB_LOCKS,
	TIDE_VERB_WAIT,
	TIDE_VERB_ENSURE,
	TIDE_VERB_CONFIG,
	TIDE_VERB_VERSION,
	TIDE_VERB_HELP,
	TIDE_VERB_COMPLETION,
	TIDE_VERB_COUNT
};

enum tide_option_type {
	TIDE_OPTION_FLAG,
	TIDE_OPTION_TEXT,
	TIDE_OPTION_DURATION,
	TIDE_OPTION_INTEGER,
	TIDE_OPTION_CHOICE,
	TIDE_OPTION_LIST /* may be given several times: struct tide_option_list */
};

struct tide_option_list {
	const char **item;
	size_t count;
};

/** One row: parses, prints itself in help, man page, docs and completions. A row with name NULL ends the table. */
struct tide_option {
	const char *name;
	char letter;          /* 0: none */
	const char *argument; /* for display; NULL for a flag */
	enum tide_option_type type;
	size_t offset;  /* member of struct tide_options: bool, char *, int64_t, int64_t, char *, a list */
	unsigned verbs; /* bit per tide_verb_id */
	const char *help;
	const char *env;            /* environment variable that stands in, or NULL */
	const char *fallback;       /* default as text, parsed like user input; NULL: zero */
	const char *const *choices; /* CHOICE, ends with NULL */
	int64_t min, max;           /* INTEGER, DURATION (us); both 0: no limit */
	bool hidden;
};

/** More rows than this do not fit the record of where values came from; a test counts them. */
#define TIDE_OPTION_MAX 64

enum tide_origin { TIDE_ORIGIN_DEFAULT, TIDE_ORIGIN_ENVIRONMENT, TIDE_ORIGIN_FLAG };

/** A command line, read. Texts belong to the context it was parsed into. */
struct tide_options {
	enum tide_verb_id verb;
	char **operand;
	size_t operand_count;
	char *const *command; /* of `ensure`, after "--", ends with NULL; NULL none. The caller's argv */
	bool help, version, json, quiet, verbose, exit_code, again, wait, now, no_run, yes, accept_loss, sql,
	    rollback, db, watch, man, markdown, strict;
	char *dsn, *host, *port, *dbname, *user;
	char *color, *log_format, *to, *if_locked, *impact, *reason, *by, *ticket, *note, *format, *wait_for,
	    *metrics_file, *hook;
	char *table, *from, *type, *name;
	int64_t budget, hook_timeout, timeout, interval, workers, lock_timeout, batch_duration, expire;
	struct tide_option_list env_files;
	enum tide_origin origin[TIDE_OPTION_MAX]; /* by row of the table */
	struct tide_environment environment;      /* with what --env-file adds */
};

extern const struct tide_option tide_option_table[];

/**
 * Reads argv[1..]. Flags may stand before or after the verb, names are exact, `--` ends them. Without any
 * operand the verb is `help`. Unknown verbs and flags are TIDE_USAGE with "did you mean". On failure `out` still
 * says whether --json was asked for.
 */
bool tide_options_parse(void *ctx, int argc, char *const *argv, tide_getenv *getenv_fn, void *getenv_ctx,
    struct tide_options *out, struct tide_err *err) TIDE_CHECKED;

/** The row that `verb` knows by this name, or NULL. */
const struct tide_option *tide_option_find(const char *name, enum tide_verb_id verb);
/** Where the value of this option came from. */
enum tide_origin tide_option_origin(const struct tide_options *options, const struct tide_option *row);
/** Whether any of the connection flags was given. */
bool tide_options_connect(const struct tide_options *options);
/** Value of a row as text for display; NULL when it has none. Belongs to ctx. */
char *tide_option_show(void *ctx, const struct tide_options *options, const struct tide_option *row);

#endif
