#include "options.h"

#include "tidemark/plans/plan.h"

#define ON(verb) (1u << TIDE_VERB_##verb)
#define ALL (~0u)
#define EXECUTE (ON(RUN) | ON(ADVANCE) | ON(ROLLBACK))
#define ASK (ON(PAUSE) | ON(RESUME) | ON(SET))
#define DECIDE (ON(ADVANCE) | ON(ROLLBACK) | ON(ADOPT))
#define CONNECT                                                                                              \
	(EXECUTE | ASK | ON(ADOPT) | ON(LINT) | ON(PLAN) | ON(STATUS) | ON(HISTORY) | ON(VERIFY) |           \
	    ON(LOCKS) | ON(WAIT) | ON(ENSURE) | ON(CONFIG))

/* Name, value's name for display (NULL: none), type, member, verbs, help; then what else there is, by name. */
#define OPTION(text, value, kind, member, on, ...)                                                           \
	{                                                                                                    \
		.name = text, .argument = value, .type = TIDE_OPTION_##kind,                                 \
		.offset = offsetof(struct tide_options, member), .verbs = on, .help = __VA_ARGS__            \
	}

static const char *const colors[] = { "auto", "always", "never", NULL };
static const char *const log_formats[] = { "text", "json", NULL };
static const char *const lint_formats[] = { "human", "json", "gcc", "github", NULL };
static const char *const if_locked[] = { "fail", "wait", "skip", NULL };

/* Microseconds, for min and max. */
#define MS INT64_C(1000)
#define SECOND INT64_C(1000000)
#define DAY (86400 * SECOND)

