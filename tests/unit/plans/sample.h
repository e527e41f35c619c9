#ifndef TIDE_TEST_SAMPLE_H
#define TIDE_TEST_SAMPLE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>

#include <cmocka.h>
#include <talloc.h>

#include "tidemark/plans/plan.h"

/** A kind with a key of every type; the kinds of phases/ are not the reader's business. */
struct everything {
	char *text, *name, *relation, *expression, *type, *choice, *query;
	struct tide_names names, sql, texts;
	struct tide_pairs assignments, parameters, down;
	int64_t duration, size, integer;
	bool boolean;
};

static const char *const everything_choices[] = { "reject", "null", NULL };

static const struct tide_field everything_fields[] = {
	TIDE_KEY(everything, text, TEXT, .help = "a text"),
	TIDE_KEY(everything, name, NAME, .help = "a name"),
	TIDE_KEY(everything, relation, RELATION, .help = "a relation"),
	TIDE_KEY(everything, names, NAMES, .help = "names"),
	TIDE_KEY(everything, expression, EXPRESSION, .help = "an expression"),
	TIDE_KEY(everything, assignments, ASSIGNMENTS, .help = "assignments"),
	TIDE_KEY(everything, sql, SQL, .help = "statements"),
	TIDE_KEY(everything, type, TYPE, .help = "a type"),
	TIDE_KEY(everything, duration, DURATION, .fallback = "7d", .min = 1000, .max = INT64_C(864000000000),
	    .help = "a duration"),
	TIDE_KEY(everything, size, SIZE, .fallback = "64kB", .help = "a size"),
	TIDE_KEY(everything, integer, INTEGER, .fallback = "3", .min = -5, .max = 10, .help = "a number"),
	TIDE_KEY(everything, boolean, BOOLEAN, .fallback = "true", .help = "yes or no"),
	TIDE_KEY(everything, choice, CHOICE, .fallback = "reject", .choices = everything_choices,
	    .help = "a choice"),
	TIDE_KEY(everything, parameters, PARAMETERS, .help = "parameters"),
	TIDE_KEY(everything, down, DOWN, .help = "the rollback"),
	TIDE_KEY(everything, texts, TEXTS, .help = "texts"),
	TIDE_KEY(everything, query, QUERY, .help = "a query"),
	{ 0 },
};

/** Kinds with the keys that plan.example.toml and the templates use. */
struct loose {
	char *column, *type, *name, *where;
	struct tide_names from, columns;
	struct tide_names to;
	struct tide_pairs set;
	int64_t hold;
};

static const struct tide_field column_fields[] = {
	TIDE_KEY(loose, column, NAME, .required = true, .help = "the column"),
	TIDE_KEY(loose, type, TYPE, .help = "its type"),
	TIDE_KEY(loose, hold, DURATION, .help = "how long it can be brought back"),
	{ 0 },
};

static const struct tide_field mirror_fields[] = {
	TIDE_KEY(loose, from, NAMES, .required = true, .help = "old columns"),
	TIDE_KEY(loose, to, NAMES, .required = true, .help = "new columns"),
	{ 0 },
};

static const struct tide_field backfill_fields[] = {
	TIDE_KEY(loose, set, ASSIGNMENTS, .help = "what is written"),
	TIDE_KEY(loose, where, EXPRESSION, .help = "which rows"),
	{ 0 },
};

static const struct tide_field index_fields[] = {
	TIDE_KEY(loose, name, NAME, .required = true, .help = "the index"),
	TIDE_KEY(loose, columns, NAMES, .help = "its columns"),
	{ 0 },
};

struct purge {
	char *where, *by;
	int64_t limit;
};

static const struct tide_field purge_fields[] = {
	TIDE_KEY(purge, where, EXPRESSION, .required = true, .help = "which rows"),
	TIDE_KEY(purge, by, NAME, .help = "in which order"),
	TIDE_KEY(purge, limit, INTEGER, .min = 1, .max = 1000000000, .help = "how many"),
	{ 0 },
};

static const struct tide_field no_fields[] = { { 0 } };

static const struct tide_kind sample_kinds[] = {
	{ "add_column", "adds a column", column_fields, sizeof(struct loose) },
	{ "backfill", "fills it", backfill_fields, sizeof(struct loose) },
	{ "create_index", "builds an index", index_fields, sizeof(struct loose) },
	{ "drop_column", "drops a column", column_fields, sizeof(struct loose) },
	{ "drop_index", "drops an index", index_fields, sizeof(struct loose) },
	{ "dual_write", "keeps columns in step", mirror_fields, sizeof(struct loose) },
	{ "everything", "has a key of every type", everything_fields, sizeof(struct everything) },
	{ "purge", "deletes rows", purge_fields, sizeof(struct purge) },
	{ "set_not_null", "forbids NULL", column_fields, sizeof(struct loose) },
	{ "switch", "switches", no_fields, 0 },
	{ "verify", "verifies", no_fields, 0 },
};

#define SAMPLE_KINDS (sizeof(sample_kinds) / sizeof(sample_kinds[0]))

static inline bool
sample_parse(void *ctx, const char *text, struct tide_plan **out, struct tide_err *err)
{
	const struct tide_kind *kinds[SAMPLE_KINDS];

	for (size_t i = 0; i < SAMPLE_KINDS; i++)
		kinds[i] = &sample_kinds[i];
	return tide_plan_parse(ctx, "p.toml", text, strlen(text), kinds, SAMPLE_KINDS, out, err);
}

#define SAMPLE_TOP "name = \"p\"\ntable = \"t\"\n"

/** Fails the test, with the error, when the text is refused. */
static inline struct tide_plan *
sample_plan(void *ctx, const char *text)
{
	struct tide_plan *plan = NULL;
	struct tide_err err = { 0 };

	if (!sample_parse(ctx, text, &plan, &err))
		fail_msg("%s: %s\n%s", err.where, err.message, text);
	return plan;
}

/** Fails the test when the text is accepted; `where` NULL does not look at the place. */
static inline void
sample_refused(const char *text, const char *where, const char *message)
{
	void *ctx = talloc_new(NULL);
	struct tide_plan *plan = NULL;
	struct tide_err err = { 0 };

	if (sample_parse(ctx, text, &plan, &err))
		fail_msg("accepted: %s", text);
	assert_null(plan);
	assert_int_equal(err.code, TIDE_PLAN);
	if (strstr(err.message, message) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", err.message, message);
	if (where != NULL)
		assert_string_equal(err.where, where);
	if (err.where[0] == '\0' || err.message[0] == '\0' || strpbrk(err.message, "\n\r\t\033") != NULL)
		fail_msg("not one clear line with a place: %s: %s", err.where, err.message);
	if (err.hint[0] == '\0')
		fail_msg("no hint: %s", err.message);
	assert_int_equal(talloc_total_blocks(ctx), 1);
	talloc_free(ctx);
}

#endif
