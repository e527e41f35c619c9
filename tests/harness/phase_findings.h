#ifndef TIDE_TEST_PHASE_FINDINGS_H
#define TIDE_TEST_PHASE_FINDINGS_H

/*
 * Rows of findings that the lint must have about a plan, offline or against a catalog, and plans about which it must have no error.
 * Included after cmocka.h.
 */

#include <stdlib.h>
#include <string.h>
#include <talloc.h>

#include "catalog_fixture.h"
#include "tidemark/phases/phase.h"

#define HEAD "name = 'p'\ntable = 'public.t'\n"
#define ADD "[[phase]]\nkind = 'add_column'\ncolumn = 'b'\ntype = 'integer'\n"
#define DUAL "[[phase]]\nkind = 'dual_write'\nfrom = 'a'\nto = 'b'\n"
#define RULES DUAL "up = 'a + 1'\ndown = 'b - 1'\n"
#define FILL "[[phase]]\nkind = 'backfill'\n"
#define VERIFY "[[phase]]\nkind = 'verify'\n"
#define SWITCH "[[phase]]\nkind = 'switch'\ngate = 'manual'\n"
#define WHOLE ADD DUAL FILL VERIFY SWITCH
#define DROP "[[phase]]\nkind = 'drop_column'\ncolumn = 'a'\nhold = '1d'\ngate = 'manual'\n"

/* Columns id (the key) and a; a case adds its columns, constraints and further members between and after them. */
#define COLUMNS "{'name':'id','type':'integer','identical':true,'not_null':true}"
#define COLUMN_A "{'name':'a','type':'integer','identical':true}"
#define KEY "{'name':'t_pkey','type':'p','definition':'PRIMARY KEY (id)','columns':['id'],'validated':true}"
#define TABLE(columns, constraints, more)                                                                    \
	"{'server_version':150018,'table':{'schema':'public','name':'t','columns':[" COLUMNS "," columns     \
	"],'constraints':[" KEY constraints "]" more "}}"
#define PLAIN TABLE(COLUMN_A, "", "")

static inline struct tide_plan *
plan_of(void *ctx, const char *text)
{
	struct tide_plan *plan;
	struct tide_err err = { 0 };

	if (!tide_plan_parse(
		ctx, "plan.toml", text, strlen(text), tide_phase_kinds(), tide_phase_count, &plan, &err))
		fail_msg("%s: %s", err.where, err.message);
	return plan;
}

static inline const struct tide_finding *
find(const struct tide_findings *findings, const char *rule)
{
	for (size_t i = 0; i < findings->count; i++)
		if (strcmp(findings->item[i].rule, rule) == 0)
			return &findings->item[i];
	return NULL;
}

struct expected {
	const char *rule;
	enum tide_severity severity;
	const char *plan;    /* after HEAD */
	const char *catalog; /* NULL: offline */
	const char *words;   /* that the message holds, or NULL */
};

static inline void
check_row(const struct expected *row)
{
	void *ctx = talloc_new(NULL);
	struct tide_plan *plan = plan_of(ctx, talloc_asprintf(ctx, HEAD "%s", row->plan));
	struct tide_findings *findings = talloc_zero(ctx, struct tide_findings);
	struct tide_catalog *cat = row->catalog == NULL ? NULL : catalog_fixture_text(ctx, row->catalog);
	const struct tide_finding *found;

	tide_phase_lint(plan, cat, findings);
	found = find(findings, row->rule);
	if (found == NULL)
		fail_msg("%s is not said about:\n%s", row->rule, row->plan);
	if (found->severity != row->severity)
		fail_msg("%s has another severity: %d", row->rule, (int)found->severity);
	if (row->words != NULL && strstr(found->message, row->words) == NULL)
		fail_msg("%s says: %s", row->rule, found->message);
	if (found->line < 3 || found->column < 1)
		fail_msg("%s has no place: %d:%d", row->rule, found->line, found->column);
	/* What cannot be compiled is an error of compiling too, with the same place. */
	if (cat != NULL && row->severity == TIDE_ERROR) {
		struct tide_steps **steps =
		    talloc_zero_array(ctx, struct tide_steps *, (unsigned)plan->count);
		struct tide_err err = { 0 };

		cat = catalog_fixture_text(ctx, row->catalog);
		assert_false(tide_phase_compile_all(ctx, plan, cat, steps, findings, &err));
		assert_true(err.message[0] != '\0');
		assert_true(strncmp(err.where, "plan.toml:", 10) == 0);
	}
	talloc_free(ctx);
}

#define CHECK_ALL(rows)                                                                                      \
	for (size_t row_at = 0; row_at < sizeof(rows) / sizeof((rows)[0]); row_at++)                         \
	check_row(&(rows)[row_at])

static inline void
assert_clean(const char *text, const char *catalog)
{
	void *ctx = talloc_new(NULL);
	struct tide_plan *plan = plan_of(ctx, talloc_asprintf(ctx, HEAD "%s", text));
	struct tide_findings *findings = talloc_zero(ctx, struct tide_findings);

	tide_phase_lint(plan, catalog == NULL ? NULL : catalog_fixture_text(ctx, catalog), findings);
	for (size_t i = 0; i < findings->count; i++)
		if (findings->item[i].severity == TIDE_ERROR)
			fail_msg("%s: %s", findings->item[i].rule, findings->item[i].message);
	talloc_free(ctx);
}

#endif
