#include "compile_live.h"

#include <string.h>
#include <talloc.h>

#include "state/crash_points.h"
#include "state/journal.h"
#include "tidemark/orchestrator/store.h"
#include "tidemark/postgres/catalog_load.h"
#include "tidemark/phases/phase.h"
#include "zones.h"

bool
tide_compile_live_catalog(
    struct tide_executor *exe, void *ctx, struct tide_catalog **out, struct tide_err *err)
{
	void *mem = talloc_new(exe);
	struct tide_catalog_request request = {
		.schema = exe->plan->schema,
		.relation = exe->plan->relation,
		.plan = exe->plan->name,
		/* The run follows its table. */
		.oid = exe->session->run != 0 ? exe->session->table_oid : 0,
		.expressions = tide_phase_expressions(mem, exe->plan),
		.columns = tide_phase_paired_columns(mem, exe->plan),
		.future_columns = tide_phase_future_columns(mem, exe->plan),
	};
	bool ok = tide_catalog_load(ctx, exe->control, &request, out, err);

	if (ok && tide_phase_more_facts(mem, exe->plan, *out, &request.expressions, &request.columns))
		ok = tide_catalog_load(ctx, exe->control, &request, out, err);
	talloc_free(mem);
	return ok;
}

/* The first error among the findings, as an error; how many more there are. */
static bool
refuse(struct tide_executor *exe, const struct tide_findings *findings, struct tide_err *err)
{
	const struct tide_finding *first = NULL;
	size_t errors = 0;

	for (size_t i = 0; i < findings->count; i++) {
		if (findings->item[i].severity != TIDE_ERROR)
			continue;
		if (first == NULL)
			first = &findings->item[i];
		errors++;
	}
	if (first == NULL)
		return true;
	tide_fail(err, TIDE_PRECONDITION, "%s%s", first->message,
	    errors > 1 ? " (and more: see tidemark plan)" : "");
	tide_place(err, exe->plan->path, first->line, first->column);
	return first->hint != NULL ? tide_hint(err, "%s", first->hint) : false;
}

static bool
check_from(struct tide_executor *exe, size_t first, bool at_work, struct tide_err *err)
{
	void *mem = talloc_new(exe);
	struct tide_findings *findings = talloc_zero(mem, struct tide_findings);
	struct tide_steps **steps = talloc_zero_array(mem, struct tide_steps *, (unsigned)exe->plan->count);
	struct tide_catalog *cat = NULL;
	struct tide_err failed = { 0 };
	bool ok = tide_compile_live_catalog(exe, mem, &cat, err) &&
		  tide_zones_check(exe->control, exe->plan, findings, err);

	if (ok && !tide_phase_compile_rest(mem, exe->plan, first, at_work, cat, steps, findings, &failed)) {
		/* A finding says it with its place; the compiler's own word is the second best. */
		ok = refuse(exe, findings, err);
		if (ok)
			*err = failed;
		ok = false;
	} else if (ok) {
		ok = refuse(exe, findings, err);
	}
	talloc_free(mem);
	return ok;
}

bool
tide_compile_live_preflight(struct tide_executor *exe, struct tide_err *err)
{
	return check_from(exe, 0, false, err);
}

bool
tide_compile_live_check_rest(struct tide_executor *exe, size_t first, bool at_work, struct tide_err *err)
{
	return check_from(exe, first, at_work, err);
}

static bool
compile(struct tide_executor *exe, void *ctx, long index, struct tide_steps **out, struct tide_err *err)
{
	void *mem = talloc_new(exe);
	const struct tide_phase *phase = &exe->plan->phase[index];
	const struct tide_phase_ops *ops = tide_phase_find(phase->kind->name);
	struct tide_findings *findings = talloc_zero(mem, struct tide_findings);
	struct tide_catalog *cat = NULL;
	struct tide_phase_at at = { .plan = exe->plan, .phase = phase, .index = (size_t)index };
	bool ok = tide_compile_live_catalog(exe, mem, &cat, err);

	at.cat = cat;
	if (ok && ops->check != NULL)
		ops->check(&at, findings);
	ok = ok && refuse(exe, findings, err) &&
	     tide_phase_compile(ctx, exe->plan, (size_t)index, cat, out, err);
	talloc_free(mem);
	return ok;
}

bool
tide_compile_live_steps(
    struct tide_executor *exe, void *ctx, long index, struct tide_steps **out, struct tide_err *err)
{
	if (!tide_store_steps(ctx, exe->control, exe->session->run, index, out, err))
		return false;
	if (*out != NULL)
		return true;
	if (!compile(exe, ctx, index, out, err) || !tide_journal_compiled(exe->session, index, *out, err))
		return tide_wrap(err, "phase %ld (%s)", index + 1, exe->plan->phase[index].name);
	tide_crash_point("phase.compiled");
	return true;
}
