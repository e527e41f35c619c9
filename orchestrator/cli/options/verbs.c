#include "verbs.h"

#include <string.h>

#include "tidemark/base/names.h"

const char *const tide_shells[] = { "bash", "zsh", "fish", NULL };

const struct tide_verb tide_verb_table[TIDE_VERB_COUNT] = {
	[TIDE_VERB_NEW] = { "new", "KIND [TABLE [COLUMN [NAME]]]", TIDE_OPERAND_KIND, 1, 4,
	    "write a commented plan",
	    "Prints a plan with comments for one kind of change; send it to a file and edit it. "
	    "`tidemark help new` lists the kinds. Table and columns are given as arguments or with flags.",
	    tide_verb_new },
	[TIDE_VERB_LINT] = { "lint", "PLAN...", TIDE_OPERAND_PLAN, 1, 256, "check plans",
	    "Checks plans without a database. With --db, or any connection flag, it also checks each plan "
	    "against the live table and does the preflight: missing privileges with the exact GRANT, old "
	    "and prepared transactions, invalid indexes, age of transaction ids, dropped columns, standby "
	    "as target. Rule ids are stable. Exit 3 when there are errors.",
	    tide_verb_lint },
	[TIDE_VERB_PLAN] = { "plan", "PLAN", TIDE_OPERAND_PLAN, 1, 1, "review a plan before it runs",
	    "Shows every phase and step against the live database: SQL, lock and for how long, what is read "
	    "or written, an estimate of the time, what the undo costs, which application versions are "
	    "compatible. Changes nothing. --sql prints only SQL that psql can run; --rollback shows the "
	    "rollback instead.",
	    tide_verb_plan },
	[TIDE_VERB_RUN] = { "run", "PLAN", TIDE_OPERAND_PLAN, 1, 1, "continue to the next gate or to the end",
	    "Continues from where the run is: to the next closed gate, to --to, to the end of --budget, or "
	    "to the end. Running a finished plan again does nothing, unless it is recurring: then the next run begins. Ctrl-C stops at a clean checkpoint. "
	    "On a terminal, keys pause and resume it and change the workers.",
	    tide_verb_run },
	[TIDE_VERB_ADVANCE] = { "advance", "PLAN", TIDE_OPERAND_PLAN, 1, 1, "open the gate and continue",
	    "Opens the gate at which the run waits, writes who did it to the journal, and continues unless "
	    "--no-run. --now --reason also waives what is left of a soak or a hold.",
	    tide_verb_advance },
	[TIDE_VERB_ROLLBACK] = { "rollback", "PLAN", TIDE_OPERAND_PLAN, 1, 1, "undo phases, last first",
	    "Undoes what was done, last phase first, to the beginning or to the end of --to. Says what would "
	    "be lost before it starts, and then needs --yes.",
	    tide_verb_rollback },
	[TIDE_VERB_ADOPT] = { "adopt", "PLAN", TIDE_OPERAND_PLAN, 1, 1, "take over a run in a restored copy",
	    "In a database that was restored or copied in the middle of a plan, or whose table was restored: "
	    "checks that columns, triggers, functions, constraints and indexes are as the run has made them, "
	    "and makes the run this database's own. After that it can be continued or rolled back; sweeps "
	    "that were not finished start over, and only read rows that are filled. What differs is listed, "
	    "and then nothing is changed (exit 4).",
	    tide_verb_adopt },
	[TIDE_VERB_PAUSE] = { "pause", "PLAN", TIDE_OPERAND_PLAN, 1, 1, "pause a run, from any machine",
	    "Asks the executor, through the database, to pause after the batch under way. Dual writes "
	    "continue.",
	    tide_verb_pause },
	[TIDE_VERB_RESUME] = { "resume", "PLAN", TIDE_OPERAND_PLAN, 1, 1, "continue a paused run",
	    "Ends a pause. When no executor is waiting for that, `tidemark run` continues.",
	    tide_verb_resume },
	[TIDE_VERB_SET] = { "set", "PLAN [KEY=VALUE...]", TIDE_OPERAND_PLAN_KEYS, 1, 64,
	    "change limits of a run, from any machine, while it is worked on",
	    "Puts values over those of the plan, of flags and of the environment, through the database: the "
	    "executor takes them up within a second, and so does every one that comes after it. The values are "
	    "written and checked as in the plan. KEY= ends one, --expire ends it by itself, and the end of "
	    "the run ends all. Without a key it shows what is set. Everything is kept in the journal.",
	    tide_verb_set },
	[TIDE_VERB_STATUS] = { "status", "[PLAN]", TIDE_OPERAND_PLAN, 0, 1, "show the state of plans",
	    "Without PLAN: every plan of the database. With PLAN: its phases, what it waits for, progress, "
	    "who executes it, and what to type next. --wait-for makes a pipeline wait: exit 0 when it is "
	    "reached, 4 when the run failed or was rolled back, and after --timeout 11 at a gate, 12 when "
	    "paused, 10 otherwise.",
	    tide_verb_status },
	[TIDE_VERB_HISTORY] = { "history", "PLAN", TIDE_OPERAND_PLAN, 1, 1,
	    "print the journal: who, what, when",
	    "Prints the journal: who, what, when, how long, how long it waited for locks, how it ended, "
	    "and the SQL; with --quiet not the SQL.",
	    tide_verb_history },
	[TIDE_VERB_VERIFY] = { "verify", "PLAN", TIDE_OPERAND_PLAN, 1, 1,
	    "compare old and new now, read-only",
	    "Reads the whole table in short snapshots, with several connections, and counts the rows in "
	    "which old and new disagree; shows the keys of ten. Exit 5 when there are any. Writes nothing, "
	    "so it cannot be resumed: Ctrl-C ends it at once, and the next one starts from the beginning.",
	    tide_verb_verify },
	[TIDE_VERB_LOCKS] = { "locks", "PLAN", TIDE_OPERAND_PLAN, 1, 1,
	    "show who blocks the run and whom it blocks",
	    "Shows the sessions that block the run, those that wait for it, and old transactions on the "
	    "table.",
	    tide_verb_locks },
	[TIDE_VERB_WAIT] = { "wait", "", TIDE_OPERAND_NONE, 0, 0, "wait until the database answers",
	    "Waits until the database answers a query. A refused connection or a starting server is asked "
	    "again; a wrong password or no such database is an error at once. Exit 6 after --timeout.",
	    tide_verb_wait },
	[TIDE_VERB_ENSURE] = { "ensure", "PLAN... [-- CMD [ARG...]]", TIDE_OPERAND_PLAN, 1, 256,
	    "at a container's start: do what needs nobody, then start CMD",
	    "Waits for the database, does of each plan what may be done unattended (to --to, or to the end), and "
	    "becomes CMD. Any number of replicas may do so at once: one works, the others wait for the phase of "
	    "--to, and start when it is done. A plan that waits at a gate, is paused, was rolled back or has failed "
	    "is left as it is, which is said, and CMD is started; with --strict the exit status is then the one of "
	    "`tidemark run --exit-code`, and CMD is not started. With nothing to do it sends one SELECT and takes no "
	    "lock. TIDEMARK_AUTO or RUN_MIGRATIONS set to 0, false, no or off: nothing is done, CMD is started.",
	    tide_verb_ensure },
	[TIDE_VERB_CONFIG] = { "config", "", TIDE_OPERAND_NONE, 0, 0,
	    "show every setting and where it comes from",
	    "Prints every setting, its value with secrets masked, and its origin.", tide_verb_config },
	[TIDE_VERB_VERSION] = { "version", "", TIDE_OPERAND_NONE, 0, 0, "show the version",
	    "Prints the version.", tide_verb_version },
	[TIDE_VERB_HELP] = { "help", "[VERB]", TIDE_OPERAND_VERB, 0, 1, "show help",
	    "Explains one verb, or lists them all.", tide_verb_help },
	[TIDE_VERB_COMPLETION] = { "completion", "bash|zsh|fish", TIDE_OPERAND_SHELL, 1, 1,
	    "print shell completions",
	    "Prints the completions for a shell, for example: source <(tidemark completion bash)",
	    tide_verb_completion },
};

enum tide_verb_id
tide_verb_find(const char *name)
{
	int i = 0;

	while (i < TIDE_VERB_COUNT && strcmp(tide_verb_table[i].name, name) != 0)
		i++;
	return (enum tide_verb_id)i;
}

const char *
tide_verb_nearest(const char *name)
{
	const char *names[TIDE_VERB_COUNT];

	for (int i = 0; i < TIDE_VERB_COUNT; i++)
		names[i] = tide_verb_table[i].name;
	return tide_nearest(name, names, TIDE_VERB_COUNT);
}
