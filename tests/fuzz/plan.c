#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <talloc.h>

#include "tidemark/phases/phase.h"
#include "tidemark/plans/plan.h"
#include "must.h"

static void
check_refusal(const struct tide_err *err)
{
	must(err->code == TIDE_PLAN, "an error that is not of the plan", err->message);
	must(err->message[0] != '\0', "an error without a reason", err->where);
	must(strncmp(err->where, "p.toml:", 7) == 0, "an error without a place", err->message);
	for (const char *c = err->message; *c != '\0'; c++)
		must((unsigned char)*c >= 0x20 && *c != 0x7f, "an error that is not one line", err->message);
}

/** What was read, written in the canonical way, reads as the same. */
static void
check_canonical(void *ctx, const struct tide_plan *plan)
{
	struct tide_toml *again = NULL;
	struct tide_err err = { 0 };
	char *canonical = tide_plan_canonical(ctx, plan->root);
	char *document = talloc_asprintf(ctx, "x = %s", canonical);

	if (!tide_toml_parse(ctx, "p.toml", document, strlen(document), &again, &err)) {
		must(strstr(err.message, "nested") != NULL || strlen(document) > TIDE_PLAN_SIZE_MAX,
		    err.message, document);
		return;
	}
	must(strcmp(tide_plan_canonical(ctx, tide_toml_get(again, "x")), canonical) == 0,
	    "a canonical text that changed", document);
}

static void
check_plan(void *ctx, const struct tide_plan *plan)
{
	must(strlen(plan->hash) == 64, "no hash", plan->name);
	must(plan->count > 0, "no phase", plan->name);
	must(tide_plan_diff(ctx, plan, plan)[0] == '\0', "a plan that differs from itself", plan->name);
	must(tide_plan_name_valid(plan->name), "a bad name", plan->name);
	must(plan->relation[0] != '\0', "no table", plan->name);
	for (size_t i = 0; i < plan->count; i++)
		must(tide_plan_find(plan, plan->phase[i].name) == (long)i, "a phase that is not found",
		    plan->phase[i].name);
	check_canonical(ctx, plan);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void *ctx = talloc_new(NULL);
	struct tide_plan *plan = NULL;
	struct tide_err err = { 0 };

	if (tide_plan_parse(
		ctx, "p.toml", (const char *)data, size, tide_phase_kinds(), tide_phase_count, &plan, &err))
		check_plan(ctx, plan);
	else
		check_refusal(&err);
	talloc_free(ctx);
	return 0;
}
