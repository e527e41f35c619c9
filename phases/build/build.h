#ifndef TIDE_PHASES_BUILD_H
#define TIDE_PHASES_BUILD_H

#include "ops.h"

/** Small parts that the kinds are built of. All texts belong to ctx. */

/** `"schema"."table"`. */
char *tide_table_text(void *ctx, const struct tide_catalog *cat);
/** schema.table.column, unquoted, for display. */
char *tide_display_column(void *ctx, const struct tide_catalog *cat, const char *column);
char *tide_display_table(void *ctx, const struct tide_catalog *cat);
/** Names joined by `between`; quoted as identifiers, or as they are. */
char *tide_join_idents(void *ctx, const struct tide_names *names, const char *between);
char *tide_join_plain(void *ctx, const struct tide_names *names, const char *between);
/** `out` = texts of both with `between` in the middle; `text` may be NULL or "". */
char *tide_append(void *ctx, char *text, const char *between, const char *more);
/** jsonb that names the row: its primary key, or its ctid when there is none. `row`: NEW, OLD or TIDE_ROW. */
char *tide_row_key(void *ctx, const struct tide_catalog *cat, const char *row);
bool tide_has_primary_key(const struct tide_catalog *cat);
const struct tide_constraint *tide_primary_key(const struct tide_catalog *cat);
/** Name of the column with this number, or NULL. */
const char *tide_column_name(const struct tide_catalog *cat, int attnum);
/** Names of all columns of the table. */
struct tide_names tide_all_columns(void *ctx, const struct tide_catalog *cat);
bool tide_names_have(const struct tide_names *names, const char *name);
/** A quoting tag that does not occur in `body`: `$tidemark$`. */
char *tide_dollar_tag(void *ctx, const char *body);
/** `DO $tidemark$…$tidemark$`. */
char *tide_do_block(void *ctx, const char *body);

/** What a generated name stands for: plan, table, role and the columns, so that no two collide. */
char *
tide_identity(void *ctx, const struct tide_plan *plan, const char *role, const struct tide_names *columns);

/** Conditions over the catalogs, for probes. */
char *tide_when_column(void *ctx, const struct tide_catalog *cat, const char *column);
/** Also when rows from before may hold NULL. */
bool tide_rejects_null(const struct tide_column *column);
char *tide_when_not_null(void *ctx, const struct tide_catalog *cat, const char *column);
/** The same, and no row holds NULL. */
char *tide_when_not_null_proved(void *ctx, const struct tide_catalog *cat, const char *column);
char *tide_when_constraint(void *ctx, const struct tide_catalog *cat, const char *constraint);
char *tide_when_validated(void *ctx, const struct tide_catalog *cat, const char *constraint);
/** SELECT of done | broken | todo; `broken` may be NULL. */
char *tide_probe(void *ctx, const char *done, const char *broken);

/** Makes `action` a transaction under `lock` on the plan's table. */
void tide_action_sql(struct tide_steps *steps, const struct tide_catalog *cat, struct tide_action *action,
    enum tide_lock_mode lock, char *title);
/** Makes `action` a sweep over the plan's table; rows and bytes are estimated. */
struct tide_sweep_spec *tide_action_sweep(
    struct tide_steps *steps, const struct tide_catalog *cat, struct tide_action *action, char *title);
/** Sets the estimate to the rows for which a condition holds, where the planner has an opinion. fact: the condition's, or NULL. */
void tide_action_condition(
    const struct tide_catalog *cat, struct tide_action *action, const struct tide_fact *fact);
/** Sets the estimate to the whole table. */
void tide_action_whole(const struct tide_catalog *cat, struct tide_action *action, enum tide_touch touch);

/**
 * The expression as the server understands it (the row as TIDE_ROW); without a database as the parser
 * does. The server's complaint becomes the error. `fact` (may be NULL) receives the fact used, or NULL.
 */
char *tide_canonical(void *ctx, const struct tide_phase_at *at, const char *key, const char *source,
    const struct tide_fact **fact, struct tide_err *err);
/** tide_expression_qualify from TIDE_ROW over all columns of the table and `extra` (may be NULL). */
char *tide_requalify(
    void *ctx, const struct tide_catalog *cat, const char *text, const char *to, struct tide_err *err);
/**
 * Columns before[i] become after[i], found with the parser. `row`: TIDE_ROW for canonical text, NULL for
 * text as the plan has it.
 */
char *tide_rename_columns(void *ctx, const char *text, const char *row, const struct tide_names *before,
    const struct tide_names *after, struct tide_err *err);

/** Where findings of one phase go. */
struct tide_checking {
	const struct tide_phase_at *at;
	struct tide_findings *out;
};

/** What makes an index one that leads through a table. */
#define TIDE_ORDER_HINT                                                                                      \
	"it must be unique, valid, not deferrable, a btree, without WHERE and expressions, and all its "     \
	"columns "                                                                                           \
	"NOT NULL: a primary key will do"
/** An error when there is neither a heap nor such an index: nothing that goes through all rows can work. Needs a catalog. */
void tide_check_order(const struct tide_checking *c);
/** key: the one of the phase that is meant, or NULL. hint may be NULL. */
void tide_say(const struct tide_checking *c, enum tide_severity severity, const char *rule, const char *key,
    const char *hint, const char *fmt, ...) TIDE_PRINTF(6, 7);
/** Whether an error was added after the first `before` findings. */
bool tide_errors_since(const struct tide_findings *findings, size_t before);
/** The column, or NULL after having said that it does not exist, with the nearest name. */
struct tide_column *tide_need_column(const struct tide_checking *c, const char *key, const char *name);
/** Same, as an error of compiling. */
struct tide_column *
tide_find_column(const struct tide_phase_at *at, const char *key, const char *name, struct tide_err *err);
/** Says what the server, or offline the parser, has against the expression. */
bool tide_check_expression(const struct tide_checking *c, const char *key, const char *source);

#endif
