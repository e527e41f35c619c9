#ifndef TIDE_VERBS_H
#define TIDE_VERBS_H

#include <stdbool.h>
#include <stddef.h>

#include "options.h"
#include "tidemark/base/err.h"

struct tide_cli;

/** What an operand is, for completions. */
enum tide_operand {
	TIDE_OPERAND_NONE,
	TIDE_OPERAND_PLAN,
	TIDE_OPERAND_PLAN_KEYS, /* a plan, then KEY=VALUE */
	TIDE_OPERAND_KIND,
	TIDE_OPERAND_VERB,
	TIDE_OPERAND_SHELL
};

struct tide_verb {
	const char *name;
	const char *usage; /* operands, as in help */
	enum tide_operand operand;
	size_t least, most;  /* operands */
	const char *summary; /* one line */
	const char *about;   /* a paragraph or more */
	/** Does it. Sets cli->status when it ends well with another status than 0. */
	bool (*run)(struct tide_cli *cli, struct tide_err *err);
};

/** Indexed by tide_verb_id. */
extern const struct tide_verb tide_verb_table[TIDE_VERB_COUNT];

/** Shells for which there are completions; ends with NULL. */
extern const char *const tide_shells[];

/** Index of the verb, or TIDE_VERB_COUNT. */
enum tide_verb_id tide_verb_find(const char *name);
/** The nearest verb to a misspelt one, or NULL. */
const char *tide_verb_nearest(const char *name);

bool tide_verb_new(struct tide_cli *cli, struct tide_err *err) TIDE_CHECKED;
bool tide_verb_lint(struct tide_cli *cli, struct tide_err *err) TIDE_CHECKED;
bool tide_verb_plan(struct tide_cli *cli, struct tide_err *err) TIDE_CHECKED;
bool tide_verb_run(struct tide_cli *cli, struct tide_err *err) TIDE_CHECKED;
bool tide_verb_advance(struct tide_cli *cli, struct tide_err *err) TIDE_CHECKED;
bool tide_verb_rollback(struct tide_cli *cli, struct tide_err *err) TIDE_CHECKED;
bool tide_verb_adopt(struct tide_cli *cli, struct tide_err *err) TIDE_CHECKED;
bool tide_verb_pause(struct tide_cli *cli, struct tide_err *err) TIDE_CHECKED;
bool tide_verb_resume(struct tide_cli *cli, struct tide_err *err) TIDE_CHECKED;
bool tide_verb_set(struct tide_cli *cli, struct tide_err *err) TIDE_CHECKED;
bool tide_verb_status(struct tide_cli *cli, struct tide_err *err) TIDE_CHECKED;
bool tide_verb_history(struct tide_cli *cli, struct tide_err *err) TIDE_CHECKED;
bool tide_verb_verify(struct tide_cli *cli, struct tide_err *err) TIDE_CHECKED;
bool tide_verb_locks(struct tide_cli *cli, struct tide_err *err) TIDE_CHECKED;
bool tide_verb_wait(struct tide_cli *cli, struct tide_err *err) TIDE_CHECKED;
bool tide_verb_ensure(struct tide_cli *cli, struct tide_err *err) TIDE_CHECKED;
bool tide_verb_config(struct tide_cli *cli, struct tide_err *err) TIDE_CHECKED;
bool tide_verb_version(struct tide_cli *cli, struct tide_err *err) TIDE_CHECKED;
bool tide_verb_help(struct tide_cli *cli, struct tide_err *err) TIDE_CHECKED;
bool tide_verb_completion(struct tide_cli *cli, struct tide_err *err) TIDE_CHECKED;

#endif