/* First those that say where to connect: tide_help_connects. */
const struct tide_option tide_option_table[] = {
	OPTION("dsn", "CONNSTR", TEXT, dsn, CONNECT,
	    "where to connect: a URL as applications write it, or a libpq connection string",
	    .env = "TIDEMARK_DATABASE_URL"),
	OPTION("url", "URL", TEXT, dsn, CONNECT, "the same as --dsn"),
	OPTION("host", "HOST", TEXT, host, CONNECT, "server's host name or socket directory"),
	OPTION("port", "PORT", TEXT, port, CONNECT, "server's port", .letter = 'p'),
	OPTION("dbname", "NAME", TEXT, dbname, CONNECT,
	    "database; as for psql it may be a URL or a connection string", .letter = 'd'),
	OPTION("user", "NAME", TEXT, user, CONNECT, "role to connect as", .letter = 'U'),
	OPTION("env-file", "PATH", LIST, env_files, CONNECT,
	    "file with NAME=VALUE lines, as for docker run; variables that are set already win"),

	OPTION("to", "PHASE", TEXT, to, EXECUTE | ON(ENSURE),
	    "stop after this phase (name or number); for rollback: go back to the end of it"),
	OPTION("strict", NULL, FLAG, strict, ON(ENSURE),
	    "exit with the status of a plan that is not done, instead of starting CMD"),
	OPTION("budget", "DURATION", DURATION, budget, EXECUTE | ON(ENSURE),
	    "stop at a clean checkpoint after this long", .env = "TIDEMARK_BUDGET", .min = MS,
	    .max = 3650 * DAY),
	OPTION("if-locked", "WHAT", CHOICE, if_locked, EXECUTE,
	    "when another executor holds the run: fail (exit 8), wait for it, or skip (exit 0)",
	    .env = "TIDEMARK_IF_LOCKED", .fallback = "fail", .choices = if_locked),
	OPTION("again", NULL, FLAG, again, ON(RUN), "start a plan again that was rolled back completely"),
	OPTION("wait", NULL, FLAG, wait, ON(RUN) | ON(ADVANCE),
	    "outside the time window of a phase: wait until it opens, instead of stopping at a clean checkpoint"),
	OPTION("now", NULL, FLAG, now, ON(ADVANCE),
	    "also waive what is left of a soak or a hold; needs --reason; journaled"),
	OPTION("no-run", NULL, FLAG, no_run, ON(ADVANCE), "only open the gate, do not continue"),
	OPTION("yes", NULL, FLAG, yes, ON(ROLLBACK), "accept the loss that rollback has named"),
	OPTION("accept-loss", NULL, FLAG, accept_loss, ON(ROLLBACK),
	    "leave phases that rows make impossible to roll back, roll back the rest; journaled"),
	OPTION("reason", "TEXT", TEXT, reason, DECIDE | ASK, "why; kept in the journal"),
	OPTION("by", "WHO", TEXT, by, EXECUTE | ON(ADOPT) | ASK,
	    "who decides; default: user@host of this machine", .env = "TIDEMARK_BY"),
	OPTION("expire", "DURATION", DURATION, expire, ON(SET), "what is set ends after this long",
	    .min = SECOND, .max = 3650 * DAY),
	OPTION("ticket", "ID", TEXT, ticket, DECIDE, "ticket; kept in the journal"),
	OPTION("note", "TEXT", TEXT, note, DECIDE, "free text; kept in the journal"),
	OPTION("workers", "N", INTEGER, workers, EXECUTE | ON(ENSURE) | ON(PLAN) | ON(VERIFY),
	    "sweep workers, overrides the plan's limits.workers", .env = "TIDEMARK_WORKERS", .min = 1,
	    .max = 64),
	OPTION("impact", "HOW", CHOICE, impact, EXECUTE | ON(ENSURE) | ON(PLAN),
	    "how much of a sweep the application may feel: gentle, balanced or fast; overrides the plan's "
	    "limits.impact",
	    .env = "TIDEMARK_IMPACT", .choices = tide_impact_words),
	OPTION("lock-timeout", "DURATION", DURATION, lock_timeout, EXECUTE | ON(ENSURE) | ON(PLAN),
	    "longest wait of one lock request, overrides the plan's limits.lock_timeout",
	    .env = "TIDEMARK_LOCK_TIMEOUT", .min = MS, .max = 60 * SECOND),
	OPTION("batch-duration", "DURATION", DURATION, batch_duration, EXECUTE | ON(ENSURE) | ON(PLAN),
	    "target for one batch, overrides the plan's limits.batch_duration",
	    .env = "TIDEMARK_BATCH_DURATION", .min = MS, .max = 10 * SECOND),

	OPTION("metrics-file", "PATH", TEXT, metrics_file, EXECUTE,
	    "keep metrics of the run in this file, for Prometheus' textfile collector",
	    .env = "TIDEMARK_METRICS_FILE"),

	OPTION("hook", "PATH", TEXT, hook, EXECUTE | ON(ENSURE),
	    "program that is called for events, or a folder of programs called as the events are",
	    .env = "TIDEMARK_HOOK"),
	OPTION("hook-timeout", "DURATION", DURATION, hook_timeout, EXECUTE | ON(ENSURE),
	    "a hook that runs longer is killed", .env = "TIDEMARK_HOOK_TIMEOUT", .fallback = "30s",
	    .min = 100 * MS, .max = DAY),

	OPTION("sql", NULL, FLAG, sql, ON(PLAN), "print only SQL, for psql -v ON_ERROR_STOP=1 -f"),
	OPTION("rollback", NULL, FLAG, rollback, ON(PLAN), "show the rollback instead"),
	OPTION("format", "FORMAT", CHOICE, format, ON(LINT), "how findings are printed",
	    .env = "TIDEMARK_LINT_FORMAT", .fallback = "human", .choices = lint_formats),
	OPTION("db", NULL, FLAG, db, ON(LINT),
	    "check against the database as well; the same as giving a connection flag"),
	OPTION("watch", NULL, FLAG, watch, ON(STATUS),
	    "refresh each second until the run ends; on a terminal, keys pause, resume, and change the workers"),
	OPTION("wait-for", "PHASE|complete", TEXT, wait_for, ON(STATUS),
	    "wait until this phase, or the plan, is done; a failed or rolled back run ends the wait (exit "
	    "4)"),
	OPTION("timeout", "DURATION", DURATION, timeout, ON(STATUS) | ON(WAIT) | ON(ENSURE),
	    "give up after this long (wait, ensure: on the database, default 60s; status: default never)",
	    .min = MS, .max = 3650 * DAY),
	OPTION("interval", "DURATION", DURATION, interval, ON(STATUS) | ON(WAIT), "time between two queries",
	    .fallback = "1s", .min = 10 * MS, .max = DAY),
	OPTION("exit-code", NULL, FLAG, exit_code, EXECUTE | ON(STATUS),
	    "exit 10 when work is pending, 11 at a gate, 12 when paused, 13 when the time budget is used up "
	    "or the time window is closed; else 0"),

	OPTION("table", "TABLE", TEXT, table, ON(NEW), "table, as in SQL; the same as the second argument"),
	OPTION("from", "COLUMN", TEXT, from, ON(NEW), "existing column; the same as the third argument"),
	OPTION("column", "COLUMN", TEXT, from, ON(NEW), "the same as --from"),
	OPTION("to", "NAME", TEXT, to, ON(NEW), "name of the new column; the same as the fourth argument"),
	OPTION("type", "TYPE", TEXT, type, ON(NEW), "SQL type of the new column"),
	OPTION(
	    "name", "NAME", TEXT, name, ON(NEW), "name of the plan; made from table and columns by default"),

	OPTION("json", NULL, FLAG, json, ALL, "one JSON object on standard output; for run one per event"),
	OPTION("quiet", NULL, FLAG, quiet, ALL, "no progress and no notes, only results, warnings and errors",
	    .letter = 'q'),
	OPTION("verbose", NULL, FLAG, verbose, ALL, "say more: every step as it starts, every skipped one",
	    .letter = 'v'),
	OPTION("color", "WHEN", CHOICE, color, ALL, "auto: only on a terminal, and not with NO_COLOR",
	    .env = "TIDEMARK_COLOR", .fallback = "auto", .choices = colors),
	OPTION("log-format", "FORMAT", CHOICE, log_format, ALL,
	    "form of log lines on standard error; default: text, with a redrawn line on a terminal",
	    .env = "TIDEMARK_LOG_FORMAT", .choices = log_formats),
	OPTION("help", NULL, FLAG, help, ALL, "show help", .letter = 'h'),
	OPTION("version", NULL, FLAG, version, ALL, "show the version"),
	OPTION("man", NULL, FLAG, man, ON(HELP), "print the manual page", .hidden = true),
	OPTION("markdown", NULL, FLAG, markdown, ON(HELP), "print the reference for docs/cli.md",
	    .hidden = true),
	{ .name = NULL },
};
