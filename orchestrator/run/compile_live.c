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
		ok = tide_findings_refuse(findings, 0, exe->plan->path, err);
		if (ok)
			*err = failed;
		ok = false;
	} else if (ok) {
		ok = tide_findings_refuse(findings, 0, exe->plan->path, err);
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
	struct tide_catalog *cat = NULL;
	bool ok = tide_compile_live_catalog(exe, mem, &cat, err) &&
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
